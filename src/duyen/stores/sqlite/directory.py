"""The list of people: a line for each, and the folded words they are found by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duyen.model.times import NEVER, Millis
from duyen.stores.rows import Row
from duyen.stores.sqlite.part import Part

SCHEMA = """
CREATE VIRTUAL TABLE IF NOT EXISTS directory USING fts5 (folded, person UNINDEXED, tokenize = 'unicode61');
CREATE TABLE IF NOT EXISTS people (
    person TEXT PRIMARY KEY, place INTEGER NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL,
    email TEXT NOT NULL, events INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_by_last ON people (last DESC, person);
"""


class Directory(Part):
    """Lines of people, searched by words."""

    def put_people(self, rows: Sequence[tuple[Row, str]]) -> None:
        """Keep the people list: a line, and the folded text it is found by."""
        query = "SELECT person, place, folded FROM people WHERE person IN ({})"
        known = {p: (n, text) for p, n, text in self._among(query, [row.person for row, _ in rows])}
        place = int(self._db.execute("SELECT coalesce(max(rowid), 0) FROM directory").fetchone()[0])
        fresh, changed, lines = [], [], []
        for row, folded in rows:
            number, before = known.get(row.person, (0, ""))
            if not number:
                place = number = place + 1
                fresh.append((number, folded, row.person))
            elif before != folded:
                changed.append((folded, number))
            lines.append((row.person, number, folded, *row[1:]))
        self._db.executemany(
            "INSERT INTO directory (rowid, folded, person) VALUES (?, ?, ?)", fresh
        )
        self._db.executemany("UPDATE directory SET folded = ? WHERE rowid = ?", changed)
        self._db.executemany(
            "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sorted(lines)
        )

    def touch_people(self, rows: Iterable[tuple[str, int, Millis]]) -> None:
        """(person, events, last event) of people who are known by the same words as before."""
        self._db.executemany(
            "UPDATE people SET events = ?, last = ? WHERE person = ?",
            [(events, last, person) for person, events, last in sorted(rows)],
        )

    def list_people(self, before: tuple[Millis, str] | None, most: int) -> list[Row]:
        """People by last event, the newest first, behind `before` = (last, person)."""
        last, person = before or (NEVER, "")
        rows = self._db.execute(
            "SELECT person, name, email, events, first, last FROM people"
            " WHERE last < ? OR (last = ? AND person > ?) ORDER BY last DESC, person LIMIT ?",
            (last, last, person, most),
        )
        return [Row(*row) for row in rows]

    def find_people(self, words: Sequence[str], offset: int, most: int) -> list[Row]:
        """People whose folded text has words that begin with each of `words` (folded already)."""
        # What cannot be printed is in no word, and a NUL would end the query in the middle of one.
        plain = ("".join(c for c in word if c.isprintable() and c != '"') for word in words)
        query = " ".join(f'"{word}"*' for word in plain if word)
        if not query:
            return []
        rows = self._db.execute(
            "SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM directory d"
            " JOIN people p ON p.person = d.person WHERE directory MATCH ? LIMIT ? OFFSET ?",
            (query, most, offset),
        )
        return [Row(*row) for row in rows]

    def people_rows(self, persons: Sequence[str]) -> list[Row]:
        """Lines of these people, in the order asked for."""
        query = "SELECT person, name, email, events, first, last FROM people WHERE person IN ({})"
        found = {row[0]: Row(*row) for row in self._among(query, persons)}
        return [found[p] for p in persons if p in found]
