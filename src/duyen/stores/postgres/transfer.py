"""A PostgreSQL database as the four files of a data folder, and such files as a database.

Both say the same tables, so a backup has one form whatever it was made of, and whoever outgrows files moves with it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from psycopg import sql

from duyen.model.errors import Conflict
from duyen.stores.attempts import SCHEMA as ATTEMPTS
from duyen.stores.mail import SCHEMA as MAILS
from duyen.stores.postgres.connect import Connection, storable
from duyen.stores.postgres.words import vector
from duyen.stores.sqlite.connect import connect
from duyen.stores.sqlite.database import SqliteDatabase
from duyen.stores.sqlite.files import ATTEMPTS_FILE, LOG_FILE, MAIL_FILE, STATE, Files
from duyen.stores.sqlite.log import SCHEMA as LOG
from duyen.stores.sqlite.words import SCHEMA as WORDS
from duyen.stores.state import SCHEMA

AT_ONCE = 5_000
FILES = {
    STATE: SCHEMA + WORDS,
    ATTEMPTS_FILE: ATTEMPTS,
    MAIL_FILE: MAILS,
    LOG_FILE: LOG,
}
"""In the order in which a backup has them: the log is at least as new as what was made of it."""
TYPES = {"INTEGER": "bigint", "TEXT": "text", "BLOB": "bytea"}
NUMBERED = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = %s::regclass AND attidentity <> '' AND NOT attisdropped
"""


class Table(NamedTuple):
    """A table of ours: its name, and its columns with their types, as a SQLite file has them."""

    name: str
    columns: dict[str, str]


def copy_out(source: Connection, schema: str, target: Path) -> None:
    """Write the tables of a schema into a new file, as the transaction of `source` sees them."""
    with closing(SqliteDatabase(target, FILES[target.name], durable=False)) as db, db.writing():
        for table in _tables(db.connection):
            marks = ", ".join("?" * len(table.columns))
            insert = f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({marks})"  # noqa: S608
            query = sql.SQL("SELECT {} FROM {}").format(
                sql.SQL(", ").join(map(sql.Identifier, table.columns)),
                sql.Identifier(schema, table.name),
            )
            with source.cursor(name="out", binary=True) as rows:
                rows.itersize = AT_ONCE
                db.executemany(insert, rows.execute(query))
            if table.name == "people":
                _index(db)


def _index(db: SqliteDatabase) -> None:
    """Make the index of words, which every database has in a form of its own."""
    lines = db.connection.execute("SELECT place, person, folded FROM people ORDER BY place")
    while some := lines.fetchmany(AT_ONCE):
        db.words.add(some)


def bring_up_to_date(folder: Path) -> None:
    """Give the files of a folder the tables that this version has."""
    files = Files(folder)
    for store in (files.state(writing=True), files.attempts(), files.mails(), files.log()):
        store.close()


def copy_in(source: Path, target: Connection, schema: str) -> None:
    """Fill the empty tables of a schema with what a file holds, in the transaction of `target`."""
    with closing(connect(source, durable=False, read_only=True)) as file:
        for table in _tables(file):
            place = sql.Identifier(schema, table.name)
            names = sql.SQL(", ").join(map(sql.Identifier, table.columns))
            copy = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(place, names)
            with target.cursor() as cursor, cursor.copy(copy) as rows:
                rows.set_types([TYPES[kind] for kind in table.columns.values()])
                for row in file.execute(f"SELECT {', '.join(table.columns)} FROM {table.name}"):  # noqa: S608
                    rows.write_row(storable(row))
            _number_on(target, place)
            target.execute(sql.SQL("ANALYZE {}").format(place))
            if table.name == "people":
                _index_there(file, target, schema)


def _index_there(file: sqlite3.Connection, target: Connection, schema: str) -> None:
    copy = sql.SQL("COPY {} (place, words) FROM STDIN").format(sql.Identifier(schema, "directory"))
    with target.cursor() as cursor, cursor.copy(copy) as rows:
        for place, folded in file.execute("SELECT place, folded FROM people"):
            rows.write_row(storable((place, vector(folded))))
    with_places = sql.SQL("SELECT setval({}, max(place) + 1, false) FROM {}").format(
        sql.Literal(sql.Identifier(schema, "places").as_string(target)),
        sql.Identifier(schema, "directory"),
    )
    target.execute(with_places)


def _number_on(target: Connection, table: sql.Identifier) -> None:
    """Let the database go on numbering behind the rows that were put in."""
    for (column,) in target.execute(NUMBERED, (table.as_string(),)).fetchall():
        target.execute(
            sql.SQL(
                "SELECT setval(pg_get_serial_sequence(%s, %s), max({column})) FROM {table}"
                " HAVING max({column}) IS NOT NULL"
            ).format(column=sql.Identifier(column), table=table),
            (table.as_string(), column),
        )


def need_empty(target: Connection, schema: str) -> None:
    """Raise Conflict where the log has begun; else nobody can begin it before the transaction ends."""
    query = sql.SQL("SELECT seq FROM {} FOR UPDATE").format(sql.Identifier(schema, "log_end"))
    row = target.execute(query).fetchone()
    if row is None or row[0]:
        raise Conflict(
            "restore.database_not_empty",
            "The database of store_url holds a log already; restore into an empty database or schema.",
        )


def end_of_log(target: Connection, schema: str) -> None:
    """Let the log go on behind its last block."""
    target.execute(
        sql.SQL("UPDATE {} SET seq = (SELECT coalesce(max(seq), 0) FROM {})").format(
            sql.Identifier(schema, "log_end"), sql.Identifier(schema, "log")
        )
    )


def _tables(file: sqlite3.Connection) -> Iterator[Table]:
    """The tables of a file, besides those that make up an index of words."""
    listed = file.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'")
    for name, kind in sorted(listed.fetchall()):
        if kind == "table" and not name.startswith("sqlite_"):
            columns = file.execute("SELECT name, type FROM pragma_table_info(?)", (name,))
            yield Table(name, dict(columns.fetchall()))
