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

Columns a rule does not need are never read, so that a columnar engine skips them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ibis

from duyen.model.consent import ANY, DEFAULT_BRAND, consent_key
from duyen.model.event import EMAIL_LINK_CLICKED
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InSegment,
    Not,
    Operator,
    Rule,
    Scalar,
    SumIs,
    Test,
    TraitIs,
)
from duyen.model.times import Millis
from duyen.model.values import fold, to_micros
from duyen.rules.compare import to_instant
from duyen.rules.evaluate import not_inlined
from duyen.rules.quality import BURST, BURST_LINKS, TOUCHES
from duyen.rules.series import leaves

Expr = Any
"""An Ibis expression; Ibis says too little about its types for ours to be more exact."""


# The names are qualified so that the path reaches the engine as it is: a bare json_extract_string is
# known to the SQL generator, which rewrites quoted keys in paths.
@ibis.udf.scalar.builtin(name="json_extract_string", catalog="system", database="main")  # type: ignore[untyped-decorator]
def _json_text(column: str, path: str) -> str:
    """The text at a path of JSON; null where there is none."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="json_type", catalog="system", database="main")  # type: ignore[untyped-decorator]
def _json_kind(column: str, path: str) -> str:
    """What stands at a path of JSON: VARCHAR, BOOLEAN, NULL, ...; null where nothing does."""
    raise NotImplementedError


def to_query(rule: Rule, events: ibis.Table, people: ibis.Table, as_of: Millis) -> ibis.Table:
    """The people a rule holds for as of an instant: one column, `person`."""
    timed: dict[str, Did | SumIs] = {}
    for leaf in leaves(rule):
        if isinstance(leaf, Did | SumIs):
            timed.setdefault(repr(leaf), leaf)
    names = {leaf: f"leaf_{i}" for i, leaf in enumerate(timed)}
    table: Expr = people
    if timed:
        measures = {names[key]: leaf for key, leaf in timed.items()}
        counted = _counted(measures, events, as_of)
        table = people.left_join(counted, people["person"] == counted["who"])
    holds = _holds(rule, table, lambda leaf: table[names[repr(leaf)]].fill_null(0))
    return table.filter(holds).select("person")


def _counted(measures: dict[str, Did | SumIs], events: Expr, as_of: Millis) -> Expr:
    """One pass over the events: every count and sum of every person who did something asked for."""
    asked = events["name"].isin(sorted({leaf.event for leaf in measures.values()}))
    inside = asked & (events["time"] <= as_of)
    windows = [leaf.within for leaf in measures.values()]
    longest = max((within for within in windows if within is not None), default=0)
    if None not in windows:
        inside &= events["time"] > as_of - longest
    found = _judged(events, {leaf.event for leaf in measures.values()}).filter(inside)
    columns = {name: _measure(leaf, found, as_of) for name, leaf in measures.items()}
    return found.group_by(who=found["person"]).aggregate(**columns)


def _judged(events: Expr, asked: set[str]) -> Expr:
    """The events with `human`: whether a person's own, as `quality.scanned` tells on a document.

    Openings and clicks are compared with all others of their mail, whenever they were: a scanner is known for good.
    """
    if asked.isdisjoint(TOUCHES):
        return events.mutate(human=events["quality"] == "")
    events = events.filter(events["name"].isin(sorted({*asked, *TOUCHES})))
    own = events["quality"] == ""
    row = _Row(events, "properties")
    key, url = row.text("key"), row.text("url")
    clicked = events["name"] == EMAIL_LINK_CLICKED
    link = ibis.ifelse(events["name"].isin(TOUCHES) & (key != ""), key, ibis.null("string"))
    told = events.mutate(
        mail=link, link=ibis.ifelse(clicked & (url != ""), url, ibis.null("string"))
    )
    mail = {"group_by": ["person", "mail"], "order_by": "time"}
    links = told["link"].nunique().over(ibis.range_window(preceding=0, following=BURST, **mail))
    told = told.mutate(burst=ibis.ifelse(links >= BURST_LINKS, 1, 0))
    around = ibis.range_window(preceding=BURST, following=0, **mail)
    told = told.mutate(scanned=told["burst"].max().over(around))
    return told.mutate(human=own & (told["mail"].isnull() | (told["scanned"] == 0)))


def _measure(leaf: Did | SumIs, events: Expr, as_of: Millis) -> Expr:
    """How often, or how much."""
    parts = [events["name"] == leaf.event]
    if not leaf.quality:
        parts.append(events["human"])
    if leaf.within is not None:
        parts.append(events["time"] > as_of - leaf.within)
    row = _Row(events, "properties")
    parts.extend(row.passes(each.property, each.test) for each in leaf.where)
    condition = _joined(parts, lambda a, b: a & b)
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
    return _number_test(above, Test(operator, 0)).cast("int64")


def _holds(rule: Rule, table: Expr, measured: Callable[[Did | SumIs], Expr]) -> Expr:
    """The rule as a condition on one row of a person; never null."""
    match rule:
        case TraitIs(trait, test):
            return _Row(table, "traits").passes(trait, test)
        case Did():
            count = measured(rule)
            enough = count >= rule.at_least
            return enough if rule.at_most is None else enough & (count <= rule.at_most)
        case SumIs(average=True):
            passes = measured(rule) == 1
            return ~passes if rule.test.operator == "is_not" else passes
        case SumIs():
            return _number_test(measured(rule), rule.test)
        case ConsentIs(purpose, channel):
            return _granted(table["consent"], purpose, channel)
        case All(rules):
            parts = [_holds(each, table, measured) for each in rules]
            return _joined(parts, lambda a, b: a & b) if parts else ibis.literal(True)
        case AnyOf(rules):
            parts = [_holds(each, table, measured) for each in rules]
            return _joined(parts, lambda a, b: a | b) if parts else ibis.literal(False)
        case Not(inner):
            return ~_holds(inner, table, measured)
        case InSegment(segment):
            raise not_inlined(segment)


def _joined(parts: Sequence[Expr], join: Callable[[Expr, Expr], Expr]) -> Expr:
    """Conditions joined in a flat tree: long rules must not become deep ones."""
    if len(parts) == 1:
        return parts[0]
    middle = len(parts) // 2
    return join(_joined(parts[:middle], join), _joined(parts[middle:], join))


def _granted(consent: Expr, purpose: str, channel: str) -> Expr:
    """Some covering statement grants it and none denies it."""
    said = [
        _json_text(consent, _path([consent_key(p, c, b)]))
        for b in (DEFAULT_BRAND, ANY)
        for p in (purpose, ANY)
        for c in (channel, ANY)
    ]
    granted = _joined([(each == "granted").fill_null(False) for each in said], lambda a, b: a | b)
    denied = _joined([(each == "denied").fill_null(False) for each in said], lambda a, b: a | b)
    return granted & ~denied


def _path(keys: Sequence[str]) -> str:
    """A JSON path whose keys are quoted, so that no character of theirs means anything."""
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    return "$" + "".join(f'."{key}"' for key in quoted)


class _Row:
    """The values of one row: the JSON column and its twins."""

    def __init__(self, table: Expr, values: str) -> None:
        self.table, self.values = table, values

    def number(self, path: str) -> Expr:
        """Micros, or null; where a map stands, its text is no number."""
        return _json_text(self.table["numbers"], _path(path.split("."))).try_cast("int64")

    def text(self, path: str) -> Expr:
        """The text at a path; "" where there is none."""
        steps = _path(path.split("."))
        told = _json_text(self.table[self.values], steps)
        there = _json_kind(self.table[self.values], steps) == "VARCHAR"
        return ibis.ifelse(there, told, "").fill_null("")

    def passes(self, path: str, test: Test) -> Expr:
        """Whether the value at a path passes a test; never null."""
        if test.operator == "is_not":
            return ~self._passes(path, Test("is", test.operand)).fill_null(False)
        return self._passes(path, test).fill_null(False)

    def _passes(self, path: str, test: Test) -> Expr:
        operand = test.operand
        steps = _path(path.split("."))
        match test.operator:
            case "in":
                each = operand if isinstance(operand, tuple) else (operand,)
                tests = [self._equals(path, steps, one).fill_null(False) for one in each]
                return _joined(tests, lambda a, b: a | b) if tests else ibis.literal(False)
            case "exists":
                kind = _json_kind(self.table[self.values], steps)
                there = (kind != "NULL").fill_null(False)
                return there if operand else ~there
            case "contains" | "starts_with":
                if not isinstance(operand, str):
                    return ibis.literal(False)
                folded, part = _json_text(self.table["folded"], steps), fold(operand)
                has = (
                    folded.contains(part)
                    if test.operator == "contains"
                    else folded.startswith(part)
                )
                return (_json_kind(self.table["folded"], steps) == "VARCHAR") & has
            case "before" | "after":
                instant = _json_text(self.table["instants"], steps).try_cast("int64")
                bound = to_instant(operand)
                if bound is None:
                    return ibis.literal(False)
                return instant < bound if test.operator == "before" else instant > bound
            case "gt" | "gte" | "lt" | "lte":
                return _number_test(self.number(path), test)
            case _:
                return self._equals(path, steps, None if isinstance(operand, tuple) else operand)

    def _equals(self, path: str, steps: str, operand: Scalar) -> Expr:
        """Equal in kind and value."""
        column = self.table[self.values]
        if isinstance(operand, bool):
            written = "true" if operand else "false"
            return (_json_kind(column, steps) == "BOOLEAN") & (_json_text(column, steps) == written)
        if isinstance(operand, str):
            return (_json_kind(column, steps) == "VARCHAR") & (_json_text(column, steps) == operand)
        micros = to_micros(operand)
        if micros is None:
            return ibis.literal(False)
        return (_json_kind(column, steps) != "VARCHAR") & (self.number(path) == micros)


def _number_test(number: Expr, test: Test) -> Expr:
    """A comparison of micros with the operand's; null where the number is."""
    bound = to_micros(test.operand)
    if bound is None:
        return ibis.literal(False)
    match test.operator:
        case "is":
            return number == bound
        case "is_not":
            return number != bound
        case "gt":
            return number > bound
        case "gte":
            return number >= bound
        case "lt":
            return number < bound
        case "lte":
            return number <= bound
        case _:
            return ibis.literal(False)
