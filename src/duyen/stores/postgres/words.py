"""The index of words in PostgreSQL: a text-search vector for each person, made of our own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from duyen.stores.database import Database, Words

SCHEMA = """
CREATE TABLE IF NOT EXISTS directory (place BIGINT PRIMARY KEY, words TSVECTOR NOT NULL);
CREATE INDEX IF NOT EXISTS directory_words ON directory USING gin (words);
CREATE INDEX IF NOT EXISTS people_by_place ON people (place);
CREATE SEQUENCE IF NOT EXISTS places;
SELECT setval('places', greatest(nextval('places'), (SELECT max(place) + 1 FROM directory)), false);
"""
LONGEST = 500
"""Characters of a word that count; the database refuses words over two kilobytes."""
_word = re.compile(r"[^\W_]+").findall


class PostgresWords(Words):
    """Full text of the people list; `Words` says what each verb does."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def places(self, many: int) -> list[int]:
        """Places that nobody has, the lowest first."""
        query = "SELECT nextval('places') FROM generate_series(1, ?)"
        return [place for (place,) in self._db.execute(query, (many,))] if many else []

    def add(self, rows: Sequence[tuple[int, str, str]]) -> None:
        """(place, person, folded text) of people who are not in it."""
        self._db.put("directory", [(place, vector(folded)) for place, _, folded in rows])

    def change(self, rows: Sequence[tuple[int, str]]) -> None:
        """(place, folded text) of people who are in it."""
        self._db.put("directory", [(place, vector(folded)) for place, folded in rows])

    def forget(self, persons: Iterable[str]) -> None:
        """Take people out, while they still have their lines in the list."""
        self._db.executemany(
            "DELETE FROM directory WHERE place IN (SELECT place FROM people WHERE person = ?)",
            [(person,) for person in persons],
        )

    def find(self, words: Sequence[str], offset: int, most: int) -> list[Any]:
        """(person, name, email, events, first, last) where some word begins with each of `words`."""
        query = " & ".join(phrase for phrase in map(_phrase, words) if phrase)
        if not query:
            return []
        return self._db.execute(
            "SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM directory d"
            " JOIN people p ON p.place = d.place WHERE d.words @@ ?::tsquery"
            " ORDER BY d.place LIMIT ? OFFSET ?",
            (query, most, offset),
        ).fetchall()


def vector(folded: str) -> str:
    """Words with their places, as the database writes a tsvector."""
    return " ".join(f"{word[:LONGEST]}:{n}" for n, word in enumerate(_word(folded), 1))


def _phrase(word: str) -> str:
    """What was typed as one word may be several to us: they stand side by side, the last one begins so."""
    parts = [part[:LONGEST] for part in _word(word)]
    return f"({' <-> '.join(parts)}:*)" if parts else ""
