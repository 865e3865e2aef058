"""Groups of people: what is known of each, who its members are, and which members are still to be looked at.

Whose member a person is, the document says; `group_members` repeats it by group, so that a change of a group finds
them. Who becomes a member writes the group's own row as well: a change of the group that is made at the same time
elsewhere, and does not see the new member, cannot be committed beside it, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from duyen.model.group import Told, group_name, group_values
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.model.values import fold
from duyen.stores.packing import pack, unpack_traits
from duyen.stores.rows import Row
from duyen.stores.shards import END, SHARDS, bounds
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS groups_told (
    id TEXT PRIMARY KEY, folded TEXT NOT NULL, traits BLOB NOT NULL, joined INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS groups_by_name ON groups_told (folded, id);
CREATE TABLE IF NOT EXISTS group_members (
    group_id TEXT NOT NULL, person TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (group_id, person)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS group_members_by_person ON group_members (person);
CREATE TABLE IF NOT EXISTS group_walks (
    group_id TEXT NOT NULL, shard INTEGER NOT NULL, turn INTEGER NOT NULL, cursor TEXT NOT NULL,
    again INTEGER NOT NULL, quiet INTEGER NOT NULL, PRIMARY KEY (group_id, shard)
) WITHOUT ROWID;
"""


class GroupRow(NamedTuple):
    """A line of the list of groups."""

    id: str
    folded: str
    told: Told


class GroupWalk(NamedTuple):
    """How far the members of a group, in one shard, have been looked at since the group changed.

    `again`: it has changed since the walk began; `quiet`: nobody reacts. Walks go on in order of `turn`.
    """

    group: str
    shard: int
    turn: int
    cursor: str
    again: bool
    quiet: bool


