"""Computed traits are live: what moves with a window moves by itself, at the instant its timer was set for."""

from __future__ import annotations

from typing import Any

from duyen.model.event import Event
from duyen.model.happening import Due, Happened, Happening
from duyen.model.person import Person
from duyen.model.program import Program, Segment
from duyen.model.times import DAY, NEVER, Millis
from duyen.rules import computed_values, parse_computed, parse_rule
from duyen.step import Plan, Work, step_batch
from duyen.testing.story import LENIENT

START: Millis = 1_790_000_000_000
TRAITS = {
    "favourite": {"most_frequent": "Viewed", "of": "kind", "within": "10d"},
    "kinds": {"unique": "Viewed", "of": "kind", "within": "10d"},
    "opening": {"first": "Viewed", "of": "kind", "within": "10d"},
    "paid": {"sum": "Order", "of": "total", "within": "10d"},
    "quiet": {"days_since": "Order"},
    "worth": {"formula": "paid / kinds"},
    "slack": {"formula": "quiet * 2"},
}
RULES: dict[str, Any] = {
    "tea": {"trait": "favourite", "is": "tea"},
    "broad": {"trait": "kinds", "gte": 2},
    "began_with_tea": {"trait": "opening", "is": "tea"},
    "dear": {"trait": "worth", "gte": 100},
    "slack": {"trait": "slack", "gte": 100},
}
PLAN = Plan(
    Program(
        traits={id: parse_computed(id, raw) for id, raw in TRAITS.items()},
        segments={id: Segment(id, id, parse_rule(rule)) for id, rule in RULES.items()},
        settings=LENIENT,
    )
)


class Life:
    """One person stepped through time, only when something happens or the timer is due."""

    def __init__(self) -> None:
        self.work = Work(Person("p"), [])
        self.told = 0
        self.wakes: list[Millis] = []

    def step(self, happening: Happening, now: Millis) -> None:
        self.work = Work(self.work.person, [happening], self.work.standing)
        step_batch([self.work], PLAN, now)

    def tell(self, day: float, name: str, **properties: Any) -> None:
        """It happens at once, whatever was due before comes first."""
        now = START + int(day * DAY)
        self.sleep(day)
        self.told += 1
        id = f"m{self.told}"
        event = Event(id, "track", name, now, now, "s", True, (), properties, {}, {})
        self.step(Happened(event), now)

    def sleep(self, day: float) -> None:
        """Until a day: nobody looks but at the instants for which the timer is set."""
        until = START + int(day * DAY)
        while self.work.wake <= until and self.told:
            self.wakes.append(self.work.wake)
            self.step(Due(), self.work.wake)

    @property
    def inside(self) -> set[str]:
        return set(self.work.standing)


def test_segments_on_computed_traits_are_left_and_entered_by_time_alone() -> None:
    life = Life()
    life.tell(0, "Viewed", kind="tea")
    life.tell(1, "Viewed", kind="tea")
    life.tell(2, "Viewed", kind="coffee")
    life.tell(3, "Order", total="250")
    assert life.inside == {"tea", "broad", "began_with_tea", "dear"}
    life.sleep(9.99)
    assert life.inside == {"tea", "broad", "began_with_tea", "dear"}
    life.sleep(10)  # one tea is gone: of two that are as frequent, coffee came last
    assert life.inside == {"broad", "began_with_tea", "dear"}
    life.sleep(11)  # and the other: what was paid is divided by one kind
    assert life.inside == {"dear"}
    life.sleep(12)
    assert life.inside == set()
    life.sleep(52.9)
    assert life.inside == set()
    life.sleep(53)  # fifty whole days without an order
    assert life.inside == {"slack"}
    life.tell(54, "Order", total=10)
    assert life.inside == set()
    assert len(life.wakes) < 12, "the timer is set for what turns something, not for every day"


def test_values_follow_the_clock_and_an_idle_person_has_no_timer() -> None:
    life = Life()
    life.tell(0, "Viewed", kind="tea")
    life.tell(0.5, "Order", total="0.30")
    now = START + DAY
    assert computed_values(PLAN.terms, life.work.person, now) == {
        "favourite": "tea",
        "kinds": 1,
        "opening": "tea",
        "paid": 0.3,
        "quiet": 0,
        "slack": 0,
        "worth": 0.3,
    }
    life.sleep(60)
    assert computed_values(PLAN.terms, life.work.person, START + 60 * DAY) == {
        "kinds": 0,
        "paid": 0,
        "quiet": 59,
        "slack": 118,
    }
    stranger = Life()
    stranger.tell(0, "Else")
    assert stranger.work.wake == NEVER
