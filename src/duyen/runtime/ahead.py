"""Reading ahead: while one batch is brought to the disk, the next one is read from the log and made events."""

from __future__ import annotations

from duyen import collect
from duyen.model.event import Collected, Event
from duyen.model.log import Lane
from duyen.model.program import WorkspaceSettings
from duyen.stores.log import Block, Log


class Ahead:
    """The blocks of a lane that follow the ones just applied, as far as they were there already."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._key: tuple[Lane, int, int] | None = None
        self._blocks: list[Block] = []
        self._events: dict[int, Event] = {}
        self._settings: WorkspaceSettings | None = None

    def prepare(self, lane: Lane, after: int, most: int, settings: WorkspaceSettings) -> None:
        """Read what follows, and do what needs nothing but itself and the workspace's settings."""
        self._settings = settings
        self._key, self._blocks = (lane, after, most), list(self._log.read(lane, after, most=most))
        # The blocks keep the entries alive by whose places in memory their events are found.
        self._events = {
            id(entry): collect.normalise(entry, settings)
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

    def event(self, collected: Collected, settings: WorkspaceSettings) -> Event:
        """The event of an entry of the last blocks, as it reads by these settings."""
        known = self._events.get(id(collected)) if settings is self._settings else None
        return known or collect.normalise(collected, settings)
