"""Who was forgotten: what is taken out of every table, and a line that keeps what the log still tells out of the lake.

The line holds an id made of an id that was made at random, and no more than until when their events had come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from duyen.model.effect import Forget
from duyen.model.times import Millis
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS forgotten (
    n INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL UNIQUE, heard INTEGER NOT NULL, time INTEGER NOT NULL
);
"""


class ForgottenRow(NamedTuple):
    """What came of a person by `heard`, and what was decided of them before `time`, is nobody's any more."""

    n: int
    person: str
    heard: Millis
    time: Millis


class Forgotten(Part):
    """Whoever comes back is somebody new, under the same id; the last line of an id counts."""

    def forget_records(self, gone: Sequence[Forget], now: Millis) -> list[str]:
        """Take out what is kept of people beside their documents and identity; returns the ids that led to them."""
        led: list[str] = []
        lines: dict[str, Millis] = {}
        for each in gone:
            query = "SELECT old FROM redirects WHERE new = ? ORDER BY old"
            found = [old for (old,) in self._db.execute(query, (each.person,)).fetchall()]
            led += found
            lines |= dict.fromkeys((each.person, *found), each.heard)
        people = sorted((each.person,) for each in gone)
        for table in ("decisions", "facts", "outbox"):
            self._db.executemany(f"DELETE FROM {table} WHERE person = ?", people)  # noqa: S608 - our names
        self._db.executemany("DELETE FROM redirects WHERE old = ?", [(old,) for old in led])
        self._db.executemany(
            "DELETE FROM forgotten WHERE person = ?", [(p,) for p in sorted(lines)]
        )
        self._db.append(
            "forgotten",
            ("person", "heard", "time"),
            [(person, heard, now) for person, heard in sorted(lines.items())],
        )
        return led

    def forgotten(self, after: int, most: int) -> list[ForgottenRow]:
        """Lines behind `after`, in order."""
        query = "SELECT n, person, heard, time FROM forgotten WHERE n > ? ORDER BY n LIMIT ?"
        return [ForgottenRow(*row) for row in self._db.execute(query, (after, most))]

    def forgotten_of(self, persons: Iterable[str]) -> dict[str, Millis]:
        """Until when what came of these ids is nobody's any more."""
        query = "SELECT person, heard FROM forgotten WHERE person IN ({})"
        return {str(person): int(heard) for person, heard in self._db.among(query, sorted(persons))}
