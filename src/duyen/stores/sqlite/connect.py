"""Opening SQLite the way we need it, and telling its troubles in our words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from duyen.model.errors import Unavailable


def connect(path: Path, *, durable: bool, read_only: bool = False) -> sqlite3.Connection:
    """Open in WAL mode, autocommit; `durable` syncs every commit to the disk before it returns."""
    if read_only:
        uri = f"file:{path}?mode=ro"
        connection = sqlite3.connect(
            uri, uri=True, timeout=10, isolation_level=None, check_same_thread=False
        )
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path, timeout=10, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        # What is deleted, or written anew, is overwritten: an erased person lies in no unused page.
        connection.execute("PRAGMA secure_delete=ON")
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """One write transaction: all or nothing."""
    with explained():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


@contextmanager
def explained() -> Iterator[None]:
    """Turn a full disk or a held lock into one sentence with what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            raise Unavailable(
                "storage.full", "The disk is full; free some space and send this again."
            ) from error
        if "locked" in text or "busy" in text:
            raise Unavailable(
                "storage.busy", "The data folder is busy with another process; try again shortly."
            ) from error
        raise
