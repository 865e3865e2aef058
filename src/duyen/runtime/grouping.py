"""What a batch tells of groups: what is known of them afterwards, and what its people may read of theirs.

Rows of groups are written at the end of a batch, as documents are locked at its beginning: two engines that take
both in the same order never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from duyen.model.group import Told, group_values
from duyen.model.happening import Happened, Joined
from duyen.model.person import Person
from duyen.profiles import group_of, tell_group
from duyen.step import Work
from duyen.stores.state import State


@dataclass
class Grouping:
    """Groups that a batch spoke of: what was known of each, and what is now."""

    before: dict[str, Told] = field(default_factory=dict)
    after: dict[str, Told] = field(default_factory=dict)

    @classmethod
    def of(cls, state: State, told: Iterable[object]) -> Grouping:
        """What the events among these tell."""
        events = [each.event for each in told if isinstance(each, Happened)]
        spoken = [(group, event) for event in events if (group := group_of(event))]
        if not spoken:
            return cls()
        before = state.groups(group for group, _ in spoken)
        after = dict(before)
        for group, event in spoken:
            after[group] = tell_group(after.get(group, {}), event)
        return cls(before, after)

    def beside(self, state: State, works: Sequence[Work]) -> dict[str, dict[str, Any]]:
        """What may be read of every group that somebody of a batch may be in, by its id."""
        found: dict[str, dict[str, Any]] = {}
        asked = set(self.after)
        for work in works:
            for person in _documents(work):
                found.update(person.group_traits)
                asked.update(person.groups)
        missing = asked - found.keys() - self.after.keys()
        if missing:
            found |= state.group_values(missing)
        return found | {id: group_values(told) for id, told in self.after.items()}

    def store(self, state: State, works: Sequence[Work]) -> None:
        """Write what has become of groups, and who is in them now."""
        state.put_groups(
            {id: told for id, told in self.after.items() if self.before.get(id) != told}
        )
        state.put_group_members({w.person.id: w.person.groups for w in works if w.regrouped})


def _documents(work: Work) -> list[Person]:
    """The person, and whoever turns out to be them."""
    return [work.person, *(each.other for each in work.happenings if isinstance(each, Joined))]
