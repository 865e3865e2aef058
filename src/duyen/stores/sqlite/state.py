"""The state: what the engine has made of the log. One writer (the engine), any number of readers.

A head lies beside its standing (the segments it is in) and its wake (the instant of its one timer), so that a
step costs one row. Everything a batch changes, the positions it read up to included, is one transaction. Each
noun has its file beside this one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duyen.stores.rows import EvidenceRow, Head, OutboxRow, Row, Standing
from duyen.stores.sqlite import (
    directory,
    documents,
    identity,
    members,
    outbox,
    process,
    program,
    records,
)
from duyen.stores.sqlite.connect import connect, transaction

__all__ = ["EvidenceRow", "Head", "OutboxRow", "Row", "SqliteState", "Standing"]

PARTS = (process, documents, identity, members, outbox, records, program, directory)
SCHEMA = "".join(part.SCHEMA for part in PARTS)


class SqliteState(
    process.Process,
    documents.Documents,
    identity.Identity,
    members.Members,
    outbox.Outbox,
    records.Records,
    program.Definitions,
    directory.Directory,
):
    """The state file. Reads may come from any process; writes only inside `writing()`, from one engine."""

    def __init__(self, path: Path, *, read_only: bool = False, durable: bool = True) -> None:
        """`durable`: a commit has reached the disk before anybody, a sender say, can see and act upon it."""
        self.path = path
        self._file: tuple[int, int] | None = None
        self._times_opened = 0
        if read_only:
            self._reopen()
        else:
            self._connection = connect(path, durable=durable)
            self._connection.execute("PRAGMA cache_size=-65536")
            self._connection.executescript(SCHEMA)

    @property
    def _db(self) -> sqlite3.Connection:
        if self._file is not None and self._file != _identity(self.path):
            self._reopen()
        return self._connection

    def _reopen(self) -> None:
        """Read the file that lies at the path now: a rebuild puts another one there.

        The connection before is left to whoever still reads from it and ends with the last of them.
        """
        while True:
            self._file = _identity(self.path)
            self._connection = connect(self.path, durable=False, read_only=True)
            self._connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            if self._file == _identity(self.path):
                break
        self._times_opened += 1

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that a batch changes, or nothing."""
        with transaction(self._db):
            yield

    def changed(self) -> int:
        """A number that differs after another process has committed, or has put another file here."""
        version = int(self._db.execute("PRAGMA data_version").fetchone()[0])
        return self._times_opened << 40 | version


def _identity(path: Path) -> tuple[int, int]:
    """Which file it is that a path leads to."""
    found = path.stat()
    return found.st_dev, found.st_ino
