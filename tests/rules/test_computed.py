"""Computed traits: their values word by word, and a test of one the same on a document, in a batch and on the lake."""

from __future__ import annotations

import re
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.errors import InvalidRule
from duyen.model.program import ComputedTrait
from duyen.model.rule import (
    PICKS,
    Arithmetic,
    Constant,
    Measure,
    MeasureKind,
    Named,
    Operation,
    Rule,
    SumIs,
    Term,
    TraitIs,
)
from duyen.model.rule import Test as Is
from duyen.model.times import DAY, format_time
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
    to_instant,
)
from duyen.rules.reading import is_time
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

Told = Any
"""What a trait is, plainly: a fraction of micros, an instant as an int, a value as it was told, or nothing."""


@st.composite
def measured(draw: st.DrawFn) -> Measure:
    """Of every kind."""
    kind: MeasureKind = draw(st.sampled_from(get_args(MeasureKind)))
    of = draw(st.sampled_from(PATHS)) if kind not in ("count", "days_since") else ""
    if kind in ("first", "last") and draw(st.integers(0, 3)) == 0:
        of = ""
    within = None if kind == "days_since" else draw(windows)
    return Measure(kind, draw(st.sampled_from(EVENTS)), of, draw(wheres), within)


constants = st.sampled_from([0, 1, 1_000_000, 2_500_000, -333_333, 10**17]).map(Constant)
operands = st.one_of(
    measured().filter(lambda measure: not is_time(measure)),
    constants,
    st.builds(Named, st.sampled_from(PATHS)),
)
formulas = st.recursive(
    operands,
    lambda inner: st.builds(Arithmetic, st.sampled_from(get_args(Operation)), inner, inner),
    max_leaves=5,
)
terms: st.SearchStrategy[Term] = st.one_of(measured(), measured(), formulas)


def plainly(term: Term, life: Life, as_of: int) -> Told:
    """The term read word by word over the whole history."""
    match term:
        case Constant(micros):
            return Fraction(micros)
        case Named(trait):
            return fraction(find(life.traits, trait))
        case Arithmetic(operator, left, right):
            return step(operator, number(left, life, as_of), number(right, life, as_of))
        case Measure():
            return measure_plainly(term, life, as_of)


def number(term: Term, life: Life, as_of: int) -> Fraction | None:
    """A term's value as a number that a formula can use, in whole micros."""
    told = plainly(term, life, as_of)
    if isinstance(term, Measure) and term.kind in PICKS:
        return fraction(told)
    return usable(None if told is None else Fraction(round(told)))


def fraction(value: object) -> Fraction | None:
    micros = to_micros(value)
    return None if micros is None else Fraction(micros)


def usable(micros: Fraction | None) -> Fraction | None:
    return micros if micros is not None and abs(micros) < 10**18 else None


def step(operator: str, left: Fraction | None, right: Fraction | None) -> Fraction | None:
    """One step of a formula; Python rounds fractions half to even."""
    if operator == "or":
        return right if left is None else left
    if left is None or right is None or (operator == "/" and right == 0):
        return None
    exact = {
        "+": lambda: left + right,
        "-": lambda: left - right,
        "*": lambda: left * right / 10**6,
        "/": lambda: left * 10**6 / right,
    }[operator]()
    return usable(Fraction(round(exact)))


def measure_plainly(trait: Measure, life: Life, as_of: int) -> Told:
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
    if trait.kind == "average":
        return Fraction(sum(numbers), len(numbers)) if numbers else None
    if not trait.of:
        times = [time for time, _ in told]
        return (min if trait.kind == "first" else max)(times, default=None)
    return value_plainly(trait.kind, [(t, v) for t, v in told if is_told(v)])


def is_told(value: object) -> bool:
    """Whether it is text, a number, true or false."""
    if isinstance(value, str):
        return 0 < len(value) <= 500 and "\0" not in value
    return isinstance(value, bool) or to_micros(value) is not None


def same(value: object) -> str:
    """Equal for equal values; the order of values of one instant."""
    if isinstance(value, str):
        return f"t{value}"
    return f"b{value}".lower() if isinstance(value, bool) else f"n{to_micros(value)}"


