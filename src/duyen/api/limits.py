"""How much one key may send: a bucket for each, filled at a steady rate."""

from __future__ import annotations

import math

from duyen.model.errors import TooMany

BURST = 10
"""Seconds' worth of events that a key may send at once after it was silent."""


class Limits:
    """The buckets of one process. A call goes through whole as long as something is left, and may leave a debt."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, key: str, events: int, rate: int, now: float) -> None:
        """Note that a key sends events at `now` (seconds), at most `rate` a second; raises TooMany.

        A rate of 0 is no limit.
        """
        if not rate:
            return
        left, then = self._left.get(key, (float(rate * BURST), now))
        left = min(left + (now - then) * rate, float(rate * BURST))
        if left <= 0:
            self._left[key] = (left, now)
            problem = TooMany(
                "collect.too_many",
                f"This key sends more than {rate:,} events a second; keep these and send them again"
                " after the seconds that Retry-After names.",
            )
            problem.retry_after = 1 + math.floor(-left / rate)
            raise problem
        self._left[key] = (left - events, now)
