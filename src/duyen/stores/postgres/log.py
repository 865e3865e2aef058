"""The log in PostgreSQL.

Doors on many machines append at once, and a number that is given out before its commit shows could be skipped by a
reader for good. So the end of the log is one row: whoever appends takes its number from there and keeps the row until
its commit shows. Numbers have no gaps, and the lower one always shows first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from duyen.model.log import Lane
from duyen.model.times import Millis
from duyen.stores.log import Block, Group, Log, Packer
from duyen.stores.postgres.database import PostgresDatabase

SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY, lane INTEGER NOT NULL, arrival INTEGER NOT NULL, count INTEGER NOT NULL, blob BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS log_by_lane ON log (lane, seq) INCLUDE (count);
CREATE TABLE IF NOT EXISTS log_end (seq INTEGER NOT NULL);
INSERT INTO log_end SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM log_end);
"""
PAGE = 64
"""Blocks fetched at a time."""
APPEND = """
    WITH given AS (UPDATE log_end SET seq = seq + %(many)s RETURNING seq - %(many)s AS before)
    INSERT INTO log SELECT before + n, lane, %(arrival)s, count, blob FROM given,
        unnest(%(lanes)b::bigint[], %(counts)b::bigint[], %(blobs)b::bytea[])
            WITH ORDINALITY AS row(lane, count, blob, n)
    RETURNING seq
"""


class PostgresLog(Log):
    """An append-only log shared by machines."""

    def __init__(self, db: PostgresDatabase) -> None:
        self._db, self._packer = db, Packer()

    def append_many(self, groups: Sequence[Group], arrival: Millis) -> list[int]:
        """Several lanes' entries in one durable commit; returns an offset for each group."""
        rows = [(int(lane), count, self._packer.pack(pieces)) for lane, pieces, count in groups]
        lanes, counts, blobs = (list(column) for column in zip(*rows, strict=True))
        values = {"many": len(rows), "arrival": arrival}
        found = self._db.plain(APPEND, {**values, "lanes": lanes, "counts": counts, "blobs": blobs})
        return sorted(int(seq) for (seq,) in found)

    def read(
        self, lane: Lane, after: int, *, upto: int | None = None, most: int = 2_000
    ) -> Iterator[Block]:
        """Blocks of a lane behind `after`, oldest first, until `most` entries have been given."""
        end = upto if upto is not None else 2**62
        given = 0
        while True:
            rows = self._db.execute(
                "SELECT seq, arrival, count, blob FROM log"
                " WHERE lane = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
                (int(lane), after, end, PAGE),
            ).fetchall()
            for seq, arrival, count, blob in rows:
                yield self._packer.block(seq, lane, arrival, blob)
                after, given = seq, given + count
                if given >= most:
                    return
            if len(rows) < PAGE:
                return

    def bodies(self, after: int, upto: int, most: int) -> list[tuple[int, bytes]]:
        """(seq, entries as JSON) of the next commits of all lanes behind `after`."""
        query = "SELECT seq, blob FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        rows = self._db.execute(query, (after, upto, most)).fetchall()
        return [(seq, self._packer.body(blob)) for seq, blob in rows]

    def rewrite(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Put other entries in the place of some commits', in one durable commit."""
        rows = [(seq, self._packer.repack(body)) for seq, body in bodies]
        with self._db.writing():
            self._db.change("log", ("seq", "blob"), rows)

    def newest(self, lane: Lane | None = None) -> int:
        """The last offset of a lane, or of all."""
        query, values = "SELECT max(seq) FROM log", []
        if lane is not None:
            query, values = query + " WHERE lane = ?", [int(lane)]
        return int(self._db.execute(query, values).fetchone()[0] or 0)

    def waiting(self, lane: Lane, after: int) -> int:
        """How many entries of a lane lie behind `after`."""
        query = "SELECT coalesce(sum(count), 0) FROM log WHERE lane = ? AND seq > ?"
        return int(self._db.execute(query, (int(lane), after)).fetchone()[0])

    def check(self) -> None:
        """Raise Unavailable where the log could not be written now."""
        with self._db.writing():
            self._db.execute("UPDATE log_end SET seq = seq")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()
