"""The log in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from duyen.model.log import Lane
from duyen.model.times import Millis
from duyen.stores.log import Block, Group, Log, Packer
from duyen.stores.sqlite.connect import connect, explained, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    lane INTEGER NOT NULL,
    arrival INTEGER NOT NULL,
    count INTEGER NOT NULL,
    blob BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS log_by_lane ON log (lane, seq);
"""


CHECKPOINT = 4_000
"""Pages of the write-ahead log (16 MiB) after which they are copied into the file: fewer syncs, a bounded restart."""


class SqliteLog(Log):
    """A log shared by the processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._db = connect(path, durable=True)
        self._db.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
        self._db.executescript(SCHEMA)
        self._packer = Packer()

    def append_many(self, groups: Sequence[Group], arrival: Millis) -> list[int]:
        """Several lanes' entries in one durable commit; returns an offset for each group."""
        rows = [
            (int(lane), arrival, count, self._packer.pack(pieces)) for lane, pieces, count in groups
        ]
        if len(rows) == 1:
            # A statement alone is a transaction of its own, for one call into SQLite instead of three.
            with explained():
                return [self._insert(rows[0])]
        with transaction(self._db):
            return [self._insert(row) for row in rows]

    def _insert(self, row: tuple[int, Millis, int, bytes]) -> int:
        sql = "INSERT INTO log (lane, arrival, count, blob) VALUES (?, ?, ?, ?)"
        return int(self._db.execute(sql, row).lastrowid or 0)

    def read(
        self, lane: Lane, after: int, *, upto: int | None = None, most: int = 2_000
    ) -> Iterator[Block]:
        """Blocks of a lane behind `after`, oldest first, until `most` entries have been given."""
        end = upto if upto is not None else 2**62
        with explained():
            rows = self._db.execute(
                "SELECT seq, arrival, count, blob FROM log"
                " WHERE lane = ? AND seq > ? AND seq <= ? ORDER BY seq",
                (int(lane), after, end),
            )
            given = 0
            for seq, arrival, count, blob in rows:
                yield self._packer.block(seq, lane, arrival, blob)
                given += count
                if given >= most:
                    return

    def newest(self, lane: Lane | None = None) -> int:
        """The last offset of a lane, or of all."""
        if lane is None:
            row = self._db.execute("SELECT max(seq) FROM log").fetchone()
        else:
            row = self._db.execute(
                "SELECT max(seq) FROM log WHERE lane = ?", (int(lane),)
            ).fetchone()
        return int(row[0] or 0)

    def waiting(self, lane: Lane, after: int) -> int:
        """How many entries of a lane lie behind `after`."""
        row = self._db.execute(
            "SELECT coalesce(sum(count), 0) FROM log WHERE lane = ? AND seq > ?", (int(lane), after)
        ).fetchone()
        return int(row[0])

    def check(self) -> None:
        """Raise Unavailable where the log could not be written now."""
        with transaction(self._db):
            pass

    def close(self) -> None:
        """Close the file."""
        self._db.close()
