"""Records: counters, facts, decisions, rejected calls, duplicates and activity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import structs

from duyen.model.decision import Decision
from duyen.model.effect import Add, Fact
from duyen.model.event import Rejected
from duyen.model.log import Replayed
from duyen.model.times import NEVER, Millis
from duyen.stores.packing import read_decision, text
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (
    name TEXT NOT NULL, field TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sums (
    name TEXT NOT NULL, field TEXT NOT NULL, part INTEGER NOT NULL, value INTEGER NOT NULL,
    PRIMARY KEY (name, field, part)
) WITHOUT ROWID;
INSERT INTO sums SELECT name, field, 0, value FROM counters WHERE true ON CONFLICT DO NOTHING;
DROP TABLE counters;
CREATE TABLE IF NOT EXISTS facts (
    seq INTEGER PRIMARY KEY, person TEXT NOT NULL, time INTEGER NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS facts_by_person ON facts (person, time);
CREATE TABLE IF NOT EXISTS decisions (
    id TEXT PRIMARY KEY, person TEXT NOT NULL, time INTEGER NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decisions_by_person ON decisions (person, time);
CREATE TABLE IF NOT EXISTS rejected (
    id TEXT PRIMARY KEY, received INTEGER NOT NULL, source TEXT NOT NULL, reasons TEXT NOT NULL, payload TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS rejected_by_time ON rejected (received);
CREATE TABLE IF NOT EXISTS rejected_calls (id TEXT PRIMARY KEY, call TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS replayed (
    id TEXT PRIMARY KEY, time INTEGER NOT NULL, author TEXT NOT NULL, reasons TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS duplicates (
    seq INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (seq, entry)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activity (
    minute INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes (
    minute INTEGER NOT NULL, name TEXT NOT NULL, part INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (minute, name, part)
) WITHOUT ROWID;
INSERT INTO minutes SELECT minute, name, 0, count FROM activity WHERE true ON CONFLICT DO NOTHING;
DROP TABLE activity;
"""

_KEPT = (
    "SELECT a.id, a.received, a.source, a.reasons, a.payload, b.time, b.reasons"
    " FROM rejected a LEFT JOIN replayed b ON b.id = a.id"
)
_read_rejected = msgspec.json.Decoder(Rejected).decode


class Kept(NamedTuple):
    """A rejected call as it is shown: with its present reasons, and when it became an event after all."""

    id: str
    received: Millis
    source: str
    reasons: list[str]
    payload: str
    replayed: Millis | None


