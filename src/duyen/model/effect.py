"""Effects: what a step asks the runtime to do. Values, not deeds."""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.model.times import Millis


class Enqueue(msgspec.Struct, frozen=True, tag="enqueue"):
    """Put one contact into the outbox; only `journeys.contact.admit` makes these (law 6).

    `key` is the idempotency key. `inputs` are what rendering needs besides the person (trigger properties).
    """

    key: str
    person: str
    message: str
    version: int
    channel: str
    address: str
    purpose: str
    brand: str
    origin: str
    created: Millis
    not_before: Millis
    expires: Millis
    inputs: dict[str, Any]


class Cancel(msgspec.Struct, frozen=True, tag="cancel"):
    """Take waiting contacts of a person out of the outbox (key "" = all of purpose on channel)."""

    person: str
    key: str
    channel: str
    purpose: str
    reason: str


class Member(msgspec.Struct, frozen=True, tag="member"):
    """The person entered or left a segment at `at`."""

    person: str
    segment: str
    entered: bool
    at: Millis


class Add(msgspec.Struct, frozen=True, tag="add"):
    """Add integers to a shared counter's fields (commutative; summed across shards)."""

    counter: str
    amounts: dict[str, int]


class Fact(msgspec.Struct, frozen=True, tag="fact"):
    """Tell the log something we decided or did: journey entered, contact refused, cell assigned."""

    person: str
    time: Millis
    name: str
    properties: dict[str, Any]


class Forget(msgspec.Struct, frozen=True, tag="forget"):
    """Keep nothing of the person; all that ever came of them had come by `heard`."""

    person: str
    heard: Millis


Effect = Enqueue | Cancel | Member | Add | Fact | Forget
