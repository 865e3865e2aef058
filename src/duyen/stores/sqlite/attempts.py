"""The senders' own store: every attempt, written down before a provider is spoken to and again after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from duyen.model.times import Millis
from duyen.stores.sqlite.connect import connect, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
    key TEXT NOT NULL, number INTEGER NOT NULL, started INTEGER NOT NULL,
    fate TEXT NOT NULL, finished INTEGER NOT NULL, detail TEXT NOT NULL, PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
SLICE = 500


class AttemptRow(NamedTuple):
    """One try of one contact; fate `started` until it is known."""

    key: str
    number: int
    started: Millis
    fate: str = "started"
    finished: Millis = 0
    detail: str = ""


class SqliteAttempts:
    """Attempts by key; each write is durable when it returns."""

    def __init__(self, path: Path) -> None:
        self._db = connect(path, durable=True)
        self._db.executescript(SCHEMA)

    def of(self, keys: Sequence[str]) -> dict[str, list[AttemptRow]]:
        """The attempts of these contacts, the oldest first."""
        found: dict[str, list[AttemptRow]] = {}
        for start in range(0, len(keys), SLICE):
            part = keys[start : start + SLICE]
            query = "SELECT * FROM attempts WHERE key IN ({}) ORDER BY key, number"
            for row in self._db.execute(query.replace("{}", ",".join("?" * len(part))), part):
                found.setdefault(row[0], []).append(AttemptRow(*row))
        return found

    def put(self, rows: Iterable[AttemptRow]) -> None:
        """Write attempts down in one durable commit."""
        with transaction(self._db) as db:
            db.executemany(
                "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?, ?)",
                [(*row[:5], row.detail[:500]) for row in rows],
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()
