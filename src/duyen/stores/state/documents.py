"""Documents: a head a person beside its standing and its timer, and chunks of older events."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import structs

from duyen.model.event import Event
from duyen.model.person import Person, Place
from duyen.model.times import NEVER, Millis
from duyen.stores.packing import (
    pack,
    unpack_events,
    unpack_person,
    unpack_places,
    unpack_standing,
)
from duyen.stores.rows import Head
from duyen.stores.shards import ALL, END, within
from duyen.stores.state import groups, redirects

SCHEMA = f"""{redirects.SCHEMA}{groups.SCHEMA}
CREATE TABLE IF NOT EXISTS heads (
    person TEXT PRIMARY KEY, body BLOB NOT NULL, standing BLOB NOT NULL, wake INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS heads_due ON heads (wake, person) WHERE wake < 9007199254740992;
DROP INDEX IF EXISTS heads_by_wake;
CREATE TABLE IF NOT EXISTS aside (person TEXT PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS chunks (
    person TEXT NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (person, n)
) WITHOUT ROWID;
ALTER TABLE chunks ADD COLUMN IF NOT EXISTS first INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chunks ADD COLUMN IF NOT EXISTS last INTEGER NOT NULL DEFAULT {NEVER};
CREATE INDEX IF NOT EXISTS chunks_by_time ON chunks (person, last, first);
"""

NO_WAKES: Mapping[str, Millis] = MappingProxyType({})


class Documents(redirects.Redirects, groups.Groups):
    """Heads and chunks; the id of a merged person leads to the survivor's."""

    def heads(self, persons: Sequence[str], *, keep: bool = False) -> dict[str, Head]:
        """The heads of these people, as far as they exist; `keep` those that are about to be written.

        To write one back is not enough: where it was taken away meanwhile (merged into another), it would be new.
        """
        found: dict[str, Head] = {}
        query = (
            "SELECT person, body, standing, wake FROM heads WHERE person IN ({}) ORDER BY person"
        )
        if keep:
            query += self._db.keeping
        for person, body, standing, wake in self._db.among(query, sorted(persons)):
            found[person] = Head(unpack_person(body), unpack_standing(standing), wake)
        self.show_groups([head.person for head in found.values() if head.person.groups])
        return found

    def wakes(self, persons: Iterable[str]) -> dict[str, Millis]:
        """The timers of these people, without reading their documents."""
        query = "SELECT person, wake FROM heads WHERE person IN ({})"
        return {str(person): int(wake) for person, wake in self._db.among(query, sorted(persons))}

    def places(self, persons: Sequence[str]) -> Iterator[Place]:
        """Where these people stand in journeys, without reading the rest of their documents."""
        for (body,) in self._db.among("SELECT body FROM heads WHERE person IN ({})", persons):
            yield from unpack_places(body).places.values()

    def head(self, person: str) -> Head | None:
        """One head; a losing id of a merge leads to the survivor."""
        survivor = self.survivor(person)
        return self.heads([survivor]).get(survivor)

    def put_heads(self, heads: Iterable[Head], wakes: Mapping[str, Millis] = NO_WAKES) -> None:
        """Store heads, in key order; `wakes` are the timers that heads lying there have now, as far as known.

        Where a timer stays what it is, the index of timers need not be touched.
        """
        rows = sorted((h.person.id, _stored(h.person), pack(h.standing), h.wake) for h in heads)
        self._db.put("heads", [row for row in rows if wakes.get(row[0]) != row[3]])
        still = [row[:3] for row in rows if wakes.get(row[0]) == row[3]]
        self._db.change("heads", ("person", "body", "standing"), still)

    def remove_heads(self, persons: Iterable[str]) -> None:
        """Take documents away (merged into others, or rebuilt)."""
        gone = sorted(persons)
        self._unlist(gone)
        self._db.executemany("DELETE FROM chunks WHERE person = ?", [(p,) for p in gone])
        self._db.executemany("DELETE FROM told WHERE person = ?", [(p,) for p in gone])

    def set_aside(self, persons: Iterable[str]) -> None:
        """Keep documents of what identifies nobody any more where nobody meets them: no list, segment or timer."""
        gone = sorted(persons)
        query = "SELECT person, body FROM heads WHERE person IN ({})"
        self._db.put("aside", sorted(self._db.among(query, gone)))
        self._unlist(gone)

    def bring_back(self, persons: Iterable[str]) -> None:
        """Make heads again of what was set aside."""
        found = self.asides(persons)
        self.put_heads(Head(person, {}, NEVER) for person in found.values())
        self._db.executemany("DELETE FROM aside WHERE person = ?", [(p,) for p in found])

    def asides(self, persons: Iterable[str]) -> dict[str, Person]:
        """Documents that were set aside, as far as they exist."""
        query = "SELECT person, body FROM aside WHERE person IN ({})"
        return {p: unpack_person(body) for p, body in self._db.among(query, sorted(persons))}

    def _unlist(self, persons: Sequence[str]) -> None:
        rows = [(p,) for p in persons]
        query = "SELECT person, standing FROM heads WHERE person IN ({})"
        stood = [
            (segment, person)
            for person, standing in self._db.among(query, sorted(p for (p,) in rows))
            for segment in unpack_standing(standing)
        ]
        self._db.words.forget(p for (p,) in rows)
        self._db.executemany("DELETE FROM heads WHERE person = ?", rows)
        # Members lie by segment: one by one is less than a walk through all of them.
        self._db.executemany("DELETE FROM members WHERE segment = ? AND person = ?", sorted(stood))
        self._db.executemany("DELETE FROM people WHERE person = ?", rows)
        self.leave_groups(p for (p,) in rows)

    def chunks(self, person: str) -> list[Event]:
        """The older events of a person that lie outside the head."""
        events: list[Event] = []
        query = "SELECT body FROM chunks WHERE person = ? ORDER BY n"
        for (body,) in self._db.execute(query, (person,)):
            events += unpack_events(body)
        return events

    def chunks_before(self, person: str, moment: Millis) -> Iterator[tuple[Millis, list[Event]]]:
        """The chunks that may hold events up to a moment, each with its last one's: those that reach furthest first."""
        query = "SELECT n, last FROM chunks WHERE person = ? AND first <= ? ORDER BY last DESC, n"
        one = "SELECT body FROM chunks WHERE person = ? AND n = ?"
        for n, last in self._db.execute(query, (person, moment)).fetchall():
            row = self._db.execute(one, (person, n)).fetchone()
            if row is not None:
                yield last, unpack_events(row[0])

    def put_chunks(self, chunks: Iterable[tuple[str, int, Sequence[Event]]]) -> None:
        """Store chunks of older events under (person, n)."""
        self._db.put(
            "chunks",
            sorted(
                (person, n, pack(events), *_reach([event.time for event in events]))
                for person, n, events in chunks
            ),
        )

    def chunk_count(self, person: str) -> int:
        """How many chunks a person has."""
        row = self._db.execute("SELECT count(*) FROM chunks WHERE person = ?", (person,)).fetchone()
        return int(row[0])

    def move_chunks(self, old: str, new: str, start: int) -> None:
        """Chunks of a merged person follow those of the survivor, numbered from `start`."""
        query = "SELECT n FROM chunks WHERE person = ? ORDER BY n"
        for place, (n,) in enumerate(self._db.execute(query, (old,)).fetchall()):
            self._db.execute(
                "UPDATE chunks SET person = ?, n = ? WHERE person = ? AND n = ?",
                (new, start + place, old, n),
            )

    def due(self, now: Millis, most: int, shards: Collection[int] = ALL) -> list[str]:
        """People of these shards whose timer is due, the longest waiting first."""
        among, bounds = within(shards)
        rows = self._db.execute(
            f"SELECT person FROM heads WHERE wake <= ? AND wake < 9007199254740992{among}"  # noqa: S608
            " ORDER BY wake, person LIMIT ?",
            (now, *bounds, most),
        )
        return [person for (person,) in rows]

    def next_wake(self) -> Millis:
        """The earliest timer of all."""
        row = self._db.execute(
            "SELECT min(wake) FROM heads WHERE wake < 9007199254740992"
        ).fetchone()
        return NEVER if row[0] is None else int(row[0])

    def people_after(self, cursor: str, most: int, before: str = END) -> list[str]:
        """Ids of people behind `cursor`, in order of id: how a nudge walks through everybody."""
        rows = self._db.execute(
            "SELECT person FROM heads WHERE person > ? AND person < ? ORDER BY person LIMIT ?",
            (cursor, before, most),
        )
        return [person for (person,) in rows]

    def count_people(self) -> int:
        """How many documents there are."""
        return int(self._db.execute("SELECT count(*) FROM people").fetchone()[0])


def _stored(person: Person) -> bytes:
    """A document without what lies elsewhere."""
    if person.group_traits:
        person = structs.replace(person, group_traits={})
    return pack(person)


def _reach(times: Sequence[Millis]) -> tuple[Millis, Millis]:
    """From when to when the events of a chunk happened."""
    return min(times, default=0), max(times, default=0)
