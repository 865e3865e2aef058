"""The rows of conditions: from documents to columns, and from columns to cells.

A column is read from the documents once, whatever the number of conditions on it; the arithmetic then runs
over all people, those without the column included (nothing counted, nothing missing, nothing to turn).
See `batch` for what a cell means. `far` is the time left until NEVER.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, compress, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from duyen.model.consent import ANY, DEFAULT_BRAND, consent_key
from duyen.model.person import Person, Series
from duyen.model.rule import (
    All,
    ConsentIs,
    Did,
    InGroup,
    MeasureIs,
    Operand,
    Rule,
    SumIs,
    Test,
    TraitIs,
)
from duyen.model.times import NEVER, Millis
from duyen.model.values import fold, to_micros
from duyen.rules.compare import groups_of, matches, nothing, to_instant, trait_value, typed
from duyen.rules.evaluate import Verdict, count_verdict, sum_verdict
from duyen.rules.reading import reading, test_of, turning
from duyen.rules.series import spec_of

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Places = NDArray[np.intp]

_LONG_AGO = -(2**61)
"""Fills the places of points that are not there; no window reaches it."""
_HUGE = 2**62
"""Beyond every bound a test can name: larger sums compare like it."""
_LONG = 64
"""Series with more amounts than this are summed one by one rather than as a padded matrix."""


def _sign(rows: Ints, holds: Any, far: Millis) -> None:
    """Cells of what time alone never turns."""
    np.copyto(rows, holds)
    rows *= 2 * far
    rows -= far


class ConstantGroup:
    """Everybody, or nobody."""

    def __init__(self, start: int, leaves: list[Rule]) -> None:
        self.start, self.leaves = start, leaves

    def fill(self, rows: Ints, persons: Sequence[Person], far: Millis) -> None:
        """The rows of all conditions."""
        for row, rule in zip(rows, self.leaves, strict=True):
            row[:] = far if isinstance(rule, All) else -far


class ConsentGroup:
    """One purpose on one channel; what covers it is known before anyone is looked at."""

    def __init__(self, start: int, leaves: list[ConsentIs]) -> None:
        self.start, self.leaves = start, leaves
        purpose, channel = leaves[0].purpose, leaves[0].channel
        self.covering = frozenset(
            consent_key(p, c, b)
            for b in (DEFAULT_BRAND, ANY)
            for p in (purpose, ANY)
            for c in (channel, ANY)
        )

    def fill(self, rows: Ints, persons: Sequence[Person], far: Millis) -> None:
        """The one row."""
        apart = self.covering.isdisjoint
        holds = [not apart(person.consent) and self.granted(person) for person in persons]
        _sign(rows[0], holds, far)

    def granted(self, person: Person) -> bool:
        """The meaning of `consent.granted`, for keys made beforehand."""
        covering = self.covering
        return all(s.state == "granted" for key, s in person.consent.items() if key in covering)


class TraitGroup:
    """All tests of one trait."""

    def __init__(self, start: int, trait: str, leaves: list[TraitIs]) -> None:
        self.start, self.trait, self.leaves = start, trait, leaves
        self.tests = [_column_test(leaf.test) for leaf in leaves]

    def fill(self, rows: Ints, persons: Sequence[Person], far: Millis) -> None:
        """The rows of all tests."""
        column = _Column(self.values(persons))
        for row, test in zip(rows, self.tests, strict=True):
            _sign(row, test(column), far)

    def values(self, persons: Sequence[Person]) -> list[Any]:
        """Everybody's value."""
        name = self.trait
        if "." in name:
            return [trait_value(person, name) for person in persons]
        return [t.value if (t := person.traits.get(name)) else None for person in persons]


