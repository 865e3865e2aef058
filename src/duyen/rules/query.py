"""A rule over many people, as one Ibis expression for whatever engine holds the lake.

The tables it reads. Times are milliseconds (int64), JSON columns are text, never null:

    events   person: string     the person the event belongs to now (redirects already followed)
             id: string         message id; one row per event
             name: string       the event's name
             time: int64        event time
             quality: string    the event's own quality; "" of a person
             properties: string JSON of the properties
             folded, numbers, instants: string   `columns.twins(event.properties)`

    people   person: string     one row per person
             traits: string     JSON {name: value} of the traits
             folded, numbers, instants: string   `columns.twins({name: value})`
             consent: string    JSON {consent key: "granted" | "denied"}

    groups   person: string     one row for each group that a person is in; asked for only by rules that read groups
             traits: string     JSON {name: value} of the group's traits, its id under `id`
             folded, numbers, instants: string   `columns.twins` of the same

Columns a rule does not need are never read, so that a columnar engine skips them.
"""

from __future__ import annotations

from collections.abc import Callable

import ibis

from duyen.model.consent import ANY, DEFAULT_BRAND, consent_key
from duyen.model.event import EMAIL_LINK_CLICKED
from duyen.model.meaning import TOUCHES
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InGroup,
    InSegment,
    MeasureIs,
    Not,
    Operator,
    Rule,
    SumIs,
    Test,
    TraitIs,
)
from duyen.model.times import Millis
from duyen.model.values import to_micros
from duyen.rules.evaluate import not_inlined
from duyen.rules.quality import FOREIGN_MAILS, LINKS, USUAL, Burst
from duyen.rules.rows import Expr, Row, joined, json_path, json_text, number_test
from duyen.rules.series import leaves
from duyen.rules.term_query import Terms


def to_query(
    rule: Rule,
    events: ibis.Table,
    people: ibis.Table,
    as_of: Millis,
    burst: Burst = USUAL,
    groups: ibis.Table | None = None,
) -> ibis.Table:
    """The people a rule holds for as of an instant: one column, `person`."""
    timed: dict[str, Did | SumIs] = {}
    grouped: dict[str, InGroup] = {}
    measured: list[MeasureIs] = []
    for leaf in leaves(rule):
        if isinstance(leaf, Did | SumIs):
            timed.setdefault(repr(leaf), leaf)
        elif isinstance(leaf, InGroup):
            grouped.setdefault(repr(leaf), leaf)
        elif isinstance(leaf, MeasureIs):
            measured.append(leaf)
    names = {leaf: f"leaf_{i}" for i, leaf in enumerate(timed)}
    table: Expr = people
    if timed:
        measures = {names[key]: leaf for key, leaf in timed.items()}
        counted = _counted(measures, events, as_of, burst)
        table = people.left_join(counted, people["person"] == counted["who"])
    inside = {leaf: f"group_{i}" for i, leaf in enumerate(grouped)}
    if grouped:
        found = _inside({inside[key]: leaf for key, leaf in grouped.items()}, groups)
        table = table.left_join(found, table["person"] == found["member"])
    names |= inside
    terms = Terms(measured, table, as_of)
    if asked := terms.events():
        told = _judged(events, asked, burst)
        table = terms.join(table, told.filter(told["name"].isin(sorted(asked))))
    holds = _holds(rule, table, lambda leaf: table[names[repr(leaf)]].fill_null(0), terms)
    return table.filter(holds).select("person")


def _counted(measures: dict[str, Did | SumIs], events: Expr, as_of: Millis, burst: Burst) -> Expr:
    """One pass over the events: every count and sum of every person who did something asked for."""
    asked = events["name"].isin(sorted({leaf.event for leaf in measures.values()}))
    inside = asked & (events["time"] <= as_of)
    windows = [leaf.within for leaf in measures.values()]
    longest = max((within for within in windows if within is not None), default=0)
    if None not in windows:
        inside &= events["time"] > as_of - longest
    names = {leaf.event for leaf in measures.values()}
    found = _judged(events, names, burst).filter(inside)
    columns = {name: _measure(leaf, found, as_of) for name, leaf in measures.items()}
    return found.group_by(who=found["person"]).aggregate(**columns)


def _inside(conditions: dict[str, InGroup], groups: Expr) -> Expr:
    """One pass over the groups: how many of a person's pass each of the conditions."""
    if groups is None:
        raise ValueError("a rule that reads groups needs the table of groups")
    row = Row(groups, "traits")
    columns = {}
    for name, leaf in conditions.items():
        parts = [row.passes(each.property, each.test) for each in leaf.where]
        parts.append(groups["person"].notnull())
        columns[name] = groups.count(where=joined(parts, lambda a, b: a & b))
    return groups.group_by(member=groups["person"]).aggregate(**columns)


