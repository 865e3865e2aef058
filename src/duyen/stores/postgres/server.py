"""Everything in one PostgreSQL database: doors, engines and senders of many machines meet there.

Log, attempts, mails and leases lie in the schema that the URL leads to. The state has a schema of its own beside it,
so that a rebuilt one can take its place in one step.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from psycopg import sql

from duyen.model.errors import Conflict
from duyen.model.times import Millis
from duyen.stores.attempts import SCHEMA as ATTEMPTS
from duyen.stores.attempts import Attempts
from duyen.stores.interface import Working
from duyen.stores.mail import SCHEMA as MAILS
from duyen.stores.mail import Mails
from duyen.stores.postgres.connect import Connection, connect, explained, home, make
from duyen.stores.postgres.crew import Seat, working
from duyen.stores.postgres.database import PostgresDatabase
from duyen.stores.postgres.leases import Lease, held
from duyen.stores.postgres.log import SCHEMA as LOG
from duyen.stores.postgres.log import PostgresLog
from duyen.stores.postgres.pool import Pool
from duyen.stores.postgres.transfer import (
    FILES,
    bring_up_to_date,
    copy_in,
    copy_out,
    end_of_log,
    need_empty,
)
from duyen.stores.postgres.words import SCHEMA as WORDS
from duyen.stores.sqlite.files import LOG_FILE
from duyen.stores.sqlite.files import STATE as STATE_FILE
from duyen.stores.state import SCHEMA, State

OWNER = """
CREATE TABLE IF NOT EXISTS owner (n INTEGER PRIMARY KEY, secret TEXT NOT NULL);
"""
BYTES = """
    SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
    WHERE relnamespace::regnamespace::text = ANY(%s) AND relkind = 'r'