class Records(Part):
    """What is counted and what is kept to be looked up.

    Sums are kept in parts, so that engines that work at once add to rows of their own; whoever reads adds the parts up.
    """

    def add(self, deltas: Iterable[Add], part: int = 0) -> None:
        """Sum deltas up and store them."""
        sums: dict[tuple[str, str], int] = {}
        for delta in deltas:
            for field, amount in delta.amounts.items():
                key = (delta.counter, field)
                sums[key] = sums.get(key, 0) + amount
        self._db.executemany(
            "INSERT INTO sums VALUES (?, ?, ?, ?)"
            " ON CONFLICT (name, field, part) DO UPDATE SET value = sums.value + excluded.value",
            sorted((name, field, part, amount) for (name, field), amount in sums.items() if amount),
        )

    def counters(self, prefix: str = "") -> dict[str, dict[str, int]]:
        """Counters whose name starts with `prefix`: name -> field -> value."""
        found: dict[str, dict[str, int]] = {}
        rows = self._db.execute(
            "SELECT name, field, sum(value) FROM sums WHERE name >= ? AND name < ? GROUP BY name, field",
            (prefix, prefix + "\U0010ffff"),
        )
        for name, field, value in rows:
            found.setdefault(name, {})[field] = int(value)
        return found

    def put_facts(self, facts: Iterable[Fact]) -> None:
        """Append what we decided or did."""
        self._db.append(
            "facts",
            ("person", "time", "name", "properties"),
            [(f.person, f.time, f.name, text(f.properties)) for f in facts],
        )

    def facts(self, after: int, most: int) -> list[tuple[int, str, Millis, str, str]]:
        """(seq, person, time, name, properties as JSON) behind `after`."""
        query = "SELECT seq, person, time, name, properties FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._db.execute(query, (after, most)).fetchall()

    def fact_owners(self, seqs: Sequence[str]) -> dict[str, str]:
        """Whose facts these are now, by seq as text."""
        query = "SELECT seq, person FROM facts WHERE seq IN ({})"
        return {str(n): str(person) for n, person in self._db.among(query, sorted(map(int, seqs)))}

    def recent_facts(self, most: int) -> list[tuple[int, str, Millis, str, dict[str, Any]]]:
        """The newest facts of all: (seq, person, time, name, properties)."""
        rows = self._db.execute(
            "SELECT seq, person, time, name, properties FROM facts ORDER BY seq DESC LIMIT ?",
            (most,),
        )
        return [(seq, p, t, n, json.loads(x)) for seq, p, t, n, x in rows]

    def first_fact(self, name: str) -> Millis | None:
        """When a fact of this name was first told, whether or not its person is forgotten since."""
        query = "SELECT value FROM meta WHERE key = ?"
        row = self._db.execute(query, (f"first:{name}",)).fetchone()
        if row is None:
            query = "SELECT time FROM facts WHERE name = ? ORDER BY seq LIMIT 1"
            row = self._db.execute(query, (name,)).fetchone()
        return None if row is None else int(row[0])

    def keep_first_facts(self, persons: Iterable[str]) -> None:
        """Remember when facts like these people's were first told, before theirs are taken away."""
        told = self._db.among(
            "SELECT DISTINCT name FROM facts WHERE person IN ({})", sorted(persons)
        )
        names = sorted({str(name) for (name,) in told})
        first = [(f"first:{name}", str(self.first_fact(name))) for name in names]
        self._db.add("meta", first)

    def put_decisions(self, decisions: Iterable[tuple[str, Decision]]) -> None:
        """Store decisions under the person they were made for."""
        self._db.add(
            "decisions",
            sorted((d.id, person, d.time, text(d)) for person, d in decisions),
        )

    def decision(self, id: str) -> Decision | None:
        """One decision."""
        row = self._db.execute("SELECT body FROM decisions WHERE id = ?", (id,)).fetchone()
        return read_decision(row[0]) if row else None

    def decision_owner(self, id: str) -> str | None:
        """Whose decision this is now."""
        row = self._db.execute("SELECT person FROM decisions WHERE id = ?", (id,)).fetchone()
        return str(row[0]) if row else None

    def decisions_of(self, person: str, most: int = 100) -> list[Decision]:
        """A person's newest decisions."""
        rows = self._db.execute(
            "SELECT body FROM decisions WHERE person = ? ORDER BY time DESC LIMIT ?", (person, most)
        )
        return [read_decision(body) for (body,) in rows]

    def decisions_before(
        self, person: str, before: tuple[Millis, str] | None, most: int
    ) -> list[Decision]:
        """A person's decisions behind `before` = (time, id), the newest first."""
        time, id = before or (NEVER, "")
        rows = self._db.execute(
            "SELECT body FROM decisions WHERE person = ? AND (time < ? OR (time = ? AND id < ?))"
            " ORDER BY time DESC, id DESC LIMIT ?",
            (person, time, time, id, most),
        )
        return [read_decision(body) for (body,) in rows]

    def put_rejected(self, rejected: Iterable[Rejected]) -> None:
        """Keep rejected calls with their reasons."""
        calls = list(rejected)
        self._db.add(
            "rejected",
            [(r.id, r.received, r.source, text(r.reasons), r.payload) for r in calls],
        )
        how = [structs.replace(call, reasons=(), payload="") for call in calls]
        self._db.add("rejected_calls", [(call.id, text(call)) for call in how])

    def put_replayed(self, replayed: Iterable[Replayed]) -> None:
        """Note what became of rejected calls; one that has become an event stays one."""
        self._db.executemany(
            "INSERT INTO replayed VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " time = excluded.time, author = excluded.author, reasons = excluded.reasons"
            " WHERE replayed.reasons <> '[]'",
            [(r.id, r.time, r.author, text(r.reasons)) for r in replayed],
        )

    def rejected(self, before: Millis, most: int) -> list[Kept]:
        """The newest rejected calls older than `before`."""
        return self.rejected_before((before, ""), most)

    def rejected_before(self, before: tuple[Millis, str] | None, most: int) -> list[Kept]:
        """Rejected calls behind `before` = (received, id), the newest first."""
        received, id = before or (NEVER, "")
        rows = self._db.execute(
            f"{_KEPT} WHERE a.received < ? OR (a.received = ? AND a.id < ?)"
            " ORDER BY a.received DESC, a.id DESC LIMIT ?",
            (received, received, id, most),
        )
        return [_kept(*row) for row in rows]

    def rejected_still(
        self, after: tuple[Millis, str], upto: Millis, source: str, most: int
    ) -> list[tuple[str, Millis]]:
        """(id, received) of calls that are no events yet, the oldest first, behind `after` = (received, id).

        Those received later than `upto` are left out; "" is any source.
        """
        received, id = after
        return self._db.execute(
            "SELECT a.id, a.received FROM rejected a LEFT JOIN replayed b ON b.id = a.id"
            " WHERE (a.received > ? OR (a.received = ? AND a.id > ?)) AND a.received <= ?"
            " AND (a.source = ? OR ? = '') AND (b.id IS NULL OR b.reasons <> '[]')"
            " ORDER BY a.received, a.id LIMIT ?",
            (received, received, id, upto, source, source, most),
        ).fetchall()

    def rejected_of(self, ids: Sequence[str]) -> dict[str, tuple[Rejected, bool]]:
        """Rejected calls by id, with their present reasons, and whether they have become events."""
        wanted = sorted(set(ids))
        calls = {
            id: _read_rejected(call)
            for id, call in self._db.among(
                "SELECT id, call FROM rejected_calls WHERE id IN ({})", wanted
            )
        }
        found: dict[str, tuple[Rejected, bool]] = {}
        for row in self._db.among(f"{_KEPT} WHERE a.id IN ({{}})", wanted):
            kept = _kept(*row)
            how = calls.get(kept.id) or Rejected(kept.id, kept.received, kept.source, (), "")
            call = structs.replace(how, reasons=tuple(kept.reasons), payload=kept.payload)
            found[kept.id] = call, kept.replayed is not None
        return found

    def put_duplicates(self, places: Iterable[tuple[int, int]]) -> None:
        """Remember entries (seq, index) that repeated an event: the lake leaves them out."""
        self._db.add("duplicates", sorted(places))

    def duplicates(self, after: int, upto: int) -> set[tuple[int, int]]:
        """Entries after < seq <= upto that repeated an event."""
        query = "SELECT seq, entry FROM duplicates WHERE seq > ? AND seq <= ?"
        return set(self._db.execute(query, (after, upto)))

    def add_activity(self, counts: dict[tuple[int, str], int], part: int = 0) -> None:
        """Count what happened per minute (epoch minutes) and name."""
        self._db.executemany(
            "INSERT INTO minutes VALUES (?, ?, ?, ?)"
            " ON CONFLICT (minute, name, part) DO UPDATE SET count = minutes.count + excluded.count",
            sorted((minute, name, part, n) for (minute, name), n in counts.items()),
        )

    def activity(self, since_minute: int) -> list[tuple[int, str, int]]:
        """(epoch minute, name, count) since a minute."""
        query = (
            "SELECT minute, name, sum(count) FROM minutes WHERE minute >= ?"
            " GROUP BY minute, name ORDER BY minute"
        )
        rows = self._db.execute(query, (since_minute,))
        return [(minute, name, int(count)) for minute, name, count in rows]

    def activity_sums(self, since_minute: int) -> dict[str, int]:
        """Counts by name since a minute."""
        query = "SELECT name, sum(count) FROM minutes WHERE minute >= ? GROUP BY name"
        return {name: int(total) for name, total in self._db.execute(query, (since_minute,))}


def _kept(
    id: str,
    received: Millis,
    source: str,
    reasons: str,
    payload: str,
    time: Millis | None,
    later: str | None,
) -> Kept:
    now = json.loads(later) if later is not None else []
    replayed = time if later is not None and not now else None
    return Kept(id, received, source, now or json.loads(reasons), payload, replayed)
