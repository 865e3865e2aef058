"""Where the ids of merged people lead, and whose owner changed: what the lake has to be told.

A row of the lake names the person it was of when it was written. A join is followed through the redirects. Whatever
else moves (people taken apart, an id that lives again) is noted in `regrouped`, always with a new number, so that the
lake can ask for all that changed behind a number. The note says who or what; whose it is, the state says itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS redirects (old TEXT PRIMARY KEY, new TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS redirects_by_new ON redirects (new);
CREATE TABLE IF NOT EXISTS regrouped (
    n INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, key TEXT NOT NULL, UNIQUE (kind, key)
);
"""
Kind = Literal["person", "evidence", "fact"]
"""What may change hands: a person's id (its redirect, its document), the key of evidence, the seq of a fact."""


class Redirects(Part):
    """Redirects of merged ids, and the notes of what changed hands."""

    def survivor(self, person: str) -> str:
        """The id that a (possibly merged) person has now."""
        query = "SELECT new FROM redirects WHERE old = ?"
        for _ in range(64):
            row = self._db.execute(query, (person,)).fetchone()
            if row is None:
                return person
            person = row[0]
        return person

    def put_redirects(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Losing ids lead to survivors; an id that lives again leads nowhere."""
        for old, new in pairs:
            self.revive([new])
            led_here = self._db.execute(
                "SELECT old FROM redirects WHERE new = ?", (old,)
            ).fetchall()
            self._db.execute("UPDATE redirects SET new = ? WHERE new = ?", (new, old))
            self._db.put("redirects", [(old, new)])
            self.regroup("person", [earlier for (earlier,) in led_here])
            self.regroup("person", [old])

    def revive(self, persons: Iterable[str]) -> None:
        """These ids are documents again: nothing redirects them.

        Facts that moved away with the id stay where they are now; the lake, which follows redirects, is told so.
        """
        for person in sorted(persons):
            moved = self._db.execute(
                "SELECT seq FROM facts WHERE person = (SELECT new FROM redirects WHERE old = ?)",
                (person,),
            ).fetchall()
            self.regroup("fact", [str(seq) for (seq,) in moved])
            self._db.execute("DELETE FROM redirects WHERE old = ?", (person,))
            self.regroup("person", [person])

    def regroup(self, kind: Kind, keys: Iterable[str]) -> None:
        """Note that these may have changed hands."""
        rows = [(kind, key) for key in sorted(keys)]
        self._db.executemany("DELETE FROM regrouped WHERE kind = ? AND key = ?", rows)
        self._db.append("regrouped", ("kind", "key"), rows)

    def regrouped(self, after: int, most: int) -> list[tuple[int, str, str]]:
        """What may have changed hands behind note `after`: (n, kind, key)."""
        query = "SELECT n, kind, key FROM regrouped WHERE n > ? ORDER BY n LIMIT ?"
        return self._db.execute(query, (after, most)).fetchall()

    def redirects(self) -> Iterator[tuple[str, str]]:
        """All redirects (old, new)."""
        yield from self._db.execute("SELECT old, new FROM redirects")

    def redirects_of(self, persons: Sequence[str]) -> dict[str, str]:
        """Where these ids lead, as far as they lead anywhere."""
        query = "SELECT old, new FROM redirects WHERE old IN ({})"
        return {str(old): str(new) for old, new in self._db.among(query, sorted(persons))}
