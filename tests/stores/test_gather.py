"""Tables gathered from the databases that a company has: SQLite, PostgreSQL, MySQL; only read, streamed, as text."""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import psycopg
import pyarrow.parquet as pq
import pymysql
import pytest

from duyen.model.errors import InvalidInput
from duyen.stores.gather import gather
from tests import postgres

SOCKET = "/run/mysqld/mysqld.sock"
MAKE = "create table customers (id integer primary key, name varchar(80), spent decimal(12,2), seen timestamp null)"
FILL = [
    "insert into customers values (1, 'Nguyễn Thị Hồng 🌸', 1250000.50, '2026-01-02 03:04:05')",
    "insert into customers values (2, null, 0, null)",
]
ASKED = "select id, name, spent, seen from customers order by id"


@contextmanager
def sqlite(folder: Path) -> Iterator[str]:
    file = folder / "crm.db"
    with closing(sqlite3.connect(file)) as db:
        for statement in (MAKE, *FILL):
            db.execute(statement)
        db.commit()
    yield f"sqlite:{file}"


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    with postgres.schema() as url:
        with psycopg.connect(url, autocommit=True) as db:
            for statement in (MAKE, *FILL):
                db.execute(statement.encode())
        yield url


@contextmanager
def mysql(folder: Path) -> Iterator[str]:
    """A database of its own; its reader has a password that an address has to escape."""
    try:
        root = pymysql.connect(unix_socket=os.environ.get("DUYEN_TEST_MYSQL", SOCKET), user="root")
    except pymysql.OperationalError as error:
        pytest.skip(f"no MySQL here; start one, or name its socket in DUYEN_TEST_MYSQL ({error})")
    name = f"t_{uuid.uuid4().hex[:12]}"
    with closing(root), root.cursor() as cursor:
        cursor.execute(f"create database {name} character set utf8mb4")
        cursor.execute(f"create user {name}@localhost identified by 'p@ss/wörd'")
        cursor.execute(f"grant all on {name}.* to {name}@localhost")
        cursor.execute(f"use {name}")
        for statement in (MAKE, *FILL):
            cursor.execute(statement)
        root.commit()
        try:
            yield f"mysql://{name}:p%40ss%2Fw%C3%B6rd@/{name}?socket={SOCKET}"
        finally:
            cursor.execute(f"drop user {name}@localhost")
            cursor.execute(f"drop database {name}")


DATABASES: dict[str, Callable[[Path], object]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mysql": mysql,
}


@pytest.fixture(params=sorted(DATABASES))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with ExitStack() as stack:
        yield stack.enter_context(DATABASES[request.param](tmp_path))  # type: ignore[arg-type]


def rows(source: str, query: str, folder: Path) -> list[dict[str, str | None]]:
    target = folder / "gathered.parquet"
    gather(source, query, target)
    found: list[dict[str, str | None]] = pq.read_table(target).to_pylist()
    return found


def test_a_query_gives_a_table_of_texts(source: str, tmp_path: Path) -> None:
    first, second = rows(source, ASKED, tmp_path)
    assert (first["id"], first["name"]) == ("1", "Nguyễn Thị Hồng 🌸")
    assert float(first["spent"] or 0) == 1250000.5
    assert (first["seen"] or "").replace("T", " ") == "2026-01-02 03:04:05"
    assert (second["name"], second["seen"]) == (None, None)


@pytest.mark.parametrize(
    "query",
    [
        "delete from customers",
        "insert into customers values (3, 'x', 1, null)",
        "drop table customers",
        "/*! drop table customers */",
        "-- a word before\n drop table customers",
        "with gone as (select 1) delete from customers",
    ],
)
def test_nothing_is_written(source: str, query: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        gather(source, query, tmp_path / "no.parquet")
    assert len(rows(source, ASKED, tmp_path)) == 2


def test_a_query_may_begin_with_words(source: str, tmp_path: Path) -> None:
    query = f"/* whom we know */ -- all of them\n with known as ({ASKED}) select name from known"
    assert len(rows(source, query, tmp_path)) == 2


def test_a_query_that_is_none_is_told_without_the_password(source: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as told:
        gather(source, "selekt everything", tmp_path / "no.parquet")
    assert told.value.code == "import.query"
    assert "selekt" in told.value.message or "SELECT" in told.value.message
    assert "p%40ss" not in told.value.message
    assert "p@ss" not in told.value.message


def test_a_source_that_is_none_is_shown_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as told:
        gather("oracle://me:secret@host/db", "select 1", tmp_path / "no.parquet")
    assert "secret" not in told.value.message
    assert "me:" in told.value.message


def test_a_database_that_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        gather("mysql://nobody:x@127.0.0.1:9/none", "select 1", tmp_path / "no.parquet")
