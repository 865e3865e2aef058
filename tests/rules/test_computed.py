"""Computed traits: their values word by word, and a test of one the same on a document, in a batch and on the lake."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.errors import InvalidRule
from duyen.model.program import ComputedTrait
from duyen.model.rule import Rule, SumIs, TraitIs
from duyen.model.rule import Test as Is
from duyen.model.times import DAY
from duyen.model.values import from_micros, to_micros
from duyen.rules import (
    Compiled,
    computed_needs,
    computed_values,
    evaluate,
    find,
    inline,
    matches,
    parse_computed,
    passes,
    series_needed,
)
from tests.rules.lake import lake
from tests.rules.strategies import (
    EVENTS,
    PATHS,
    START,
    Life,
    everything,
    instants,
    lives,
    tests,
    wheres,
    windows,
)

Micros = Fraction | None


@st.composite
def traits(draw: st.DrawFn) -> ComputedTrait:
    """Of every kind."""
    kind = draw(st.sampled_from(["count", "sum", "average", "days_since"]))
    return ComputedTrait(
        "x",
        "x",
        kind,  # type: ignore[arg-type]  # one of them
        draw(st.sampled_from(EVENTS)),
        draw(st.sampled_from(PATHS)) if kind in ("sum", "average") else "",
        draw(wheres),
        None if kind == "days_since" else draw(windows),
    )


def plainly(trait: ComputedTrait, life: Life, as_of: int) -> Micros:
    """The trait read word by word over the whole history: exact micros, or nothing."""
    told = [
        (time, find(properties, trait.of) if trait.of else None)
        for name, time, properties in life.history
        if name == trait.event and time <= as_of and matches(trait.where, properties)
        if trait.within is None or time > as_of - trait.within
    ]
    if trait.kind == "count":
        return Fraction(len(told) * 10**6)
    if trait.kind == "days_since":
        newest = max((time for time, _ in told), default=None)
        return None if newest is None else Fraction((as_of - newest) // DAY * 10**6)
    numbers = [micros for _, value in told if (micros := to_micros(value)) is not None]
    if trait.kind == "sum":
        return Fraction(sum(numbers))
    return Fraction(sum(numbers), len(numbers)) if numbers else None


COMPARE = {
    "gt": Fraction.__gt__,
    "gte": Fraction.__ge__,
    "lt": Fraction.__lt__,
    "lte": Fraction.__le__,
}


def said(test: Is, micros: Micros) -> bool:
    """A test of an exact number, or of nothing."""
    if micros is None:
        return passes(None, test)
    match test.operator:
        case "is_not":
            return not said(Is("is", test.operand), micros)
        case "in":
            operands = test.operand if isinstance(test.operand, tuple) else ()
            return any(said(Is("is", one), micros) for one in operands)
        case "is":
            text = isinstance(test.operand, str)
            return not text and to_micros(test.operand) == micros
        case "exists":
            return bool(test.operand)
        case "gt" | "gte" | "lt" | "lte":
            bound = to_micros(test.operand)
            return bound is not None and COMPARE[test.operator](micros, Fraction(bound))
        case _:
            return False


def meant(trait: ComputedTrait, test: Is) -> Rule:
    return inline(TraitIs("x", test), {}, {"x": trait})


small = st.one_of(
    tests,
    st.builds(
        Is,
        st.sampled_from(["is", "is_not", "gt", "gte", "lt", "lte"]),
        st.sampled_from([-1, 0, 1, 2, 0.5, 1.5, 50, 99.5]),
    ),
).filter(lambda test: not _too_often(test))


def _too_often(test: Is) -> bool:
    operands = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    return any((to_micros(one) or 0) > 999 * 10**6 for one in operands)


@given(traits(), small, lives, instants)
@settings(max_examples=300)
def test_a_rule_reads_a_computed_trait_as_it_is(
    trait: ComputedTrait, test: Is, life: Life, as_of: int
) -> None:
    rule = meant(trait, test)
    truth, until = evaluate(rule, life.whole(rule), as_of)
    assert truth == said(test, plainly(trait, life, as_of))
    for probe in (min(until, as_of + 20 * DAY) - 1, as_of + 1):
        if as_of <= probe < until:
            assert said(test, plainly(trait, life, probe)) == truth


@given(st.lists(st.tuples(traits(), small), max_size=4), st.lists(lives, max_size=4), instants)
@settings(max_examples=60, deadline=None)
def test_document_batch_and_lake_agree(
    asked: list[tuple[ComputedTrait, Is]], crowd: list[Life], as_of: int
) -> None:
    rules = [meant(trait, test) for trait, test in asked]
    persons = [life.person(f"p{i}", everything(*rules)) for i, life in enumerate(crowd)]
    truth, until = Compiled({str(i): r for i, r in enumerate(rules)}).evaluate(persons, as_of)
    with lake(crowd) as ask:
        for row, rule in enumerate(rules):
            one_by_one = [evaluate(rule, person, as_of) for person in persons]
            cells = zip(truth[row].tolist(), until[row].tolist(), strict=True)
            assert list(cells) == one_by_one
            inside = [f"p{i}" for i, verdict in enumerate(one_by_one) if verdict.truth]
            assert ask(rule, as_of) == inside


@given(st.lists(traits(), min_size=1, max_size=3), lives, instants, st.randoms())
def test_values_are_exact_and_any_order_gives_them(
    several: list[ComputedTrait], life: Life, as_of: int, chance: Any
) -> None:
    as_of = max([as_of, *(time for _, time, _ in life.history)])
    named = [
        ComputedTrait(f"t{i}", "", t.kind, t.event, t.of, t.where, t.within)
        for i, t in enumerate(several)
    ]
    specs = computed_needs(named, {})
    values = computed_values(named, life.person("p", specs), as_of)
    for trait in named:
        exact = plainly(trait, life, as_of)
        told = values.get(trait.id)
        assert (told is None) == (exact is None)
        if exact is not None and told is not None:
            assert told == float(from_micros(round(exact)))
    chance.shuffle(life.history)
    assert computed_values(named, life.person("p", specs), as_of) == values


def test_a_rule_and_the_value_share_their_accumulator() -> None:
    trait = parse_computed("orders_90d", {"count": "Order Completed", "within": "90d"})
    rule = inline(TraitIs("orders_90d", Is("gte", 3)), {}, {"orders_90d": trait})
    ((_, spec),) = computed_needs([trait], series_needed([rule])).items()
    assert (spec.keep, spec.horizon) == (3, 90 * DAY)


def test_a_window_ends_by_itself() -> None:
    trait = parse_computed("spent", {"average": "Order", "of": "total", "within": "2d"})
    rule = inline(TraitIs("spent", Is("gte", 15)), {}, {"spent": trait})
    life = Life({}, {}, [("Order", START, {"total": 10}), ("Order", START + DAY, {"total": "20"})])
    person = life.person("p", computed_needs([trait], series_needed([rule])))
    assert evaluate(rule, person, START + DAY) == (True, START + 3 * DAY)
    assert computed_values([trait], person, START + DAY) == {"spent": 15}
    assert computed_values([trait], person, START + 2 * DAY) == {"spent": 20}
    assert computed_values([trait], person, START + 3 * DAY) == {}


def test_averages_compare_exactly_and_show_six_places() -> None:
    trait = parse_computed("a", {"average": "Order", "of": "total"})
    life = Life({}, {}, [("Order", START, {"total": n}) for n in (10, 10, 11, "much", None)])
    person = life.person("p", computed_needs([trait], {}))
    assert computed_values([trait], person, START) == {"a": 10.333333}
    for test, truth in ((Is("gt", 10.333333), True), (Is("is", 10.333333), False)):
        assert evaluate(meant_of(trait, test), person, START).truth is truth


def meant_of(trait: ComputedTrait, test: Is) -> Rule:
    return inline(TraitIs(trait.id, test), {}, {trait.id: trait})


def test_what_lies_inside_a_number_is_missing() -> None:
    trait = parse_computed("a", {"sum": "Order", "of": "total"})
    inside = inline(TraitIs("a.b", Is("exists", False)), {}, {"a": trait})
    assert evaluate(inside, Life({}, {}, []).whole(inside), START).truth


@pytest.mark.parametrize(
    ("id", "raw", "code"),
    [
        ("x", {}, "trait.kind"),
        ("x", {"count": "a", "sum": "a", "of": "b"}, "trait.kind"),
        ("x", {"sum": "a"}, "trait.of"),
        ("x", {"days_since": "a", "within": "1d"}, "trait.unknown_field"),
        ("x", {"count": "a", "of": "b"}, "trait.unknown_field"),
        ("x", {"count": ""}, "rule.bad_name"),
        ("x", {"count": "a", "within": 5}, "rule.bad_duration"),
        ("x", {"count": "a", "where": {"b": {"like": 1}}}, "rule.unknown_operator"),
        ("x-y", {"count": "a"}, "trait.id"),
        ("9x", {"count": "a"}, "trait.id"),
    ],
)
def test_a_mistake_is_named(id: str, raw: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        parse_computed(id, raw)
    assert caught.value.code == code


def test_a_count_is_compared_with_what_a_head_can_hold() -> None:
    trait = parse_computed("x", {"count": "a"})
    with pytest.raises(InvalidRule, match="1,000"):
        meant(trait, Is("gte", 1_001))
    assert isinstance(meant(parse_computed("x", {"sum": "a", "of": "b"}), Is("gte", 9e9)), SumIs)
