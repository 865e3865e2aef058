"""Erasures: what is under way and what is done, and what must be remembered of the erased: keyed hashes alone.

`erasures.body` is the order being carried out, which still names what is looked for, and in the end the receipt.
`erased` keeps what was told before the erasure from bringing anybody back. `late` are entries of the log, at (seq,
entry), that did come all the same: nobody applied them, and the next erasure takes them out of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from duyen.model.times import NEVER, Millis
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS erasures (
    id TEXT PRIMARY KEY, time INTEGER NOT NULL, author TEXT NOT NULL, done INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS erasures_by_time ON erasures (time, id);
CREATE TABLE IF NOT EXISTS erased (digest TEXT PRIMARY KEY, time INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS erased_by_time ON erased (time);
CREATE TABLE IF NOT EXISTS late (
    seq INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (seq, entry)
) WITHOUT ROWID;
"""
_ROW = "SELECT id, time, author, done, body FROM erasures"


class ErasureRow(NamedTuple):
    """One erasure; `done` is the instant at which it was carried through, 0 while it is under way."""

    id: str
    time: Millis
    author: str
    done: Millis
    body: str


class Erasures(Part):
    """Erasures and what is left of them."""

    def put_erasure(self, row: ErasureRow) -> None:
        """Store one, in the place of what was known of it."""
        self._db.put("erasures", [row])

    def erasure(self, id: str) -> ErasureRow | None:
        """One erasure."""
        row = self._db.execute(f"{_ROW} WHERE id = ?", (id,)).fetchone()
        return None if row is None else ErasureRow(*row)

    def erasures_under_way(self) -> list[ErasureRow]:
        """Those that are not carried through yet, the oldest first."""
        rows = self._db.execute(f"{_ROW} WHERE done = 0 ORDER BY time, id")
        return [ErasureRow(*row) for row in rows]

    def erasures(self, before: tuple[Millis, str] | None, most: int) -> list[ErasureRow]:
        """Those behind `before` = (time, id), the newest first."""
        time, id = before or (NEVER, "")
        rows = self._db.execute(
            f"{_ROW} WHERE time < ? OR (time = ? AND id < ?) ORDER BY time DESC, id DESC LIMIT ?",
            (time, time, id, most),
        )
        return [ErasureRow(*row) for row in rows]

    def put_erased(self, digests: Iterable[str], time: Millis) -> None:
        """Remember identifiers, by their keyed hashes, of people who are erased with all that was told up to `time`."""
        known = self.erased_at(rows := sorted(set(digests)))
        self._db.put("erased", [(digest, max(time, known.get(digest, 0))) for digest in rows])

    def newest_erased(self) -> Millis:
        """Up to when anything that is told may be somebody's who was erased."""
        row = self._db.execute("SELECT max(time) FROM erased").fetchone()
        return int(row[0] or 0)

    def erased_at(self, digests: Collection[str]) -> dict[str, Millis]:
        """Up to when what names these is erased, as far as it is."""
        query = "SELECT digest, time FROM erased WHERE digest IN ({})"
        return {str(d): int(t) for d, t in self._db.among(query, sorted(digests))}

    def put_late(self, places: Iterable[tuple[int, int]]) -> None:
        """Remember entries of the log that were told too late of somebody erased."""
        self._db.add("late", sorted(places))

    def late(self) -> list[tuple[int, int]]:
        """Those that are still in the log."""
        return self._db.execute("SELECT seq, entry FROM late ORDER BY seq, entry").fetchall()

    def drop_late(self, upto: int) -> None:
        """The log is rid of those up to this place."""
        self._db.execute("DELETE FROM late WHERE seq <= ?", (upto,))

    def drop_rejected(self, ids: Iterable[str]) -> None:
        """Forget rejected calls."""
        rows = [(id,) for id in sorted(ids)]
        for table in ("rejected", "rejected_calls", "replayed"):
            self._db.executemany(f"DELETE FROM {table} WHERE id = ?", rows)  # noqa: S608
