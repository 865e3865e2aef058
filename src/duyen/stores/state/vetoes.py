"""Vetoes: pairs of identifiers of which somebody decided that they are never one person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duyen.stores.rows import VetoRow
from duyen.stores.state.part import Part

Name = tuple[str, str]

SCHEMA = """
CREATE TABLE IF NOT EXISTS vetoes (
    namespace TEXT NOT NULL, value TEXT NOT NULL, other_namespace TEXT NOT NULL, other_value TEXT NOT NULL,
    time INTEGER NOT NULL, id TEXT NOT NULL, author TEXT NOT NULL,
    PRIMARY KEY (namespace, value, other_namespace, other_value)
) WITHOUT ROWID;
"""


class Vetoes(Part):
    """Each pair is stored both ways, so that either identifier finds it."""

    def put_vetoes(self, rows: Iterable[VetoRow]) -> None:
        """Store pairs; one that is there already stays as it was first told."""
        both: list[tuple[Any, ...]] = []
        for row in rows:
            both.append((*row.a, *row.b, row.time, row.id, row.author))
            both.append((*row.b, *row.a, row.time, row.id, row.author))
        self._db.add("vetoes", sorted(both))

    def any_vetoes(self) -> bool:
        """Whether there is a veto at all."""
        return self._db.execute("SELECT 1 FROM vetoes LIMIT 1").fetchone() is not None

    def vetoes_of(self, names: Iterable[Name]) -> list[VetoRow]:
        """The pairs in which one of these identifiers stands, as its first."""
        query = (
            "SELECT namespace, value, other_namespace, other_value, time, id, author FROM vetoes"
            " WHERE (namespace, value) IN ({})"
        )
        found = self._db.among(query, sorted(names))
        return [
            VetoRow((ns, value), (other_ns, other), time, id, author)
            for ns, value, other_ns, other, time, id, author in found
        ]
