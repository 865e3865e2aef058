"""Law 5: no decision without its propensity, its candidates, its arm and its reasons."""

import random
import sys
from collections import Counter
from collections.abc import Mapping

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from duyen.decide import arm_of, cell, choose, eligibility, fallback, prepare, registered, tastes
from duyen.decide.choose import LISTED, OTHERS
from duyen.decide.reasons import EXPLANATIONS, explain, read
from duyen.model.catalogue import Item, Placement
from duyen.model.consent import Statement
from duyen.model.log import decode_entries, encode_entry
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Person
from duyen.model.program import Program
from duyen.model.rule import InSegment
from tests.decide.shop import (
    HANOI,
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

BASKET = [{"product_id": "tea"}, {"product_id": "POST", "kind": "postage"}, {"x": 1}, "?"]
ITEMS = Placement("shelf", fill="items", recommender="bought_together", limit=3)


@st.composite
def situations(draw: st.DrawFn) -> tuple[Program, Shop, Person, int]:
    """Offers in every state, what is known of them, and somebody to decide about."""
    shop = Shop()
    offers = []
    for n in range(draw(st.integers(0, 40))):
        offers.append(
            offer(
                f"o{n}",
                live=draw(st.booleans()),
                brand=draw(st.sampled_from(["default", "default", "sister"])),
                eligible=draw(st.sampled_from([HANOI, InSegment("hanoi"), offer("x").eligible])),
                value=draw(st.sampled_from(["1", "0", "250000"])),
                item=draw(st.sampled_from(["", "", "gone", "there"])),
                cap=draw(st.sampled_from([None, 1])),
            )
        )
        views = draw(st.integers(0, 500))
        shop.add(f"arm:home:o{n}", {"views": views, "successes": draw(st.integers(0, views + 2))})
    shop.items = {"gone": Item("gone", "", stock=0), "there": Item("there", "", stock=5)}
    who = person(city=draw(st.sampled_from(["Hà Nội", "Huế"])))
    who.shown = {f"o{n}": [NOW] for n in draw(st.sets(st.integers(0, 40)))}
    share = draw(st.sampled_from([0.0, 0.3]))
    who.id = draw(st.sampled_from(["p1", "p2", "p3", "p4", "p5"]))
    return (
        program(*offers, hold_out=share, segments={"hanoi": HANOI}),
        shop,
        who,
        draw(st.integers(0, 2**32)),
    )


@given(situations())
def test_no_decision_without_its_propensity(given: tuple[Program, Shop, Person, int]) -> None:
    offers, shop, who, seed = given
    decision = ask(offers, who, shop, seed)
    assert decision.id
    assert decision.arm == cell(who.id, offers.settings.hold_out_salt, offers.settings.hold_out)
    assert 0 < decision.propensity <= 1
    assert decision.explanation
    assert all(read(each)[0] in EXPLANATIONS for each in decision.explanation)
    assert decision.program_version == offers.version
    took_part = [each for each in decision.candidates if not each.excluded]
    left_out = {each.arm for each in decision.candidates if each.excluded}
    if decision.arm == HELD_OUT:
        assert decision.reason == "hold_out"
        assert (decision.chosen, decision.propensity) == ("", 1.0)
        assert decision.content == HOME.fallback
    elif not took_part:
        assert decision.reason == "no_candidates"
        assert (decision.chosen, decision.propensity) == ("", 1.0)
    else:
        assert sum(each.propensity for each in took_part) == pytest.approx(1.0, abs=1e-9)
        assert all(each.propensity > 0 for each in took_part)
        assert decision.chosen not in left_out
        assert decision.propensity == next(
            each.propensity for each in took_part if each.arm == decision.chosen
        )
        assert (decision.policy, decision.policy_version) == ("thompson", "1")
        assert decision.features["eligible"] + sum(decision.features["excluded"].values()) == len(
            offers.offers
        )
    assert decode_entries(b"[" + encode_entry(decision) + b"]") == [decision], "it can be logged"


@given(situations())
def test_the_same_knowledge_and_the_same_chance_give_the_same_answer(
    given: tuple[Program, Shop, Person, int],
) -> None:
    offers, shop, who, seed = given
    assert ask(offers, who, shop, seed) == ask(offers, who, shop, seed)


def test_an_excluded_offer_is_never_chosen_however_good() -> None:
    shop = Shop()
    shop.add("arm:home:best", {"views": 1_000, "successes": 999})
    offers = program(offer("best", eligible=HANOI), offer("a"), offer("b"))
    chosen = {ask(offers, person(city="Huế"), shop, seed).chosen for seed in range(200)}
    assert chosen == {"a", "b"}


def test_what_is_drawn_comes_as_often_as_logged() -> None:
    shop = Shop()
    shop.add("arm:home:a", {"views": 40, "successes": 8})
    shop.add("arm:home:b", {"views": 40, "successes": 4})
    offers = program(offer("a"), offer("b"), offer("c"))
    rng = random.Random(5)
    decisions = [
        choose(HOME, None, USER, offers, shop, NOW, rng, person_id="p1") for _ in range(4_000)
    ]
    counts = Counter(decision.chosen for decision in decisions)
    stated = {decision.chosen: decision.propensity for decision in decisions}
    for arm, propensity in stated.items():
        error = (propensity * (1 - propensity) / 4_000) ** 0.5
        assert abs(counts[arm] / 4_000 - propensity) < 5 * error
    assert len({decision.id for decision in decisions}) == 4_000


def test_a_thousand_offers_are_logged_in_few_lines_that_still_add_up() -> None:
    offers = program(*(offer(f"o{n:04}", live=n % 2 == 0) for n in range(1_000)))
    decision = ask(offers)
    took_part = [each for each in decision.candidates if not each.excluded]
    assert len(took_part) == LISTED + 1
    assert took_part[0].arm == decision.chosen
    assert took_part[-1].arm == OTHERS
    assert sum(each.propensity for each in took_part) == pytest.approx(1.0)
    assert len(decision.candidates) == 2 * LISTED + 1
    assert decision.features["excluded"] == {"not_live": 500}
    assert len(encode_entry(decision)) < 6_000


def test_the_fact_of_the_cell_wins_over_the_hash() -> None:
    offers = program(offer("a"), hold_out=0.0)
    who = person()
    who.cells[GLOBAL] = Cell(HELD_OUT, 1)
    decision = ask(offers, who)
    assert (decision.arm, decision.reason, decision.chosen) == (HELD_OUT, "hold_out", "")


def test_somebody_without_a_document_is_in_the_cell_of_their_id() -> None:
    offers = program(offer("a"), hold_out=0.5)
    for n in range(50):
        decision = choose(
            HOME, None, USER, offers, Shop(), NOW, random.Random(1), person_id=f"p{n}"
        )
        assert decision.arm == cell(f"p{n}", "global-1", 0.5)
        assert decision.person == f"p{n}"
    with pytest.raises(ValueError, match="person_id"):
        choose(HOME, None, USER, offers, Shop(), NOW, random.Random(1))


def test_who_said_no_gets_the_fallback() -> None:
    who = person()
    who.consent["*/personalisation/*"] = Statement("denied", NOW, "d")
    for placement in (HOME, ITEMS):
        decision = ask(program(offer("a")), who, placement=placement)
        assert (decision.reason, decision.chosen, decision.propensity) == ("consent", "", 1.0)
        assert decision.content == placement.fallback
        assert read(decision.explanation[0]) == (
            "consent.denied",
            {"purpose": "personalisation"},
        )


def test_no_candidates_says_why() -> None:
    decision = ask(program(offer("a", live=False), offer("b", eligible=HANOI)), person())
    assert decision.reason == "no_candidates"
    assert {each.arm: each.excluded for each in decision.candidates} == {
        "a": "not_live",
        "b": "rule",
    }
    assert read(decision.explanation[0]) == (
        "candidates.none_left",
        {"considered": "2", "not_live": "1", "rule": "1"},
    )


def test_a_placement_that_is_paused_answers_with_its_fallback() -> None:
    paused = msgspec.structs.replace(HOME, live=False)
    decision = ask(program(offer("a"), placement=paused), placement=paused)
    assert (decision.reason, decision.content) == ("no_candidates", HOME.fallback)


def test_the_explanation_names_the_segment_that_opened_the_offer() -> None:
    offers = program(offer("a", eligible=InSegment("hanoi")), segments={"hanoi": HANOI})
    shop = Shop()
    shop.add("arm:home:a", {"views": 120, "successes": 9})
    decision = ask(offers, person(city="Hà Nội"), shop)
    assert dict(map(read, decision.explanation)) == {
        "candidates.eligible": {"eligible": "1", "considered": "1"},
        "rule.segment": {"segment": "hanoi"},
        "policy.rate": {"successes": "9", "views": "120"},
        "policy.value": {"value": "1"},
        "policy.propensity": {"p": "1"},
    }
    assert decision.features["segments"] == ["hanoi"]


def test_features_hold_the_traits_that_offers_ask_about_and_no_others() -> None:
    decision = ask(program(offer("a", eligible=HANOI)), person(city="Hà Nội", email="a@b.vn"))
    assert decision.features["traits"] == {"city": "Hà Nội"}


@given(
    st.dictionaries(st.text("abc_", min_size=1), st.text()),
    st.sampled_from(EXPLANATIONS),
)
def test_a_reason_is_read_as_it_was_written(parameters: dict[str, str], code: str) -> None:
    assert read(explain(code, **parameters)) == (code, parameters)


def test_a_changed_program_is_read_anew() -> None:
    assert ask(program(offer("a"))).chosen == "a"
    assert ask(program(offer("b"))).chosen == "b"


def test_counters_are_read_when_they_change() -> None:
    shop = Shop()
    offers = program(offer("a"), offer("b"))
    assert ask(offers, None, shop).propensity == pytest.approx(0.5)
    shop.add("arm:home:a", {"views": 1_000, "successes": 500})
    shop.add("arm:home:b", {"views": 1_000, "successes": 100})
    decision = ask(offers, None, shop)
    assert decision.chosen == "a"
    assert decision.propensity == pytest.approx(0.995, abs=1e-4)
    assert decision.features["counters"] == 2


def test_another_policy_by_name() -> None:
    fair = msgspec.structs.replace(HOME, policy="uniform")
    shop = Shop()
    shop.add("arm:home:a", {"views": 1_000, "successes": 900})
    offers = program(offer("a"), offer("b"), placement=fair)
    decision = ask(offers, None, shop, placement=fair)
    assert (decision.policy, decision.propensity) == ("uniform", 0.5)


# Items


def stocked() -> Shop:
    shop = Shop()
    shop.items = {
        "tea": Item("tea", "Trà sen", stock=3),
        "cup": Item("cup", "Chén"),
        "pot": Item("pot", "Ấm", stock=0),
        "fee": Item("fee", "Phí", sellable=False),
        "sis": Item("sis", "Chị", brand="sister"),
        "mug": Item("mug", "Cốc"),
    }
    shop.shelves = {
        "bought_together": [Suggestion(id, 0.5, "with:cup") for id in ("pot", "fee", "sis", "tea")],
        "popular": [Suggestion(id) for id in ("tea", "mug", "cup")],
    }
    return shop


def test_items_are_sellable_in_stock_of_the_brand_and_filled_up_with_popular_ones() -> None:
    decision = ask(program(placement=ITEMS), person(), stocked(), placement=ITEMS)
    assert decision.items == ("tea", "mug", "cup")
    assert decision.chosen == "tea,mug,cup"
    assert (decision.reason, decision.propensity) == ("chosen", 1.0)
    assert decision.policy == "recommender:bought_together"
    assert {each.arm: each.excluded for each in decision.candidates if each.excluded} == {
        "pot": "out_of_stock",
        "fee": "not_sellable",
        "sis": "brand",
    }
    assert read(decision.explanation[0]) == (
        "items.because",
        {"item": "tea", "by": "bought_together", "why": "with:cup"},
    )
    assert read(decision.explanation[1])[0] == "items.filled_up"
    assert decision.features["filled_up"] == 2


def test_what_was_bought_is_not_recommended_again() -> None:
    who = person()
    who.recent = [
        event("Product Viewed", "e1", NOW - 9, product_id="cup"),
        event("Order Completed", "e2", NOW - 5, products=BASKET),
    ]
    shop = stocked()
    decision = ask(program(placement=ITEMS), who, shop, placement=ITEMS)
    assert decision.items == ("mug", "cup")
    assert shop.asked[0][:3] == ("bought_together", ("tea", "cup"), frozenset({"tea"}))
    assert tastes(who) == (("tea", "cup"), frozenset({"tea"}))


def test_a_held_out_person_gets_no_recommendations() -> None:
    decision = ask(program(placement=ITEMS, hold_out=1.0), person(), stocked(), placement=ITEMS)
    assert (decision.items, decision.reason) == ((), "hold_out")


def test_an_empty_catalogue_is_the_fallback() -> None:
    decision = ask(program(placement=ITEMS), person(), Shop(), placement=ITEMS)
    assert (decision.reason, decision.items) == ("no_candidates", ())


def test_the_fallback_of_a_refusing_log_is_a_decision_too() -> None:
    decision = fallback(HOME, USER, program(), NOW, id="d", person_id="p1", arm=TREATED)
    assert (decision.reason, decision.propensity, decision.content) == (
        "stale_log",
        1.0,
        HOME.fallback,
    )
    assert arm_of(decision) == "@fallback"


class Closing(Shop):
    """A shop that can be closed: whoever reads then has not been made ready."""

    items_version = 7
    closed = False

    def counter(self, name: str, /) -> Mapping[str, int]:
        assert not self.closed
        return super().counter(name)

    def item(self, id: str, /) -> Item | None:
        assert not self.closed
        return super().item(id)


def test_what_was_made_ready_is_not_read_again() -> None:
    shop = Closing()
    shop.items = {"tea": Item("tea", "Tea", stock=0)}
    shop.add("arm:home:a", {"views": 1_000, "successes": 500})
    shop.add("arm:home:c", {"views": 1_000, "successes": 100})
    offers = program(offer("a"), offer("b", item="tea"), offer("c"))
    prepare(offers, shop)
    shop.closed = True
    decision = ask(offers, None, shop)
    assert decision.chosen == "a"
    assert decision.propensity == pytest.approx(0.995, abs=1e-4)
    assert decision.features["excluded"] == {"out_of_stock": 1}


def test_a_policy_that_fails_does_so_for_whoever_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name, version = "broken", "1"

        def weigh(self, arms: object, eligible: object) -> object:
            raise ZeroDivisionError

    known = {**registered(), "broken": Broken()}
    monkeypatch.setattr(eligibility, "registered", lambda: known)
    monkeypatch.setattr(sys.modules["duyen.decide.policy"], "registered", lambda: known)
    place = msgspec.structs.replace(HOME, policy="broken")
    offers = program(offer("a"), placement=place)
    prepare(offers, Shop())
    with pytest.raises(ZeroDivisionError):
        ask(offers, None, Shop(), placement=place)
