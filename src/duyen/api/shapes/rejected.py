"""Calls that could not become events."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


class RejectedRow(TypedDict):
    """A call that could not become an event, with its reasons."""

    id: str
    received: str
    source: str
    source_name: str
    reasons: list[str]
    payload: str
    replayed: str | None


class Replay(TypedDict, total=False):
    """Which rejected calls to judge again; `payload` is the call of `id`, put right."""

    ids: list[str]
    all: bool
    source: str
    cursor: str | None
    id: str
    payload: Json


class ReplayedRow(TypedDict):
    """What became of a rejected call: an event, or still rejected for these reasons."""

    id: str
    state: Literal["replayed", "rejected"]
    reasons: list[str]


class Replayed(TypedDict):
    """What became of each call, and the cursor of the following ones."""

    applied: bool
    data: list[ReplayedRow]
    next: str | None
