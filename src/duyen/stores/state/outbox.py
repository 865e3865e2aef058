"""The outbox: contacts that wait to leave, and the memory of those that did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duyen.model.effect import Enqueue
from duyen.model.times import Millis
from duyen.stores.packing import pack, unpack_enqueue
from duyen.stores.rows import OutboxRow
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    key TEXT PRIMARY KEY, person TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    not_before INTEGER NOT NULL, updated INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (not_before, key) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_by_person ON outbox (person);
"""


class Outbox(Part):
    """Contacts and their fates."""

    def enqueue(self, rows: Iterable[Enqueue], now: Millis) -> None:
        """Add contacts; one that is there already (same key) stays as it is."""
        self._db.add(
            "outbox",
            sorted((e.key, e.person, "waiting", "", e.not_before, now, pack(e)) for e in rows),
        )

    def settle_outbox(self, key: str, state: str, reason: str, now: Millis) -> None:
        """The fate of a contact: sent | failed | cancelled | expired; what was sent stays sent."""
        self._db.execute(
            "UPDATE outbox SET state = ?, reason = ?, updated = ? WHERE key = ? AND state <> 'sent'",
            (state, reason, now, key),
        )

    def move_outbox(self, old: str, new: str) -> None:
        """Contacts of a merged person belong to the survivor."""
        self._db.execute("UPDATE outbox SET person = ? WHERE person = ?", (new, old))
        self._db.execute("UPDATE decisions SET person = ? WHERE person = ?", (new, old))
        self._db.execute("UPDATE facts SET person = ? WHERE person = ?", (new, old))

    def outbox_waiting(
        self, now: Millis, most: int, after: tuple[Millis, str] = (0, "")
    ) -> list[Enqueue]:
        """Contacts that may leave now, the oldest first."""
        rows = self._db.execute(
            "SELECT body FROM outbox WHERE state = 'waiting' AND not_before <= ?"
            " AND (not_before, key) > (?, ?) ORDER BY not_before, key LIMIT ?",
            (now, *after, most),
        )
        return [unpack_enqueue(body) for (body,) in rows]

    def outbox(self, key: str) -> OutboxRow | None:
        """One contact by its key."""
        row = self._db.execute(
            "SELECT body, state, reason, updated FROM outbox WHERE key = ?", (key,)
        ).fetchone()
        return OutboxRow(unpack_enqueue(row[0]), *row[1:]) if row else None

    def outbox_of(self, person: str, state: str) -> list[Enqueue]:
        """A person's contacts in a state."""
        rows = self._db.execute(
            "SELECT body FROM outbox WHERE person = ? AND state = ? ORDER BY key", (person, state)
        )
        return [unpack_enqueue(body) for (body,) in rows]

    def outbox_by(self, person: str) -> list[OutboxRow]:
        """All contacts of a person, the oldest first."""
        query = "SELECT body, state, reason, updated FROM outbox WHERE person = ?"
        rows = self._db.execute(query, (person,)).fetchall()
        found = [OutboxRow(unpack_enqueue(row[0]), *row[1:]) for row in rows]
        return sorted(found, key=lambda row: (row.enqueue.created, row.enqueue.key))

    def count_waiting(self) -> int:
        """How many contacts wait to leave."""
        row = self._db.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
        return int(row[0])

    def outbox_all(self) -> Iterator[OutboxRow]:
        """Every contact, in order of key."""
        for row in self._db.execute("SELECT body, state, reason, updated FROM outbox ORDER BY key"):
            yield OutboxRow(unpack_enqueue(row[0]), *row[1:])

    def waiting_bodies(self, most: int) -> list[Enqueue]:
        """Contacts that wait to leave, whenever they may."""
        rows = self._db.execute("SELECT body FROM outbox WHERE state = 'waiting' LIMIT ?", (most,))
        return [unpack_enqueue(body) for (body,) in rows]
