"""A delivery of a foreign system, and what it told: calls of the Segment protocol, items of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from duyen.model.source import Source
from duyen.model.times import Millis


class Unreadable(ValueError):
    """A delivery whose body is not what its topic promises; the message says what is missing."""


class Delivery(NamedTuple):
    """What a source sent: `headers` by their names in small letters, `body` as decoded JSON.

    `key` is the installation's own: what is made under it nobody else can make.
    """

    source: Source
    headers: Mapping[str, str]
    body: Any
    received: Millis
    key: bytes
    currency: str
    """That of the workspace."""

    @property
    def money(self) -> str:
        """The currency of amounts that name none."""
        return self.source.currency or self.currency


class Told(msgspec.Struct):
    """What a delivery comes to.

    `gone`: ids of items that are no longer sold. `faults`: parts that could not be read. `ignored`: why it comes to
    nothing at all.
    """

    calls: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    gone: list[str] = []
    faults: list[str] = []
    ignored: str = ""


class Kind(Protocol):
    """One kind of source: how its deliveries are read."""

    topics: tuple[str, ...]
    """What to subscribe to in the shop."""

    def topic(self, headers: Mapping[str, str]) -> str:
        """What a delivery is about."""

    def read(self, delivery: Delivery) -> Told:
        """What a delivery tells; raises Unreadable."""