class MembershipGroup:
    """All conditions on people's groups: what is known of a group is tested once for all its members."""

    def __init__(self, start: int, leaves: list[InGroup]) -> None:
        self.start, self.leaves = start, leaves

    def fill(self, rows: Ints, persons: Sequence[Person], far: Millis) -> None:
        """The rows of all conditions."""
        places = [place for place, person in enumerate(persons) if person.groups]
        every: dict[int, dict[str, Any]] = {}
        groups = [[_put(every, values) for values in groups_of(persons[at])] for at in places]
        for row, leaf in zip(rows, self.leaves, strict=True):
            passing = {key for key, values in every.items() if matches(leaf.where, values)}
            holds = np.zeros(len(persons), dtype=np.bool_)
            holds[places] = [not passing.isdisjoint(mine) for mine in groups]
            _sign(row, holds, far)


def _put(every: dict[int, dict[str, Any]], values: dict[str, Any]) -> int:
    """Members of one group share what is known of it: it is told apart by where it lies."""
    every[id(values)] = values
    return id(values)


class MeasureGroup:
    """All tests of one term: it is read once for everybody, and a value that stays is tested once."""

    def __init__(self, start: int, leaves: list[MeasureIs]) -> None:
        self.start, self.leaves = start, leaves
        self.term = leaves[0].term
        self.tests = [test_of(self.term, leaf.test) for leaf in leaves]

    def fill(self, rows: Ints, persons: Sequence[Person], far: Millis) -> None:
        """The rows of all tests."""
        as_of = NEVER - far
        read = [reading(self.term, person, as_of) for person in persons]
        moving = [(at, each) for at, each in enumerate(read) if each.until < NEVER]
        distinct, codes = _distinct([each.value for each in read])
        for row, holds in zip(rows, self.tests, strict=True):
            _sign(row, np.array([holds(value) for value in distinct], dtype=np.bool_)[codes], far)
            for at, first in moving:
                truth, until = turning(self.term, holds, persons[at], as_of, first)
                row[at] = until - as_of if truth else as_of - until


class _Column:
    """A trait's distinct values, everybody's place among them, and what tests ask of them."""

    def __init__(self, values: list[Any]) -> None:
        self.values, self.codes = _distinct(values)
        self._equal: dict[tuple[Any, ...], list[int]] | None = None
        self._folded: list[str | None] | None = None
        self._ordered: dict[tuple[str, int], Ints] = {}

    def equal(self, operand: Operand) -> list[int]:
        """Places of the values that equal the operand, or one of its values."""
        if self._equal is None:
            self._equal = {}
            for place, value in enumerate(self.values):
                if isinstance(value, str | int | float) and not nothing(value):
                    self._equal.setdefault(typed(value), []).append(place)
        wanted = operand if isinstance(operand, tuple) else (operand,)
        kinds = {typed(each) for each in wanted}
        usable = [kind for kind in kinds if kind[0] in ("text", "bool", "number")]
        return [place for kind in usable for place in self._equal.get(kind, ())]

    def having(self, places: list[int]) -> Bools:
        """Who has one of the values."""
        if len(places) == 1:
            one: Bools = self.codes == places[0]
            return one
        table: Bools = np.zeros(len(self.values), dtype=np.bool_)
        table[places] = True
        return table[self.codes]

    def picked(self, table: list[bool]) -> Bools:
        """Who has a value that is marked in the table."""
        marked: Bools = np.array(table, dtype=np.bool_)
        return marked[self.codes]

    @property
    def folded(self) -> list[str | None]:
        """Folded text of the distinct values, or None."""
        if self._folded is None:
            self._folded = [fold(v) if isinstance(v, str) else None for v in self.values]
        return self._folded

    def ordered(self, kind: str, missing: int) -> Ints:
        """Everybody's micros or milliseconds, and `missing` where there is no such thing."""
        found = self._ordered.get((kind, missing))
        if found is None:
            read = to_micros if kind == "number" else to_instant
            each = [missing if (x := read(value)) is None else x for value in self.values]
            found = np.array(each, dtype=np.int64)[self.codes]
            self._ordered[kind, missing] = found
        return found


