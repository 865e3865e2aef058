"""What is put is checked in full before it is told to the log."""

from __future__ import annotations

from typing import Any

import pytest

from duyen.model.errors import InvalidRule
from duyen.model.journey import ScheduleEntry
from duyen.model.program import Program, ResourceKind
from duyen.model.times import parse_time
from duyen.runtime import definitions, operations
from duyen.step import Plan

BODY = "<mjml><mj-body><mj-section><mj-column></mj-column></mj-section></mj-body></mjml>"
SCHEDULED = {"entry": {"schedule": {"at": "2026-12-24T09:00"}}, "steps": ["exit"]}


@pytest.mark.parametrize(
    ("kind", "body", "code", "at"),
    [
        ("settings", {"timezone": "Nowhere/Land"}, "settings.timezone", "timezone"),
        ("settings", {"quiet_from": "9pm"}, "settings.quiet_hours", "quiet_from"),
        ("settings", {"quiet_to": "24:00"}, "settings.quiet_hours", "quiet_to"),
        ("settings", {"caps": [{"most": -1, "within": "1d"}]}, "settings.cap", "caps[0]"),
        ("settings", {"caps": [{"most": 1, "within": "500d"}]}, "settings.cap", "caps[0]"),
        (
            "settings",
            {"send_only_to": ["example.com"]},
            "settings.send_only_to",
            "send_only_to[0]",
        ),
        ("settings", {"sender": "nobody"}, "settings.sender", "sender"),
        (
            "message",
            {"subject": "x", "body": BODY, "expires": "soon"},
            "message.expires",
            "expires",
        ),
        ("message", {"subject": "{{ nme }}", "body": BODY}, "message.template", "subject"),
        ("message", {"subject": "x", "body": BODY, "reply_to": "a"}, "message.sender", "reply_to"),
    ],
)
def test_what_would_only_be_noticed_at_night_is_refused(
    kind: ResourceKind, body: dict[str, Any], code: str, at: str
) -> None:
    with pytest.raises(InvalidRule) as caught:
        operations.would_be(Program(), {(kind, "x"): body})
    assert (caught.value.code, caught.value.at) == (code, at)


def test_a_schedule_is_in_the_time_of_the_workspace_it_is_put_with() -> None:
    settings = {"timezone": "Asia/Ho_Chi_Minh"}
    program = operations.would_be(
        Program(), {("journey", "j"): SCHEDULED, ("settings", "workspace"): settings}
    )
    built = definitions.build(
        [
            ("journey", "j", 1, SCHEDULED, "an", 0),
            ("settings", "workspace", 1, settings, "an", 0),
        ],
        1,
    )
    expected = ScheduleEntry(parse_time("2026-12-24T09:00:00+07:00"))
    assert program.journeys["j"].entry == built.journeys["j"].entry == expected


def seen(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "rule": {"did": "Seen"}, **more}


def as_stored(*told: tuple[str, str, dict[str, Any]]) -> Program:
    """Definitions as a release finds them that an older one, or another hand, has stored."""
    return definitions.build([(kind, id, 1, body, "an", 0) for kind, id, body in told], 1)


BROKEN = as_stored(
    ("segment", "lost", {"rule": {"segment": "gone"}}),
    ("offer", "poster", {"placements": ["nowhere"]}),
    ("journey", "j", {"entry": {"event": "Seen"}, "steps": [{"send": "no-such-mail"}]}),
    ("segment", "odd", {"rule": {"by_magic": 1}}),
)


def test_what_is_broken_already_refuses_nobody_elses_change() -> None:
    changed = operations.would_be(BROKEN, {("segment", "good"): seen("good")})
    assert "good" in changed.segments
    paused = operations.would_be(BROKEN, {("settings", "workspace"): {"paused": True}})
    assert paused.settings.paused
    assert "lost" not in operations.would_be(BROKEN, {("segment", "lost"): None}).segments


def test_what_a_change_would_break_is_refused_by_the_name_of_what_breaks() -> None:
    fine = as_stored(
        ("segment", "seen", seen("seen")),
        ("segment", "lost", {"rule": {"segment": "gone"}}),
        ("journey", "j", {"entry": {"segment": "seen"}, "steps": ["exit"]}),
    )
    with pytest.raises(InvalidRule, match="The journey “j”: It names the segment “seen”"):
        operations.would_be(fine, {("segment", "seen"): None})
    with pytest.raises(InvalidRule, match="The segment “lost”"):
        operations.would_be(fine, {("segment", "lost"): {"rule": {"segment": "gone-too"}}})
    lost = {"entry": {"event": "Seen"}, "steps": [{"if": {"segment": "gone"}, "then": ["exit"]}]}
    with pytest.raises(InvalidRule, match="The journey “k”: There is no segment"):
        operations.would_be(fine, {("journey", "k"): lost})


def test_everything_that_stands_still_is_told_with_its_reason() -> None:
    told = definitions.broken(Plan(BROKEN))
    assert set(told) == {
        ("segment", "lost"),
        ("segment", "odd"),
        ("offer", "poster"),
        ("journey", "j"),
    }
    assert "no-such-mail" in told["journey", "j"]