class Groups(Part):
    """Groups, their members, and walks through these."""

    def groups(self, ids: Iterable[str]) -> dict[str, Told]:
        """What is known of these groups, as far as they are known."""
        query = "SELECT id, traits FROM groups_told WHERE id IN ({})"
        return {id: unpack_traits(body) for id, body in self._db.among(query, sorted(set(ids)))}

    def group_values(self, ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """What rules and messages read of these groups, as far as they are known."""
        return {id: group_values(id, told) for id, told in self.groups(ids).items()}

    def show_groups(self, persons: Sequence[Person]) -> None:
        """Put beside people what is known of their groups."""
        if not persons:
            return
        known = self.group_values(id for person in persons for id in person.groups)
        for person in persons:
            person.group_traits = {id: known[id] for id in person.groups if id in known}

    def put_groups(self, groups: Mapping[str, Told]) -> None:
        """Store what is known of groups."""
        query = (
            "INSERT INTO groups_told VALUES (?, ?, ?, 0) ON CONFLICT (id) DO UPDATE SET"
            " folded = excluded.folded, traits = excluded.traits"
        )
        rows = [(id, _folded(id, told), pack(told)) for id, told in sorted(groups.items())]
        self._db.executemany(query, rows)

    def drop_groups(self, ids: Iterable[str]) -> None:
        """Forget groups, as far as nobody is in them."""
        self._db.executemany(
            "DELETE FROM groups_told WHERE id = ? AND NOT EXISTS"
            " (SELECT 1 FROM group_members WHERE group_members.group_id = groups_told.id)",
            [(id,) for id in sorted(ids)],
        )

    def list_groups(self, begins: str, after: tuple[str, str] | None, most: int) -> list[GroupRow]:
        """Groups by name (without one: by id) behind `after` = (folded, id); `begins` is folded already."""
        folded, id = after or (begins, "")
        rows = self._db.execute(
            "SELECT id, folded, traits FROM groups_told WHERE (folded > ? OR (folded = ? AND id > ?))"
            " AND folded < ? ORDER BY folded, id LIMIT ?",
            (folded, folded, id, begins + END, most),
        )
        return [GroupRow(id, folded, unpack_traits(body)) for id, folded, body in rows]

    def count_groups(self) -> int:
        """How many groups there are."""
        return int(self._db.execute("SELECT count(*) FROM groups_told").fetchone()[0])

    # -- members

    def put_group_members(self, groups: Mapping[str, Mapping[str, Millis]]) -> None:
        """Make the members by group say what the documents of these people do: person -> group -> since."""
        if not groups:
            return
        query = "SELECT person, group_id, since FROM group_members WHERE person IN ({})"
        known = {(p, group): since for p, group, since in self._db.among(query, sorted(groups))}
        now = {(p, group): since for p, all in groups.items() for group, since in all.items()}
        self._db.executemany(
            "DELETE FROM group_members WHERE person = ? AND group_id = ?",
            sorted(known.keys() - now.keys()),
        )
        new = [
            (group, p, since) for (p, group), since in now.items() if known.get((p, group)) != since
        ]
        self._db.put("group_members", sorted(new))
        joined = sorted({group for p, group in now.keys() - known.keys()})
        self._db.executemany(
            "UPDATE groups_told SET joined = joined + 1 WHERE id = ?", [(id,) for id in joined]
        )

    def leave_groups(self, persons: Iterable[str]) -> None:
        """Take people out of all their groups: their documents are gone."""
        self._db.executemany(
            "DELETE FROM group_members WHERE person = ?", [(person,) for person in persons]
        )

    def count_group(self, id: str) -> int:
        """How many members a group has."""
        query = "SELECT count(*) FROM group_members WHERE group_id = ?"
        return int(self._db.execute(query, (id,)).fetchone()[0])

    def group_members(self, id: str, after: str, most: int, before: str = END) -> list[str]:
        """Ids of a group's members behind `after`, in order of id."""
        rows = self._db.execute(
            "SELECT person FROM group_members WHERE group_id = ? AND person > ? AND person < ?"
            " ORDER BY person LIMIT ?",
            (id, after, before, most),
        )
        return [person for (person,) in rows]

    def list_group(self, id: str, after: str, most: int) -> list[tuple[Row, Millis]]:
        """Lines of a group's members, each with when they joined, behind `after` in order of id."""
        rows = self._db.execute(
            "SELECT p.person, p.name, p.email, p.events, p.first, p.last, m.since"
            " FROM group_members m CROSS JOIN people p"
            " WHERE m.group_id = ? AND m.person > ? AND p.person = m.person"
            " ORDER BY m.person LIMIT ?",
            (id, after, most),
        )
        return [(Row(*row[:-1]), row[-1]) for row in rows]

    # -- walks through members

    def begin_group_walk(self, id: str, after: str, turn: int, quiet: bool) -> None:
        """Have the members behind `after` looked at; where they are walked through already, once more."""
        for shard in range(SHARDS):
            first, end = bounds(shard)
            if after >= end:
                continue
            self._db.execute(
                "INSERT INTO group_walks VALUES (?, ?, ?, ?, 0, ?) ON CONFLICT (group_id, shard) DO UPDATE"
                " SET again = 1, quiet = group_walks.quiet * excluded.quiet",
                (id, shard, turn, max(first, after), int(quiet)),
            )

    def group_walks(self, shards: Collection[int], most: int) -> list[GroupWalk]:
        """The walks under way in these shards, those first whose turn it is."""
        mine = sorted(shards)
        rows = self._db.execute(
            "SELECT group_id, shard, turn, cursor, again, quiet FROM group_walks"  # noqa: S608 - marks
            f" WHERE shard IN ({', '.join('?' * len(mine))}) ORDER BY turn, group_id, shard LIMIT ?",
            (*mine, most),
        )
        return [
            GroupWalk(group, shard, turn, cursor, bool(again), bool(quiet))
            for group, shard, turn, cursor, again, quiet in rows
        ]

    def walk_group(self, walk: GroupWalk, cursor: str) -> None:
        """A walk has come as far as `cursor`."""
        self._db.execute(
            "UPDATE group_walks SET cursor = ? WHERE group_id = ? AND shard = ?",
            (cursor, walk.group, walk.shard),
        )

    def end_group_walk(self, walk: GroupWalk, turn: int) -> None:
        """A walk has seen all; where the group has changed meanwhile, it begins again, behind all others."""
        place = (walk.group, walk.shard)
        if not walk.again:
            query = "DELETE FROM group_walks WHERE group_id = ? AND shard = ?"
            self._db.execute(query, place)
            return
        self._db.execute(
            "UPDATE group_walks SET cursor = ?, again = 0, turn = ? WHERE group_id = ? AND shard = ?",
            (bounds(walk.shard)[0], turn, *place),
        )


def _folded(id: str, told: Told) -> str:
    """What a group is listed and found by."""
    return fold(group_name(id, group_values(id, told)))[:200]
