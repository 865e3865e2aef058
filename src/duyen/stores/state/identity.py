"""Identity: evidence, and whose an identifier is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from duyen.model.event import Identifier
from duyen.stores.rows import EvidenceRow
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS evidence (
    key TEXT PRIMARY KEY, component TEXT NOT NULL, person TEXT NOT NULL,
    time INTEGER NOT NULL, id TEXT NOT NULL, trusted INTEGER NOT NULL, identifiers TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS evidence_by_component ON evidence (component);
CREATE TABLE IF NOT EXISTS identifiers (
    namespace TEXT NOT NULL, value TEXT NOT NULL, component TEXT NOT NULL, person TEXT NOT NULL,
    PRIMARY KEY (namespace, value)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identifiers_by_component ON identifiers (component);
"""

_identifiers = msgspec.json.Decoder(tuple[Identifier, ...]).decode


class Identity(Part):
    """Evidence and identifiers."""

    def evidence_by_key(self, keys: Sequence[str]) -> dict[str, EvidenceRow]:
        """Known evidence by its key."""
        query = "SELECT key, component, person, time, id, trusted, identifiers FROM evidence WHERE key IN ({})"
        return {row[0]: _evidence(row) for row in self._db.among(query, sorted(keys))}

    def evidence_of(self, components: Sequence[str]) -> list[EvidenceRow]:
        """All evidence of some components."""
        query = (
            "SELECT key, component, person, time, id, trusted, identifiers FROM evidence"
            " WHERE component IN ({})"
        )
        return [_evidence(row) for row in self._db.among(query, sorted(components))]

    def owners(self) -> Iterator[tuple[str, str]]:
        """The key of all evidence, and whose it is."""
        yield from self._db.execute("SELECT key, person FROM evidence ORDER BY key")

    def all_identifiers(self) -> Iterator[tuple[str, str, str]]:
        """(namespace, value, person) of every identifier."""
        yield from self._db.execute("SELECT namespace, value, person FROM identifiers")

    def components(self, identifiers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The components these identifiers belong to, as far as they are known."""
        query = (
            "SELECT namespace, value, component FROM identifiers WHERE (namespace, value) IN ({})"
        )
        rows = self._db.among(query, sorted(identifiers))
        return {(namespace, value): component for namespace, value, component in rows}

    def components_after(self, cursor: str, most: int) -> list[str]:
        """Names of components behind `cursor`, in order: how a sweep walks through them."""
        rows = self._db.execute(
            "SELECT DISTINCT component FROM evidence WHERE component > ? ORDER BY component LIMIT ?",
            (cursor, most),
        )
        return [str(component) for (component,) in rows]

    def holders(self, identifiers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Whose these identifiers are; "" for one that was set aside."""
        query = "SELECT namespace, value, person FROM identifiers WHERE (namespace, value) IN ({})"
        rows = self._db.among(query, sorted(identifiers))
        return {(namespace, value): person for namespace, value, person in rows}

    def vouched(self, namespace: str, value: str) -> bool:
        """Whether some trusted evidence names this identifier."""
        components = self.components([(namespace, value)])
        return any(
            row.trusted and (namespace, value) in row.identifiers
            for row in self.evidence_of(list(components.values()))
        )

    def person_of(self, namespace: str, value: str) -> str | None:
        """Whose identifier this is."""
        row = self._db.execute(
            "SELECT person FROM identifiers WHERE namespace = ? AND value = ? AND person <> ''",
            (namespace, value),
        ).fetchone()
        return str(row[0]) if row else None

    def put_evidence(self, rows: Iterable[EvidenceRow]) -> None:
        """Store evidence."""
        self._db.put(
            "evidence",
            sorted(
                (
                    r.key,
                    r.component,
                    r.person,
                    r.time,
                    r.id,
                    int(r.trusted),
                    json.dumps(r.identifiers),
                )
                for r in rows
            ),
        )

    def drop_evidence(self, keys: Iterable[str]) -> None:
        """Forget evidence that nothing tells any more."""
        rows = [(key,) for key in sorted(keys)]
        self._db.executemany("DELETE FROM evidence WHERE key = ?", rows)

    def identifiers_in(self, components: Sequence[str]) -> list[tuple[str, str, str, str]]:
        """(namespace, value, component, person) of some components' identifiers."""
        query = (
            "SELECT namespace, value, component, person FROM identifiers WHERE component IN ({})"
        )
        return [(ns, value, c, p) for ns, value, c, p in self._db.among(query, sorted(components))]

    def drop_identifiers(self, names: Iterable[tuple[str, str]]) -> None:
        """Forget these identifiers."""
        query = "DELETE FROM identifiers WHERE namespace = ? AND value = ?"
        self._db.executemany(query, sorted(names))

    def put_identifiers(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Store (namespace, value, component, person); person "" for one that was set aside."""
        self._db.put("identifiers", sorted(rows))


def _evidence(row: Any) -> EvidenceRow:
    return EvidenceRow(row[0], row[1], row[2], row[3], row[4], bool(row[5]), _identifiers(row[6]))
