"""What time it is: the wall's, or simulated time that moves by logged ticks only."""

from __future__ import annotations

import time
from typing import Protocol

from duyen.model.times import Millis


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Millis:
        """The present instant."""


class WallClock:
    """The machine's clock."""

    def now(self) -> Millis:
        """The present instant."""
        return time.time_ns() // 1_000_000


class StandingClock:
    """Always the same instant: for work that belongs to one moment."""

    def __init__(self, now: Millis) -> None:
        self._now = now

    def now(self) -> Millis:
        """The instant."""
        return self._now


class Remembered(Protocol):
    """Where the last tick is remembered: the state."""

    def meta(self, key: str, default: str = "") -> str:
        """A remembered word."""


class SimulatedClock:
    """The instant of the last tick that the engine has applied; every process reads the same."""

    def __init__(self, state: Remembered) -> None:
        self._state = state

    def now(self) -> Millis:
        """The present instant."""
        return int(self._state.meta("clock", "0"))