"""
STATE, FRESH, BEFORE = "_state", "_rebuild", "_before_rebuild"
GATE = "reached"
"""The table of the state that every batch writes."""


class Server:
    """The stores of one database."""

    shared = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._leases: dict[str, Lease] = {}
        self._made: dict[str, str] = {}
        self._pools: dict[tuple[str, bool], Pool] = {}
        self._lock = threading.Lock()

    def _database(
        self,
        tables: str,
        *,
        beside: str = "",
        role: str = "",
        read_only: bool = False,
        gate: str = "",
    ) -> PostgresDatabase:
        """Tables in the URL's schema, or in one `beside` it; where they belong to a role, its lease guards them."""
        with self._lock:
            if tables not in self._made:
                with closing(connect(self._url)) as connection:
                    schema = home(connection) + beside
                    make(connection, schema, tables)
                self._made[tables] = schema
            schema = self._made[tables]
            if (schema, read_only) not in self._pools:
                self._pools[schema, read_only] = Pool(self._url, schema, read_only=read_only)
            guard = self._guard(role) if role else None
            return PostgresDatabase(self._pools[schema, read_only], guard, gate)

    def belong(self, secret: str) -> None:
        """Note that this database goes with a secret; raises Conflict where with another one."""
        db = self._database(OWNER)
        try:
            db.add("owner", [(1, secret)])
            ((known,),) = db.execute("SELECT secret FROM owner")
        finally:
            db.close()
        if known != secret:
            raise Conflict(
                "store.owner",
                "The database of store_url belongs to a data folder with another secret.key; copy that one's "
                "secret.key here, or name another database.",
            )

    def log(self) -> PostgresLog:
        """The log, for appending and reading."""
        return PostgresLog(self._database(LOG))

    def state(self, *, writing: bool = False) -> State:
        """The state; `writing` is the engines', or that of one alone as long as it holds its lease."""
        database = self._database(
            SCHEMA + WORDS, beside=STATE, role="engine", read_only=not writing, gate=GATE
        )
        return State(database)

    def attempts(self) -> Attempts:
        """The senders' attempts, written as long as this process holds the lease."""
        return Attempts(self._database(ATTEMPTS, role="sender"))

    def mails(self, now: Callable[[], Millis] = lambda: 0) -> Mails:
        """What the mail catcher holds."""
        return Mails(self._database(MAILS), now)

    def claim(self, role: str) -> Lease:
        """Lease the role; what is written in it from now on asks for the lease each time."""
        self._leases[role] = Lease(self._url, role)
        return self._leases[role]

    def share(self) -> Seat:
        """Join the engines of this database."""
        return Seat(self._url)

    def engines(self) -> list[Working]:
        """The engines at work."""
        with explained(), closing(connect(self._url)) as connection:
            return working(connection)

    def running(self, role: str) -> bool:
        """Whether some process holds a role."""
        with explained(), closing(connect(self._url)) as connection:
            return held(connection, role)

    def _guard(self, role: str) -> Callable[[Connection], None]:
        def guard(connection: Connection) -> None:
            lease = self._leases.get(role)
            if lease is not None:
                lease.guard(connection)

        return guard

    def fresh_state(self) -> State:
        """An empty state beside the present one."""
        with explained(), closing(connect(self._url)) as connection:
            schema = home(connection) + FRESH
            connection.execute(_drop(schema))
            make(connection, schema, SCHEMA + WORDS)
        return State(PostgresDatabase(Pool(self._url, schema), self._guard("engine")))

    def put_in_place(self, keep_old: bool) -> None:
        """Rename the fresh state to the present one in one transaction; readers go on with it."""
        with explained(), closing(connect(self._url)) as connection, connection.transaction():
            schema = home(connection)
            self._guard("engine")(connection)
            connection.execute(_drop(schema + BEFORE))
            connection.execute(_rename(schema + STATE, schema + BEFORE))
            connection.execute(_rename(schema + FRESH, schema + STATE))
            if not keep_old:
                connection.execute(_drop(schema + BEFORE))

    def scrub(self) -> None:
        """Drop the state of before a rebuild, and let the room of what was deleted be used again."""
        homes = set(self._homes().values())
        with explained(), closing(connect(self._url)) as connection:
            connection.execute(_drop(home(connection) + BEFORE))
            query = "SELECT schemaname, tablename FROM pg_tables WHERE schemaname = ANY(%s)"
            for schema, table in connection.execute(query, (sorted(homes),)).fetchall():
                connection.execute(sql.SQL("VACUUM {}").format(sql.Identifier(schema, table)))

    def _homes(self) -> dict[str, str]:
        """The schema in which each file's tables lie, made where they are not there yet."""
        for store in (self.state(), self.attempts(), self.mails(), self.log()):
            store.close()
        with explained(), closing(connect(self._url)) as connection:
            schema = home(connection)
        return {name: schema + STATE if name == STATE_FILE else schema for name in FILES}

    def bytes(self) -> int:
        """How much the tables hold."""
        schemas = list(set(self._homes().values()))
        with explained(), closing(connect(self._url)) as connection:
            row = connection.execute(BYTES, (schemas,)).fetchone()
        return int(row[0]) if row else 0

    def copies(self, folder: Path) -> Iterator[Path]:
        """Everything as it is at one instant, in files; whoever writes goes on meanwhile."""
        homes = self._homes()
        with explained(), closing(connect(self._url)) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            # Writing a file takes what time it takes; nobody waits for this transaction.
            connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            for name, schema in homes.items():
                copy_out(connection, schema, folder / name)
                yield folder / name

    def need_empty(self) -> None:
        """Raise Conflict where something was told to the log already."""
        homes = self._homes()
        with explained(), closing(connect(self._url)) as connection:
            need_empty(connection, homes[LOG_FILE])

    def adopt(self, folder: Path) -> None:
        """Fill the empty tables with what the files of a folder hold, in one transaction; then remove the files."""
        homes = self._homes()
        bring_up_to_date(folder)
        with explained(), closing(connect(self._url)) as connection, connection.transaction():
            need_empty(connection, homes[LOG_FILE])
            for name, schema in homes.items():
                copy_in(folder / name, connection, schema)
            end_of_log(connection, homes[LOG_FILE])
        for name in homes:
            for suffix in ("", "-wal", "-shm"):
                (folder / f"{name}{suffix}").unlink(missing_ok=True)


def _drop(schema: str) -> sql.Composed:
    return sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))


def _rename(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))
