"""The index of words in SQLite: an FTS5 table whose rowid is the person's place.

Beginnings of one to six letters are indexed too: what is typed first is what most people have, and without them every
word that begins so would be read and put together before the first person is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from duyen.stores.database import Database, Words

SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS directory USING fts5 (
    folded, person UNINDEXED, tokenize = 'unicode61', prefix = '1 2 3 4 5 6'
);
"""

MERGED = 1_000
"""Pages of the index that are merged at once: some 20 ms."""


class SqliteWords(Words):
    """Full text of the people list."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def places(self, many: int) -> list[int]:
        """Places that nobody has, the lowest first."""
        (last,) = self._db.execute("SELECT coalesce(max(rowid), 0) FROM directory").fetchone()
        return list(range(last + 1, last + 1 + many))

    def add(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """(place, person, folded text) of people who are not in it."""
        self._db.executemany("INSERT INTO directory (rowid, person, folded) VALUES (?, ?, ?)", rows)

    def change(self, rows: Sequence[tuple[int, str]]) -> None:
        """(place, folded text) of people who are in it."""
        self._db.executemany("UPDATE directory SET folded = ?2 WHERE rowid = ?1", rows)

    def forget(self, persons: Iterable[str]) -> None:
        """Take people out, while they still have their lines in the list."""
        self._db.executemany(
            "DELETE FROM directory WHERE rowid IN (SELECT place FROM people WHERE person = ?)",
            [(person,) for person in persons],
        )

    def scrub(self, begin: bool) -> bool:
        """Merge what was written at different times: deleted words lie in it until then (FTS5, “merge”)."""
        pages = -MERGED if begin else MERGED
        before = self._changes()
        self._db.execute("INSERT INTO directory (directory, rank) VALUES ('merge', ?)", (pages,))
        return self._changes() - before < 2

    def _changes(self) -> int:
        return int(self._db.execute("SELECT total_changes()").fetchone()[0])

    def find(self, words: Sequence[str], offset: int, most: int) -> list[Any]:
        """(person, name, email, events, first, last) where some word begins with each of `words`."""
        # What cannot be printed is in no word, and a NUL would end the query in the middle of one.
        plain = ("".join(c for c in word if c.isprintable() and c != '"') for word in words)
        query = " ".join(f'"{word}"*' for word in plain if word)
        if not query:
            return []
        return self._db.execute(
            "SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM directory d"
            " JOIN people p ON p.person = d.person WHERE directory MATCH ? LIMIT ? OFFSET ?",
            (query, most, offset),
        ).fetchall()
