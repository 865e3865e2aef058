"""One meaning: on one person, as columns, through time; told against a plain reading of the words."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from operator import eq, ge, gt, le, lt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.consent import granted
from duyen.model.errors import InvalidRule
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InGroup,
    InSegment,
    Not,
    Rule,
    SumIs,
    TraitIs,
)
from duyen.model.rule import Test as Is
from duyen.model.times import NEVER
from duyen.model.values import to_micros
from duyen.rules import Compiled, evaluate, find, inline, matches, passes, series_needed
from duyen.rules.compare import number_predicate
from tests.rules.strategies import Life, Told, everything, instants, lives, rules, timed


def plainly(rule: Rule, life: Life, as_of: int) -> bool:
    """The rule read word by word over the whole history, without accumulators."""
    match rule:
        case TraitIs(trait, test):
            return passes(find(life.traits, trait), test)
        case Did():
            count = len(list(happened(rule, life.history, as_of)))
            return count >= rule.at_least and (rule.at_most is None or count <= rule.at_most)
        case SumIs():
            found = [find(told, rule.of) for _, _, told in happened(rule, life.history, as_of)]
            numbers = [micros for value in found if (micros := to_micros(value)) is not None]
            if not rule.average:
                return number_predicate(rule.test)(sum(numbers))
            average = Fraction(sum(numbers), len(numbers)) if numbers else None
            return passes_number(rule.test, average)
        case ConsentIs(purpose, channel):
            return granted(life.consent, purpose, channel)
        case InGroup(where):
            return any(
                all(passes(find(values, w.property), w.test) for w in where)
                for values in life.groups.values()
            )
        case All(parts):
            return all(plainly(part, life, as_of) for part in parts)
        case AnyOf(parts):
            return any(plainly(part, life, as_of) for part in parts)
        case Not(inner):
            return not plainly(inner, life, as_of)
    raise AssertionError(rule)


COMPARE = {"is": eq, "gt": gt, "gte": ge, "lt": lt, "lte": le}


def passes_number(test: Is, micros: Fraction | None) -> bool:
    """A comparison of exact micros, or of nothing."""
    if test.operator == "is_not":
        return not passes_number(Is("is", test.operand), micros)
    bound = to_micros(test.operand)
    return micros is not None and bound is not None and COMPARE[test.operator](micros, bound)


def happened(rule: Did | SumIs, history: list[Told], as_of: int) -> Iterable[Told]:
    """The events a condition is about, within its half-open window."""
    for told in history:
        name, time, properties = told
        inside = time <= as_of and (rule.within is None or time > as_of - rule.within)
        if inside and name == rule.event and matches(rule.where, properties):
            yield told


@given(rules, lives, instants)
def test_a_document_says_what_the_words_say(rule: Rule, life: Life, as_of: int) -> None:
    assert evaluate(rule, life.whole(rule), as_of).truth == plainly(rule, life, as_of)


@given(rules, lives, st.data())
def test_truth_stays_until_until(rule: Rule, life: Life, data: st.DataObject) -> None:
    as_of = data.draw(instants)
    truth, until = evaluate(rule, life.whole(rule), as_of)
    assert until > as_of
    for probe in data.draw(st.lists(instants, min_size=10, max_size=20)):
        if as_of <= probe < until:
            assert plainly(rule, life, probe) == truth
    assert plainly(rule, life, min(until - 1, 10**15)) == truth


@given(timed, lives, instants)
def test_a_single_condition_turns_exactly_at_until(
    rule: Did | SumIs, life: Life, as_of: int
) -> None:
    truth, until = evaluate(rule, life.whole(rule), as_of)
    if until != NEVER:
        assert plainly(rule, life, until) != truth


@given(rules, lives, instants)
def test_what_a_rule_needs_suffices_from_the_newest_event_on(
    rule: Rule, life: Life, as_of: int
) -> None:
    as_of = max([as_of, *(time for _, time, _ in life.history)])
    assert evaluate(rule, life.needed(rule), as_of) == evaluate(rule, life.whole(rule), as_of)


@given(st.lists(rules, max_size=6), st.lists(lives, max_size=5), instants, st.booleans())
@settings(max_examples=200)
def test_a_batch_says_what_one_by_one_says(
    several: list[Rule], crowd: list[Life], as_of: int, trimmed: bool
) -> None:
    specs = series_needed(several) if trimmed else everything(*several)
    persons = [life.person(f"p{i}", specs) for i, life in enumerate(crowd)]
    compiled = Compiled({f"r{i}": rule for i, rule in enumerate(several)})
    truth, until = compiled.evaluate(persons, as_of)
    assert truth.shape == until.shape == (len(several), len(crowd))
    for r, rule in enumerate(several):
        for p, person in enumerate(persons):
            assert (truth[r, p], until[r, p]) == evaluate(rule, person, as_of)


def test_segments_are_put_in_their_place() -> None:
    adults, both = Did("a"), All((InSegment("adults"), Not(InSegment("adults"))))
    assert inline(both, {"adults": adults}) == All((adults, Not(adults)))


def test_an_unknown_segment_is_named_with_its_place() -> None:
    with pytest.raises(InvalidRule) as caught:
        inline(All((Did("a"), AnyOf((InSegment("gone"),)))), {})
    assert (caught.value.code, caught.value.at) == (
        "rule.unknown_segment",
        "rule.all[1].any[0].segment",
    )
    assert "gone" in caught.value.message


def test_a_circle_of_segments_is_shown() -> None:
    circle: dict[str, Rule] = {"a": Not(InSegment("b")), "b": All((InSegment("a"),))}
    with pytest.raises(InvalidRule) as caught:
        inline(InSegment("a"), circle)
    assert caught.value.code == "rule.segment_cycle"
    assert "a → b → a" in caught.value.message


def test_segments_that_double_each_other_are_refused() -> None:
    doubling: dict[str, Rule] = {"s0": Did("a")}
    for i in range(60):
        doubling[f"s{i + 1}"] = All((InSegment(f"s{i}"), InSegment(f"s{i}")))
    with pytest.raises(InvalidRule, match="levels"):
        inline(InSegment("s60"), doubling)


def test_a_long_chain_of_segments_is_refused_not_overflowing() -> None:
    chain: dict[str, Rule] = {f"s{i}": InSegment(f"s{i + 1}") for i in range(5_000)}
    with pytest.raises(InvalidRule, match="levels"):
        inline(InSegment("s0"), {**chain, "s5000": Did("a")})


def test_evaluating_a_named_segment_is_an_error_not_a_guess() -> None:
    with pytest.raises(InvalidRule, match="was not put in its place"):
        evaluate(InSegment("a"), Life({}, {}, []).whole(), 0)
    with pytest.raises(InvalidRule, match="was not put in its place"):
        Compiled({"r": InSegment("a")})
