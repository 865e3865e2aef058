"""Accumulators of values: any order, any split in two and any cap give the same, and what they drop nobody asks for."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.person import Person, Values
from duyen.model.rule import Measure, SeriesSpec
from duyen.model.times import DAY
from duyen.rules import computed_values, values
from duyen.rules.reading import LOOK, reading
from duyen.rules.series import Accumulators, key_of_spec, spec_of_measure
from duyen.rules.values import (
    LONGEST,
    MOST_VALUES,
    add_value,
    union_values,
    value_key,
    value_of,
)

LONG = "t" + "x" * 30
points = st.tuples(st.integers(0, 6), st.sampled_from(["ta", "tb", "n1000000", "btrue", LONG]))
specs = st.builds(
    SeriesSpec,
    st.just("e"),
    of=st.just("x"),
    pick=st.sampled_from(["first", "last", "most_frequent", "unique"]),
    keep=st.integers(0, 2),
    horizon=st.integers(0, 4),
    ever=st.booleans(),
)


@pytest.fixture(autouse=True, params=[3, MOST_VALUES], ids=["full", "roomy"])
def cap(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a table that is soon full, and with one that never is."""
    monkeypatch.setattr(values, "MOST_VALUES", request.param)


def collect(told: list[tuple[int, str]], spec: SeriesSpec) -> Values:
    found = Values()
    for time, key in told:
        add_value(found, spec, time, key)
    return found


@given(st.lists(points, max_size=12), specs, st.randoms(use_true_random=False))
def test_order_does_not_matter(
    told: list[tuple[int, str]], spec: SeriesSpec, chance: random.Random
) -> None:
    straight = collect(told, spec)
    chance.shuffle(told)
    assert collect(told, spec) == straight


@given(st.lists(points, max_size=8), st.lists(points, max_size=8), specs)
def test_uniting_is_adding(
    one: list[tuple[int, str]], other: list[tuple[int, str]], spec: SeriesSpec
) -> None:
    both = union_values(collect(one, spec), collect(other, spec), spec)
    assert both == collect(one + other, spec)
    assert union_values(collect(other, spec), collect(one, spec), spec) == both


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("Huế", "tHuế"),
        ("1", "t1"),
        (1, "n1000000"),
        (1.0, "n1000000"),
        ("19.90", "t19.90"),
        (0.1, "n100000"),
        (True, "btrue"),
        (False, "bfalse"),
        ("x" * LONGEST, "t" + "x" * LONGEST),
        ("x" * (LONGEST + 1), None),
        ("", None),
        ("a\0b", None),
        (None, None),
        ([1], None),
        ({"y": 1}, None),
        (10**12, None),
    ],
    ids=repr,
)
def test_a_value_is_known_by_its_key(value: Any, key: str | None) -> None:
    assert value_key({"x": value}, "x") == key
    if key is not None:
        assert value_of(key) == value
        assert isinstance(value_of(key), bool) == isinstance(value, bool)


def person(told: list[tuple[int, Any]], *measures: Measure) -> Person:
    """A document that keeps what the measures need and no more."""
    needed = [spec_of_measure(measure) for measure in measures]
    feed, found = Accumulators({key_of_spec(spec): spec for spec in needed}), Person("p")
    for time, value in told:
        feed.add(found, "e", {"x": value}, time)
    return found


def test_what_a_head_keeps_is_bounded() -> None:
    told = [(at, f"v{at}") for at in range(MOST_VALUES + 500)]
    ever = {kind: Measure(kind, "e", "x") for kind in ("first", "last", "most_frequent", "unique")}
    found = person(told, *ever.values())
    kept = {
        spec: found.values[key_of_spec(spec_of_measure(measure))] for spec, measure in ever.items()
    }
    assert kept["first"].oldest == [(0, "tv0")]
    assert not kept["first"].points
    assert kept["last"].points == [(1499, "tv1499")]
    assert kept["most_frequent"].many
    assert not kept["most_frequent"].table
    assert len(kept["unique"].table) == values.MOST_VALUES
    if values.MOST_VALUES == MOST_VALUES:
        shown = computed_values(ever, found, 2_000)
        assert shown == {"first": "v0", "last": "v1499", "unique": MOST_VALUES}


def test_of_the_most_frequent_the_latest_counts() -> None:
    most = Measure("most_frequent", "e", "x")
    assert reading(most, person([(1, "a"), (2, "b"), (3, "a"), (4, "b")], most), 9).value == "b"
    assert reading(most, person([(1, "a"), (4, "b"), (3, "a"), (2, "b")], most), 9).value == "b"
    assert reading(most, person([(1, 1), (2, "1"), (3, 1.0)], most), 9).value == 1


def test_values_of_a_window_change_as_it_slides() -> None:
    """What changes by time alone is told beforehand: nobody polls."""
    first, most, unique = (
        Measure(kind, "e", "x", (), 2 * DAY) for kind in ("first", "most_frequent", "unique")
    )
    told = [(0, "a"), (1, "a"), (DAY, "b"), (DAY + 1, "c")]
    found = person(told, first, most, unique)
    seen = []
    for measure in (first, most, unique):
        at = DAY + 1
        steps: list[tuple[int, Any]] = []
        for _ in range(LOOK):
            value, until = reading(measure, found, at)
            if not steps or steps[-1][1] != value:
                steps.append((at, value))
            if until > 10 * DAY:
                break
            at = until
        seen.append(steps)
    assert seen == [
        [(DAY + 1, "a"), (2 * DAY + 1, "b"), (3 * DAY, "c"), (3 * DAY + 1, None)],
        [(DAY + 1, "a"), (2 * DAY, "c"), (3 * DAY + 1, None)],
        [
            (DAY + 1, 3_000_000),
            (2 * DAY + 1, 2_000_000),
            (3 * DAY, 1_000_000),
            (3 * DAY + 1, 0),
        ],
    ]
