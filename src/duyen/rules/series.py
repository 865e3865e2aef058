"""Accumulators: what of the past lies in the head so that rules need not read the history.

A series is keyed by (event, where, of). It knows the all-time count and total, and the newest points as
far as some rule asks for them. Adding is commutative and associative, and so is uniting: any order and
any split of the same events give the same series. What a trimmed series has dropped never returns, so a
rule that needs more (a wider spec) needs the series folded again from the history.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from heapq import merge
from typing import Any

import msgspec

from duyen.model.person import Person, Series, Values
from duyen.model.rule import (
    All,
    AnyOf,
    Arithmetic,
    Counted,
    Did,
    Measure,
    MeasureIs,
    Not,
    Pick,
    Rule,
    SeriesSpec,
    SumIs,
    Term,
    Test,
    Where,
)
from duyen.model.times import Millis
from duyen.model.values import to_micros
from duyen.rules.compare import Predicate, find, predicate, typed
from duyen.rules.values import add_value, value_key

Point = tuple[Millis, int]


def series_key(
    event: str,
    where: tuple[Where, ...] = (),
    of: str = "",
    quality: Counted = "",
    pick: Pick = "",
) -> str:
    """Sixteen hex digits that name the series, whatever the order of `where`."""
    if not where:
        return _key(event, (), of, quality, pick)
    tests = [(w.property, w.test.operator, typed(w.test.operand)) for w in where]
    if len(tests) > 1:
        tests.sort(key=_order)
    return _key(event, tuple(tests), of, quality, pick)


def key_of_spec(spec: SeriesSpec) -> str:
    """The key of the series that a spec is about."""
    return series_key(spec.event, spec.where, spec.of, spec.quality, spec.pick)


def _order(test: tuple[str, str, tuple[Any, ...]]) -> bytes:
    return msgspec.json.encode(test)


@lru_cache(maxsize=65_536)
def _key(event: str, tests: tuple[Any, ...], of: str, quality: Counted, pick: Pick) -> str:
    # Keys of documents that exist stay what they are: what is said by default is not named.
    named = [event, tests, of, *([quality] if quality or pick else []), *([pick] if pick else [])]
    return blake2b(msgspec.json.encode(named), digest_size=8).hexdigest()


def leaves(rule: Rule) -> Iterator[Rule]:
    """The rule's conditions, without and/or/not."""
    match rule:
        case All(rules) | AnyOf(rules):
            for each in rules:
                yield from leaves(each)
        case Not(inner):
            yield from leaves(inner)
        case _:
            yield rule


def measures(term: Term) -> Iterator[Measure]:
    """What of the person's events a term is worked out of."""
    match term:
        case Measure():
            yield term
        case Arithmetic(_, left, right):
            yield from measures(left)
            yield from measures(right)


def series_needed(rules: Iterable[Rule]) -> dict[str, SeriesSpec]:
    """What the rules need accumulated, by series key; a named segment brings nothing (inline first)."""
    specs: dict[str, SeriesSpec] = {}
    for rule in rules:
        for leaf in leaves(rule):
            if isinstance(leaf, Did | SumIs):
                need(specs, spec_of(leaf)[1])
            elif isinstance(leaf, MeasureIs):
                for measure in measures(leaf.term):
                    need(specs, spec_of_measure(measure))
    return specs


def need(specs: dict[str, SeriesSpec], spec: SeriesSpec) -> None:
    """Put one more spec among those that are needed."""
    key = key_of_spec(spec)
    specs[key] = unite(specs[key], spec) if key in specs else spec


def spec_of_measure(measure: Measure) -> SeriesSpec:
    """What the value of a measure needs accumulated."""
    event, where, of, within = measure.event, measure.where, measure.of, measure.within or 0
    match measure.kind:
        case "count" | "sum":
            return SeriesSpec(event, where, of, horizon=within)
        case "average":
            return SeriesSpec(event, numbers_only(where, of), of, horizon=within)
        case "days_since":
            return SeriesSpec(event, where, keep=1)
        case "last":
            return SeriesSpec(event, where, of, keep=1, pick="last")
        case kind:
            return SeriesSpec(event, where, of, horizon=within, pick=kind, ever=not within)


IS_NUMBER = Test("gte", "-999999999999.999999")
"""Passed by every value that is a number to a rule."""


