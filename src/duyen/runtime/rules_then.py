"""The workspace's settings as they were when the engine applied an offset: by them it read its events."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from duyen.identity import Rules, usable
from duyen.model.event import Identifier
from duyen.model.log import Entry, Lane
from duyen.model.program import ResourceChange, WorkspaceSettings
from duyen.runtime import definitions
from duyen.runtime.house import House
from duyen.runtime.sharding import shard_of_entry
from duyen.stores.shards import SHARDS


class RulesThen:
    """The settings of one lane's offsets behind `after`, and their rules of identity.

    While the program stays the same, nothing is looked up.
    """

    def __init__(self, house: House, lane: Lane, after: int) -> None:
        program = house.program()
        self._now = _Version.of(program.settings)
        batches = house.state.programs(lane, after)
        changed = any(number != program.version for _, number, _ in batches)
        changes = list(_changes(house)) if changed else []
        self._since = [seq for seq, _ in changes]
        first = _Version.of(WorkspaceSettings())
        self._versions = [first, *(version for _, version in changes)] if changed else []
        # Each shard was applied by batches of its own.
        self._batches = [
            [(upto, number) for upto, number, shards in batches if shard in shards]
            for shard in range(SHARDS if changed else 0)
        ]

    def usable(
        self, identifiers: Iterable[Identifier], seq: int, entry: Entry
    ) -> tuple[Identifier, ...]:
        """Those identifiers that might identify when this entry, told at `seq`, was applied."""
        return usable(identifiers, self._at(seq, entry).rules)

    def usable_now(self, identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
        """Those that might identify by the rules of today."""
        return usable(identifiers, self._now.rules)

    def settings(self, seq: int, entry: Entry) -> WorkspaceSettings:
        """The workspace's settings when this entry, told at `seq`, was applied."""
        return self._at(seq, entry).settings

    def _at(self, seq: int, entry: Entry) -> _Version:
        if not self._versions:
            return self._now
        batches = self._batches[shard_of_entry(entry)]
        place = bisect_left(batches, (seq, -1))
        if place == len(batches):
            return self._now
        return self._versions[bisect_right(self._since, batches[place][1])]


class _Version(NamedTuple):
    settings: WorkspaceSettings
    rules: Rules

    @classmethod
    def of(cls, settings: WorkspaceSettings) -> _Version:
        return cls(settings, Rules.of(settings.identity, settings.blocked))


def _changes(house: House) -> Iterator[tuple[int, _Version]]:
    """Every version of the workspace's settings, with its offset in the control lane."""
    for block in house.log.read(Lane.CONTROL, 0, most=2**62):
        for entry in block.entries:
            if isinstance(entry, ResourceChange) and entry.resource == "settings":
                body = entry.body or {}
                change = ("settings", entry.id, 0, body, entry.author, entry.time)
                yield block.seq, _Version.of(definitions.build([change], 0).settings)
