"""Terms over many people: what `reading` is on a document, as columns of a query.

Each measure is a small query of its own, joined to the people by who it is about. Numbers are micros as HUGEINT, in
which every product and quotient of two numbers is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import ibis

from duyen.model.rule import (
    Arithmetic,
    Constant,
    Measure,
    MeasureIs,
    Named,
    Operation,
    Term,
    Test,
)
from duyen.model.times import DAY, Millis
from duyen.model.values import MICRO, to_micros
from duyen.rules.compare import to_instant
from duyen.rules.reading import LARGEST, is_time, is_value
from duyen.rules.rows import Expr, Row, joined, json_kind, json_path, json_text, number_test
from duyen.rules.series import measures, numbers_only
from duyen.rules.values import LONGEST, MOST_VALUES

_HUGE = ibis.dtype("decimal(38, 0)")
_COLUMNS = ("properties", "folded", "numbers", "instants")


@ibis.udf.scalar.builtin(name="cast_to_type", catalog="system", database="main")  # type: ignore[untyped-decorator]
def _as(value, like) -> _HUGE:  # type: ignore[no-untyped-def, valid-type]
    """The value in the type of another."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="factorial", catalog="system", database="main")  # type: ignore[untyped-decorator]
def _factorial(number: int) -> int:
    """One of few functions whose result is a HUGEINT."""
    raise NotImplementedError


@ibis.udf.scalar.builtin(name="divide", catalog="system", database="main")  # type: ignore[untyped-decorator]
def _divide(one, other) -> _HUGE:  # type: ignore[no-untyped-def, valid-type]
    """The quotient of whole numbers, towards nothing."""
    raise NotImplementedError


class Terms:
    """The terms of a rule's conditions, as columns beside the people."""

    def __init__(self, asked: Iterable[MeasureIs], people: Expr, as_of: Millis) -> None:
        self._as_of = as_of
        every = {repr(one): one for leaf in asked for one in measures(leaf.term)}
        self._places = {key: f"measure_{i}_" for i, key in enumerate(every)}
        self._measures = every
        self.table = people

    def events(self) -> set[str]:
        """What the terms are about."""
        return {measure.event for measure in self._measures.values()}

    def join(self, table: Expr, events: Expr) -> Expr:
        """The people with what the terms need; `events` are judged."""
        for key, measure in self._measures.items():
            place = self._places[key]
            found = _found(measure, events, self._as_of).rename(
                lambda name, to=place: f"{to}{name}"
            )
            table = table.left_join(found, table["person"] == found[f"{place}who"])
        self.table = table
        return table

    def holds(self, leaf: MeasureIs) -> Expr:
        """Whether a condition holds; never null."""
        test = leaf.test
        if is_value(leaf.term) and isinstance(leaf.term, Measure):
            return self._row(leaf.term).passes(leaf.term.of, test)
        if is_time(leaf.term) and isinstance(leaf.term, Measure):
            return _time_passes(self._column(leaf.term, "time"), test)
        return _number_passes(self._number(leaf.term), test)

    def _column(self, measure: Measure, name: str) -> Expr:
        return self.table[f"{self._places[repr(measure)]}{name}"]

    def _row(self, measure: Measure) -> Row:
        place = self._places[repr(measure)]
        return Row(self.table, f"{place}properties", place)

    def _number(self, term: Term) -> Expr:
        """Its micros; null where there is no number."""
        match term:
            case Constant(micros):
                return _whole(ibis.literal(micros, "int64"))
            case Named(trait):
                return _whole(Row(self.table, "traits").number(trait))
            case Arithmetic(operator, left, right):
                return _calculated(operator, self._operand(left), self._operand(right))
            case Measure():
                return self._measured(term)

    def _operand(self, term: Term) -> Expr:
        if isinstance(term, Measure) and is_value(term):
            return _whole(self._row(term).number(term.of))
        return _bound(self._number(term), lambda number: _usable(number))

    def _measured(self, measure: Measure) -> Expr:
        column = _whole(self._column(measure, "value"))
        if measure.kind == "average":
            return _bound2(column, _whole(self._column(measure, "times")), _rounded)
        if measure.kind == "days_since":
            return _divide(column, _whole(ibis.literal(DAY, "int64"))) * MICRO
        # Of nobody's events the sum is 0 as their number is, as on a document.
        counted = column.fill_null(0)
        return counted if measure.kind == "sum" else counted * MICRO


def _found(measure: Measure, events: Expr, as_of: Millis) -> Expr:
    """Who did it, and what is told of it."""
    where = numbers_only(measure.where, measure.of) if measure.kind == "average" else measure.where
    row = Row(events, "properties")
    parts = [events["name"] == measure.event, events["human"], events["time"] <= as_of]
    if measure.within is not None:
        parts.append(events["time"] > as_of - measure.within)
    parts.extend(row.passes(each.property, each.test) for each in where)
    found = events.filter(joined(parts, lambda a, b: a & b))
    if measure.kind in ("count", "sum", "average", "days_since"):
        return found.group_by(who=found["person"]).aggregate(**_numbers(measure, found, as_of))
    found = found.mutate(key=_key(found, measure.of)).filter(lambda table: table["key"].notnull())
    if measure.kind == "unique":
        several = ibis.least(found["key"].nunique(), MOST_VALUES)
        return found.group_by(who=found["person"]).aggregate(value=several)
    return _picked(measure, found)