_ONE_KIND: list[set[type]] = [{str, type(None)}, {int, float, type(None)}, {bool, type(None)}]
"""Columns whose values Python's own equality tells apart as rules do."""


def _distinct(values: list[Any]) -> tuple[list[Any], Places]:
    """The distinct values and everybody's place among them; 1 and true stay apart."""
    kinds = set(map(type, values))
    if any(kinds <= one for one in _ONE_KIND):
        index = {value: place for place, value in enumerate(dict.fromkeys(values))}
        codes = np.fromiter(map(index.__getitem__, values), dtype=np.intp, count=len(values))
        return list(index), codes
    mixed: dict[tuple[type, Any], int] = {}
    places = [mixed.setdefault(_hashable(value), len(mixed)) for value in values]
    return [[] if kind is list else value for kind, value in mixed], np.array(places, np.intp)


def _hashable(value: Any) -> tuple[type, Any]:
    """The value with its type; all lists and maps are alike, because no test looks into them."""
    return (list, None) if isinstance(value, list | dict) else (value.__class__, value)


_ColumnTest = Callable[[_Column], Any]
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "gt": np.greater,
    "gte": np.greater_equal,
    "lt": np.less,
    "lte": np.less_equal,
    "before": np.less,
    "after": np.greater,
}


def _column_test(test: Test) -> _ColumnTest:
    """The test as a function of a whole column: who passes."""
    operand = test.operand
    match test.operator:
        case "is" | "in":
            return lambda column: column.having(column.equal(operand))
        case "is_not":
            return lambda column: ~column.having(column.equal(operand))
        case "exists":
            return lambda column: column.picked(
                [nothing(value) is not bool(operand) for value in column.values]
            )
        case "contains" | "starts_with":
            return _text_test(test)
        case "before" | "after":
            return _ordered_test(test, "instant", to_instant(operand))
        case _:
            return _ordered_test(test, "number", to_micros(operand))


def _ordered_test(test: Test, kind: str, bound: int | None) -> _ColumnTest:
    """A comparison with a bound, which missing values fail on their side of it."""
    if bound is None:
        return lambda column: False
    compare = _COMPARE[test.operator]
    missing = _HUGE if test.operator in ("lt", "lte", "before") else -_HUGE
    return lambda column: compare(column.ordered(kind, missing), bound)


def _text_test(test: Test) -> _ColumnTest:
    """Folded comparison with every distinct text."""
    if not isinstance(test.operand, str):
        return lambda column: False
    part = fold(test.operand)
    if test.operator == "contains":
        return lambda column: column.picked([t is not None and part in t for t in column.folded])
    return lambda column: column.picked(
        [t is not None and t.startswith(part) for t in column.folded]
    )


class Found(NamedTuple):
    """One series of a batch: who has it, and its points with their owner and place, newest first."""

    persons: int
    every: list[Series]
    """All series of the batch; those of this key lie at `at`."""
    at: Places
    rows: Places
    lengths: Places
    column: Places
    place: Places
    times: Ints
    amounts: Ints

    @property
    def series(self) -> list[Series]:
        """The series themselves, in the order of `rows`."""
        return list(map(self.every.__getitem__, self.at.tolist()))


def gather(persons: Sequence[Person], keys: Sequence[str]) -> dict[str, Found]:
    """Every wanted series, read in the order of the documents: memory is slow, sorting is not."""
    if not keys:
        return {}
    every, codes, who = _wanted(persons, keys)
    lists = [each.points for each in every]
    lengths = np.fromiter(map(len, lists), dtype=np.intp, count=len(lists))
    total = int(lengths.sum())
    numbers = chain.from_iterable(chain.from_iterable(lists))
    flat = np.fromiter(numbers, dtype=np.int64, count=2 * total)
    place = np.arange(total) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    of_series, series_ends = _by_code(codes, len(keys))
    of_points, point_ends = _by_code(np.repeat(codes, lengths), len(keys))
    by_series = (of_series, who[of_series], lengths[of_series])
    by_points = tuple(
        each[of_points] for each in (np.repeat(who, lengths), place, flat[0::2], flat[1::2])
    )
    return {
        key: Found(
            len(persons),
            every,
            *(each[series_ends[i] : series_ends[i + 1]] for each in by_series),
            *(each[point_ends[i] : point_ends[i + 1]] for each in by_points),
        )
        for i, key in enumerate(keys)
    }


