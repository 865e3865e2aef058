"""Reading ahead: while one batch is brought to the disk, the next one is read from the log and made events."""

from __future__ import annotations

from duyen import collect
from duyen.model.event import Collected, Event
from duyen.model.log import Lane
from duyen.stores.log import Block, Log


class Ahead:
    """The blocks of a lane that follow the ones just applied, as far as they were there already."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._key: tuple[Lane, int, int] | None = None
        self._blocks: list[Block] = []
        self._events: dict[int, Event] = {}

    def prepare(self, lane: Lane, after: int, most: int) -> None:
        """Read what follows, and do what needs nothing but itself."""
        self._key, self._blocks = (lane, after, most), list(self._log.read(lane, after, most=most))
        # The blocks keep the entries alive by whose places in memory their events are found.
        self._events = {
            id(entry): collect.normalise(entry)
            for block in self._blocks
            for entry in block.entries
            if isinstance(entry, Collected)
        }

    def blocks(self, lane: Lane, after: int, most: int, upto: int | None) -> list[Block]:
        """Blocks of a lane behind `after`: those prepared, or read now."""
        if self._key == (lane, after, most) and upto is None and self._blocks:
            self._key = None
        else:
            self._key, self._events = None, {}
            self._blocks = list(self._log.read(lane, after, upto=upto, most=most))
        return self._blocks

    def event(self, collected: Collected) -> Event:
        """The event of an entry of the last blocks."""
        return self._events.get(id(collected)) or collect.normalise(collected)
