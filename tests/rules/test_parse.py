"""What a person writes becomes the tree, or one sentence that says where and why not."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.errors import InvalidRule
from duyen.model.rule import (
    All,
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
from duyen.model.times import DAY, HOUR
from duyen.rules import evaluate, parse_rule, parse_where, to_data, where_to_data
from duyen.rules.parse import KINDS, MAX_WITHIN, OPERATORS, known_keys
from tests.rules.strategies import Life, has_words, rules

GOLDEN = """
all:
  - trait: address.city
    is: Hà Nội
  - did: Order Completed
    at_least: 2
    at_most: 5
    within: 90d
    where: {total: {gte: "100", lt: 500}, category: shoes}
  - did_not: Order Completed
    within: 1d 12h
  - any: []
  - sum: Order Completed
    of: revenue
    within: 90d
    gte: "500"
  - not: {segment: staff}
  - consent: marketing
  - trait: born
    before: 2000-01-31
  - trait: tier
    in: [gold, 3, true]
  - group: {plan: business, employees: {gte: 100}}
"""


def test_the_golden_rule() -> None:
    assert parse_rule(yaml.safe_load(GOLDEN)) == All(
        (
            TraitIs("address.city", Is("is", "Hà Nội")),
            Did(
                "Order Completed",
                (
                    Where("category", Is("is", "shoes")),
                    Where("total", Is("gte", "100")),
                    Where("total", Is("lt", 500)),
                ),
                within=90 * DAY,
                at_least=2,
                at_most=5,
            ),
            Did("Order Completed", within=36 * HOUR, at_least=0, at_most=0),
            parse_rule({"any": []}),
            SumIs("Order Completed", "revenue", Is("gte", "500"), within=90 * DAY),
            Not(InSegment("staff")),
            ConsentIs("marketing", "email"),
            TraitIs("born", Is("before", "2000-01-31")),
            TraitIs("tier", Is("in", ("gold", 3, True))),
            InGroup((Where("employees", Is("gte", 100)), Where("plan", Is("is", "business")))),
        )
    )


def test_the_golden_rule_is_written_back_as_it_reads() -> None:
    rule = parse_rule(yaml.safe_load(GOLDEN))
    data = to_data(rule)
    assert parse_rule(yaml.safe_load(yaml.safe_dump(data))) == rule
    assert data["all"][2] == {"did_not": "Order Completed", "within": "36h"}
    assert data["all"][1]["where"] == {"total": {"gte": "100", "lt": 500}, "category": "shoes"}


WRONG: list[tuple[Any, str, str, str]] = [
    ("x", "rule", "rule.not_a_map", "found “x”"),
    (None, "rule", "rule.not_a_map", "found nothing"),
    ({}, "rule", "rule.empty", "write one of all, any"),
    ({"treit": "x"}, "rule", "rule.unknown_key", "did you mean “trait”?"),
    ({"did-not": "x"}, "rule", "rule.unknown_key", "did you mean “did_not”?"),
    ({"zzz": 1}, "rule", "rule.unknown_key", "write one of all, any, not"),
    ({3: 1}, "rule", "rule.unknown_key", "the key 3"),
    ({"trait": "a", "did": "b"}, "rule", "rule.two_kinds", "“trait” and “did”"),
    ({"all": {"trait": "a"}}, "rule.all", "rule.not_a_list", "found a map"),
    ({"not": [1]}, "rule.not", "rule.not_a_map", "found a list"),
    ({"trait": "a"}, "rule", "rule.no_operator", "Say what to compare with"),
    ({"trait": "a", "gte": 1, "lt": 2}, "rule", "rule.two_operators", "gte and lt"),
    ({"trait": "a", "gtee": 1}, "rule", "rule.unknown_key", "did you mean “gte”?"),
    ({"trait": "", "is": 1}, "rule.trait", "rule.bad_name", "name of the trait"),
    ({"trait": "a..b", "is": 1}, "rule.trait", "rule.bad_name", "address.city"),
    ({"trait": "*", "is": 1}, "rule.trait", "rule.bad_name", "“*”"),
    ({"trait": "a", "is": None}, "rule.is", "rule.bad_operand", "exists: false"),
    ({"trait": "a", "is": [1]}, "rule.is", "rule.bad_operand", "found a list"),
    ({"trait": "a", "is": 10**12}, "rule.is", "rule.bad_operand", "below 1,000,000,000,000"),
    ({"trait": "a", "is": float("nan")}, "rule.is", "rule.bad_operand", "found nan"),
    (
        {"trait": "a", "gt": True},
        "rule.gt",
        "rule.bad_operand",
        "A number belongs here; found true",
    ),
    ({"trait": "a", "gt": "many"}, "rule.gt", "rule.bad_operand", "found “many”"),
    ({"trait": "a", "in": "b"}, "rule.in", "rule.bad_operand", "a list of values"),
    ({"trait": "a", "in": [1, []]}, "rule.in[1]", "rule.bad_operand", "found a list"),
    ({"trait": "a", "in": list(range(501))}, "rule.in", "rule.too_large", "at most 500"),
    ({"trait": "a", "exists": "yes"}, "rule.exists", "rule.bad_operand", "true or false"),
    ({"trait": "a", "contains": 3}, "rule.contains", "rule.bad_operand", "takes text"),
    ({"trait": "a", "before": "soon"}, "rule.before", "rule.bad_operand", "2026-01-31"),
    ({"trait": "a", "is": "x" * 1001}, "rule.is", "rule.too_large", "found 1,001"),
    ({"trait": "a", "is": "\ud800"}, "rule.is", "rule.bad_operand", "cannot be kept"),
    ({"did": 5}, "rule.did", "rule.bad_name", "name of the event"),
    ({"did": "a", "at_least": "2"}, "rule.at_least", "rule.bad_count", "whole number"),
    ({"did": "a", "at_least": True}, "rule.at_least", "rule.bad_count", "found true"),
    ({"did": "a", "at_least": 0}, "rule.at_least", "rule.always", "add at_most"),
    ({"did": "a", "at_most": 0}, "rule.at_most", "rule.impossible", "did_not: a"),
    ({"did": "a", "within": 90}, "rule.within", "rule.bad_duration", "36h or 90d"),
    ({"did": "a", "within": "90"}, "rule.within", "rule.bad_duration", "“90” is not"),
    ({"did": "a", "within": "0d"}, "rule.within", "rule.bad_duration", "longer than nothing"),
    ({"did": "a", "within": "36501d"}, "rule.within", "rule.bad_duration", "at most 36500d"),
    ({"did": "a", "withn": "1d"}, "rule", "rule.unknown_key", "did you mean “within”?"),
    ({"did_not": "a", "at_least": 2}, "rule", "rule.unknown_key", "within, where or quality"),
    ({"did": "a", "where": []}, "rule.where", "rule.not_a_map", "found a list"),
    ({"did": "a", "where": {"p": [1]}}, "rule.where.p", "rule.bad_operand", "in: [a, b]"),
    ({"did": "a", "where": {"p": {}}}, "rule.where.p", "rule.empty", "Write an operator"),
    ({"did": "a", "where": {"p": {"gr": 1}}}, "rule.where.p", "rule.unknown_operator", "“gr”"),
    ({"did": "a", "where": {"p": None}}, "rule.where.p", "rule.bad_operand", "exists: false"),
    ({"did": "a", "where": {"p": {"gt": "x"}}}, "rule.where.p.gt", "rule.bad_operand", "“x”"),
    ({"sum": "a", "gte": 1}, "rule", "rule.missing", "of: revenue"),
    ({"sum": "a", "of": "b"}, "rule", "rule.no_operator", "Say what"),
    ({"sum": "a", "of": "b", "is": True}, "rule.is", "rule.bad_operand", "A number"),
    ({"sum": "a", "of": "b", "contains": "1"}, "rule", "rule.unknown_key", "“contains”"),
    ({"segment": "a", "is": 1}, "rule", "rule.unknown_key", "nothing can"),
    ({"group": "acme"}, "rule.group", "rule.not_a_map", "from trait to its test"),
    ({"group": {"plan": [1]}}, "rule.group.plan", "rule.bad_operand", "in: [a, b]"),
    ({"group": {"": 1}}, "rule.group", "rule.bad_name", "name of the trait"),
    (
        {"group": {"trait": "plan", "is": "pro"}},
        "rule.group.trait",
        "rule.unknown_key",
        "group: {plan: …}",
    ),
    ({"group": {}, "plan": "pro"}, "rule", "rule.unknown_key", "nothing can"),
    ({"consent": "a", "channel": ""}, "rule.channel", "rule.bad_name", "channel"),
]


@pytest.mark.parametrize(("raw", "at", "code", "says"), WRONG)
def test_what_is_wrong_is_said_where_it_is(raw: Any, at: str, code: str, says: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        parse_rule(raw)
    assert (caught.value.code, caught.value.at) == (code, at)
    assert says in caught.value.message
    assert "!" not in caught.value.message


def test_places_lead_through_the_whole_tree() -> None:
    wrong = {"all": [{"trait": "a", "is": 1}, {"did": "b", "where": {"total": {"gte": "x"}}}]}
    with pytest.raises(InvalidRule) as caught:
        parse_rule(wrong, "segment.rule")
    assert caught.value.at == "segment.rule.all[1].where.total.gte"


def test_twenty_levels_are_allowed_and_no_more() -> None:
    deep: dict[str, Any] = {"did": "a"}
    for _ in range(19):
        deep = {"not": deep}
    parse_rule(deep)
    with pytest.raises(InvalidRule, match="deeper than 20 levels"):
        parse_rule({"not": deep})


def test_a_rule_that_holds_itself_is_too_deep() -> None:
    itself: dict[str, Any] = {}
    itself["not"] = itself
    with pytest.raises(InvalidRule, match="deeper than 20 levels"):
        parse_rule(itself)


def test_five_hundred_parts_are_allowed_and_no_more() -> None:
    part = {"did": "a", "where": {"b": 1}}
    parse_rule({"all": [part] * 249})
    with pytest.raises(InvalidRule, match="more than 500 parts"):
        parse_rule({"all": [part] * 250})


def test_where_of_a_journey() -> None:
    assert parse_where({"category": {"is": "shoes"}}) == (Where("category", Is("is", "shoes")),)
    with pytest.raises(InvalidRule) as caught:
        parse_where({"category": {"iz": "shoes"}}, "entry.where")
    assert caught.value.at == "entry.where.category"
    assert "did you mean “is”?" in caught.value.message


def test_a_number_too_long_to_print_is_refused() -> None:
    for raw in (10**5000, {10**5000: 1}, {"trait": "a", "is": 10**5000}):
        with pytest.raises(InvalidRule, match="a very long number"):
            parse_rule(raw)


def test_text_is_read_in_one_normal_form() -> None:
    decomposed = "Ha\u0300 No\u0323\u0302i"
    assert parse_rule({"trait": "city", "is": decomposed}) == TraitIs("city", Is("is", "Hà Nội"))


def test_true_and_one_are_two_rules() -> None:
    life = Life({"vip": True}, {}, [])
    assert evaluate(parse_rule({"trait": "vip", "is": True}), life.whole(), 0).truth
    assert not evaluate(parse_rule({"trait": "vip", "is": 1}), life.whole(), 0).truth


def test_every_window_can_be_written_and_read() -> None:
    for within in (1, 999, 1001, DAY + 1, MAX_WITHIN - 1, MAX_WITHIN):
        rule = Did("a", within=within)
        assert parse_rule(to_data(rule)) == rule


def test_every_kind_and_operator_is_known() -> None:
    assert set(known_keys()) == set(KINDS)
    assert set(known_keys()["trait"]) == set(OPERATORS)


@given(rules.filter(has_words))
def test_a_rule_survives_being_written(rule: Rule) -> None:
    written = to_data(rule)
    again = parse_rule(written)
    assert again == rule
    assert repr(again) == repr(rule), "1 and true are equal to Python and not to a rule"
    assert parse_rule(yaml.safe_load(yaml.safe_dump(written, allow_unicode=True))) == rule


@given(rules)
def test_comparisons_survive_being_written(rule: Rule) -> None:
    if isinstance(rule, Did):
        assert parse_where(where_to_data(rule.where)) == rule.where


words = st.sampled_from(
    [*KINDS, *OPERATORS, "of", "within", "where", "channel", "at_least", "at_most", "90d", "total"]
)
atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=3)
    | st.dates()
    | st.datetimes()
    | words
    | st.just(10**4000)
    | st.just(-(10**4000))
)
junk = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(words | atoms, inner, max_size=4)
    ),
    max_leaves=20,
)
nearly = st.dictionaries(words, junk | words, max_size=3)


@given(junk | nearly)
@settings(max_examples=500)
def test_junk_is_refused_and_nothing_else_happens(raw: Any) -> None:
    try:
        rule = parse_rule(raw)
    except InvalidRule as error:
        refusal = error
    else:
        assert parse_rule(to_data(rule)) == rule
        return
    assert refusal.at.startswith("rule")
    assert refusal.code.startswith("rule.")
    assert len(refusal.message) < 400