def _wanted(persons: Sequence[Person], keys: Sequence[str]) -> tuple[list[Series], Places, Places]:
    """The wanted series of all documents, the numbers of their keys, and whose they are."""
    maps = [person.series for person in persons]
    sizes = np.fromiter(map(len, maps), dtype=np.intp, count=len(maps))
    number = {key: i for i, key in enumerate(keys)}.get
    numbered = map(number, chain.from_iterable(maps), repeat(-1))
    codes = np.fromiter(numbered, dtype=np.intp, count=int(sizes.sum()))
    every: list[Series] = list(chain.from_iterable(each.values() for each in maps))
    who = np.repeat(np.arange(len(maps)), sizes)
    if len(codes) and codes.min() < 0:
        wanted = codes >= 0
        every = list(compress(every, wanted.tolist()))
        codes, who = codes[wanted], who[wanted]
    return every, codes, who


def _by_code(codes: Places, count: int) -> tuple[Places, list[int]]:
    """The order that puts equal codes together, each in their old order, and where each begins."""
    small = codes.astype(np.int16) if count < 2**15 else codes
    order = np.argsort(small, kind="stable")
    return order, [0, *np.cumsum(np.bincount(codes, minlength=count)).tolist()]


class SeriesGroup:
    """All conditions on one series; the commonest, at least so often in a window, come first."""

    def __init__(self, start: int, key: str, leaves: list[Did | SumIs]) -> None:
        self.start, self.key, self.leaves = start, key, leaves
        self.sums = isinstance(leaves[0], SumIs)
        self.keep = _LONG if self.sums else max(spec_of(leaf)[1].keep for leaf in leaves)
        simple = [leaf for leaf in leaves if isinstance(leaf, Did) and self.rank(leaf) == 0]
        self.simple = len(simple)
        self.nth = np.array([leaf.at_least - 1 for leaf in simple], dtype=np.intp)
        self.within: Ints = np.array([leaf.within for leaf in simple], dtype=np.int64)

    @staticmethod
    def rank(leaf: Rule) -> int:
        """0 for at least so often within a window, which is computed many at a time."""
        windowed = isinstance(leaf, Did) and leaf.within is not None and leaf.at_most is None
        return 0 if windowed and isinstance(leaf, Did) and leaf.at_least > 0 else 1

    def fill(self, rows: Ints, found: Found, as_of: Millis, far: Millis) -> None:
        """The rows of all conditions."""
        points = Points(found, self.keep, self.sums)
        if self.simple:
            self.fill_simple(rows[: self.simple], points, as_of, far)
        for row, leaf in zip(rows[self.simple :], self.leaves[self.simple :], strict=True):
            if isinstance(leaf, SumIs) and leaf.average:
                _fill_average(row, leaf, found, as_of, far)
            elif isinstance(leaf, SumIs):
                _fill_sum(row, leaf, points, as_of, far)
            else:
                _fill_count(row, leaf, points, as_of, far)
        odd = points.odd(as_of)
        if len(odd):
            self.mend(rows, found, odd, as_of)

    def fill_simple(self, rows: Ints, points: Points, as_of: Millis, far: Millis) -> None:
        """How long the n-th newest point stays in each window."""
        np.add(points.nth(self.nth), (self.within - as_of)[:, None], out=rows)
        _else_never(rows, far)

    def mend(self, rows: Ints, found: Found, odd: Places, as_of: Millis) -> None:
        """One by one where columns cannot tell: points yet to come, long series, giant sums."""
        series = dict(zip(found.rows.tolist(), found.series, strict=True))
        for person in odd.tolist():
            for row, leaf in zip(rows, self.leaves, strict=True):
                truth, until = _verdict(leaf, series[person], as_of)
                row[person] = until - as_of if truth else as_of - until


