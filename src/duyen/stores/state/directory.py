"""The list of people: a line for each, and the folded words they are found by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duyen.model.times import NEVER, Millis
from duyen.stores.rows import Row
from duyen.stores.state.part import Part

SCHEMA = """
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
        known = {
            p: (n, text) for p, n, text in self._db.among(query, [row.person for row, _ in rows])
        }
        places = iter(self._db.words.places(len(rows) - len(known)))
        fresh, changed, lines = [], [], []
        for row, folded in rows:
            number, before = known.get(row.person, (0, ""))
            if not number:
                number = next(places)
                fresh.append((number, row.person, folded))
            elif before != folded:
                changed.append((number, folded))
            lines.append((row.person, number, folded, *row[1:]))
        self._db.words.add(fresh)
        self._db.words.change(changed)
        self._db.put("people", sorted(lines))

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
        return [Row(*row) for row in self._db.words.find(words, offset, most)]

    def people_rows(self, persons: Sequence[str]) -> list[Row]:
        """Lines of these people, in the order asked for."""
        query = "SELECT person, name, email, events, first, last FROM people WHERE person IN ({})"
        found = {row[0]: Row(*row) for row in self._db.among(query, persons)}
        return [found[p] for p in persons if p in found]
