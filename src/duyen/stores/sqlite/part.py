"""What the parts of the state file share: one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from duyen.stores.sqlite.connect import explained

SLICE = 900


class Part:
    """One noun's tables in the state file; `SqliteState` is all of them on one connection."""

    @property
    def _db(self) -> sqlite3.Connection:
        """The connection to the file that lies at the path now."""
        raise NotImplementedError

    def _among(self, query: str, keys: Sequence[str]) -> Iterator[sqlite3.Row | tuple[Any, ...]]:
        """Rows of a query with `IN (…)` at its `{}`; many keys go in slices."""
        for start in range(0, len(keys), SLICE):
            part = keys[start : start + SLICE]
            marks = ",".join("?" * len(part))
            with explained():
                yield from self._db.execute(query.replace("{}", marks), part)
