"""Vetoes: pairs of identifiers of which somebody decided that they are never one person, until it is taken back.

`vetoes` is what holds, `vetoes_told` all that was ever told. What two vetoes tell holds until both are lifted.
(States made before vetoes could be lifted have rows in `vetoes` only.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duyen.stores.rows import LiftRow, VetoRow
from duyen.stores.state.part import Part

Name = tuple[str, str]

SCHEMA = """
CREATE TABLE IF NOT EXISTS vetoes (
    namespace TEXT NOT NULL, value TEXT NOT NULL, other_namespace TEXT NOT NULL, other_value TEXT NOT NULL,
    time INTEGER NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL,
    PRIMARY KEY (namespace, value, other_namespace, other_value)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS vetoes_told (
    namespace TEXT NOT NULL, value TEXT NOT NULL, other_namespace TEXT NOT NULL, other_value TEXT NOT NULL,
    time INTEGER NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL,
    PRIMARY KEY (namespace, value, other_namespace, other_value, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lifts (
    veto TEXT PRIMARY KEY, time INTEGER NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL
) WITHOUT ROWID;
"""
_OF = (
    "SELECT namespace, value, other_namespace, other_value, time, id, author FROM vetoes"
    " WHERE (namespace, value) IN ({})"
)


class Vetoes(Part):
    """Each pair is stored both ways, so that either identifier finds it."""

    def put_vetoes(self, rows: Iterable[VetoRow]) -> None:
        """Store pairs; one that is there already stays as it was first told, one whose veto is lifted does not hold."""
        both: list[tuple[Any, ...]] = []
        for row in rows:
            both.append((*row.a, *row.b, row.time, row.id, row.author))
            both.append((*row.b, *row.a, row.time, row.id, row.author))
        if both:
            lifted = self.lifts_of({row[5] for row in both}).keys()
            self._db.add("vetoes_told", sorted(both))
            self._db.add("vetoes", sorted(row for row in both if row[5] not in lifted))

    def put_lifts(self, rows: Iterable[LiftRow]) -> set[Name]:
        """Store that vetoes are taken back, known ones and such as may come; returns the names they kept apart."""
        lifts = sorted(rows)
        self._db.add("lifts", lifts)
        freed: set[Name] = set()
        for lift in lifts:
            query = "SELECT namespace, value, other_namespace, other_value FROM vetoes WHERE id = ?"
            pairs = self._db.execute(query, (lift.veto,)).fetchall()
            self._db.execute("DELETE FROM vetoes WHERE id = ?", (lift.veto,))
            names = {(namespace, value) for namespace, value, *_ in pairs}
            also = [row for row in self.vetoes_told(names) if row.id != lift.veto]
            still = [row for row in also if row.id not in self.lifts_of({row.id})]
            self._db.add("vetoes", sorted((*r.a, *r.b, r.time, r.id, r.author) for r in still))
            freed |= names
        return freed

    def any_vetoes(self) -> bool:
        """Whether there is a veto at all."""
        return self._db.execute("SELECT 1 FROM vetoes LIMIT 1").fetchone() is not None

    def vetoes_of(self, names: Iterable[Name]) -> list[VetoRow]:
        """The pairs that hold in which one of these identifiers stands, as its first."""
        return self._pairs(_OF, names)

    def vetoes_told(self, names: Iterable[Name]) -> list[VetoRow]:
        """The same, of all that was ever told: what holds, what another veto tells too, and what was lifted."""
        rows = self._pairs(_OF, names) + self._pairs(_OF.replace("vetoes", "vetoes_told"), names)
        found = {(row.a, row.b, row.id): row for row in rows}
        return [row for _, row in sorted(found.items())]

    def lifts_of(self, vetoes: Iterable[str]) -> dict[str, LiftRow]:
        """Which of these vetoes were taken back, by the veto's id."""
        query = "SELECT veto, time, id, author FROM lifts WHERE veto IN ({})"
        return {row[0]: LiftRow(*row) for row in self._db.among(query, sorted(vetoes))}

    def _pairs(self, query: str, names: Iterable[Name]) -> list[VetoRow]:
        found = self._db.among(query, sorted(names))
        return [
            VetoRow((ns, value), (other_ns, other), time, id, author)
            for ns, value, other_ns, other, time, id, author in found
        ]
