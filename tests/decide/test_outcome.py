"""Views, clicks and orders join the decision they belong to, once, in time, in any order."""

import random

import hypothesis.strategies as st
from hypothesis import given

from duyen.decide import bound, choose, decided, outcome, seen_before
from duyen.decide.outcome import MAX_PENDING, OUTCOME_WINDOW
from duyen.model.decision import Decision
from duyen.model.effect import Add, Effect
from duyen.model.event import DECISION_CLICKED, DECISION_VIEWED, ORDER_COMPLETED, Event
from duyen.model.person import Person
from duyen.model.times import DAY, Millis
from duyen.profiles import absorb
from tests.decide.shop import HOME, NOW, USER, Shop, event, offer, person, program

CAPPED = program(offer("a", cap=2))


def decide(id: str = "d1", time: Millis = NOW, hold_out: float = 0.0) -> Decision:
    offers = program(offer("a", cap=2), hold_out=hold_out)
    return choose(HOME, None, USER, offers, Shop(), time, random.Random(1), person_id="p1", id=id)


def seen(name: str, id: str, decision: str = "d1", time: Millis = NOW + 1) -> Event:
    return event(name, id, time, decision_id=decision, placement="home", offer="a")


def sums(effects: list[Effect]) -> dict[str, dict[str, int]]:
    shop = Shop()
    for effect in effects:
        assert isinstance(effect, Add)
        shop.add(effect.counter, effect.amounts)
    return shop.counters


def tell(who: Person, *events: Event) -> dict[str, dict[str, int]]:
    return sums([e for each in events for e in outcome(who, each, CAPPED, each.time)])


def test_a_view_and_a_click() -> None:
    who = person()
    assert sums(decided(who, decide())) == {"arm:home:a": {"decisions": 1}}
    assert tell(who, seen(DECISION_VIEWED, "v")) == {"arm:home:a": {"views": 1}}
    assert tell(who, seen(DECISION_CLICKED, "c")) == {"arm:home:a": {"successes": 1}}
    assert (who.pending["d1"].viewed, who.pending["d1"].clicked) == (True, True)


def test_a_click_alone_was_a_view_too() -> None:
    who = person()
    decided(who, decide())
    assert tell(who, seen(DECISION_CLICKED, "c"), seen(DECISION_VIEWED, "v")) == {
        "arm:home:a": {"views": 1, "successes": 1}
    }


@given(
    st.lists(
        st.sampled_from([DECISION_VIEWED, DECISION_CLICKED, "decided"]), min_size=1, max_size=12
    )
)
def test_told_again_in_any_order_it_counts_once(told: list[str]) -> None:
    who = person()
    effects = decided(who, decide())
    for n, what in enumerate(told):
        if what == "decided":
            effects += decided(who, decide())
        else:
            effects += outcome(who, seen(what, f"e{n}"), CAPPED, NOW)
    clicked = DECISION_CLICKED in told
    expected = {"decisions": 1}
    if clicked or DECISION_VIEWED in told:
        expected["views"] = 1
    if clicked:
        expected["successes"] = 1
    assert sums(effects) == {"arm:home:a": expected}


def test_what_was_told_before_the_decision_itself_counts_too() -> None:
    """Two engines may meet a decision and what became of it, each in its own time."""
    who = person()
    early = [
        seen(DECISION_VIEWED, "v"),
        seen(DECISION_CLICKED, "c"),
        seen(DECISION_VIEWED, "o", "d0"),
    ]
    for each in early:
        absorb(who, each, {})
        assert outcome(who, each, CAPPED, NOW) == []
    effects = decided(who, decide()) + seen_before(who, decide(), CAPPED)
    assert sums(effects) == {"arm:home:a": {"decisions": 1, "views": 1, "successes": 1}}
    assert seen_before(who, decide(), CAPPED) == []
    assert outcome(who, early[0], CAPPED, NOW) == []


def test_too_late_and_unknown_count_nothing() -> None:
    who = person()
    decided(who, decide())
    late = NOW + OUTCOME_WINDOW
    assert tell(who, seen(DECISION_VIEWED, "v", time=late + 1)) == {}
    assert tell(who, seen(DECISION_VIEWED, "v", decision="other")) == {}
    assert tell(who, event(DECISION_VIEWED, "v", decision_id=7), event(DECISION_VIEWED, "w")) == {}
    assert tell(who, seen(DECISION_VIEWED, "v", time=late)) == {"arm:home:a": {"views": 1}}


def test_somebody_elses_decision_is_not_theirs_to_tell() -> None:
    mine, other = person(), person()
    decided(mine, decide())
    assert tell(other, seen(DECISION_CLICKED, "c")) == {}


def test_views_fill_the_cap() -> None:
    who = person()
    for n in range(2):
        decided(who, decide(f"d{n}", NOW + n))
        tell(who, seen(DECISION_VIEWED, f"v{n}", f"d{n}", NOW + n))
    assert who.shown == {"a": [NOW + 1, NOW]}
    again = choose(HOME, who, USER, CAPPED, Shop(), NOW + 2, random.Random(1))
    assert again.reason == "no_candidates"
    assert again.candidates[0].excluded == "cap"
    later = choose(HOME, who, USER, CAPPED, Shop(), NOW + DAY, random.Random(1))
    assert later.chosen == "a"


def test_an_order_belongs_to_the_decision_clicked_last() -> None:
    who = person()
    for n in range(3):
        decided(who, decide(f"d{n}", NOW + n))
    tell(who, seen(DECISION_CLICKED, "c0", "d0"), seen(DECISION_VIEWED, "v2", "d2"))
    assert tell(who, event(ORDER_COMPLETED, "o", NOW + 9)) == {"arm:home:a": {"orders": 1}}
    assert tell(who, event(ORDER_COMPLETED, "p", NOW + DAY + 9)) == {}


def test_no_click_no_order() -> None:
    who = person()
    decided(who, decide())
    assert tell(who, event(ORDER_COMPLETED, "o", NOW + 9)) == {}


def test_the_fallback_of_the_held_out_is_an_arm_of_its_own() -> None:
    who = person()
    effects = decided(who, decide(hold_out=1.0))
    effects += outcome(who, seen(DECISION_VIEWED, "v"), CAPPED, NOW)
    assert sums(effects) == {"arm:home:@fallback": {"decisions": 1, "held_out": 1, "views": 1}}


def test_only_the_newest_decisions_wait() -> None:
    who = person()
    for n in range(MAX_PENDING + 20):
        decided(who, decide(f"d{n}", NOW + n))
    assert len(who.pending) == MAX_PENDING
    assert "d19" not in who.pending
    assert f"d{MAX_PENDING + 19}" in who.pending
    bound(who)
    assert len(who.pending) == MAX_PENDING
