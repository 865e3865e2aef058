"""Who may write what: a role belongs to one process at a time, wherever it runs.

A lease runs out when its holder stops renewing it. Each new holder gets a higher token, and every transaction of a
holder asks inside itself whether its token is still the one: a process that stood still, was given up and wakes up
again cannot write any more. Time is the database's alone.
"""

from __future__ import annotations

import os
import socket
import threading

import psycopg

from duyen.model.errors import Conflict
from duyen.stores.interface import taken
from duyen.stores.postgres.connect import Connection, connect, explained, home, make

SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (
    role TEXT PRIMARY KEY, token INTEGER NOT NULL, holder TEXT NOT NULL, until TIMESTAMPTZ NOT NULL
);
"""
LEASE_SECONDS = 6.0
RENEW_SECONDS = 1.0


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
        holder = f"{socket.gethostname()}, process {os.getpid()}"
        with explained():
            # First a look that holds nobody up: the row's lock is what the holder's transactions stand behind.
            self._refuse_if_held(lock="")
            with self._db.transaction():
                self._db.execute(
                    "INSERT INTO leases VALUES (%s, 0, '', '-infinity') ON CONFLICT DO NOTHING",
                    (self.role,),
                )
                self._refuse_if_held(lock="FOR UPDATE")
                row = self._db.execute(
                    "UPDATE leases SET token = token + 1, holder = %s,"
                    " until = clock_timestamp() + make_interval(secs => %s) WHERE role = %s RETURNING token",
                    (holder, LEASE_SECONDS, self.role),
                ).fetchone()
        return int(row[0]) if row else 0

    def _refuse_if_held(self, lock: str) -> None:
        query = "SELECT holder, until > clock_timestamp() FROM leases WHERE role = %s "
        found = self._db.execute(query + lock, (self.role,)).fetchone()
        if found is not None and found[1]:
            raise taken(self.role, str(found[0]))

    def guard(self, connection: Connection) -> None:
        """Raise Conflict where the role went to another process; else it stays here until the transaction ends."""
        query = "SELECT 1 FROM leases WHERE role = %s AND token = %s FOR KEY SHARE"
        if connection.execute(query, (self.role, self.token)).fetchone() is None:
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
                self._db.execute(
                    "UPDATE leases SET until = clock_timestamp() + make_interval(secs => %s)"
                    " WHERE role = %s AND token = %s",
                    (LEASE_SECONDS, self.role, self.token),
                )
            except (psycopg.OperationalError, OSError):
                continue

    def close(self) -> None:
        """Give the role up at once."""
        self._ended.set()
        self._thread.join()
        try:
            self._db.execute(
                "UPDATE leases SET until = '-infinity' WHERE role = %s AND token = %s",
                (self.role, self.token),
            )
        except psycopg.OperationalError:
            return  # it runs out by itself
        finally:
            self._db.close()


def held(connection: Connection, role: str) -> bool:
    """Whether some process holds a role."""
    make(connection, home(connection), SCHEMA)
    query = "SELECT 1 FROM leases WHERE role = %s AND until > clock_timestamp()"
    return connection.execute(query, (role,)).fetchone() is not None
