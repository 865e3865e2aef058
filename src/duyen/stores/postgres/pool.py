"""The connections of one process: few, lent for a statement or for a transaction.

A door answers on many threads, each with stores of its own, and a server has few connections to give.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from duyen.model.errors import Unavailable
from duyen.stores.postgres.connect import Connection, connect

MOST = 6
"""Connections of one pool; a door has two of them."""
PATIENCE_SECONDS = 10.0


class Pool:
    """Lends connections; those that broke are made anew."""

    def __init__(self, url: str, schema: str, *, read_only: bool = False) -> None:
        """`schema`: where tables are looked for first, before the one that the URL leads to."""
        self._url, self._schema, self._read_only = url, schema, read_only
        self._free: list[Connection] = []
        self._places = threading.BoundedSemaphore(MOST)
        self._users = 0
        self._lock = threading.Lock()

    @contextmanager
    def lent(self) -> Iterator[Connection]:
        """A connection for the length of a block; raises Unavailable where all are busy for long."""
        if not self._places.acquire(timeout=PATIENCE_SECONDS):
            raise Unavailable(
                "storage.busy", "All connections to the database are busy; try again shortly."
            )
        try:
            connection = self._taken() or self._made()
            try:
                yield connection
            finally:
                self._back(connection)
        finally:
            self._places.release()

    def _made(self) -> Connection:
        connection = connect(self._url, self._schema)
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def _taken(self) -> Connection | None:
        with self._lock:
            while self._free:
                connection = self._free.pop()
                if not connection.closed:
                    return connection
        return None

    def _back(self, connection: Connection) -> None:
        with self._lock:
            if self._users:
                self._free.append(connection)
                return
        connection.close()

    def join(self) -> None:
        """Somebody uses this pool."""
        with self._lock:
            self._users += 1

    def leave(self) -> None:
        """Somebody does not any more; with the last one the connections end."""
        with self._lock:
            self._users -= 1
            ended = self._free if not self._users else []
            if ended:
                self._free = []
        for connection in ended:
            connection.close()
