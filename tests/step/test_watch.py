"""Only rules that read what changed are looked at, and nobody can tell."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.event import GROUPED, CallType, Event
from duyen.model.happening import Due, Happened, Happening, Joined, Nudged
from duyen.model.person import Person
from duyen.model.program import Program, Segment
from duyen.model.times import DAY, HOUR, Millis
from duyen.profiles import MAX_TRAITS
from duyen.rules import parse_computed, parse_rule, reads
from duyen.step import Plan, Work, step_batch, watch
from duyen.testing.story import LENIENT

NOW = 1_790_000_000_000
SEGMENTS: dict[str, dict[str, Any]] = {
    "fond": {"did": "Order Completed", "at_least": 2, "within": "3d"},
    "big": {"sum": "Order Completed", "of": "total", "within": "2d", "gte": "100"},
    "quiet": {
        "all": [{"did": "Order Completed"}, {"did_not": "Product Viewed", "within": "1d"}],
    },
    "looking": {"did": "Product Viewed", "at_least": 2, "within": "6h"},
    "hanoi": {"trait": "home.city", "is": "Hà Nội"},
    "reachable": {"any": [{"consent": "marketing"}, {"segment": "hanoi"}]},
    "idle": {"not": {"did": "Page Viewed", "within": "12h"}},
    "opened": {"did": "Email Opened", "at_least": 1, "within": "2d"},
    "spender": {"trait": "spent", "gte": 50},
    "loyal": {"trait": "favourite", "is": "tea"},
    "dear": {"trait": "worth", "gte": 100},
    "business": {"group": {"plan": "business"}},
    "alone": {"not": {"group": {}}},
}
TRAITS: dict[str, dict[str, Any]] = {
    "spent": {"sum": "Order Completed", "of": "total", "within": "2d"},
    "favourite": {"most_frequent": "Product Viewed", "of": "kind", "within": "3d"},
    "worth": {"formula": "spent * bonus"},
}


def plan(segments: Mapping[str, dict[str, Any]]) -> Plan:
    rules = {id: Segment(id, id, parse_rule(raw)) for id, raw in segments.items()}
    traits = {id: parse_computed(id, raw) for id, raw in TRAITS.items()}
    return Plan(Program(segments=rules, traits=traits, settings=LENIENT))


PLAN = plan(SEGMENTS)
OTHER = plan({"fond": SEGMENTS["looking"], "hanoi": SEGMENTS["hanoi"]})


@pytest.fixture(autouse=True, scope="module")
def parts_are_worth_it() -> Iterator[None]:
    """Rules that read one thing are compiled for themselves at once, for whomever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watch, "_WORTH", 1)
        patch.setattr(watch, "_TOGETHER", 1)
        patch.setattr(watch, "_MOST_PARTS", 3)
        yield


@st.composite
def happening(draw: st.DrawFn, now: Millis) -> Happening:
    kind = draw(
        st.sampled_from(["order", "view", "page", "other", "home", "consent", "mail", "group"])
    )
    ago = draw(st.sampled_from([0, 0, 0, HOUR, DAY, 3 * DAY]))
    name = "Else"
    properties: dict[str, Any] = {}
    traits: dict[str, Any] = {}
    if kind == "order":
        name, properties = "Order Completed", {"total": str(draw(st.integers(0, 120)))}
    elif kind == "view":
        name, properties = "Product Viewed", {"kind": draw(st.sampled_from(["tea", "cup"]))}
    elif kind == "page":
        name = "Page Viewed"
    elif kind == "home":
        traits = {"home": {"city": draw(st.sampled_from(["Hà Nội", "Huế"]))}}
        traits |= {"bonus": draw(st.integers(0, 3))}
    elif kind == "consent":
        state = draw(st.sampled_from(["granted", "denied"]))
        name = "Consent Updated"
        properties = {"purpose": "marketing", "channel": "email", "state": state}
    elif kind == "mail":
        name, properties = "Email Opened", {"key": draw(st.sampled_from(["a", "b"]))}
    elif kind == "group":
        name, properties = GROUPED, {"group_id": draw(st.sampled_from(["acme", "an-phat"]))}
    id = f"e{draw(st.integers(0, 40))}"
    call: CallType = "group" if kind == "group" else "track"
    told = Event(id, call, name, now - ago, now, "s", True, (), properties, traits, {})
    return Happened(told, draw(st.booleans()))


Moment = tuple[Millis, list[list[Happening]], dict[str, str]]
PLANS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("acme", "an-phat"), st.sampled_from(["free", "business"]))
)
"""What is told of companies: what is not told stays as it was."""


@st.composite
def lives(draw: st.DrawFn) -> list[Moment]:
    """A few instants, and what happens at each to three people and their companies."""
    now, found = NOW, []
    for _ in range(draw(st.integers(1, 6))):
        now += draw(st.sampled_from([1, HOUR, 5 * HOUR, DAY, 2 * DAY]))
        told = [draw(st.lists(happening(now), max_size=3)) for _ in range(3)]
        found.append((now, told, draw(PLANS)))
    return found


