"""The suppression list."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict


class ToSuppress(TypedDict):
    """Addresses never to be written to, for one purpose or (`*`) all; at most 5,000."""

    addresses: list[str]
    purpose: NotRequired[str]
    reason: NotRequired[str]


class Suppressed(TypedDict):
    """How many addresses were taken, and what could not be read as one."""

    applied: bool
    addresses: int
    wrong: list[str]


class SuppressionLine(TypedDict):
    """One line; `address` is null where its person was erased, and only the keyed hash is left."""

    address: str | None
    hash: str
    never: str
    since: str
    reason: str
    author: str
