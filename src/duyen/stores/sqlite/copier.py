"""Bringing what is committed from the journal into the file, by a thread beside the writer."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path

from duyen.stores.sqlite.connect import connect


class Copier:
    """Has the journal copied whenever about so many rows have changed, so that no commit waits for megabytes.

    While the writer works on its next transaction the thread is done, and that transaction begins the journal anew.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path, self._rows = path, rows
        self._changed = 0
        self._thread: threading.Thread | None = None

    def tidy(self, connection: sqlite3.Connection) -> None:
        """After a commit of this connection."""
        if self._thread is not None and self._thread.is_alive():
            return
        changed = connection.total_changes
        if changed - self._changed >= self._rows:
            self._changed = changed
            self._thread = threading.Thread(target=self._copy, daemon=True)
            self._thread.start()

    def _copy(self) -> None:
        # A file that is gone or a full disk is told to whoever commits next.
        with suppress(sqlite3.OperationalError), closing(connect(self._path, durable=True)) as db:
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.join()
