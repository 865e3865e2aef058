"""The lake says what the documents say: DuckDB through Ibis, in process, on the columns of `twins`."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.consent import Statement
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
    Where,
)
from duyen.model.rule import Test as Is
from duyen.rules import evaluate
from duyen.rules.query import to_query
from tests.rules.lake import lake
from tests.rules.strategies import START, Life, instants, lives, rules


def members(rule: Rule, crowd: list[Life], as_of: int) -> list[str]:
    """One question to one lake."""
    with lake(crowd) as ask:
        return ask(rule, as_of)


@given(
    st.lists(rules, min_size=1, max_size=3),
    st.lists(lives, min_size=1, max_size=6),
    st.lists(instants, min_size=1, max_size=2),
)
@settings(max_examples=60)
def test_the_lake_says_what_the_documents_say(
    several: list[Rule], crowd: list[Life], moments: list[int]
) -> None:
    with lake(crowd) as ask:
        for rule in several:
            persons = [life.whole(rule) for life in crowd]
            for as_of in moments:
                told = [evaluate(rule, person, as_of).truth for person in persons]
                assert ask(rule, as_of) == [f"p{i}" for i, holds in enumerate(told) if holds]


def test_people_without_events_are_counted_as_nothing() -> None:
    crowd = [Life({}, {}, []), Life({}, {}, [("a", START, {"x": 5})])]
    assert members(Did("a", at_least=0, at_most=0), crowd, START) == ["p0"]
    assert members(SumIs("a", "x", Is("lt", 1)), crowd, START) == ["p0"]


def test_sums_larger_than_any_int64_are_exact() -> None:
    large = [("a", START + i, {"x": 999_999_999_999}) for i in range(100)]
    crowd = [Life({}, {}, large), Life({}, {}, [("a", START, {"x": "0.1"})] * 3)]
    assert members(SumIs("a", "x", Is("gt", 999_999_999_999)), crowd, START + 100) == ["p0"]
    assert members(SumIs("a", "x", Is("is", "0.3")), crowd, START) == ["p1"]


def test_names_with_odd_characters_are_only_names() -> None:
    names = ["it's", 'a"b', "a\\b", "$x", "/y", "0", "đ", "a b", "[1]", "**", "@", "🙂"]
    for name in names:
        crowd = [Life({name: 1}, {}, []), Life({f"{name} ": 1}, {}, [])]
        assert members(TraitIs(name, Is("is", 1)), crowd, START) == ["p0"], name


def test_text_cannot_leave_its_quotes() -> None:
    crowd = [Life({"a": "x"}, {}, [])]
    for text in ("' or 1=1 --", "\\' or true", '"; drop table people; --'):
        assert members(TraitIs("a", Is("is", text)), crowd, START) == []
        assert members(Did("a", (Where(text, Is("contains", text)),)), crowd, START) == []


@pytest.mark.parametrize(
    "test",
    [
        Is("gt", 0),
        Is("is", 1),
        Is("contains", "b"),
        Is("starts_with", "{"),
        Is("after", "1990-01-01"),
        Is("in", (1, "b")),
    ],
)
def test_a_map_where_a_value_is_expected_is_compared_with_nothing(test: Is) -> None:
    """One event of another shape: the query neither fails nor reads the map's own text."""
    inside = {"b": {"n": 1, "when": "2024-01-01", "text": "abc"}}
    crowd = [Life({"a": inside}, {}, [("E", START, {"a": inside})])]
    assert members(TraitIs("a", test), crowd, START) == []
    assert members(Did("E", (Where("a", test),)), crowd, START) == []
    assert members(SumIs("E", "a", Is("is", 0)), crowd, START) == ["p0"]


def test_a_long_rule_is_not_a_deep_query() -> None:
    wide = AnyOf(tuple(TraitIs("a", Is("is", i)) for i in range(490)))
    assert members(wide, [Life({"a": 489}, {}, [])], START) == ["p0"]


def test_consent_denied_anywhere_that_covers_it_is_denied() -> None:
    yes, no = Statement("granted", 0, "m"), Statement("denied", 0, "m")
    crowd = [
        Life({}, {"default/marketing/*": yes}, []),
        Life({}, {"default/marketing/*": yes, "*/*/email": no}, []),
        Life({}, {}, []),
    ]
    rule = All((TraitIs("a", Is("exists", False)), ConsentIs("marketing", "email")))
    assert members(rule, crowd, START) == ["p0"]


def test_a_segment_must_be_in_its_place() -> None:
    with pytest.raises(InvalidRule, match="was not put in its place"):
        members(InSegment("a"), [], START)


def test_one_and_the_same_group_passes_all() -> None:
    both = {"a": {"plan": "pro", "size": 5}, "b": {"plan": "free", "size": 500}}
    one = {"c": {"plan": "pro", "size": 500}}
    crowd = [Life({}, {}, [], both), Life({}, {}, [], one), Life({}, {}, [])]
    where = (Where("plan", Is("is", "pro")), Where("size", Is("gte", 100)))
    for rule, holds in (
        (InGroup(where), ["p1"]),
        (All((InGroup(where[:1]), InGroup(where[1:]))), ["p0", "p1"]),
        (InGroup(), ["p0", "p1"]),
        (Not(InGroup()), ["p2"]),
        (InGroup((Where("id", Is("in", ("a", "c"))), where[1])), ["p1"]),
        (InGroup((Where("plan", Is("is_not", "pro")),)), ["p0"]),
    ):
        assert members(rule, crowd, START) == holds, rule
        documents = [life.whole(rule) for life in crowd]
        assert [f"p{n}" for n, d in enumerate(documents) if evaluate(rule, d, START).truth] == holds


def test_a_rule_that_reads_groups_needs_their_table() -> None:
    with pytest.raises(ValueError, match="needs the table of groups"):
        to_query(InGroup(), None, None, START)
