"""A PostgreSQL of this machine for tests: a schema of its own for each test."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import psycopg
import pytest
from psycopg import sql

DATABASE = "duyen_test"


@contextmanager
def schema() -> Iterator[str]:
    """The URL of an empty schema, which goes with all that was made beside it."""
    server = _server()
    name = f"t_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
    try:
        yield f"{server}?options=-csearch_path%3D{name}&application_name={name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            # Whoever a test has left behind would keep tables locked, or the server busy.
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                (name,),
            )
            query = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)"
            for (found,) in connection.execute(query, (name,)).fetchall():
                drop = sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(found))
                connection.execute(drop)


@cache
def _server() -> str:
    """The URL of the tests' database; skips, with what to do, where there is none."""
    named = os.environ.get("DUYEN_TEST_POSTGRES")
    if named:
        return named
    try:
        connection = psycopg.connect("postgresql:///postgres", autocommit=True)
    except psycopg.OperationalError:
        _become_known()
        try:
            connection = psycopg.connect("postgresql:///postgres", autocommit=True)
        except psycopg.OperationalError as error:
            pytest.skip(
                f"no PostgreSQL here; start one, or name it in DUYEN_TEST_POSTGRES ({error})"
            )
    create = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'")
    # It is there where an earlier run, or another worker of this one, has made it.
    there = (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation)
    with connection, suppress(*there):
        connection.execute(create.format(sql.Identifier(DATABASE)))
    return f"postgresql:///{DATABASE}"


def _become_known() -> None:
    """Let the server know this user, where the machine lets us."""
    create = ["createuser", "--superuser", getpass.getuser()]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *create]
    else:
        command = ["sudo", "-n", "-u", "postgres", *create]
    if shutil.which(command[0]):
        subprocess.run(command, capture_output=True, check=False)
