"""Quiet hours bind what rings, by the person's own clock: told as a night in two cities."""

from __future__ import annotations

from duyen.decide import read_context
from duyen.model.catalogue import Item, Placement
from duyen.model.decision import Decision
from duyen.model.person import Person
from duyen.model.times import HOUR, Millis, parse_time
from tests.decide.shop import HOME, Shop, Suggestion, ask, offer, person, program

PUSH = Placement("push", fallback={"title": "Later"}, quiet_hours="respect")
EVENING = parse_time("2024-05-01T13:30:00Z")
"""20:30 in Hà Nội, where the workspace is; 09:30 in New York."""


def reasons(decision: Decision) -> dict[str, str]:
    """Candidate -> why it was left out."""
    return {each.arm: each.excluded for each in decision.candidates}


def push(now: Millis, who: Person, **told: str) -> Decision:
    offers = program(offer("sale", placements=("push",)), placement=PUSH)
    return ask(offers, who, placement=PUSH, now=now, context=read_context(told))


def test_a_night_in_hanoi() -> None:
    """Quiet hours are 21:00 to 08:00."""
    who = person()
    assert push(EVENING, who).chosen == "sale"
    late = push(EVENING + HOUR, who)
    assert (late.chosen, late.reason, late.content) == ("", "no_candidates", PUSH.fallback)
    assert reasons(late) == {"sale": "quiet_hours"}
    assert (late.features["quiet_hours"], late.features["excluded"]) == (True, {"quiet_hours": 1})
    assert push(EVENING + 11 * HOUR, who).reason == "no_candidates", "07:30 in the morning"
    morning = push(EVENING + 12 * HOUR, who)
    assert (morning.chosen, morning.features["quiet_hours"]) == ("sale", False)


def test_the_clock_is_the_persons_own() -> None:
    abroad = person(timezone="America/New_York")
    assert push(EVENING + HOUR, abroad).chosen == "sale"
    assert push(EVENING + 12 * HOUR, abroad).reason == "no_candidates", "21:30 in New York"


def test_the_device_that_asks_tells_the_clock_of_who_said_nothing() -> None:
    assert push(EVENING + HOUR, person(), timezone="America/New_York").chosen == "sale"
    here = person(timezone="Asia/Ho_Chi_Minh")
    assert push(EVENING + HOUR, here, timezone="America/New_York").chosen == ""
    assert push(EVENING + HOUR, person(), timezone="nowhere").chosen == ""


def test_a_page_that_was_opened_at_night_may_answer() -> None:
    decision = ask(program(offer("sale")), person(), now=EVENING + HOUR)
    assert decision.chosen == "sale"
    assert "quiet_hours" not in decision.features


def test_one_offer_may_be_bound_where_others_are_not() -> None:
    offers = program(offer("loud", quiet_hours="respect"), offer("soft"))
    decision = ask(offers, person(), now=EVENING + HOUR)
    assert decision.chosen == "soft"
    assert reasons(decision)["loud"] == "quiet_hours"


def test_what_is_lasting_is_said_before_what_passes() -> None:
    offers = program(offer("capped", cap=0, quiet_hours="respect", item="gone"))
    assert reasons(ask(offers, person(), now=EVENING + HOUR)) == {"capped": "cap"}
    offers = program(offer("gone", quiet_hours="respect", item="gone"))
    assert reasons(ask(offers, person(), now=EVENING + HOUR)) == {"gone": "quiet_hours"}


def test_items_are_kept_back_too() -> None:
    place = Placement("push", fill="items", limit=2, quiet_hours="respect")
    shop = Shop()
    shop.items = {"tea": Item("tea", "Trà")}
    shop.shelves = {"popular": [Suggestion("tea")]}
    asked = program(placement=place)
    late = ask(asked, person(), shop, placement=place, now=EVENING + HOUR)
    assert (late.items, reasons(late)) == ((), {"tea": "quiet_hours"})
    assert late.features["quiet_hours"] is True
    assert ask(asked, person(), shop, placement=place, now=EVENING).items == ("tea",)


def test_who_is_held_out_gets_the_fallback_at_any_hour() -> None:
    offers = program(offer("a", placements=("push",)), placement=PUSH, hold_out=1.0)
    assert ask(offers, person(), placement=PUSH, now=EVENING + HOUR).reason == "hold_out"
    assert HOME.quiet_hours == "ignore"
