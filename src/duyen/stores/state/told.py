"""Message ids of people who did so much that their documents cannot remember it all: one look-up each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS told (
    person TEXT NOT NULL, hash BLOB NOT NULL, week INTEGER NOT NULL, PRIMARY KEY (person, hash)
) WITHOUT ROWID;
"""


class Told(Part):
    """Hashes by person, as `profiles.seen` hands them out; whoever writes them writes the person's head as well."""

    def lay_apart(self, person: str, told: Sequence[tuple[bytes, int]], since: int) -> int:
        """Add hashes with the weeks of arrival, forget those of weeks before `since`; returns how many lie here."""
        self._db.execute("DELETE FROM told WHERE person = ? AND week < ?", (person, since))
        self._db.put("told", sorted((person, hash, week) for hash, week in told))
        row = self._db.execute("SELECT count(*) FROM told WHERE person = ?", (person,)).fetchone()
        return int(row[0])

    def told(self, person: str, hashes: Iterable[bytes]) -> set[bytes]:
        """Those of some hashes that lie here."""
        query = "SELECT hash FROM told WHERE person = ? AND hash = ?"
        found = (self._db.execute(query, (person, hash)).fetchone() for hash in hashes)
        return {bytes(row[0]) for row in found if row is not None}

    def all_told(self, person: str) -> list[tuple[bytes, int]]:
        """Everything that lies here of a person."""
        rows = self._db.execute(
            "SELECT hash, week FROM told WHERE person = ? ORDER BY hash", (person,)
        )
        return [(bytes(hash), week) for hash, week in rows]

    def drop_told(self, persons: Iterable[str]) -> None:
        """Forget all of it."""
        self._db.executemany("DELETE FROM told WHERE person = ?", [(p,) for p in sorted(persons)])
