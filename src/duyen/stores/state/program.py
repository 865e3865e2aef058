"""The program's definitions in all their versions, and the catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from duyen.model.program import ResourceChange
from duyen.model.times import Millis
from duyen.stores.packing import text
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS program (
    kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
    author TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, folded TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
"""


class Definitions(Part):
    """Definitions and items."""

    def put_resource(self, change: ResourceChange) -> int:
        """A new version of a definition; returns its number."""
        row = self._db.execute(
            "SELECT coalesce(max(version), 0) FROM program WHERE kind = ? AND id = ?",
            (change.resource, change.id),
        ).fetchone()
        version = int(row[0]) + 1
        body = None if change.body is None else text(change.body)
        self._db.execute(
            "INSERT INTO program VALUES (?, ?, ?, ?, ?, ?)",
            (change.resource, change.id, version, body, change.author, change.time),
        )
        return version

    def resources(
        self, kind: str | None = None
    ) -> list[tuple[str, str, int, dict[str, Any], str, Millis]]:
        """The current definitions: (kind, id, version, body, author, time); deleted ones are left out."""
        query = (
            "SELECT kind, id, version, body, author, time FROM program p WHERE version ="
            " (SELECT max(version) FROM program q WHERE q.kind = p.kind AND q.id = p.id)"
            " AND body IS NOT NULL"
        )
        # Keys are asked for by every process after every batch: only theirs are read then.
        if kind is None:
            rows = self._db.execute(query + " ORDER BY kind, id")
        else:
            rows = self._db.execute(query + " AND kind = ? ORDER BY id", (kind,))
        return [(k, i, v, json.loads(b), a, t) for k, i, v, b, a, t in rows]

    def resource_versions(
        self, kind: str, id: str
    ) -> list[tuple[int, dict[str, Any] | None, str, Millis]]:
        """All versions of a definition, the newest first: (version, body, author, time)."""
        rows = self._db.execute(
            "SELECT version, body, author, time FROM program WHERE kind = ? AND id = ? ORDER BY version DESC",
            (kind, id),
        )
        return [(v, json.loads(b) if b else None, a, t) for v, b, a, t in rows]

    def put_items(
        self, items: Iterable[tuple[str, str, dict[str, Any]]], removed: Iterable[str] = ()
    ) -> None:
        """Store items of the catalogue: (id, folded search text, item)."""
        self._db.put("items", sorted((id, folded, text(body)) for id, folded, body in items))
        self._db.executemany("DELETE FROM items WHERE id = ?", [(id,) for id in removed])

    def items(self, ids: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Items by id, or all."""
        if ids is None:
            rows: Iterable[Any] = self._db.execute("SELECT id, body FROM items")
        else:
            rows = self._db.among("SELECT id, body FROM items WHERE id IN ({})", sorted(ids))
        return {id: json.loads(body) for id, body in rows}

    def find_items(self, folded: str, after: str, most: int) -> list[dict[str, Any]]:
        """Items whose folded text contains `folded`, behind `after` in order of id."""
        rows = self._db.execute(
            "SELECT body FROM items WHERE id > ? AND instr(folded, ?) > 0 ORDER BY id LIMIT ?",
            (after, folded, most),
        )
        return [json.loads(body) for (body,) in rows]
