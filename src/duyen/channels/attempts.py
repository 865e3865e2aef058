"""What a sender does next with a contact, from the attempts made so far. Pure.

An attempt is written down as `started` before the provider is spoken to, and with its fate after. Only a
crash leaves one `started`; then nobody knows whether the provider has taken the contact. A provider that is
idempotent, or can be asked, resolves it; otherwise the message's certainty decides: `at_most_once` gives up,
`at_least_once` sends again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from zlib import crc32

import msgspec

from duyen.channels.interface import Capabilities, Fate
from duyen.model.message import Certainty
from duyen.model.times import HOUR, MINUTE, Millis


class Attempt(msgspec.Struct, frozen=True):
    """One try: when it began, when its fate was known, and which."""

    number: int
    started: Millis
    fate: Literal["started"] | Fate = "started"
    finished: Millis = 0
    detail: str = ""


class Patience(msgspec.Struct, frozen=True):
    """How often and how far apart a contact is tried: first, first * factor, ... up to longest."""

    most: int = 8
    first: Millis = MINUTE
    factor: int = 4
    longest: Millis = 4 * HOUR
    lease: Millis = 5 * MINUTE
    """After this long, a `started` attempt is one whose sender is gone."""


class Send(msgspec.Struct, frozen=True, tag=True):
    """Try now; write down attempt `number` first."""

    number: int


class AskProvider(msgspec.Struct, frozen=True, tag=True):
    """Ask the provider what became of attempt `number`."""

    number: int


class Wait(msgspec.Struct, frozen=True, tag=True):
    """Look again at this instant."""

    until: Millis


class Settle(msgspec.Struct, frozen=True, tag=True):
    """It is over: tell the log `sent`, `failed` or `expired`."""

    state: Literal["sent", "failed", "expired"]
    reason: str = ""


Move = Send | AskProvider | Wait | Settle
PATIENCE = Patience()


def next_move(
    key: str,
    expires: Millis,
    certainty: Certainty,
    attempts: Sequence[Attempt],
    now: Millis,
    capabilities: Capabilities,
    patience: Patience = PATIENCE,
) -> Move:
    """What to do with a contact now; `attempts` are all made so far, oldest first."""
    if not attempts:
        return Settle("expired") if now >= expires else Send(1)
    last = attempts[-1]
    if last.fate == "sent":
        return Settle("sent")
    if last.fate == "failed":
        return Settle("failed", last.detail)
    if last.fate == "retry":
        return _again(key, expires, last, now, patience)
    if last.fate == "started" and now < last.started + patience.lease:
        return Wait(last.started + patience.lease)
    if capabilities.lookup:
        return AskProvider(last.number)
    if capabilities.idempotent or certainty == "at_least_once":
        return _again(key, expires, last, now, patience)
    return Settle("failed", "uncertain")


def backoff(key: str, number: int, patience: Patience = PATIENCE) -> Millis:
    """How long to wait after failed attempt `number`; up to a tenth longer, by key, so that not all come at once."""
    pause: Millis = patience.first * patience.factor ** min(number - 1, 20)
    pause = min(pause, patience.longest)
    return pause + pause * (crc32(f"{key}:{number}".encode()) % 1000) // 10_000


def _again(key: str, expires: Millis, last: Attempt, now: Millis, patience: Patience) -> Move:
    """Try later, as long as there is patience and the contact has not lost its point."""
    at = (last.finished or last.started) + backoff(key, last.number, patience)
    if last.number >= patience.most:
        return Settle("failed", f"gave up after {last.number} attempts: {last.detail}")
    if max(at, now) >= expires:
        return Settle("expired", last.detail)
    return Send(last.number + 1) if now >= at else Wait(at)