def numbers_only(where: tuple[Where, ...], of: str) -> tuple[Where, ...]:
    """The comparisons of an average's events: what is no number has no part in it."""
    return (*where, Where(of, IS_NUMBER))


def key_of(leaf: Did | SumIs) -> str:
    """The key of the series one condition reads."""
    if isinstance(leaf, Did):
        return series_key(leaf.event, leaf.where, quality=leaf.quality)
    where = numbers_only(leaf.where, leaf.of) if leaf.average else leaf.where
    return series_key(leaf.event, where, leaf.of, leaf.quality)


def spec_of(leaf: Did | SumIs) -> tuple[str, SeriesSpec]:
    """The series one condition reads, and how much of it."""
    if isinstance(leaf, SumIs):
        where = numbers_only(leaf.where, leaf.of) if leaf.average else leaf.where
        horizon, quality = leaf.within or 0, leaf.quality
        return key_of(leaf), SeriesSpec(
            leaf.event, where, leaf.of, horizon=horizon, quality=quality
        )
    keep = max(leaf.at_least, 0 if leaf.at_most is None else leaf.at_most + 1)
    return key_of(leaf), SeriesSpec(leaf.event, leaf.where, keep=keep, quality=leaf.quality)


def unite(a: SeriesSpec, b: SeriesSpec) -> SeriesSpec:
    """The spec that serves both; they are of one series."""
    return msgspec.structs.replace(
        a,
        keep=max(a.keep, b.keep),
        horizon=max(a.horizon, b.horizon),
        ever=a.ever or b.ever,
    )


def covers(have: SeriesSpec | None, need: SeriesSpec) -> bool:
    """Whether a series kept for `have` also serves `need`, so that nothing must be folded again."""
    return (
        have is not None
        and have.keep >= need.keep
        and have.horizon >= need.horizon
        and have.ever >= need.ever
    )


def _newest_first(point: Point) -> Point:
    return (-point[0], -point[1])


def insert(series: Series, spec: SeriesSpec, time: Millis, amount: int = 0) -> None:
    """Add one matching event to the series, in place; `amount` in micros."""
    series.count += 1
    series.total += amount
    points = series.points
    if not points or time > points[0][0]:
        points.insert(0, (time, amount))
    else:
        insort(points, (time, amount), key=_newest_first)
    _trim(points, spec)


def union(a: Series, b: Series, spec: SeriesSpec) -> Series:
    """The series of both sets of events, which share none."""
    points = list(merge(a.points, b.points, key=_newest_first))
    _trim(points, spec)
    return Series(a.count + b.count, a.total + b.total, points)


def _trim(points: list[Point], spec: SeriesSpec) -> None:
    """Drop what the spec does not need: points beyond the newest `keep` and at or before the horizon."""
    if not points:
        return
    oldest = points[0][0] - spec.horizon
    while len(points) > spec.keep and points[-1][0] <= oldest:
        points.pop()


def amount_of(properties: Mapping[str, Any], of: str) -> int:
    """The micros of a property; 0 where it is no number, or nothing is added up."""
    return (to_micros(find(properties, of)) or 0) if of else 0


class Accumulators:
    """Specs arranged by event name: an event looks only at the series that can be its own."""

    def __init__(self, specs: Mapping[str, SeriesSpec]) -> None:
        self._by_event: dict[str, list[tuple[str, SeriesSpec, list[tuple[str, Predicate]]]]] = {}
        for key, spec in specs.items():
            tests = [(each.property, predicate(each.test)) for each in spec.where]
            self._by_event.setdefault(spec.event, []).append((key, spec, tests))

    def add(
        self,
        person: Person,
        event: str,
        properties: Mapping[str, Any],
        time: Millis,
        machine: bool = False,
    ) -> None:
        """Put one event into every series of a document that it belongs to; a machine's only where it is asked for."""
        for key, spec, tests in self._by_event.get(event, ()):
            if machine and not spec.quality:
                continue
            if not all(passes(find(properties, path)) for path, passes in tests):
                continue
            if spec.pick:
                value = value_key(properties, spec.of)
                if value is None:
                    continue
                values = person.values.get(key)
                if values is None:
                    values = person.values[key] = Values()
                add_value(values, spec, time, value)
                continue
            found = person.series.get(key)
            if found is None:
                found = person.series[key] = Series()
            insert(found, spec, time, amount_of(properties, spec.of))
