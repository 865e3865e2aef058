"""Addresses that are not written to, whoever has them: lists that a company brings, and the no of people since erased.

An address is found by its keyed hash. Of those who were erased nothing else is kept: `address` is empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from duyen.model.times import Millis
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS suppressions (
    digest TEXT NOT NULL, said TEXT NOT NULL, time INTEGER NOT NULL, reason TEXT NOT NULL,
    author TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (digest, said)
) WITHOUT ROWID;
"""
ERASED = "erased"
"""The reason of what an erased person had said; a later yes of whoever has the address then ends it."""
_ROW = "SELECT digest, said, time, reason, author, address FROM suppressions"


class SuppressionRow(NamedTuple):
    """An address, by its keyed hash, and what it is never told (a key of consent: `brand/purpose/channel`)."""

    digest: str
    said: str
    time: Millis
    reason: str
    author: str
    address: str = ""


class Suppressions(Part):
    """The suppression list."""

    def put_suppressions(self, rows: Iterable[SuppressionRow]) -> None:
        """Add to the list; what stands there already stays as it was first told."""
        self._db.add("suppressions", sorted(rows))

    def drop_suppressions(self, digests: Iterable[str]) -> None:
        """Take addresses off the list."""
        rows = [(digest,) for digest in sorted(digests)]
        self._db.executemany("DELETE FROM suppressions WHERE digest = ?", rows)

    def bare_suppressions(self, digests: Iterable[str]) -> None:
        """Forget the addresses themselves: what they are never told holds on."""
        rows = [(digest,) for digest in sorted(digests)]
        self._db.executemany("UPDATE suppressions SET address = '' WHERE digest = ?", rows)

    def suppressions_of(self, digest: str) -> list[SuppressionRow]:
        """What an address is never told."""
        rows = self._db.execute(f"{_ROW} WHERE digest = ? ORDER BY said", (digest,))
        return [SuppressionRow(*row) for row in rows]

    def suppressions(self, after: tuple[str, str], most: int) -> list[SuppressionRow]:
        """The list behind (digest, said)."""
        rows = self._db.execute(
            f"{_ROW} WHERE (digest, said) > (?, ?) ORDER BY digest, said LIMIT ?", (*after, most)
        )
        return [SuppressionRow(*row) for row in rows]

    def count_suppressions(self) -> int:
        """How long the list is."""
        return int(self._db.execute("SELECT count(*) FROM suppressions").fetchone()[0])
