"""The state: what the engine has made of the log. Engines write, anybody reads.

A head lies beside its standing (the segments it is in) and its wake (the instant of its one timer), so that a
step costs one row. Everything a batch changes, the positions it read up to included, is one transaction. Each
noun has its file here; the queries are the same on every database.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from duyen.stores.database import Database
from duyen.stores.state import (
    directory,
    documents,
    erasures,
    forget,
    forgotten,
    identity,
    members,
    outbox,
    process,
    program,
    records,
    suppressions,
    told,
    vetoes,
)

PARTS = (
    process,
    documents,
    told,
    identity,
    vetoes,
    members,
    outbox,
    records,
    program,
    directory,
    forgotten,
    erasures,
    suppressions,
)
SCHEMA = "".join(part.SCHEMA for part in PARTS)


class State(
    process.Process,
    forget.Forget,
    told.Told,
    identity.Identity,
    members.Members,
    outbox.Outbox,
    program.Definitions,
    directory.Directory,
    forgotten.Forgotten,
    erasures.Erasures,
    suppressions.Suppressions,
):
    """Reads may come from any process; writes only inside `writing()`, from engines."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def writing(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """One transaction: all that a batch changes, or nothing; it has reached the disk before anybody sees it.

        Where another engine was faster, what changes rows that it changed raises Raced. `alone` waits until no other
        batch is under way, and lets none begin.
        """
        return self._db.writing(alone=alone)

    def reading(self) -> AbstractContextManager[None]:
        """A consistent snapshot for several reads, between batches: no smaller number shows after a larger one."""
        return self._db.reading()

    def changed(self) -> int:
        """A number that differs after another process has committed, or has put another state in this one's place."""
        return self._db.changed()
