"""Who may write what: a role belongs to one process at a time, wherever it runs.

A lease ends with its holder's session, or, where the database does not notice the holder's end (a machine that is gone,
a pool in between), when it is not renewed. Each new holder gets a higher token, and every transaction of a holder asks
inside itself whether its token is still the one: a process that stood still, was given up and wakes up again cannot
write any more. Time is the database's alone.
"""

from __future__ import annotations

import os
import socket
import threading

import psycopg

from duyen.model.errors import Conflict, Unavailable
from duyen.stores.interface import taken
from duyen.stores.postgres.connect import Connection, connect, explained, home, make

SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (
    role TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL,
    session INTEGER NOT NULL, since TIMESTAMPTZ NOT NULL
);
"""
LEASE_SECONDS = 6.0
RENEW_SECONDS = 1.0
ALIVE = """
    (until > clock_timestamp() AND EXISTS (
        SELECT 1 FROM pg_stat_activity WHERE pid = session AND backend_start = since
    ))
"""
AMONG = f"""
    SELECT holder FROM leases WHERE (role = %s OR starts_with(role, %s || ' ')) AND {ALIVE} LIMIT 1
"""  # noqa: S608 - our own words
"""Somebody in a role, be it alone or among others (`crew`)."""
QUEUE = "SELECT pg_advisory_xact_lock(hashtext('duyen lease'), hashtext(current_schema() || %s))"
"""Who is about to take something waits for whoever is about to take it as well."""
NOBODY = "INSERT INTO leases VALUES (%s, 0, '', '-infinity', 0, '-infinity') ON CONFLICT DO NOTHING"
TAKE = "UPDATE leases SET token = token + 1, holder = %s WHERE role = %s RETURNING token"
RENEW = """
    UPDATE leases SET until = clock_timestamp() + make_interval(secs => %s), session = pg_backend_pid(),
        since = (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
    WHERE role = %s AND token = %s
"""
RELEASE = "UPDATE leases SET until = '-infinity' WHERE role = %s AND token = %s"
STILL = "SELECT 1 FROM leases WHERE role = %s AND token = %s FOR KEY SHARE"
"""A renewal does not wait for this lock; who takes over does, until the transaction has ended."""


class Lease:
    """One role held by this process until it closes it, or is given up for dead."""

    def __init__(self, url: str, role: str) -> None:
        """Raises Conflict where another process holds the role."""
        self._url, self.role = url, role
        self._db = connect(url)
        self._ended = threading.Event()
        try:
            make(self._db, home(self._db), SCHEMA)
            self.token = self._claim()
        except BaseException:
            self._db.close()
            raise
        self._thread = threading.Thread(target=self._keep, name=f"lease-{role}", daemon=True)
        self._thread.start()

    def _claim(self) -> int:
        with explained():
            # First a look that waits for nobody: who stands by looks often.
            self._refuse_if_held()
            with self._db.transaction():
                self._db.execute(QUEUE, (self.role,))
                self._db.execute(NOBODY, (self.role,))
                self._db.execute("SELECT 1 FROM leases WHERE role = %s FOR UPDATE", (self.role,))
                self._refuse_if_held()
                row = self._db.execute(TAKE, (here(), self.role)).fetchone()
                token = int(row[0]) if row else 0
                self._db.execute(RENEW, (LEASE_SECONDS, self.role, token))
        return token

    def _refuse_if_held(self) -> None:
        found = self._db.execute(AMONG, (self.role, self.role)).fetchone()
        if found is not None:
            raise taken(self.role, str(found[0]))

    def guard(self, connection: Connection) -> None:
        """Raise Conflict where the role went to another process; else it stays here until the transaction ends."""
        if connection.execute(STILL, (self.role, self.token)).fetchone() is None:
            raise Conflict(
                "role.replaced",
                f"Another process has taken over as {self.role}; this one ends.",
            )

    def _keep(self) -> None:
        """Renew until closed; while the database cannot be reached, try again."""
        while not self._ended.wait(RENEW_SECONDS):
            try:
                if self._db.closed:
                    self._db = connect(self._url)
                self._db.execute(RENEW, (LEASE_SECONDS, self.role, self.token))
            except (psycopg.OperationalError, Unavailable):
                continue
            except psycopg.errors.UndefinedTable:
                self._db.close()
                return  # all that it was about is gone

    def close(self) -> None:
        """Give the role up at once."""
        self._ended.set()
        self._thread.join()
        try:
            self._db.execute(RELEASE, (self.role, self.token))
        except psycopg.OperationalError:
            return  # it ends with the session
        finally:
            self._db.close()


def held(connection: Connection, role: str) -> bool:
    """Whether some process holds a role."""
    make(connection, home(connection), SCHEMA)
    return connection.execute(AMONG, (role, role)).fetchone() is not None


def here() -> str:
    """What this process is called, for people."""
    return f"{socket.gethostname()}, process {os.getpid()}"
