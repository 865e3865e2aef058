"""The rules of identity as they were when the engine applied an offset: under them lies its evidence."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from duyen.identity import Rules, usable
from duyen.model.event import Identifier
from duyen.model.log import Lane
from duyen.model.program import ResourceChange, WorkspaceSettings
from duyen.runtime import definitions
from duyen.runtime.house import House


class RulesThen:
    """The rules of one lane's offsets behind `after`. While the program stays the same, nothing is looked up."""

    def __init__(self, house: House, lane: Lane, after: int) -> None:
        program = house.program()
        self._now = _rules(program.settings)
        batches = house.state.programs(lane, after)
        self._upto = [upto for upto, _ in batches]
        self._programs = [number for _, number in batches]
        changed = any(number != program.version for number in self._programs)
        changes = list(_changes(house)) if changed else []
        self._since = [seq for seq, _ in changes]
        self._rules = [Rules(), *(rules for _, rules in changes)] if changed else []

    def usable(self, identifiers: Iterable[Identifier], seq: int) -> tuple[Identifier, ...]:
        """Those identifiers that might identify when `seq` was applied."""
        return usable(identifiers, self._at(seq))

    def _at(self, seq: int) -> Rules:
        batch = bisect_left(self._upto, seq) if self._rules else len(self._upto)
        if batch == len(self._upto):
            return self._now
        return self._rules[bisect_right(self._since, self._programs[batch])]


def _changes(house: House) -> Iterator[tuple[int, Rules]]:
    """Every version of the workspace's rules of identity, with its offset in the control lane."""
    for block in house.log.read(Lane.CONTROL, 0, most=2**62):
        for entry in block.entries:
            if isinstance(entry, ResourceChange) and entry.resource == "settings":
                body = entry.body or {}
                change = ("settings", entry.id, 0, body, entry.author, entry.time)
                yield block.seq, _rules(definitions.build([change], 0).settings)


def _rules(settings: WorkspaceSettings) -> Rules:
    return Rules.of(settings.identity, settings.blocked)
