"""What every channel can do, ours and a stranger’s.

A channel is given finished contacts and says of each what became of it. It never retries by itself, and
it never raises for one contact: whatever happened is a Result. `duyen.testing.channels` checks all this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Protocol

import msgspec

Fate = Literal["sent", "retry", "failed", "unknown"]
"""sent: the provider took it over. retry: surely not taken, may be later. failed: surely not, and never will be.
unknown: the provider may or may not have taken it (the connection broke after the content had left)."""


class Outgoing(msgspec.Struct, frozen=True):
    """One finished contact: its idempotency key, envelope and content (for e-mail, the bytes of the mail)."""

    key: str
    sender: str
    to: str
    content: bytes


class Result(msgspec.Struct, frozen=True):
    """What became of one Outgoing; `code` and `detail` are the provider's words for it."""

    key: str
    fate: Fate
    code: int = 0
    detail: str = ""


class Capabilities(msgspec.Struct, frozen=True):
    """What a channel's provider promises.

    idempotent: the same key sent twice is one contact. lookup: it can be asked for the fate of a key.
    batch: how many contacts one `send` takes at best.
    """

    channel: str
    idempotent: bool = False
    lookup: bool = False
    batch: int = 100


class Channel(Protocol):
    """A way to reach people. Made from its `Settings`; used by one event loop."""

    Settings: ClassVar[type[Any]]
    capabilities: Capabilities

    async def send(self, batch: Sequence[Outgoing]) -> list[Result]:
        """Hand contacts over; one Result for each, in the same order."""
        ...

    async def probe(self) -> str:
        """Whether the provider can be spoken to now: "" or one sentence that says why not."""
        ...

    async def close(self) -> None:
        """Leave the provider politely; the channel may be used again.

        A `send` under way ends soon: contacts that were not spoken of yet are `retry`.
        """
        ...
