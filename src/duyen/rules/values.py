"""Accumulators of values: the first, the last, the most frequent one, how many different ones.

A value is a text of 1 to 500 characters, a number, true or false; what is none has no part in it. It is kept as its
key, by which equal ones are known and ties are told: letter and text, so that 1, "1" and true stay apart. Without a
property the key is empty, and only times are kept.

What lies in the head, besides the count: of `last` the newest one; of `first` the oldest one, and those in the window;
of `most_frequent` those in the window, or every different one with how often and when last, up to MOST_VALUES of them;
of `unique` up to MOST_VALUES different ones by when they were last there. Adding is commutative and associative, and so
is uniting, as for `series`.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Mapping
from hashlib import blake2b
from heapq import merge
from typing import Any

from duyen.model.person import Values
from duyen.model.rule import SeriesSpec
from duyen.model.times import Millis
from duyen.model.values import MICRO, to_micros
from duyen.rules.compare import find

LONGEST = 500
"""A longer text is no value."""
MOST_VALUES = 1_000
"""Different values of one person that are told apart: counted to here, and beyond there is no most frequent one."""
_PLAIN = 17
"""A longer key is counted by its hash."""

Point = tuple[Millis, str]


def value_key(properties: Mapping[str, Any], of: str) -> str | None:
    """The key of a property's value, None where it has none; "" where only the time is asked for."""
    if not of:
        return ""
    value = find(properties, of)
    if isinstance(value, str):
        return "t" + value if 0 < len(value) <= LONGEST and "\0" not in value else None
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    micros = to_micros(value)
    return None if micros is None else f"n{micros}"


def value_of(key: str) -> str | bool | int | float:
    """The value that a key stands for."""
    kind, text = key[:1], key[1:]
    if kind == "b":
        return text == "true"
    return number_of(int(text)) if kind == "n" else text


def number_of(micros: int) -> int | float:
    """Millionths as a number to be shown."""
    whole, rest = divmod(micros, MICRO)
    return whole if rest == 0 else round(micros / MICRO, 6)


def add_value(values: Values, spec: SeriesSpec, time: Millis, key: str) -> None:
    """Add one matching event, in place."""
    values.count += 1
    if spec.pick == "first" and spec.ever:
        values.oldest = [min([(time, key), *values.oldest])]
    if spec.keep or (spec.horizon and spec.pick != "unique"):
        points = values.points
        if not points or (time, key) >= points[-1]:
            points.append((time, key))
        else:
            insort(points, (time, key))
        _trim(points, spec)
    if spec.pick == "unique":
        _see(values.table, spec, time, key if len(key) <= _PLAIN else _hash(key))
    elif spec.pick == "most_frequent" and spec.ever and not values.many:
        times, last = values.table.get(key, (0, time))
        values.table[key] = (times + 1, max(last, time))
        _give_up(values)


def union_values(a: Values, b: Values, spec: SeriesSpec) -> Values:
    """The accumulator of both sets of events, which share none."""
    points = list(merge(a.points, b.points))
    _trim(points, spec)
    both = Values(a.count + b.count, points, many=a.many or b.many)
    both.oldest = sorted((*a.oldest, *b.oldest))[:1]
    if spec.pick == "unique":
        seen = dict(a.table)
        for key, (_, last) in b.table.items():
            seen[key] = (0, max(last, seen.get(key, (0, last))[1]))
        both.table = _by_time(seen)
        _forget(both.table, spec)
    elif not both.many:
        both.table = dict(a.table)
        for key, (times, last) in b.table.items():
            known, when = both.table.get(key, (0, last))
            both.table[key] = (known + times, max(when, last))
        _give_up(both)
    return both


def _trim(points: list[Point], spec: SeriesSpec) -> None:
    """Drop what the spec does not need: all but the newest `keep` at or before the horizon."""
    if not points:
        return
    oldest, drop = points[-1][0] - spec.horizon, 0
    most = len(points) - spec.keep
    while drop < most and points[drop][0] <= oldest:
        drop += 1
    if drop:
        del points[:drop]


def _give_up(values: Values) -> None:
    if len(values.table) > MOST_VALUES:
        values.table, values.many = {}, True


def _hash(key: str) -> str:
    return "#" + blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _see(table: dict[str, tuple[int, Millis]], spec: SeriesSpec, time: Millis, key: str) -> None:
    """Write down when a value was there last; the table lies in order of these times."""
    known = table.get(key)
    if known is not None:
        if known[1] >= time:
            return
        del table[key]
    behind = next(reversed(table), None)
    table[key] = (0, time)
    if behind is not None and (table[behind][1], behind) > (time, key):
        in_order = _by_time(table)
        table.clear()
        table.update(in_order)
    _forget(table, spec)


def _by_time(table: dict[str, tuple[int, Millis]]) -> dict[str, tuple[int, Millis]]:
    return dict(sorted(table.items(), key=lambda line: (line[1][1], line[0])))


def _forget(table: dict[str, tuple[int, Millis]], spec: SeriesSpec) -> None:
    """Drop what has left the window of the newest one, and the longest gone beyond MOST_VALUES."""
    if not table:
        return
    oldest = table[next(reversed(table))][1] - spec.horizon
    while table:
        key = next(iter(table))
        if len(table) <= MOST_VALUES and (spec.ever or table[key][1] > oldest):
            return
        del table[key]
