"""A SQLite file behind the verbs of `Database`."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from duyen.stores.database import Database, Values
from duyen.stores.sqlite.connect import connect, explained, transaction
from duyen.stores.sqlite.schema import make
from duyen.stores.sqlite.words import SqliteWords

SLICE = 900
CHECKPOINT = 16_384
"""Pages in the journal (64 MB) before they are brought into the file: a page changed often is brought once."""


class SqliteDatabase(Database):
    """One connection to a file; a reader notices when another file is put in its place."""

    def __init__(
        self, path: Path, schema: str, *, read_only: bool = False, durable: bool = True
    ) -> None:
        self.path = path
        self._place = str(path)  # for a stat at each statement, which a Path would slow down
        self.words = SqliteWords(self)
        self._file: tuple[int, int] | None = None
        self._times_opened = 0
        self._settling: dict[str, str] = {}
        self._snapshot = False
        if read_only:
            self._reopen()
        else:
            self._connection = connect(path, durable=durable)
            self._connection.execute("PRAGMA cache_size=-65536")
            self._connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT}")
            make(self._connection, schema)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection to the file that lies at the path now."""
        if self._file is not None and not self._snapshot and self._file != _identity(self._place):
            self._reopen()
        return self._connection

    def _reopen(self) -> None:
        """Read the file that lies at the path now: a rebuild puts another one there.

        The connection before is left to whoever still reads from it and ends with the last of them.
        """
        while True:
            self._file = _identity(self._place)
            self._connection = connect(self.path, durable=False, read_only=True)
            self._connection.execute("SELECT 1 FROM sqlite_master").fetchone()
            if self._file == _identity(self._place):
                break
        self._times_opened += 1

    def execute(self, query: str, values: Values = ()) -> sqlite3.Cursor:
        """One statement."""
        return self.connection.execute(query, values)

    def executemany(self, query: str, rows: Iterable[Values]) -> None:
        """One statement for each row of values."""
        self.connection.executemany(query, rows)

    def among(self, query: str, keys: Sequence[Any]) -> Iterator[Any]:
        """Rows of a query with `IN ({})`, for any number of keys, in slices."""
        width = len(keys[0]) if keys and isinstance(keys[0], tuple) else 0
        step = SLICE // (width or 1)
        for start in range(0, len(keys), step):
            part = keys[start : start + step]
            if width:
                # Behind a plain SELECT the pairs are looked up; several VALUES alone make SQLite walk the whole table.
                names = ",".join(f"column{place + 1}" for place in range(width))
                pairs = ",".join(["(" + ",".join("?" * width) + ")"] * len(part))
                marks = f"SELECT {names} FROM (VALUES {pairs})"  # noqa: S608 - marks for values
                part = [word for key in part for word in key]
            else:
                marks = ",".join("?" * len(part))
            with explained():
                yield from self.connection.execute(query.replace("{}", marks), part)

    def put(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already is replaced."""
        if table not in self._settling:
            self._settling[table] = self._settle(table)
        self._insert(f"INSERT INTO {table}", rows, self._settling[table])

    def _settle(self, table: str) -> str:
        """What becomes of a row that is there: changed in its place, so that nothing moves and indexes stay."""
        columns = self.connection.execute(f"PRAGMA table_info({table})").fetchall()
        key = [name for _, name, _, _, _, part in columns if part]
        rest = [f"{name} = excluded.{name}" for _, name, _, _, _, part in columns if not part]
        action = f"UPDATE SET {', '.join(rest)}" if rest else "NOTHING"
        return f" ON CONFLICT ({', '.join(key)}) DO {action}"

    def change(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Some columns, the primary key first, of rows that are there."""
        key, *rest = columns
        settle = ", ".join(f"{name} = ?{place}" for place, name in enumerate(rest, 2))
        query = f"UPDATE {table} SET {settle} WHERE {key} = ?1"  # noqa: S608 - our own words
        changed = self.connection.executemany(query, rows).rowcount if rows else 0
        if changed != len(rows):
            raise LookupError(f"Of {len(rows)} rows of {table} there are {changed}.")

    def add(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already stays as it is."""
        self._insert(f"INSERT OR IGNORE INTO {table}", rows)

    def append(self, table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
        """Rows in this order, which the database numbers."""
        self._insert(f"INSERT INTO {table} ({', '.join(columns)})", rows)

    def _insert(self, verb: str, rows: Iterable[Values], settle: str = "") -> None:
        whole = list(rows)
        if whole:
            marks = ",".join("?" * len(whole[0]))
            self.connection.executemany(f"{verb} VALUES ({marks}){settle}", whole)

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """One write transaction: all or nothing; nobody else ever writes meanwhile."""
        with transaction(self.connection):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A consistent snapshot for several reads."""
        connection = self.connection
        connection.execute("BEGIN")
        self._snapshot = True
        try:
            yield
        finally:
            self._snapshot = False
            connection.execute("COMMIT")

    def changed(self) -> int:
        """A number that differs after another process has committed, or has put another file here."""
        version = int(self.connection.execute("PRAGMA data_version").fetchone()[0])
        return self._times_opened << 40 | version

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _identity(path: str) -> tuple[int, int]:
    """Which file it is that a path leads to."""
    found = os.stat(path)
    return found.st_dev, found.st_ino
