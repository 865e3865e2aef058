"""The engines of one database share the shards among them, each a fair part.

An engine tells that it is there, and takes, keeps or leaves leases of shards until it has its part; what a dead one
held is taken by the others within about a second. Leases only keep engines out of each other's way: what they write
is safe without them (see `Engine`).
"""

from __future__ import annotations

import threading
import uuid
from typing import NamedTuple

import psycopg

from duyen.model.errors import Unavailable
from duyen.stores.interface import Working
from duyen.stores.postgres.connect import Connection, connect, explained, home, make
from duyen.stores.postgres.leases import (
    ALIVE,
    LEASE_SECONDS,
    QUEUE,
    RENEW_SECONDS,
    SCHEMA,
    here,
)
from duyen.stores.shards import SHARDS

ENGINE, SHARD = "engine ", "shard "
TAKE = """
    INSERT INTO leases SELECT role, 1, %(holder)s, clock_timestamp() + make_interval(secs => %(seconds)s),
        pg_backend_pid(), (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())
    FROM unnest(%(roles)s::text[]) AS told(role)
    ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, until = excluded.until,
        session = excluded.session, since = excluded.since,
        token = leases.token + (leases.holder <> excluded.holder)::int
"""
LEAVE = "UPDATE leases SET until = '-infinity' WHERE role = ANY(%s) AND holder = %s"
LOOK = f"SELECT role, holder, {ALIVE} FROM leases WHERE starts_with(role, %s)"  # noqa: S608 - our own words
FORGET = "DELETE FROM leases WHERE role = ANY(%s)"


class Seat:
    """This engine's place in the crew; satisfies `stores.interface.Share`."""

    def __init__(self, url: str) -> None:
        self._url, self._name = url, ENGINE + uuid.uuid4().hex[:12]
        self._shards: frozenset[int] = frozenset()
        self._db = connect(url)
        self._ended = threading.Event()
        try:
            make(self._db, home(self._db), SCHEMA)
            with explained():
                self._look()
        except BaseException:
            self._db.close()
            raise
        self._thread = threading.Thread(target=self._keep, name="crew", daemon=True)
        self._thread.start()

    @property
    def shards(self) -> frozenset[int]:
        """The shards that are this engine's now; none while somebody works on the state alone."""
        return self._shards

    def _keep(self) -> None:
        """Look every so often until closed; while the database cannot be reached, all stays as it was."""
        while not self._ended.wait(RENEW_SECONDS):
            try:
                if self._db.closed:
                    self._db = connect(self._url)
                self._look()
            except (psycopg.OperationalError, Unavailable):
                continue
            except psycopg.errors.UndefinedTable:
                self._db.close()
                return  # all that it was about is gone

    def _look(self) -> None:
        """Tell that this engine is there, and take, keep or leave shards until it has its part."""
        with self._db.transaction():
            self._db.execute(QUEUE, ("engine",))
            alone = _alone(self._db)
            self._take([self._name], here())
            crew = sorted(seat.role for seat in _rows(self._db, ENGINE, forget=True))
            part = 0 if alone else _part(len(crew), crew.index(self._name))
            taken = {row.role: row.holder for row in _rows(self._db, SHARD)}
            mine = [role for role in _ROLES if taken.get(role) == self._name]
            free = [role for role in _ROLES if role not in taken]
            kept = [*mine, *free][:part]
            self._take(kept, self._name)
            self._db.execute(LEAVE, ([role for role in mine if role not in kept], self._name))
        self._shards = frozenset(_ROLES.index(role) for role in kept)

    def _take(self, roles: list[str], holder: str) -> None:
        values = {"roles": roles, "holder": holder, "seconds": LEASE_SECONDS}
        self._db.execute(TAKE, values)

    def close(self) -> None:
        """Leave the crew at once."""
        self._ended.set()
        self._thread.join()
        self._shards = frozenset()
        try:
            with self._db.transaction():
                self._db.execute(LEAVE, (_ROLES, self._name))
                self._db.execute(FORGET, ([self._name],))
        except psycopg.Error:
            return  # it ends with the session
        finally:
            self._db.close()


class _Row(NamedTuple):
    """A lease that somebody holds."""

    role: str
    holder: str


_ROLES = [f"{SHARD}{shard:02d}" for shard in range(SHARDS)]


def _alone(db: Connection) -> bool:
    """Whether somebody works on the state alone: a rebuild, or a command where no engine ran."""
    query = f"SELECT 1 FROM leases WHERE role = 'engine' AND {ALIVE}"  # noqa: S608 - our own words
    return db.execute(query).fetchone() is not None


def _rows(db: Connection, kind: str, *, forget: bool = False) -> list[_Row]:
    """The leases of a kind that are held; the others can be forgotten."""
    rows = db.execute(LOOK, (kind,)).fetchall()
    if forget:
        db.execute(FORGET, ([role for role, _, alive in rows if not alive],))
    return [_Row(role, holder) for role, holder, alive in rows if alive]


def _part(crew: int, place: int) -> int:
    """How many shards the engine at this place of the crew has."""
    return SHARDS // crew + (place < SHARDS % crew)


def working(db: Connection) -> list[Working]:
    """The engines at work, and what each has."""
    make(db, home(db), SCHEMA)
    shards = _rows(db, SHARD)
    return [
        Working(
            seat.holder, frozenset(_ROLES.index(s.role) for s in shards if s.holder == seat.role)
        )
        for seat in sorted(_rows(db, ENGINE))
    ]
