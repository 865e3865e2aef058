"""What can happen to one person: the second argument of the step."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.decision import Decision
from duyen.model.event import Event
from duyen.model.person import Person


class Happened(msgspec.Struct, frozen=True):
    """An event of theirs; `reacts` is false for imports and late events: knowledge without reaction."""

    event: Event
    reacts: bool = True


class Decided(msgspec.Struct, frozen=True):
    """A decision was made for them."""

    decision: Decision


class Due(msgspec.Struct, frozen=True):
    """Their timer is due."""


class Nudged(msgspec.Struct, frozen=True):
    """Look at them again: definitions changed, a scheduled journey calls `journey`, or a group of theirs changed.

    `reacts` is false where what changed is history: knowledge without reaction.
    """

    reason: Literal["program", "schedule", "evaluate", "group"]
    journey: str = ""
    run: str = ""
    reacts: bool = True


class Joined(msgspec.Struct, frozen=True):
    """Another document turned out to be the same person; `history` only where accumulators must be refolded."""

    other: Person
    history: tuple[Event, ...] | None = None


class Receipt(msgspec.Struct, frozen=True):
    """A sender tells the fate of an outbox row: sent | failed | cancelled | expired."""

    key: str
    state: str
    reason: str = ""


Happening = Happened | Decided | Due | Nudged | Joined | Receipt
