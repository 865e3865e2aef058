"""A PostgreSQL database behind the verbs of `Database`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from duyen.stores.database import Database, Found, Values
from duyen.stores.postgres.connect import (
    Connection,
    explained,
    storable,
    translated,
)
from duyen.stores.postgres.pool import Pool
from duyen.stores.postgres.words import PostgresWords
from duyen.stores.state.process import TURNS

COLUMNS = """
    SELECT attname, format_type(atttypid, NULL), attnum = ANY(coalesce(conkey, '{}'))
    FROM pg_attribute LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'p'
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
Guard = Callable[[Connection], None]
"""Raises where this process may not write (any more); asked inside the transaction."""


class Table(NamedTuple):
    """What has to be known of a table to write whole rows."""

    columns: dict[str, str]
    key: list[str]


class PostgresDatabase(Database):
    """Each statement on a connection lent by the pool; those of a transaction on one."""

    keeping = " FOR UPDATE"

    def __init__(self, pool: Pool, guard: Guard | None = None, gate: str = "") -> None:
        """`gate`: a table that every transaction writes, where several processes write at once."""
        self._pool, self._guard, self._gate = pool, guard, gate
        self._known: dict[str, Table] = {}
        self._pinned: Connection | None = None
        self.words = PostgresWords(self)
        pool.join()

    @contextmanager
    def _lent(self) -> Iterator[Connection]:
        with explained():
            if self._pinned is not None:
                yield self._pinned
                return
            with self._pool.lent() as connection:
                yield connection

    def execute(self, query: str, values: Values = ()) -> Found:
        """One statement; all its rows are here when this returns."""
        with self._lent() as connection:
            return connection.execute(translated(query), storable(values), binary=True)

    def plain(self, query: str, values: Mapping[str, Any]) -> list[Any]:
        """All rows of one statement in PostgreSQL's own words."""
        with self._lent() as connection:
            return connection.execute(query, values, binary=True).fetchall()

    def executemany(self, query: str, rows: Iterable[Values]) -> None:
        """One statement for each row of values."""
        whole = [storable(row) for row in rows]
        if whole:
            with self._lent() as connection, connection.cursor() as cursor:
                cursor.executemany(translated(query), whole)

    def among(self, query: str, keys: Sequence[Any]) -> Iterator[Any]:
        """Rows of a query with `IN ({})`, for any number of keys."""
        if not keys:
            return
        values: list[Any] = [storable(keys)]
        if isinstance(keys[0], tuple):
            values = [storable(column) for column in zip(*keys, strict=True)]
            arrays = ", ".join(["?::text[]"] * len(values))
            query = query.replace("({})", f"(SELECT * FROM unnest({arrays}))")  # noqa: S608 - our own words
        with self._lent() as connection:
            found = connection.execute(translated(query), values, binary=True)
        yield from found

    def put(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already is replaced."""
        known = self._table(table)
        places = [list(known.columns).index(name) for name in known.key]
        last = {tuple(row[place] for place in places): row for row in rows}
        rest = [name for name in known.columns if name not in known.key]
        settle = ", ".join(f"{name} = excluded.{name}" for name in rest)
        self._insert(
            table,
            known.columns,
            list(last.values()),
            f"ON CONFLICT ({', '.join(known.key)}) DO "
            + (f"UPDATE SET {settle}" if rest else "NOTHING"),
        )

    def change(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Some columns, the primary key first, of rows that are there."""
        if not rows:
            return
        types, (key, *rest) = self._table(table).columns, columns
        arrays = ", ".join(f"%b::{types[name]}[]" for name in columns)
        settle = ", ".join(f"{name} = row.{name}" for name in rest)
        query = (  # the names are the database's own, the values travel apart
            f"UPDATE {table} SET {settle} FROM unnest({arrays}) AS row({', '.join(columns)})"  # noqa: S608
            f" WHERE {table}.{key} = row.{key}"
        )
        with self._lent() as connection:
            values = [storable(column) for column in zip(*rows, strict=True)]
            changed = connection.execute(query, values).rowcount
        if changed != len(rows):
            raise LookupError(f"Of {len(rows)} rows of {table} there are {changed}.")

    def add(self, table: str, rows: Iterable[Values]) -> None:
        """Whole rows; one whose primary key is there already stays as it is."""
        self._insert(table, self._table(table).columns, list(rows), "ON CONFLICT DO NOTHING")

    def append(self, table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
        """Rows in this order, which the database numbers."""
        types = self._table(table).columns
        self._insert(table, {name: types[name] for name in columns}, list(rows), "")

    def _insert(self, table: str, columns: dict[str, str], rows: list[Values], settle: str) -> None:
        """All rows in one statement: a column travels as one array."""
        if not rows:
            return
        names = ", ".join(columns)
        arrays = ", ".join(f"%b::{type}[]" for type in columns.values())
        query = (  # the names are the database's own, the values travel apart
            f"INSERT INTO {table} ({names}) SELECT {names} FROM unnest({arrays})"  # noqa: S608
            f" WITH ORDINALITY AS row({names}, ordinality) ORDER BY ordinality {settle}"
        )
        with self._lent() as connection:
            connection.execute(query, [storable(column) for column in zip(*rows, strict=True)])

    def _table(self, name: str) -> Table:
        """Columns with their types, and the primary key, as the database knows them."""
        if name not in self._known:
            with self._lent() as connection:
                columns = connection.execute(COLUMNS, (name,)).fetchall()
            self._known[name] = Table(
                {column: type for column, type, _ in columns},
                [column for column, _, key in columns if key],
            )
        return self._known[name]

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[None]:
        """One write transaction: all or nothing, and nothing where this process may not write any more.

        Behind a gate its view is that of one moment, taken once the gate has let it in: a row that somebody changes
        after that moment cannot be changed here any more.
        """
        with self._transaction() as connection:
            if self._gate:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                mode = "SHARE ROW EXCLUSIVE" if alone else "ROW EXCLUSIVE"
                connection.execute(f"LOCK TABLE {self._gate} IN {mode} MODE")
            if self._guard is not None:
                self._guard(connection)
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A consistent snapshot for several reads; behind a gate it is taken while nobody is in the middle of writing.

        Numbers are given out before their rows show: whoever reads on behind the largest one would miss others.
        """
        with ExitStack() as between, self._transaction() as connection:
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            if self._gate:
                gate = between.enter_context(self._pool.lent())
                between.enter_context(gate.transaction())
                gate.execute(f"LOCK TABLE {self._gate} IN SHARE MODE")
            connection.execute("SELECT 1")
            between.close()
            yield

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lent() as connection:
            self._pinned = connection
            try:
                with connection.transaction():
                    yield connection
            finally:
                self._pinned = None

    def changed(self) -> int:
        """A number that differs after the engine has committed, or another state was put in this one's place."""
        query = "SELECT min(tableoid::bigint), sum(seq)::bigint FROM reached WHERE lane = ?"
        table, turns = self.execute(query, (TURNS,)).fetchone()
        return 0 if table is None else table << 40 | turns

    def close(self) -> None:
        """Leave the pool."""
        self._pool.leave()
