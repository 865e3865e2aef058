"""What the page tells of the moment: bounded, read by `when`, recommenders and texts, and logged."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.decide import Context, Rulebook, check, read_context
from duyen.decide.context import MAX_BYTES, MAX_DEPTH, MAX_ITEMS
from duyen.decide.reasons import read
from duyen.model.catalogue import Item, Placement
from duyen.model.consent import Statement
from duyen.model.decision import Decision
from duyen.model.errors import InvalidInput, InvalidRule
from duyen.model.event import Event
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.rules import parse_where
from tests.decide.shop import (
    HOME,
    NOW,
    USER,
    Shop,
    Suggestion,
    ask,
    event,
    offer,
    person,
    program,
)

SHELF = Placement("shelf", fill="items", recommender="bought_together", limit=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


def nested(depth: int) -> dict[str, Any]:
    """Maps in one another."""
    return {"a": nested(depth - 1)} if depth > 1 else {"a": 1}


# Reading


def test_items_are_told_as_ids_or_as_maps() -> None:
    told = {"product": {"product_id": "tea", "category": "Trà"}, "items": ["cup", {"id": 7}, "tea"]}
    context = read_context(told)
    assert context.items == ("tea", "cup", "7")
    assert context.data == told


@pytest.mark.parametrize(
    ("told", "code", "at"),
    [
        (nested(MAX_DEPTH + 1), "context.too_deep", "context"),
        ({"a": "x" * MAX_BYTES}, "context.too_large", "context"),
        ({"items": ["i"] * (MAX_ITEMS + 1)}, "context.items", "context.items"),
        ({"items": "tea"}, "context.items", "context.items"),
        ({"items": ["tea", {"name": "x"}]}, "context.item", "context.items[1]"),
        ({"product": True}, "context.item", "context.product"),
        ({"product": ""}, "context.item", "context.product"),
        ({"product": "x" * 201}, "context.item", "context.product"),
    ],
)
def test_what_is_refused(told: dict[str, Any], code: str, at: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_context(told)
    assert (refused.value.code, refused.value.at) == (code, at)


def test_what_is_just_small_enough() -> None:
    assert read_context(nested(MAX_DEPTH)).data == nested(MAX_DEPTH)
    assert len(read_context({"items": [f"i{n}" for n in range(MAX_ITEMS)]}).items) == MAX_ITEMS


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_whatever_is_told_is_read_or_refused(told: dict[str, Any]) -> None:
    try:
        context = read_context(told)
    except InvalidInput as error:
        refused = error.code
    else:
        refused = ""
        assert msgspec.json.decode(msgspec.json.encode(context.data)) == context.data
        assert read_context(context.data) == context
    assert refused == "" or refused.startswith("context.")


# `when`


def phone_only() -> Program:
    return program(
        offer("phone", when=parse_where({"device.type": "mobile"})),
        offer(
            "table", when=parse_where({"table": {"gte": 10}, "page.path": {"starts_with": "/t"}})
        ),
        offer("all"),
    )


@pytest.mark.parametrize(
    ("told", "eligible"),
    [
        ({}, {"all"}),
        ({"device": {"type": "mobile"}}, {"all", "phone"}),
        ({"device": "mobile"}, {"all"}),
        ({"table": 12, "page": {"path": "/tra"}}, {"all", "table"}),
        ({"table": 12, "page": {"path": "/"}}, {"all"}),
        ({"table": "12", "page": {"path": "/T"}}, {"all", "table"}),
    ],
)
def test_an_offer_may_depend_on_the_moment(told: dict[str, Any], eligible: set[str]) -> None:
    decision = ask(phone_only(), context=read_context(told))
    assert {each.arm for each in decision.candidates if not each.excluded} == eligible
    assert {each.excluded for each in decision.candidates if each.excluded} <= {"context"}
    assert decision.features.get("context", {}) == told


def test_one_and_true_are_two_conditions() -> None:
    offers = program(
        offer("number", when=parse_where({"x": 1})), offer("truth", when=parse_where({"x": True}))
    )
    assert ask(offers, context=read_context({"x": True})).chosen == "truth"
    assert ask(offers, context=read_context({"x": 1})).chosen == "number"


def test_the_context_of_who_is_held_out_is_logged_and_of_who_said_no_is_not() -> None:
    told = read_context({"page": {"path": "/"}})
    assert ask(program(offer("a"), hold_out=1.0), context=told).features == {"context": told.data}
    who = person()
    who.consent["*/personalisation/*"] = Statement("denied", NOW, "d")
    assert ask(program(offer("a")), who, context=told).features == {}


# Recommendations


def stocked() -> Shop:
    """A shop whose recommender says which seeds it was given."""
    shop = Shop()
    shop.items = {id: Item(id, id.title()) for id in ("tea", "cup", "pot", "mug", "tray")}
    return shop


def shelf(shop: Shop, who: Person, told: dict[str, Any]) -> Decision:
    return ask(program(placement=SHELF), who, shop, placement=SHELF, context=read_context(told))


def viewed(*items: str) -> list[Event]:
    return [event("Product Viewed", id, NOW - 9, product_id=id) for id in items]


def test_the_page_speaks_before_the_past() -> None:
    shop, who = stocked(), person()
    who.recent = viewed("mug")
    shop.shelves = {"bought_together": [Suggestion(id) for id in ("cup", "tea")]}
    decision = shelf(shop, who, {"product": "pot", "items": ["tea"]})
    assert [asked[:2] for asked in shop.asked] == [
        ("bought_together", ("pot", "tea")),
        ("bought_together", ("mug",)),
        ("popular", ()),
    ]
    assert all({"pot", "tea"} <= exclude for _, _, exclude, _ in shop.asked)
    assert decision.items == ("cup",)
    assert decision.features["seeds"] == ["pot", "tea", "mug"]
    assert {c.arm: c.excluded for c in decision.candidates if c.excluded} == {"tea": "present"}


def test_a_full_shelf_asks_nobody_else() -> None:
    shop, who = stocked(), person()
    who.recent = viewed("mug")
    shop.shelves = {"bought_together": [Suggestion(id) for id in ("cup", "tea", "tray", "mug")]}
    assert shelf(shop, who, {"product": "pot"}).items == ("cup", "tea", "tray")
    assert len(shop.asked) == 1


def test_the_version_of_the_model_is_logged() -> None:
    shop = stocked()
    shop.shelves = {"popular": [Suggestion("cup")]}
    assert shelf(shop, person(), {}).policy_version == "7"


# Texts


def test_an_offers_texts_read_the_context_and_its_item() -> None:
    shop = stocked()
    said = msgspec.structs.replace(
        offer("a", item="cup"),
        content={"title": "{{ item.name }} cho bàn {{ context.table }}", "url": "/chen"},
    )
    decision = ask(program(said), shop=shop, context=read_context({"table": "<b>"}))
    assert decision.content == {"title": "Cup cho bàn <b>", "url": "/chen"}
    assert ask(program(said), shop=shop).content["title"] == "Cup cho bàn "


@pytest.mark.parametrize(
    "text", ["{{ person.name }}", "{% if %}", "{{ context.x | nonsense }}", "{% include 'x' %}"]
)
def test_a_text_that_cannot_be_read_breaks_its_offer_alone(text: str) -> None:
    broken = msgspec.structs.replace(offer("b"), content={"title": text})
    offers = program(broken, offer("ok"))
    with pytest.raises(InvalidRule) as refused:
        check(broken, Rulebook(offers))
    assert (refused.value.code, refused.value.at) == ("offer.content", "content.title")
    decision = ask(offers)
    assert (decision.chosen, decision.features["excluded"]) == ("ok", {"broken": 1})


def test_a_text_that_fails_for_somebody_is_the_fallback_and_says_so() -> None:
    endless = "{% for a in (1..5000) %}x{% endfor %}"
    offers = program(msgspec.structs.replace(offer("a"), content={"title": endless}))
    decision = ask(offers)
    assert (decision.reason, decision.chosen, decision.propensity) == ("content", "", 1.0)
    assert decision.content == HOME.fallback
    assert read(decision.explanation[0]) == (
        "content.failed",
        {"offer": "a", "at": "content.title"},
    )
    assert decision.candidates[0].arm == "a"


def test_a_long_text_is_cut() -> None:
    said = msgspec.structs.replace(offer("a"), content={"title": "{{ context.x }}"})
    told = Context({"x": "y" * 5_000})
    assert len(ask(program(said), context=told).content["title"]) == 2_000


def test_who_asks_twice_with_the_same_context_gets_the_same_answer() -> None:
    told = read_context({"device": {"type": "mobile"}})
    assert ask(phone_only(), context=told) == ask(phone_only(), context=told)
    assert ask(phone_only(), context=told).identifier == USER
