"""A definition that cannot be used stops nothing but itself."""

from __future__ import annotations

from typing import Any

from duyen.model.event import Event
from duyen.model.happening import Happened
from duyen.model.person import Person
from duyen.runtime import definitions
from duyen.step import Plan, Work, step_batch

NOW = 1_772_000_000_000
Definition = tuple[str, str, dict[str, Any]]


def plan(*told: Definition) -> Plan:
    """The plan of definitions as they lie in the state."""
    return Plan(definitions.build([(k, id, 1, body, "an", NOW) for k, id, body in told], 1))


def test_a_segment_of_a_lost_segment_holds_for_nobody_and_the_rest_goes_on() -> None:
    made = plan(
        ("segment", "b", {"rule": {"segment": "a"}}),
        ("segment", "c", {"rule": {"not": {"segment": "b"}}}),
        ("segment", "seen", {"rule": {"did": "Seen"}}),
        ("offer", "o", {"placements": ["hero"], "eligible": {"segment": "b"}}),
        ("journey", "j", {"entry": {"segment": "seen"}, "unless": {"segment": "a"}, "steps": []}),
    )
    assert {("segment", "b"), ("segment", "c"), ("offer", "o")} <= made.broken.keys()
    assert "a" in made.broken["segment", "b"]
    event = Event("1", "track", "Seen", NOW, NOW, "s", True, (("user_id", "u"),), {}, {}, {})
    work = Work(Person("p_1"), [Happened(event, True)], {"b": NOW - 1})
    step_batch([work], made, NOW)
    assert set(work.standing) == {"seen"}


def test_what_this_release_cannot_read_is_left_out_and_told() -> None:
    made = plan(
        ("segment", "odd", {"rule": {"by_magic": 1}}),
        ("message", "m", {"subjekt": "x"}),
        ("journey", "j", {"steps": "soon"}),
        ("segment", "seen", {"rule": {"did": "Seen"}}),
    )
    assert set(made.broken) == {("segment", "odd"), ("message", "m"), ("journey", "j")}
    assert made.program.journeys["j"].live is False  # whoever is on the way stands still
    assert made.segments == ["seen"]


def test_nothing_leaves_under_settings_that_cannot_be_read() -> None:
    made = plan(("settings", "workspace", {"hold_out": 7}))
    assert made.program.settings.paused
    assert ("settings", "workspace") in made.broken