def _numbers(measure: Measure, found: Expr, as_of: Millis) -> dict[str, Expr]:
    if measure.kind == "count":
        return {"value": found.count()}
    if measure.kind == "days_since":
        return {"value": as_of - found["time"].max()}
    amounts = Row(found, "properties").number(measure.of).cast("decimal(38, 0)")
    return {"value": amounts.sum(), "times": found.count()}


def _picked(measure: Measure, found: Expr) -> Expr:
    """The one row of everybody that tells the value."""
    time, key = found["time"], found["key"]
    if measure.kind == "most_frequent":
        same = {"group_by": ["person", "key"]}
        found = found.mutate(
            times=found.count().over(**same),
            last=time.max().over(**same),
            different=key.nunique().over(group_by="person"),
        )
        found = found.filter(found["different"] <= MOST_VALUES)
        order = [found["times"].desc(), found["last"].desc(), found["key"].desc()]
    elif measure.kind == "first":
        order = [time.asc(), key.asc()]
    else:
        order = [time.desc(), key.desc()]
    place = ibis.row_number().over(group_by="person", order_by=order)
    found = found.mutate(place=place)
    found = found.filter(found["place"] == 0)
    return found.select(who="person", time="time", **{name: name for name in _COLUMNS})


def _key(table: Expr, of: str) -> Expr:
    """The key of a value as `values.value_key` makes it, null where it has none."""
    if not of:
        return ibis.literal("")
    path = json_path(of.split("."))
    kind, text = json_kind(table["properties"], path), json_text(table["properties"], path)
    number = Row(table, "properties").number(of)
    fits = (text.length() > 0) & (text.length() <= LONGEST)
    return ibis.cases(
        (kind == "VARCHAR", ibis.ifelse(fits, "t" + text, ibis.null("string"))),
        (kind == "BOOLEAN", "b" + text),
        (number.notnull(), "n" + number.cast("string")),
    )


def _time_passes(time: Expr, test: Test) -> Expr:
    bound = to_instant(test.operand)
    if test.operator == "exists":
        return time.notnull() if test.operand else time.isnull()
    if bound is None or test.operator not in ("before", "after"):
        return ibis.literal(False)
    passes = time < bound if test.operator == "before" else time > bound
    return passes.fill_null(False)


def _number_passes(number: Expr, test: Test) -> Expr:
    """What `compare.number_passes` says."""
    operand = test.operand
    match test.operator:
        case "is_not":
            return ~_number_passes(number, Test("is", operand))
        case "exists":
            return number.notnull() if operand else number.isnull()
        case "is" | "in":
            several = operand if isinstance(operand, tuple) else (operand,)
            found = [to_micros(each) for each in several if not isinstance(each, str)]
            bounds = [each for each in found if each is not None]
            return number.isin(bounds).fill_null(False) if bounds else ibis.literal(False)
        case "gt" | "gte" | "lt" | "lte":
            return number_test(number, test).fill_null(False)
        case _:
            return ibis.literal(False)


def _whole(number: Expr) -> Expr:
    return _as(number, _factorial(0))


def _bound(value: Expr, of: Callable[[Expr], Expr]) -> Expr:
    """What `of` makes of a value that is worked out once, however often it is asked."""
    return ibis.array([value]).map(lambda each: of(each))[0]


def _bound2(one: Expr, other: Expr, of: Callable[[Expr, Expr], Expr]) -> Expr:
    both = ibis.array([ibis.array([one, other])])
    return both.map(lambda each: of(each[0], each[1]))[0]


def _usable(number: Expr) -> Expr:
    return ibis.ifelse(number.abs() < LARGEST, number, ibis.null("decimal(38, 0)"))


def _calculated(operator: Operation, left: Expr, right: Expr) -> Expr:
    """What `reading.calculate` makes of two numbers."""
    match operator:
        case "or":
            return ibis.coalesce(left, right)
        case "+":
            found = left + right
        case "-":
            found = left - right
        case "*":
            found = _bound2(left * right, _whole(ibis.literal(MICRO, "int64")), _rounded)
        case "/":
            found = _bound2(left * MICRO, right, _rounded)
    return _bound(found, _usable)


def _rounded(total: Expr, count: Expr) -> Expr:
    """The quotient rounded half to even; null where `count` is 0."""
    whole = _divide(total, count.nullif(0))
    rest = (total - whole * count).abs() * 2
    odd = (whole % 2) != 0
    up = (rest > count.abs()) | ((rest == count.abs()) & odd)
    sign = ibis.ifelse((total < 0) == (count < 0), 1, -1)
    return whole + ibis.ifelse(up, sign, 0)