def _verdict(leaf: Did | SumIs, series: Series, as_of: Millis) -> Verdict:
    if isinstance(leaf, Did):
        return count_verdict(leaf, series, as_of)
    return sum_verdict(leaf, series, as_of)


def _else_never(left: Ints, far: Millis) -> None:
    """Where no time is left it is false and stays so; in place, without branches."""
    np.minimum(left, far, out=left)
    over = left - 1
    over >>= 63
    np.bitwise_and(left ^ -far, over, out=over)
    left ^= over


class Points:
    """The points of one series as padded matrices, newest first: row k holds everybody's k-th."""

    def __init__(self, found: Found, keep: int, sums: bool) -> None:
        self.found = found
        longest = int(found.lengths.max(initial=0))
        self.depth = min(longest, keep)
        shape = (max(1, self.depth), found.persons)
        self.times: Ints = np.full(shape, _LONG_AGO, dtype=np.int64)
        self.amounts: Ints = np.zeros(shape if sums else (1, 0), dtype=np.int64)
        self.awkward = found.rows[found.lengths > keep] if sums else found.rows[:0]
        self._newest: Ints | None = None
        self._inside: dict[Millis, Places] = {}
        kept = found.place < self.depth if longest > keep else slice(None)
        at = found.place[kept], found.column[kept]
        self.times[at] = found.times[kept]
        if sums:
            self.amounts[at] = found.amounts[kept]

    def odd(self, as_of: Millis) -> Places:
        """Those whom the columns cannot tell."""
        later = np.flatnonzero(self.times[0] > as_of)
        return np.union1d(later, self.awkward) if len(self.awkward) else later

    def nth(self, places: Places) -> Ints:
        """The times of the given places; long ago where nobody has so many."""
        rows = self.times[np.minimum(places, len(self.times) - 1)]
        rows[places >= max(1, self.depth)] = _LONG_AGO
        return rows

    @property
    def counts(self) -> Ints:
        """All-time counts."""
        counts: Ints = np.zeros(self.found.persons, dtype=np.int64)
        counts[self.found.rows] = [each.count for each in self.found.series]
        return counts

    @property
    def totals(self) -> Ints:
        """All-time totals, giant ones cut to what compares the same."""
        totals: Ints = np.zeros(self.found.persons, dtype=np.int64)
        cut = [max(-_HUGE, min(_HUGE, each.total)) for each in self.found.series]
        totals[self.found.rows] = cut
        return totals

    @property
    def newest(self) -> Ints:
        """Row k is the sum of everybody's newest k amounts; who could overflow becomes awkward."""
        if self._newest is None:
            self._newest = np.zeros((len(self.amounts) + 1, self.found.persons), dtype=np.int64)
            np.cumsum(self.amounts, axis=0, out=self._newest[1:])
            size = np.abs(self.amounts.astype(np.float64)).sum(axis=0)
            self.awkward = np.union1d(self.awkward, np.flatnonzero(size > _HUGE / 2))
            self.rising = bool((self.amounts >= 0).all())
        return self._newest

    def inside(self, within: Millis, as_of: Millis) -> Places:
        """How many of everybody's points are inside a window."""
        count = self._inside.get(within)
        if count is None:
            count = (self.times > as_of - within).sum(axis=0, dtype=np.intp)
            self._inside[within] = count
        return count


