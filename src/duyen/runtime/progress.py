"""Whether the engine moves: a process that hangs keeps its lock, its port and its silence."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from duyen.model.log import Lane
from duyen.stores.log import Log
from duyen.stores.state import State

STILL = 15.0
"""Seconds in which something waits and nothing is applied, before that is called standing still."""
LOOK_EVERY = 0.05


class Standing(NamedTuple):
    """How many entries of the log wait, and for how many seconds nothing at all has been applied meanwhile."""

    waiting: int
    seconds: float

    @property
    def still(self) -> bool:
        """Whether that is too long for an engine that works."""
        return self.seconds >= STILL


class Progress:
    """Remembers, from look to look, since when the engine has stood at the same place with work before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._place: tuple[int, ...] = ()
        self._since = 0.0

    def look(self, log: Log, state: State) -> Standing:
        """How the engine stands now; each look tells the time since the first one that found it so."""
        place, waiting = place_of(state), entries_waiting(log, state)
        moment = self._clock()
        with self._lock:
            if not waiting:
                self._place = ()
                return Standing(0, 0.0)
            if place != self._place:
                self._place, self._since = place, moment
            return Standing(waiting, moment - self._since)


def place_of(state: State) -> tuple[int, ...]:
    """How far the slowest of the shards is in each lane: where one engine hangs, others go on in theirs."""
    return tuple(state.position(lane) for lane in Lane)


def entries_waiting(log: Log, state: State) -> int:
    """How many entries of all lanes the engine has not applied."""
    return sum(log.waiting(lane, state.position(lane)) for lane in Lane)


def moves(log: Log, state: State, patience: float) -> bool:
    """Whether the engine applies something, or has nothing to apply, within `patience` seconds."""
    place, until = place_of(state), time.monotonic() + patience
    while entries_waiting(log, state) and place_of(state) == place:
        if time.monotonic() > until:
            return False
        time.sleep(LOOK_EVERY)
    return True
