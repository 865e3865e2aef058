"""What became of messages, journeys and placements."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Estimate, Json, Named


class RefusalCount(TypedDict):
    """How often the contact policy refused for one reason."""

    reason: str
    count: int


class MessageResult(Named):
    """What became of one message."""

    channel: str
    sent: int
    failed: int
    refused: int
    held_out: int
    waiting: int
    opened: int
    clicked: int
    bot_opened: int
    bot_clicked: int
    unsubscribed: int
    open_rate: Estimate
    click_rate: Estimate
    orders: int
    revenue: str
    other_currency: int
    unreadable: int


class MessagesReport(TypedDict):
    """Messages, the most sent first."""

    since: str
    as_of: str
    currency: str
    data: list[MessageResult]
    refusals: list[RefusalCount]


class StepResult(TypedDict):
    """One step of a journey and the people who stand at it."""

    path: list[int]
    kind: Literal["wait", "send", "if", "exit"]
    step: Json
    people: int


class JourneyResult(Named):
    """What became of one journey."""

    live: bool
    entered: int
    active: int
    finished: int
    sent: int
    refused: int
    held_out: int
    steps: list[StepResult]


class JourneysReport(TypedDict):
    """Journeys by name."""

    as_of: str
    currency: str
    data: list[JourneyResult]


class ArmResult(TypedDict):
    """One arm of a placement; `rate` is clicks per view."""

    arm: str
    name: str
    chosen: int
    share: float
    views: int
    clicks: int
    rate: Estimate


class PlacementResult(Named):
    """What was decided at one placement."""

    fill: Literal["offers", "items"]
    policy: str
    decisions: int
    held_out: int
    fallback: int
    arms: list[ArmResult]


class DecisionsReport(TypedDict):
    """Placements by name."""

    since: str
    as_of: str
    data: list[PlacementResult]
