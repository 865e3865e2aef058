"""The log in a file."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
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
LATEST = 4 * CHECKPOINT
"""After so many whoever commits copies them itself: the copying thread does not come along."""
PAGE = 4_096


class SqliteLog(Log):
    """A log shared by the processes of one machine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = connect(path, durable=True)
        self._db.execute(f"PRAGMA wal_autocheckpoint={LATEST}")
        self._db.executescript(SCHEMA)
        self._packer = Packer()
        self._pages = 0
        self._copying: threading.Thread | None = None

    def append_many(self, groups: Sequence[Group], arrival: Millis) -> list[int]:
        """Several lanes' entries in one durable commit; returns an offset for each group."""
        rows = [
            (int(lane), arrival, count, self._packer.pack(pieces)) for lane, pieces, count in groups
        ]
        if len(rows) == 1:
            # A statement alone is a transaction of its own, for one call into SQLite instead of three.
            with explained():
                offsets = [self._insert(rows[0])]
        else:
            with transaction(self._db):
                offsets = [self._insert(row) for row in rows]
        self._tidy()
        return offsets

    def _insert(self, row: tuple[int, Millis, int, bytes]) -> int:
        self._pages += 3 + len(row[3]) // PAGE
        sql = "INSERT INTO log (lane, arrival, count, blob) VALUES (?, ?, ?, ?)"
        return int(self._db.execute(sql, row).lastrowid or 0)

    def _tidy(self) -> None:
        """Have the write-ahead log copied by a thread, so that nobody's commit waits for megabytes.

        What is committed meanwhile is little: copied here, it leaves the write-ahead log empty, to be begun anew.
        """
        if self._copying is None:
            if self._pages >= CHECKPOINT:
                self._pages = 0
                self._copying = threading.Thread(target=_copy, args=(self._path,), daemon=True)
                self._copying.start()
        elif not self._copying.is_alive():
            self._copying = None
            _checkpoint(self._db)

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

    def bodies(self, after: int, upto: int, most: int) -> list[tuple[int, bytes]]:
        """(seq, entries as JSON) of the next commits of all lanes behind `after`."""
        query = "SELECT seq, blob FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        with explained():
            rows = self._db.execute(query, (after, upto, most)).fetchall()
        return [(seq, self._packer.body(blob)) for seq, blob in rows]

    def rewrite(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Put other entries in the place of some commits', in one durable commit."""
        rows = [(self._packer.repack(body), seq) for seq, body in bodies]
        with transaction(self._db):
            self._db.executemany("UPDATE log SET blob = ? WHERE seq = ?", rows)

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

    def version(self) -> int:
        """SQLite counts in memory what other connections commit."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def check(self) -> None:
        """Raise Unavailable where the log could not be written now."""
        with transaction(self._db):
            pass

    def close(self) -> None:
        """Close the file."""
        if self._copying is not None:
            self._copying.join()
        self._db.close()


def _copy(path: Path) -> None:
    with closing(connect(path, durable=True)) as connection:
        _checkpoint(connection)


def _checkpoint(connection: sqlite3.Connection) -> None:
    """Copy what can be copied without making anybody wait; what cannot is left to the next time."""
    with suppress(sqlite3.OperationalError):  # a full disk is told to whoever commits
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
