"""The senders' attempts in a file."""

from __future__ import annotations

from pathlib import Path

from duyen.stores.attempts import SCHEMA, Attempts
from duyen.stores.sqlite.database import SqliteDatabase


class SqliteAttempts(Attempts):
    """Attempts in a file of their own."""

    def __init__(self, path: Path) -> None:
        super().__init__(SqliteDatabase(path, SCHEMA))
