"""What a batch tells of groups: what is known of them afterwards, and what its people may read of theirs.

Rows of groups are written at the end of a batch, as documents are locked at its beginning: two engines that take
both in the same order never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from duyen.model.event import Event
from duyen.model.group import Told, group_values
from duyen.model.happening import Happened, Joined, Nudged
from duyen.model.times import Millis
from duyen.profiles import group_of, tell_group
from duyen.step import Work
from duyen.stores.shards import bounds
from duyen.stores.state import State

_encode = msgspec.json.Encoder(order="deterministic").encode
LANE = -4
"""By which a slice of members stands among the recorded batches."""
AT_ONCE = 500
"""Members of changed groups who are looked at in the same batch; the others follow in slices."""


@dataclass
class Grouping:
    """Groups that a batch spoke of: what was known of each, and what is now."""

    before: dict[str, Told] = field(default_factory=dict)
    after: dict[str, Told] = field(default_factory=dict)
    reacting: set[str] = field(default_factory=set)
    """Those of which something was told just now, not as history."""
    walks: list[tuple[str, str, bool]] = field(default_factory=list)
    """Groups whose members behind a place are still to be looked at, and whether nobody reacts."""

    @classmethod
    def of(cls, state: State, told: Iterable[Happened]) -> Grouping:
        """What events tell."""
        spoken = [(group, each) for each in told if (group := group_of(each.event))]
        if not spoken:
            return cls()
        before = state.groups(group for group, _ in spoken)
        after = dict(before)
        for group, each in spoken:
            after[group] = tell_group(after.get(group, {}), each.event)
        return cls(before, after, {group for group, each in spoken if each.reacts})

    def turned(self, read: Collection[str]) -> dict[str, bool]:
        """Groups of which a trait has changed that rules read, and whether all that told of them was history."""
        return {
            id: id not in self.reacting
            for id, told in sorted(self.after.items())
            if _differ(self.before.get(id, {}), told, read)
        }

    def members(self, state: State, read: Collection[str]) -> Iterator[tuple[str, Nudged]]:
        """Members of changed groups, to be looked at now; where there are more, walks through the others are noted."""
        most = AT_ONCE
        for id, quiet in self.turned(read).items():
            some = state.group_members(id, "", most + 1)
            for person in some[:most]:
                yield person, Nudged("group", reacts=not quiet)
            if len(some) > most:
                self.walks.append((id, some[most - 1] if most else "", quiet))
            most = max(0, most - len(some))

    def beside(self, state: State, works: Sequence[Work]) -> dict[str, dict[str, Any]]:
        """What may be read of every group that somebody of a batch may be in, by its id."""
        found: dict[str, dict[str, Any]] = {}
        asked = set(self.after)
        for work in works:
            if work.person.groups:
                found.update(work.person.group_traits)
                asked.update(work.person.groups)
            for joined in work.happenings:
                if not isinstance(joined, Joined):
                    break  # whoever turns out to be them comes before all that happens to them
                found.update(joined.other.group_traits)
                asked.update(joined.other.groups)
        missing = asked - found.keys() - self.after.keys()
        if missing:
            found |= state.group_values(missing)
        return found | {id: group_values(id, told) for id, told in self.after.items()}

    def store(self, state: State, works: Sequence[Work], now: Millis) -> None:
        """Write what has become of groups, who is in them now, and whom of them to look at."""
        state.put_groups(
            {id: told for id, told in self.after.items() if self.before.get(id) != told}
        )
        state.put_group_members({w.person.id: w.person.groups for w in works if w.regrouped})
        for id, after, quiet in self.walks:
            state.begin_group_walk(id, after, now, quiet)


def _differ(before: Told, after: Told, read: Collection[str]) -> bool:
    """Whether one of these traits has another value."""
    return any(_value(before, name) != _value(after, name) for name in read)


def _value(told: Told, name: str) -> bytes:
    """A trait's value, as bytes: 1 and true are two."""
    return _encode(told[name].value if name in told else None)


def untell(state: State, told: Iterable[Event], now: Millis) -> None:
    """Forget what these events told of groups: whoever told it is erased.

    What others had told before is not brought back; a group of which nothing is left, not even a member, goes.
    """
    written: dict[str, set[str]] = {}
    for event in told:
        if group := group_of(event):
            written.setdefault(group, set()).add(event.id)
    known = state.groups(written)
    left = {
        id: {name: trait for name, trait in traits.items() if trait.id not in written[id]}
        for id, traits in known.items()
    }
    changed = {id: traits for id, traits in left.items() if traits != known[id]}
    state.put_groups(changed)
    for id in sorted(changed):
        state.begin_group_walk(id, "", now, True)
    state.drop_groups(id for id, traits in left.items() if not traits)


def walk(state: State, shards: frozenset[int], most: int, now: Millis) -> list[tuple[str, Nudged]]:
    """The next members of changed groups, in some shards; a walk that has seen all of a shard ends."""
    found: list[tuple[str, Nudged]] = []
    for one in state.group_walks(shards, most):
        left = most - len(found)
        if not left:
            break
        people = state.group_members(one.group, one.cursor, left, bounds(one.shard)[1])
        found += [(person, Nudged("group", reacts=not one.quiet)) for person in people]
        if len(people) == left:
            state.walk_group(one, people[-1])
        else:
            state.end_group_walk(one, now)
    return found