def _fill_count(row: Ints, leaf: Did, points: Points, as_of: Millis, far: Millis) -> None:
    """All-time counts; at least and at most so often within a window; at least nothing."""
    if leaf.within is None:
        holds = points.counts >= leaf.at_least
        if leaf.at_most is not None:
            holds &= points.counts <= leaf.at_most
        _sign(row, holds, far)
    elif leaf.at_most is None:
        row[:] = far
    else:
        _fill_between(row, leaf.at_least, leaf.at_most, leaf.within, points, as_of, far)


def _fill_between(
    row: Ints, least: int, most: int, within: Millis, points: Points, as_of: Millis, far: Millis
) -> None:
    """Between: too many now, and enough once one more has left; or enough now."""
    low, high = points.nth(np.array([least - 1, most], dtype=np.intp))
    left = np.minimum(high + (within - as_of), far)
    then_true = np.where(low > high, -left, -far)
    np.add(low, within - as_of, out=row)
    _else_never(row, far)
    np.copyto(row, then_true, where=left > 0)


def _fill_sum(row: Ints, leaf: SumIs, points: Points, as_of: Millis, far: Millis) -> None:
    """All-time sums, sums that can only fall while nothing happens, and all others."""
    bound, operator = to_micros(leaf.test.operand), leaf.test.operator
    if bound is None or operator not in _SUM_COMPARE:
        row[:] = -far
        return
    if leaf.within is None:
        _sign(row, _SUM_COMPARE[operator](points.totals, bound), far)
        return
    newest = points.newest
    if not points.rising or operator in ("is", "is_not"):
        _fill_any_sum(row, leaf, bound, points, as_of, far)
        return
    least = bound + 1 if operator in ("gt", "lte") else bound
    below = (newest[:-1] < least).view(np.uint8).sum(axis=0, dtype=np.uint8).astype(np.intp)
    everybody = np.arange(points.found.persons)
    times = points.times[np.maximum(below - 1, 0), everybody]
    np.add(times, leaf.within - as_of, out=row)
    np.copyto(row, far, where=below == 0)
    enough = newest[points.inside(leaf.within, as_of), everybody] >= least
    np.minimum(row, far, out=row)
    np.copyto(row, -far, where=~enough)
    if operator in ("lt", "lte"):
        np.negative(row, out=row)


def _fill_average(row: Ints, leaf: SumIs, found: Found, as_of: Millis, far: Millis) -> None:
    """One by one: who has no number passes `is_not` alone."""
    row[:] = far if sum_verdict(leaf, Series(), as_of).truth else -far
    for person, series in zip(found.rows.tolist(), found.series, strict=True):
        truth, until = sum_verdict(leaf, series, as_of)
        row[person] = until - as_of if truth else as_of - until


_SUM_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "is": np.equal,
    "is_not": np.not_equal,
    **{name: _COMPARE[name] for name in ("gt", "gte", "lt", "lte")},
}


def _fill_any_sum(
    row: Ints, leaf: SumIs, bound: int, points: Points, as_of: Millis, far: Millis
) -> None:
    """The sum in a window and the first instant at which leaving points turn its test.

    Points leave oldest first, so the sums to come are those of the newest k, k falling; points of one
    instant leave together.
    """
    compare, within = _SUM_COMPARE[leaf.test.operator], leaf.within or 0
    count = points.inside(within, as_of)
    truth = compare(points.newest[count, np.arange(points.found.persons)], bound)
    after = compare(points.newest[:-1], bound)
    inside = np.arange(len(points.times))[:, None] < count
    alone = np.ones(inside.shape, dtype=np.bool_)
    alone[1:] = points.times[:-1] > points.times[1:]
    turns = inside & alone & (after != truth)
    left = np.where(turns, points.times + (within - as_of), far).min(axis=0)
    np.minimum(left, far, out=left)
    row[:] = np.where(truth, left, -left)


Group = ConstantGroup | ConsentGroup | TraitGroup | MembershipGroup | MeasureGroup | SeriesGroup
