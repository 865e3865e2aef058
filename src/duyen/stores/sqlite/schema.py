"""Making the tables of a file, once for each schema that it has had: the file remembers the last one."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from zlib import crc32

from duyen.stores.sqlite.connect import connect, explained, transaction

_added = re.compile(r"ALTER TABLE (\w+) ADD COLUMN IF NOT EXISTS (\w+) ([^;]*);").finditer


def make(connection: sqlite3.Connection, schema: str) -> None:
    """Create and change what is not as the schema says; processes that start together wait for one another."""
    if _version(connection) == _digest(schema):
        return
    with transaction(connection):
        start = 0
        for added in _added(
            schema
        ):  # SQLite adds a column, but cannot look first whether it is there
            _each(connection, schema[start : added.start()])
            table, column, type = added.groups()
            known = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if column not in known:
                connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} {type}")
            start = added.end()
        _each(connection, schema[start:])
        connection.execute(f"PRAGMA user_version = {_digest(schema)}")


def made(path: Path, schema: str) -> bool:
    """Whether a file's tables are as the schema says."""
    with explained(), closing(connect(path, durable=False, read_only=True)) as connection:
        return _version(connection) == _digest(schema)


def _each(connection: sqlite3.Connection, statements: str) -> None:
    """One statement after another: a script would end the transaction."""
    for statement in statements.split(";"):
        connection.execute(statement)


def _digest(schema: str) -> int:
    return crc32(schema.encode()) & 0x7FFFFFFF


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
