"""A table out of several: a query over the files of a folder, or in a foreign database, written down as one file.

An import reads one table. What a shop keeps in three (orders, their lines, their customers) is joined here first.
Of a folder every row comes in an order of its own, so that the same files give the same table.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from ssl import create_default_context
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import duckdb

from duyen.model.errors import InvalidInput

READERS = {
    ".parquet": "read_parquet(?)",
    ".csv": "read_csv(?, all_varchar = true)",
    ".tsv": "read_csv(?, all_varchar = true)",
    ".jsonl": "read_json(?)",
    ".ndjson": "read_json(?)",
}
AT_ONCE = 10_000
_NO_TABLE = "The query gives no table; begin it with SELECT."
_asks = re.compile(
    r"\s*(?:(?:--[^\n]*\n|#[^\n]*\n|/\*(?!!).*?\*/)\s*)*\(*\s*(?:select|with|values|table)\b",
    re.IGNORECASE | re.DOTALL,
).match


def gather(source: str, query: str, target: Path) -> None:
    """Write what a query gives to a Parquet file; `source` is a folder, `sqlite:FILE`, `postgresql://…` or `mysql://…`.

    In a folder each file is a table called as the file is, without its ending. Raises InvalidInput with what the
    database says where it does not understand the query.
    """
    scheme, colon, _ = source.partition(":")
    try:
        if colon and scheme == "sqlite":
            _of_sqlite(source.removeprefix("sqlite:").removeprefix("///"), query, target)
        elif colon and scheme in ("postgresql", "postgres"):
            _of_postgres(source, query, target)
        elif colon and scheme in ("mysql", "mariadb"):
            _of_mysql(source, query, target)
        elif Path(source).is_dir():
            _of_folder(Path(source), query, target)
        else:
            raise InvalidInput(
                "import.source",
                f"A query needs a folder with files, sqlite:FILE, postgresql://… or mysql://…, "
                f"and “{_without_password(source)}” is none.",
            )
    except (duckdb.Error, sqlite3.Error) as error:
        raise _refused(str(error)) from error


def tables_of(folder: Path) -> dict[str, Path]:
    """The files of a folder that can be asked, by the name they have in a query."""
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in READERS}


def _of_folder(folder: Path, query: str, target: Path) -> None:
    with closing(duckdb.connect(":memory:", config={"threads": 2})) as db:
        for name, path in tables_of(folder).items():
            reader = READERS[path.suffix.lower()].replace("?", _quoted(str(path), "'"))
            db.execute(f"CREATE VIEW {_quoted(name, chr(34))} AS SELECT * FROM {reader}")  # noqa: S608
        place = _quoted(str(target), "'")
        body = query.strip().rstrip(";")
        db.execute(f"COPY (SELECT * FROM ({body}) ORDER BY ALL) TO {place} (FORMAT parquet)")  # noqa: S608


def _quoted(text: str, mark: str) -> str:
    return mark + text.replace(mark, mark + mark) + mark


def _of_sqlite(path: str, query: str, target: Path) -> None:
    if not Path(path).is_file():
        raise InvalidInput("import.source", f"There is no database at “{path}”.")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        cursor = db.execute(query)
        _write([column[0] for column in cursor.description or ()], _pages(cursor), target)


def _of_postgres(url: str, query: str, target: Path) -> None:
    try:
        import psycopg
    except ImportError as error:
        raise InvalidInput(
            "store.driver",
            "The source is PostgreSQL, and its driver is not installed; run: pip install 'duyen[postgres]'.",
        ) from error
    try:
        with psycopg.connect(url, connect_timeout=10) as db:
            db.execute("SET TRANSACTION READ ONLY")
            with db.cursor(name="gather") as cursor:
                cursor.itersize = AT_ONCE
                cursor.execute(query.encode())
                names = [column.name for column in cursor.description or ()]
                _write(names, _pages(cursor), target)
    except psycopg.Error as error:
        raise _refused(str(error)) from error


def _of_mysql(url: str, query: str, target: Path) -> None:
    """MySQL and MariaDB: `mysql://user:password@host:port/database`, `?socket=PATH`, `?ssl=verify`."""
    try:
        import pymysql
        from pymysql.cursors import SSCursor
    except ImportError as error:
        raise InvalidInput(
            "store.driver",
            "The source is MySQL, and its driver is not installed; run: pip install 'duyen[mysql]'.",
        ) from error
    if not _asks(query):
        # What makes or drops tables ends a transaction, a read-only one too, before it is looked at.
        raise InvalidInput("import.query", _NO_TABLE)
    said = urlsplit(url)
    more = dict(parse_qsl(said.query))
    try:
        with closing(
            pymysql.connect(
                host=said.hostname or "127.0.0.1",
                port=said.port or 3306,
                user=unquote(said.username or ""),
                password=unquote(said.password or "").encode(),  # text would be read as Latin-1
                database=unquote(said.path.lstrip("/")) or None,
                unix_socket=more.get("socket"),
                ssl=create_default_context() if more.get("ssl") == "verify" else None,
                charset="utf8mb4",
                connect_timeout=10,
                cursorclass=SSCursor,  # rows as they come, not all of them first
            )
        ) as db:
            with db.cursor() as cursor:
                cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
            with db.cursor() as cursor:
                cursor.execute(query)
                names = [column[0] for column in cursor.description or ()]
                _write(names, _pages(cursor), target)
    except pymysql.Error as error:
        raise _refused(str(error.args[-1])) from error


def _without_password(source: str) -> str:
    """A source as it may be shown."""
    return re.sub(r"(?<=://)([^/@]*):[^/@]*@", r"\1:…@", source)


def _pages(cursor: Any) -> Iterator[Sequence[Sequence[Any]]]:
    while rows := cursor.fetchmany(AT_ONCE):
        yield rows


def _write(names: Sequence[str], pages: Iterator[Sequence[Sequence[Any]]], target: Path) -> None:
    """Rows as text, as an export would have them: what is a number or a time the import finds out itself."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not names:
        raise InvalidInput("import.query", _NO_TABLE)
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(target, schema) as file:
        for rows in pages:
            columns = [[_text(cell) for cell in column] for column in zip(*rows, strict=True)]
            file.write_table(pa.table(columns, schema=schema))


def _text(cell: Any) -> str | None:
    if cell is None:
        return None
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)


def _refused(why: str) -> InvalidInput:
    return InvalidInput(
        "import.query", f"The query was not understood: {why.partition('LINE 1')[0].strip()}"
    )
