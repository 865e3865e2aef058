"""The state in a file."""

from __future__ import annotations

from pathlib import Path

from duyen.stores.sqlite.database import SqliteDatabase
from duyen.stores.sqlite.words import SCHEMA as WORDS
from duyen.stores.state import SCHEMA, State

TABLES = SCHEMA + WORDS


class SqliteState(State):
    """The state file; `durable` False leaves it to a later sync to bring what is written to the disk."""

    def __init__(self, path: Path, *, read_only: bool = False, durable: bool = True) -> None:
        super().__init__(SqliteDatabase(path, TABLES, read_only=read_only, durable=durable))
