"""The state: what the engine has made of the log. One writer (the engine), any number of readers.

A head lies beside its standing (the segments it is in) and its wake (the instant of its one timer), so that a
step costs one row. Everything a batch changes, the positions it read up to included, is one transaction. Each
noun has its file beside this one.
"""

from __future__ import annotations

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
        self._db = connect(path, durable=durable, read_only=read_only)
        if not read_only:
            self._db.execute("PRAGMA cache_size=-65536")
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that a batch changes, or nothing."""
        with transaction(self._db):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A consistent snapshot for several reads."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def changed(self) -> int:
        """A number that differs after another process has committed."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])
