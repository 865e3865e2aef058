"""What came of what sources sent: counted where it arrives, told to the log together, kept by the engine."""

from __future__ import annotations

import msgspec

from duyen.model.log import Heard
from duyen.model.times import Millis
from duyen.stores.state import State

OUTCOMES = ("deliveries", "accepted", "rejected", "items", "ignored", "refused")
"""What is counted: deliveries; of these calls that became events or did not, items, and deliveries that came to
nothing or were refused (a wrong signature, no JSON)."""


class Standing(msgspec.Struct, frozen=True):
    """What came of a source so far."""

    counts: dict[str, int] = {}
    seen: Millis = 0
    trouble: str = ""
    troubled: Millis = 0


def note(state: State, heard: Heard) -> None:
    """Add what a process heard to what is known of a source."""
    before = standing(state, heard.source)
    counts = dict(before.counts)
    for outcome, count in heard.counts.items():
        counts[outcome] = counts.get(outcome, 0) + count
    later = heard.trouble and heard.time >= before.troubled
    after = Standing(
        counts,
        max(before.seen, heard.time if heard.counts.get("deliveries") else 0),
        heard.trouble if later else before.trouble,
        heard.time if later else before.troubled,
    )
    state.set_meta(f"source:{heard.source}", msgspec.json.encode(after).decode())


def standing(state: State, id: str) -> Standing:
    """What came of a source so far."""
    told = state.meta(f"source:{id}")
    return msgspec.json.decode(told, type=Standing) if told else Standing()


class Hearing:
    """What one process heard and has not told the log yet: told together, so that a flood stays one line."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def note(self, source: str, now: Millis, trouble: str = "", **counts: int) -> None:
        """Count what came of a delivery."""
        before = self._heard.get(source)
        sums = dict(before.counts) if before else {}
        for outcome, count in counts.items():
            if count:
                sums[outcome] = sums.get(outcome, 0) + count
        said = trouble[:300] or (before.trouble if before else "")
        self._heard[source] = Heard(source, now, sums, said)

    def take(self) -> list[Heard]:
        """All of it, to be told now."""
        heard, self._heard = list(self._heard.values()), {}
        return heard