def _judged(events: Expr, asked: set[str], burst: Burst) -> Expr:
    """The events with `human`: whether a person's own, as `quality.scanned` tells on a document.

    Openings and clicks are compared with all others of their mail, whenever they were: a scanner is known for good.
    """
    if asked.isdisjoint(TOUCHES) or not burst.links:
        return events.mutate(human=events["quality"] == "")
    events = events.filter(events["name"].isin(sorted({*asked, *TOUCHES})))
    own = events["quality"] == ""
    row = Row(events, "properties")
    key, url, nothing = row.text("key"), ibis.literal(""), ibis.null("string")
    for name in FOREIGN_MAILS:
        told = row.text(name)
        key = ibis.ifelse((key == "") & (told != ""), ibis.literal(f"{name}=") + told, key)
    for name in LINKS:
        url = ibis.ifelse(url == "", row.text(name), url)
    touch, clicked = events["name"].isin(TOUCHES), events["name"] == EMAIL_LINK_CLICKED
    told = events.mutate(
        mail=ibis.ifelse(touch & (key != ""), key, nothing),
        link=ibis.ifelse(clicked & (url != ""), url, nothing),
    )
    mail = {"group_by": ["person", "mail"], "order_by": "time"}
    links = (
        told["link"].nunique().over(ibis.range_window(preceding=0, following=burst.within, **mail))
    )
    told = told.mutate(burst=ibis.ifelse(links >= burst.links, 1, 0))
    around = ibis.range_window(preceding=burst.within, following=0, **mail)
    told = told.mutate(scanned=told["burst"].max().over(around))
    return told.mutate(human=own & (told["mail"].isnull() | (told["scanned"] == 0)))


def _measure(leaf: Did | SumIs, events: Expr, as_of: Millis) -> Expr:
    """How often, or how much."""
    parts = [events["name"] == leaf.event]
    if not leaf.quality:
        parts.append(events["human"])
    if leaf.within is not None:
        parts.append(events["time"] > as_of - leaf.within)
    row = Row(events, "properties")
    parts.extend(row.passes(each.property, each.test) for each in leaf.where)
    condition = joined(parts, lambda a, b: a & b)
    if isinstance(leaf, Did):
        return events.count(where=condition)
    if leaf.average:
        return _average(row.number(leaf.of), leaf.test, condition)
    return row.number(leaf.of).cast("decimal(38, 0)").sum(where=condition)


def _average(number: Expr, test: Test, condition: Expr) -> Expr:
    """1 where the average passes, null where there is none; `is_not` is asked as `is`, and turned round later."""
    bound = to_micros(test.operand)
    if bound is None:
        return ibis.literal(0)
    above = (number - bound).cast("decimal(38, 0)").sum(where=condition)
    operator: Operator = "is" if test.operator == "is_not" else test.operator
    return number_test(above, Test(operator, 0)).cast("int64")


def _holds(
    rule: Rule, table: Expr, measured: Callable[[Did | SumIs | InGroup], Expr], terms: Terms
) -> Expr:
    """The rule as a condition on one row of a person; never null."""
    match rule:
        case TraitIs(trait, test):
            return Row(table, "traits").passes(trait, test)
        case Did():
            count = measured(rule)
            enough = count >= rule.at_least
            return enough if rule.at_most is None else enough & (count <= rule.at_most)
        case SumIs(average=True):
            passes = measured(rule) == 1
            return ~passes if rule.test.operator == "is_not" else passes
        case SumIs():
            return number_test(measured(rule), rule.test)
        case MeasureIs():
            return terms.holds(rule)
        case ConsentIs(purpose, channel):
            return _granted(table["consent"], purpose, channel)
        case InGroup():
            return measured(rule) >= 1
        case All(rules):
            parts = [_holds(each, table, measured, terms) for each in rules]
            return joined(parts, lambda a, b: a & b) if parts else ibis.literal(True)
        case AnyOf(rules):
            parts = [_holds(each, table, measured, terms) for each in rules]
            return joined(parts, lambda a, b: a | b) if parts else ibis.literal(False)
        case Not(inner):
            return ~_holds(inner, table, measured, terms)
        case InSegment(segment):
            raise not_inlined(segment)


def _granted(consent: Expr, purpose: str, channel: str) -> Expr:
    """Some covering statement grants it and none denies it."""
    said = [
        json_text(consent, json_path([consent_key(p, c, b)]))
        for b in (DEFAULT_BRAND, ANY)
        for p in (purpose, ANY)
        for c in (channel, ANY)
    ]
    granted = joined([(each == "granted").fill_null(False) for each in said], lambda a, b: a | b)
    denied = joined([(each == "denied").fill_null(False) for each in said], lambda a, b: a | b)
    return granted & ~denied
