"""The senders' own store: every attempt, written down before a provider is spoken to and again after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from duyen.model.times import Millis
from duyen.stores.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
    key TEXT NOT NULL, number INTEGER NOT NULL, started INTEGER NOT NULL,
    fate TEXT NOT NULL, finished INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""


class AttemptRow(NamedTuple):
    """One try of one contact; fate `started` until it is known."""

    key: str
    number: int
    started: Millis
    fate: str = "started"
    finished: Millis = 0
    detail: str = ""


class Attempts:
    """Attempts by key; each write is durable when it returns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, keys: Sequence[str]) -> dict[str, list[AttemptRow]]:
        """The attempts of these contacts, the oldest first."""
        found: dict[str, list[AttemptRow]] = {}
        query = (
            "SELECT key, number, started, fate, finished, detail FROM attempts"
            " WHERE key IN ({}) ORDER BY key, number"
        )
        for row in self._db.among(query, keys):
            found.setdefault(row[0], []).append(AttemptRow(*row))
        return found

    def put(self, rows: Iterable[AttemptRow]) -> None:
        """Write attempts down in one durable commit."""
        with self._db.writing():
            self._db.put("attempts", [(*row[:5], row.detail[:500]) for row in rows])

    def erase(self, keys: Sequence[str]) -> int:
        """Forget all attempts of these contacts; returns how many there were."""
        found = [(row.key, row.number) for rows in self.of(keys).values() for row in rows]
        with self._db.writing():
            self._db.executemany("DELETE FROM attempts WHERE key = ? AND number = ?", found)
        return len(found)

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
