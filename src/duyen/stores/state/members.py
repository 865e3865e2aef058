"""Members of segments."""

from __future__ import annotations

from collections.abc import Iterable

from duyen.model.times import NEVER, Millis
from duyen.stores.rows import Row
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS members (
    segment TEXT NOT NULL, person TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (segment, person)
) WITHOUT ROWID;
"""


class Members(Part):
    """Who is in which segment, and since when."""

    def put_members(
        self, entered: Iterable[tuple[str, str, Millis]], left: Iterable[tuple[str, str]]
    ) -> None:
        """Members who entered (segment, person, since) and left (segment, person); best in order of these."""
        self._db.executemany("DELETE FROM members WHERE segment = ? AND person = ?", left)
        self._db.put("members", entered)

    def members(self, segment: str, after: str, most: int) -> list[tuple[str, Millis]]:
        """(person, since) of a segment behind `after` in order of id; timers that are due may still be listed."""
        rows = self._db.execute(
            "SELECT person, since FROM members WHERE segment = ? AND person > ? ORDER BY person LIMIT ?",
            (segment, after, most),
        )
        return [(person, since) for person, since in rows]

    def count_in(self, segment: str) -> int:
        """How many people one segment has."""
        row = self._db.execute(
            "SELECT count(*) FROM members WHERE segment = ?", (segment,)
        ).fetchone()
        return int(row[0])

    def list_members(self, segment: str, before: tuple[Millis, str] | None, most: int) -> list[Row]:
        """Lines of a segment's people by last event, the newest first, behind `before` = (last, person)."""
        last, person = before or (NEVER, "")
        # A small segment is sorted; a large one is met early on the way through everybody.
        small = self.count_in(segment) <= 5_000
        tables = "members m CROSS JOIN people p" if small else "people p CROSS JOIN members m"
        rows = self._db.execute(
            f"SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM {tables}"  # noqa: S608
            " WHERE m.segment = ? AND m.person = p.person AND (p.last < ? OR (p.last = ? AND p.person > ?))"
            " ORDER BY p.last DESC, p.person LIMIT ?",
            (segment, last, last, person, most),
        )
        return [Row(*row) for row in rows]
