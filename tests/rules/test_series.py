"""Accumulators do not care in what order, how often split and in which halves events come."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.person import Person, Series
from duyen.model.rule import All, Did, Not, SeriesSpec, SumIs, Where
from duyen.model.rule import Test as Is
from duyen.model.times import DAY
from duyen.rules import (
    Accumulators,
    amount_of,
    covers,
    evaluate,
    insert,
    series_key,
    series_needed,
    union,
)
from tests.rules.strategies import TICKS, WINDOWS, Life, instants, lives, timed

points = st.lists(
    st.tuples(st.sampled_from(TICKS), st.integers(-3, 3) | st.integers(-(10**18), 10**18)),
    max_size=12,
)
specs = st.builds(
    SeriesSpec,
    st.just("e"),
    keep=st.integers(0, 4),
    horizon=st.sampled_from([0, *WINDOWS]),
)


def collect(told: list[tuple[int, int]], spec: SeriesSpec) -> Series:
    series = Series()
    for time, amount in told:
        insert(series, spec, time, amount)
    return series


def trimmed(told: list[tuple[int, int]], spec: SeriesSpec) -> Series:
    """What should be kept, said in one sentence of Python."""
    newest_first = sorted(told, reverse=True)
    kept = [
        point
        for place, point in enumerate(newest_first)
        if place < spec.keep or point[0] > newest_first[0][0] - spec.horizon
    ]
    return Series(len(told), sum(amount for _, amount in told), kept)


@given(points, specs, st.randoms(use_true_random=False))
def test_any_order_gives_the_same_series(
    told: list[tuple[int, int]], spec: SeriesSpec, chance: random.Random
) -> None:
    shuffled = list(told)
    chance.shuffle(shuffled)
    assert collect(shuffled, spec) == collect(told, spec) == trimmed(told, spec)


@given(points, points, points, specs)
def test_uniting_is_commutative_and_associative_and_the_same_as_adding_all(
    a: list[tuple[int, int]],
    b: list[tuple[int, int]],
    c: list[tuple[int, int]],
    spec: SeriesSpec,
) -> None:
    x, y, z = (collect(told, spec) for told in (a, b, c))
    whole = collect(a + b + c, spec)
    assert union(union(x, y, spec), z, spec) == whole
    assert union(x, union(y, z, spec), spec) == whole
    assert union(y, x, spec) == union(x, y, spec)
    assert (x, y) == (collect(a, spec), collect(b, spec)), "uniting changes neither"


@given(timed, timed, lives, instants)
def test_a_united_spec_serves_both_rules(
    one: Did | SumIs, other: Did | SumIs, life: Life, as_of: int
) -> None:
    as_of = max([as_of, *(time for _, time, _ in life.history)])
    person = life.needed(All((one, Not(other))))
    for rule in (one, other):
        assert evaluate(rule, person, as_of) == evaluate(rule, life.whole(rule), as_of)


def test_counts_keep_as_many_points_as_decide_them() -> None:
    needed = series_needed([Did("a", at_least=3, within=DAY), Did("a", at_least=0, at_most=4)])
    assert needed == {series_key("a"): SeriesSpec("a", keep=5)}


def test_sums_keep_their_longest_window() -> None:
    ever = SumIs("a", "x", Is("gt", 1))
    day, week = (SumIs("a", "x", Is("gt", 1), within=days * DAY) for days in (1, 7))
    assert series_needed([ever]) == {series_key("a", (), "x"): SeriesSpec("a", of="x")}
    assert series_needed([day, ever, week]) == {
        series_key("a", (), "x"): SeriesSpec("a", of="x", horizon=7 * DAY)
    }


def test_the_key_is_stable_and_blind_to_order() -> None:
    one, two = Where("x", Is("is", 1)), Where("y", Is("is", "b"))
    assert series_key("Order Completed", (one, two)) == series_key("Order Completed", (two, one))
    assert series_key("Order Completed") == "682eb5a74a3c2771"
    assert series_key("Order Completed", (one, two), "revenue") == "0ff40f019feff0f9"


def test_the_key_tells_apart_what_a_rule_tells_apart() -> None:
    operands: list[Any] = [1, True, "1", "true", 2, (1,), (True,), ("1",)]
    keys = {series_key("e", (Where("x", Is("is", operand)),)) for operand in operands}
    assert len(keys) == len(operands)
    assert series_key("e", (Where("x", Is("is", 1)),)) == series_key(
        "e", (Where("x", Is("is", 1.0)),)
    ), "JSON may turn one into the other on its way"


@pytest.mark.parametrize(
    ("have", "need", "enough"),
    [
        (None, SeriesSpec("a"), False),
        (SeriesSpec("a", keep=2), SeriesSpec("a", keep=2), True),
        (SeriesSpec("a", keep=2), SeriesSpec("a", keep=3), False),
        (SeriesSpec("a", keep=2), SeriesSpec("a", horizon=1), False),
    ],
)
def test_a_wider_spec_is_noticed(have: SeriesSpec | None, need: SeriesSpec, enough: bool) -> None:
    assert covers(have, need) is enough


def test_an_event_enters_only_the_series_it_matches() -> None:
    shoes = Did("Order Completed", (Where("category", Is("is", "shoes")),))
    revenue = SumIs("Order Completed", "revenue", Is("gte", 10), within=DAY)
    viewed = Did("Product Viewed")
    feed = Accumulators(series_needed([shoes, revenue, viewed]))
    person = Person("p")
    feed.add(person, "Order Completed", {"category": "shoes", "revenue": "19.90"}, 5)
    feed.add(person, "Order Completed", {"category": "hats", "revenue": 1}, 7)
    feed.add(person, "Cart Viewed", {}, 9)
    assert person.series == {
        series_key("Order Completed", shoes.where): Series(1, 0, [(5, 0)]),
        series_key("Order Completed", (), "revenue"): Series(
            2, 20_900_000, [(7, 1_000_000), (5, 19_900_000)]
        ),
    }


def test_what_is_no_number_adds_nothing() -> None:
    assert [amount_of({"x": value}, "x") for value in ("1.5", 2, True, "many", None, [3])] == [
        1_500_000,
        2_000_000,
        0,
        0,
        0,
        0,
    ]
    assert amount_of({"a": {"b": "0.000001"}}, "a.b") == 1
    assert amount_of({"": 5}, "") == 0
