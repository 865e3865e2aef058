"""What is put is checked in full before it is told to the log."""

from __future__ import annotations

from typing import Any

import pytest

from duyen.model.errors import InvalidRule
from duyen.model.journey import ScheduleEntry
from duyen.model.program import Program, ResourceKind
from duyen.model.times import parse_time
from duyen.runtime import definitions, operations

BODY = "<mjml><mj-body><mj-section><mj-column></mj-column></mj-section></mj-body></mjml>"
SCHEDULED = {"entry": {"schedule": {"at": "2026-12-24T09:00"}}, "steps": ["exit"]}


@pytest.mark.parametrize(
    ("kind", "body", "code", "at"),
    [
        ("settings", {"timezone": "Nowhere/Land"}, "settings.timezone", "timezone"),
        ("settings", {"quiet_from": "9pm"}, "settings.quiet_hours", "quiet_from"),
        ("settings", {"quiet_to": "24:00"}, "settings.quiet_hours", "quiet_to"),
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