def value_plainly(kind: str, told: list[tuple[int, Any]]) -> Told:
    if kind == "unique":
        return Fraction(len({same(value) for _, value in told}) * 10**6)
    if not told:
        return None
    if kind == "first":
        return min(told, key=lambda each: (each[0], same(each[1])))[1]
    if kind == "last":
        return max(told, key=lambda each: (each[0], same(each[1])))[1]
    times = Counter(same(value) for _, value in told)
    return max(told, key=lambda each: (times[same(each[1])], each[0], same(each[1])))[1]


COMPARE = {
    "gt": Fraction.__gt__,
    "gte": Fraction.__ge__,
    "lt": Fraction.__lt__,
    "lte": Fraction.__le__,
}


def said(term: Term, test: Is, told: Told) -> bool:
    """A test of what a term is."""
    if isinstance(term, Measure) and term.kind in PICKS:
        if told is None or term.of:
            return passes(told, test)
        bound = to_instant(test.operand) or 0
        match test.operator:
            case "before":
                return bool(told < bound)
            case "after":
                return bool(told > bound)
            case _:
                return passes("there", test)
    return said_of_number(test, told)


def said_of_number(test: Is, micros: Fraction | None) -> bool:
    if micros is None:
        return passes(None, test)
    match test.operator:
        case "is_not":
            return not said_of_number(Is("is", test.operand), micros)
        case "in":
            several = test.operand if isinstance(test.operand, tuple) else ()
            return any(said_of_number(Is("is", one), micros) for one in several)
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


def meant(term: Term, test: Is) -> Rule:
    return inline(TraitIs("x", test), {}, {"x": ComputedTrait("x", "x", term)})


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


def fits(term: Term, test: Is) -> bool:
    """Whether it may be asked: a time is only before, after, or there."""
    return not is_time(term) or test.operator in ("before", "after", "exists")


asked = st.tuples(terms, small).filter(lambda pair: fits(*pair))


@given(asked, lives, instants)
@settings(max_examples=600)
def test_a_rule_reads_a_computed_trait_as_it_is(
    pair: tuple[Term, Is], life: Life, as_of: int
) -> None:
    term, test = pair
    rule = meant(term, test)
    truth, until = evaluate(rule, life.whole(rule), as_of)
    assert truth == said(term, test, plainly(term, life, as_of))
    for probe in (min(until, as_of + 20 * DAY) - 1, as_of + 1):
        if as_of <= probe < until:
            assert said(term, test, plainly(term, life, probe)) == truth


@given(asked, lives, instants)
@settings(max_examples=300)
def test_what_a_rule_needs_suffices_from_the_newest_event_on(
    pair: tuple[Term, Is], life: Life, as_of: int
) -> None:
    rule = meant(*pair)
    as_of = max([as_of, *(time for _, time, _ in life.history)])
    assert evaluate(rule, life.needed(rule), as_of) == evaluate(rule, life.whole(rule), as_of)


@given(st.lists(asked, max_size=4), st.lists(lives, max_size=4), instants)
@settings(max_examples=80, deadline=None)
def test_document_batch_and_lake_agree(
    several: list[tuple[Term, Is]], crowd: list[Life], as_of: int
) -> None:
    rules = [meant(term, test) for term, test in several]
    persons = [life.person(f"p{i}", everything(*rules)) for i, life in enumerate(crowd)]
    truth, until = Compiled({str(i): r for i, r in enumerate(rules)}).evaluate(persons, as_of)
    with lake(crowd) as ask:
        for row, rule in enumerate(rules):
            one_by_one = [evaluate(rule, person, as_of) for person in persons]
            cells = zip(truth[row].tolist(), until[row].tolist(), strict=True)
            assert list(cells) == one_by_one
            inside = [f"p{i}" for i, verdict in enumerate(one_by_one) if verdict.truth]
            assert ask(rule, as_of) == inside