def true_now(person: Person, plan: Plan, now: Millis) -> set[str]:
    return set(plan.standing(person, {}, now))


@given(lives())
def test_who_is_in_which_segment_is_what_all_rules_say(
    life: list[Moment],
) -> None:
    groups: dict[str, dict[str, Any]] = {}
    standings: dict[str, dict[str, Millis]] = {}
    people, inside, wakes = [Person(f"p{n}") for n in range(3)], set(), [0, 0, 0]
    for now, told, plans in life:
        # What has turned by time alone was due.
        for person, wake in zip(people, wakes, strict=True):
            if now < wake:
                assert true_now(person, PLAN, now) == set(standings[person.id])
        changed = {id for id, plan in plans.items() if groups.get(id, {}).get("plan") != plan}
        groups |= {id: {"id": id, "plan": plan} for id, plan in plans.items()}
        works = [
            Work(
                person,
                [
                    *happenings,
                    *([Due()] if wake <= now else []),
                    *([] if changed.isdisjoint(person.groups) else [Nudged("group")]),
                ],
                standings.get(person.id, {}),
            )
            for person, happenings, wake in zip(people, told, wakes, strict=True)
        ]
        moves = step_batch(works, PLAN, now, groups)
        assert moves.entered == sorted(moves.entered)
        inside |= {(segment, person) for segment, person, _ in moves.entered}
        inside -= set(moves.left)
        people, wakes = [work.person for work in works], [work.wake for work in works]
        standings = {work.person.id: work.standing for work in works}
        for work in works:
            expected = true_now(work.person, PLAN, now)
            assert set(work.standing) == expected
            assert {s for s, person in inside if person == work.person.id} == expected
            assert work.wake > now


def order(id: str, now: Millis, total: int = 60) -> Happened:
    properties = {"total": str(total)}
    return Happened(
        Event(id, "track", "Order Completed", now, now, "s", True, (), properties, {}, {})
    )


def test_another_program_looks_at_everything_again() -> None:
    work = Work(Person("p"), [order("a", NOW), order("b", NOW)])
    step_batch([work], PLAN, NOW)
    assert {"fond", "big", "spender"} <= set(work.standing)
    again = Work(work.person, [], work.standing)
    moves = step_batch([again], OTHER, NOW + 1)
    assert set(again.standing) == set()
    assert {segment for segment, _ in moves.left} >= {"fond", "big", "idle"}


def test_two_people_who_become_one_are_looked_at_anew() -> None:
    one, other = Work(Person("a"), [order("a", NOW)]), Work(Person("b"), [order("b", NOW)])
    step_batch([one, other], PLAN, NOW)
    assert "fond" not in one.standing
    joined = Work(one.person, [Joined(other.person, None)], one.standing)
    step_batch([joined], PLAN, NOW + 1)
    assert {"fond", "big"} <= set(joined.standing)


def test_a_trait_that_has_to_go_is_noticed() -> None:
    def identify(id: str, time: Millis, traits: dict[str, object]) -> Happened:
        return Happened(
            Event(id, "identify", "Identified", time, time, "s", True, (), {}, traits, {})
        )

    home = identify("home", NOW, {"home": {"city": "Hà Nội"}})
    work = Work(Person("p"), [home])
    step_batch([work], PLAN, NOW)
    assert "hanoi" in work.standing
    many = identify("many", NOW + 1, {f"t{n:03}": n for n in range(MAX_TRAITS)})
    later = Work(work.person, [many], work.standing)
    step_batch([later], PLAN, NOW + 1)
    assert "hanoi" not in later.standing


def test_what_a_rule_reads() -> None:
    assert reads(PLAN.rules["quiet"]) == {("event", "Order Completed"), ("event", "Product Viewed")}
    assert reads(PLAN.rules["reachable"]) == {("consent", ""), ("trait", "home")}
    assert reads(PLAN.rules["spender"]) == {("event", "Order Completed")}
    assert reads(PLAN.rules["dear"]) == {("event", "Order Completed"), ("trait", "bonus")}
    assert reads(PLAN.rules["loyal"]) == {("event", "Product Viewed")}


def test_what_no_rule_reads_is_looked_at_by_none() -> None:
    person = Person("p")
    step_batch([Work(person, [])], PLAN, NOW)
    told = Event("x", "track", "Else", NOW, NOW, "s", True, (), {}, {"colour": "red"}, {})
    assert PLAN.watch.turned(person, NOW + 1) == 0
    assert PLAN.watch.changed(person, told) == 0
    assert PLAN.watch.parts([0, 0]) == []


def test_what_was_hardly_ever_wanted_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_WORTH", 3)
    monkeypatch.setattr(watch, "_MOST_WANTED", 4)
    rules = watch.Watch(PLAN.rules)
    for change in range(1, 40):
        assert rules.parts([change]) == [(rules.whole, [0])]
        assert len(rules._wanted) <= 5
    for _ in range(5):
        ((part, places),) = rules.parts([1])
    assert not part.whole
    assert places == [0]
