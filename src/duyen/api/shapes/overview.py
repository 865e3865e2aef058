"""The living state of the programme."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import PersonRef
from duyen.api.shapes.lift import LiftReport


class PeopleCount(TypedDict):
    """People known, and by arm of the global experiment; anonymous ones who did not come back, forgotten so far."""

    total: int
    treated: int
    held_out: int
    forgotten: int


class EventCount(TypedDict):
    """Events: mean of the last ten seconds, and of the workspace's day."""

    per_second: float
    today: int
    rejected_today: int


class MailCount(TypedDict):
    """Mails of the workspace's day, and what waits now."""

    sent_today: int
    opened_today: int
    clicked_today: int
    refused_today: int
    waiting: int


class TodayCount(TypedDict):
    """A count of the workspace's day."""

    today: int


class OrderCount(TypedDict):
    """Orders of the workspace's day."""

    today: int
    revenue_today: str


class EngineState(TypedDict):
    """Entries of the log that wait for the engine; `still`: it has applied nothing for 15 seconds meanwhile."""

    waiting: int
    still: bool


# `from` is a word of Python, hence the functional form.
PerMinute = TypedDict("PerMinute", {"from": str, "events": list[int], "sends": list[int]})


class Happened(TypedDict):
    """One line of what just happened."""

    id: str
    time: str
    kind: Literal["event", "decision", "contact"]
    person: PersonRef
    subject: str
    subject_name: str | None
    detail: str | None
    state: str | None
    reason: str | None


class Overview(TypedDict):
    """The living state of the programme; cheap enough to be asked every two seconds."""

    now: str
    currency: str
    paused: bool
    people: PeopleCount
    events: EventCount
    mails: MailCount
    decisions: TodayCount
    orders: OrderCount
    lift: LiftReport | None
    per_minute: PerMinute
    engine: EngineState
    latest: list[Happened]