@given(st.lists(terms, min_size=1, max_size=3), lives, instants, st.randoms())
@settings(max_examples=300)
def test_values_are_exact_and_any_order_gives_them(
    several: list[Term], life: Life, as_of: int, chance: Any
) -> None:
    as_of = max([as_of, *(time for _, time, _ in life.history)])
    named = {f"t{i}": term for i, term in enumerate(several)}
    specs = computed_needs(several, {})
    values = computed_values(named, life.person("p", specs), as_of)
    for id, term in named.items():
        exact, told = plainly(term, life, as_of), values.get(id)
        assert (told is None) == (exact is None)
        if exact is None:
            continue
        if isinstance(term, Measure) and term.kind in PICKS:
            assert told == (exact if term.of else format_time(exact))
            assert isinstance(told, bool) == isinstance(exact, bool)
        else:
            assert told == float(from_micros(round(exact)))
    chance.shuffle(life.history)
    assert computed_values(named, life.person("p", specs), as_of) == values


def test_a_rule_and_the_value_share_their_accumulator() -> None:
    trait = parse_computed("orders_90d", {"count": "Order Completed", "within": "90d"})
    rule = inline(TraitIs("orders_90d", Is("gte", 3)), {}, {"orders_90d": trait})
    ((_, spec),) = computed_needs([trait.term], series_needed([rule])).items()
    assert (spec.keep, spec.horizon) == (3, 90 * DAY)


def test_a_window_ends_by_itself() -> None:
    trait = parse_computed("spent", {"average": "Order", "of": "total", "within": "2d"})
    rule = inline(TraitIs("spent", Is("gte", 15)), {}, {"spent": trait})
    life = Life({}, {}, [("Order", START, {"total": 10}), ("Order", START + DAY, {"total": "20"})])
    person = life.person("p", computed_needs([trait.term], series_needed([rule])))
    assert evaluate(rule, person, START + DAY) == (True, START + 3 * DAY)
    assert computed_values({trait.id: trait.term}, person, START + DAY) == {"spent": 15}
    assert computed_values({trait.id: trait.term}, person, START + 2 * DAY) == {"spent": 20}
    assert computed_values({trait.id: trait.term}, person, START + 3 * DAY) == {}


def test_averages_compare_exactly_and_show_six_places() -> None:
    trait = parse_computed("a", {"average": "Order", "of": "total"})
    life = Life({}, {}, [("Order", START, {"total": n}) for n in (10, 10, 11, "much", None)])
    person = life.person("p", computed_needs([trait.term], {}))
    assert computed_values({trait.id: trait.term}, person, START) == {"a": 10.333333}
    for test, truth in ((Is("gt", 10.333333), True), (Is("is", 10.333333), False)):
        assert evaluate(meant(trait.term, test), person, START).truth is truth


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
        meant(trait.term, Is("gte", 1_001))
    assert isinstance(
        meant(parse_computed("x", {"sum": "a", "of": "b"}).term, Is("gte", 9e9)), SumIs
    )


def test_the_samples_of_the_page_are_traits() -> None:
    page = Path(__file__).parents[2] / "docs" / "profiles.md"
    samples = re.findall(
        r"```yaml\n# program/traits/(\w+)\.yaml[^\n]*\n(.*?)```", page.read_text(), re.S
    )
    assert len(samples) >= 8
    read = [parse_computed(id, yaml.safe_load(body)) for id, body in samples]
    kinds = {t.term.kind if isinstance(t.term, Measure) else "formula" for t in read}
    assert kinds >= {"count", "first", "last", "most_frequent", "unique", "formula"}


def test_a_sum_of_nothing_is_a_number_in_a_formula_too() -> None:
    """Law 3 where there is nothing to add up: a document and the lake take it for 0."""
    total = Measure("sum", "Product Viewed", "price")
    rule = meant(Arithmetic("+", total, Constant(2_500_000)), Is("is", 2.5))
    crowd = [
        Life({}, {}, [("Product Viewed", 1_300_000_000_000, {"city": "Huế"})]),
        Life({}, {}, []),
    ]
    as_of = 1_300_086_400_000
    with lake(crowd) as ask:
        people = [life.person(f"p{i}", everything(rule)) for i, life in enumerate(crowd)]
        assert [evaluate(rule, person, as_of).truth for person in people] == [True, True]
        assert ask(rule, as_of) == ["p0", "p1"]
