"""The state: what the engine has made of the log. One writer (the engine), any number of readers.

A head lies beside its standing (the segments it is in) and its wake (the instant of its one timer), so that a
step costs one row. Everything a batch changes, the positions it read up to included, is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from duyen.model.decision import Decision
from duyen.model.effect import Add, Enqueue, Fact
from duyen.model.event import Event, Rejected
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.model.times import NEVER, Millis
from duyen.stores.sqlite.connect import connect, explained, transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (lane INTEGER PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    n INTEGER PRIMARY KEY, now INTEGER NOT NULL, lane INTEGER NOT NULL, upto INTEGER NOT NULL,
    timers INTEGER NOT NULL, nudge TEXT NOT NULL, program INTEGER NOT NULL, code TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS heads (
    person TEXT PRIMARY KEY, body BLOB NOT NULL, standing BLOB NOT NULL, wake INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS heads_by_wake ON heads (wake) WHERE wake < 9007199254740992;
CREATE TABLE IF NOT EXISTS chunks (
    person TEXT NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (person, n)
) WITHOUT ROWID;
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
CREATE TABLE IF NOT EXISTS redirects (old TEXT PRIMARY KEY, new TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    segment TEXT NOT NULL, person TEXT NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (segment, person)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
    key TEXT PRIMARY KEY, person TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
    not_before INTEGER NOT NULL, updated INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_waiting ON outbox (not_before, key) WHERE state = 'waiting';
CREATE INDEX IF NOT EXISTS outbox_by_person ON outbox (person);
CREATE TABLE IF NOT EXISTS counters (
    name TEXT NOT NULL, field TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, field)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS program (
    kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, body TEXT,
    author TEXT NOT NULL, time INTEGER NOT NULL, PRIMARY KEY (kind, id, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, folded TEXT NOT NULL, body TEXT NOT NULL) WITHOUT ROWID;
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
CREATE TABLE IF NOT EXISTS duplicates (
    seq INTEGER NOT NULL, entry INTEGER NOT NULL, PRIMARY KEY (seq, entry)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS activity (
    minute INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS nudges (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, cursor TEXT NOT NULL, done INTEGER NOT NULL
) WITHOUT ROWID;
CREATE VIRTUAL TABLE IF NOT EXISTS directory USING fts5 (folded, person UNINDEXED, tokenize = 'unicode61');
CREATE TABLE IF NOT EXISTS people (
    person TEXT PRIMARY KEY, place INTEGER NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL,
    email TEXT NOT NULL, events INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS people_by_last ON people (last DESC, person);
"""

Standing = dict[str, Millis]
"""The segments a person is in, and since when; true at least until the head's wake."""


class Head(NamedTuple):
    """A document's head as stored: the person, the segments it stands in, and its timer."""

    person: Person
    standing: Standing
    wake: Millis


class EvidenceRow(NamedTuple):
    """One distinct set of identifiers that came together, first at (time, id), and whose it is."""

    key: str
    component: str
    person: str
    time: Millis
    id: str
    trusted: bool
    identifiers: tuple[tuple[str, str], ...]


class OutboxRow(NamedTuple):
    """A contact waiting to leave, or the memory of one that did."""

    enqueue: Enqueue
    state: str
    reason: str
    updated: Millis


class Row(NamedTuple):
    """A line of the people list."""

    person: str
    name: str
    email: str
    events: int
    first: Millis
    last: Millis


_encode_head = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Person).decode
_decode_standing = msgspec.msgpack.Decoder(Standing).decode
_decode_chunk = msgspec.msgpack.Decoder(list[Event]).decode
_decode_enqueue = msgspec.msgpack.Decoder(Enqueue).decode
_decode_decision = msgspec.json.Decoder(Decision).decode
_json = msgspec.json.Encoder().encode
SLICE = 900


def _text(value: Any) -> str:
    return _json(value).decode()


class SqliteState:
    """The state file. Reads may come from any process; writes only inside `writing()`, from one engine."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._db = connect(path, durable=False, read_only=read_only)
        if not read_only:
            self._db.execute("PRAGMA cache_size=-65536")
            self._db.executescript(SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all that a batch changes, or nothing."""
        with transaction(self._db):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """A consistent snapshot for several reads."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def changed(self) -> int:
        """A number that differs after another process has committed."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def _among(self, query: str, keys: Sequence[str]) -> Iterator[sqlite3.Row | tuple[Any, ...]]:
        """Rows of a query with `IN (…)` at its `{}`; many keys go in slices."""
        for start in range(0, len(keys), SLICE):
            part = keys[start : start + SLICE]
            marks = ",".join("?" * len(part))
            with explained():
                yield from self._db.execute(query.replace("{}", marks), part)

    # -- positions, time and settings of the process itself

    def meta(self, key: str, default: str = "") -> str:
        """A remembered word."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else default

    def set_meta(self, key: str, value: str) -> None:
        """Remember a word."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def position(self, lane: Lane) -> int:
        """Up to which offset a lane has been applied."""
        row = self._db.execute("SELECT seq FROM positions WHERE lane = ?", (int(lane),)).fetchone()
        return int(row[0]) if row else 0

    def set_position(self, lane: Lane, seq: int) -> None:
        """A lane has been applied up to `seq`."""
        self._db.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (int(lane), seq))

    def record_batch(
        self, now: Millis, lane: int, upto: int, timers: int, nudge: str, program: int, code: str
    ) -> None:
        """What this batch was made of, so that a rebuild can take the same steps."""
        self._db.execute(
            "INSERT INTO batches (now, lane, upto, timers, nudge, program, code) VALUES (?,?,?,?,?,?,?)",
            (now, lane, upto, timers, nudge, program, code),
        )

    def batches(self) -> Iterator[tuple[Any, ...]]:
        """The recorded batches in order: (now, lane, upto, timers, nudge, program, code)."""
        yield from self._db.execute(
            "SELECT now, lane, upto, timers, nudge, program, code FROM batches ORDER BY n"
        )

    # -- documents

    def heads(self, persons: Sequence[str]) -> dict[str, Head]:
        """The heads of these people, as far as they exist."""
        found: dict[str, Head] = {}
        query = "SELECT person, body, standing, wake FROM heads WHERE person IN ({})"
        for person, body, standing, wake in self._among(query, sorted(persons)):
            found[person] = Head(_decode_head(body), _decode_standing(standing), wake)
        return found

    def head(self, person: str) -> Head | None:
        """One head; a losing id of a merge leads to the survivor."""
        survivor = self.survivor(person)
        return self.heads([survivor]).get(survivor)

    def put_heads(self, heads: Iterable[Head]) -> None:
        """Store heads, in key order."""
        rows = sorted(
            (h.person.id, _encode_head(h.person), _encode_head(h.standing), h.wake) for h in heads
        )
        self._db.executemany("INSERT OR REPLACE INTO heads VALUES (?, ?, ?, ?)", rows)

    def remove_heads(self, persons: Iterable[str]) -> None:
        """Take documents away (merged into others, or rebuilt)."""
        rows = [(p,) for p in persons]
        self._db.executemany("DELETE FROM heads WHERE person = ?", rows)
        self._db.executemany("DELETE FROM chunks WHERE person = ?", rows)
        self._db.executemany("DELETE FROM members WHERE person = ?", rows)
        self._db.executemany(
            "DELETE FROM directory WHERE rowid IN (SELECT place FROM people WHERE person = ?)",
            rows,
        )
        self._db.executemany("DELETE FROM people WHERE person = ?", rows)

    def chunks(self, person: str) -> list[Event]:
        """The older events of a person that lie outside the head."""
        events: list[Event] = []
        query = "SELECT body FROM chunks WHERE person = ? ORDER BY n"
        for (body,) in self._db.execute(query, (person,)):
            events += _decode_chunk(body)
        return events

    def put_chunks(self, chunks: Iterable[tuple[str, int, Sequence[Event]]]) -> None:
        """Store chunks of older events under (person, n)."""
        self._db.executemany(
            "INSERT OR REPLACE INTO chunks VALUES (?, ?, ?)",
            sorted((person, n, _encode_head(events)) for person, n, events in chunks),
        )

    def chunk_count(self, person: str) -> int:
        """How many chunks a person has."""
        row = self._db.execute("SELECT count(*) FROM chunks WHERE person = ?", (person,)).fetchone()
        return int(row[0])

    def move_chunks(self, old: str, new: str, start: int) -> None:
        """Chunks of a merged person follow those of the survivor, numbered from `start`."""
        query = "SELECT n FROM chunks WHERE person = ? ORDER BY n"
        for place, (n,) in enumerate(self._db.execute(query, (old,)).fetchall()):
            self._db.execute(
                "UPDATE chunks SET person = ?, n = ? WHERE person = ? AND n = ?",
                (new, start + place, old, n),
            )

    def due(self, now: Millis, most: int) -> list[str]:
        """People whose timer is due, the longest waiting first."""
        rows = self._db.execute(
            "SELECT person FROM heads WHERE wake <= ? AND wake < 9007199254740992"
            " ORDER BY wake, person LIMIT ?",
            (now, most),
        )
        return [person for (person,) in rows]

    def next_wake(self) -> Millis:
        """The earliest timer of all."""
        row = self._db.execute(
            "SELECT min(wake) FROM heads WHERE wake < 9007199254740992"
        ).fetchone()
        return NEVER if row[0] is None else int(row[0])

    def people_after(self, cursor: str, most: int) -> list[str]:
        """Ids of people behind `cursor`, in order of id: how a nudge walks through everybody."""
        rows = self._db.execute(
            "SELECT person FROM heads WHERE person > ? ORDER BY person LIMIT ?", (cursor, most)
        )
        return [person for (person,) in rows]

    def count_people(self) -> int:
        """How many documents there are."""
        return int(self._db.execute("SELECT count(*) FROM people").fetchone()[0])

    # -- identity

    def evidence_by_key(self, keys: Sequence[str]) -> dict[str, EvidenceRow]:
        """Known evidence by its key."""
        query = "SELECT key, component, person, time, id, trusted, identifiers FROM evidence WHERE key IN ({})"
        return {row[0]: _evidence(row) for row in self._among(query, sorted(keys))}

    def evidence_of(self, components: Sequence[str]) -> list[EvidenceRow]:
        """All evidence of some components."""
        query = (
            "SELECT key, component, person, time, id, trusted, identifiers FROM evidence"
            " WHERE component IN ({})"
        )
        return [_evidence(row) for row in self._among(query, sorted(components))]

    def components(self, identifiers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """The components these identifiers belong to, as far as they are known."""
        wanted = sorted(identifiers)
        found: dict[tuple[str, str], str] = {}
        for start in range(0, len(wanted), SLICE // 2):
            part = wanted[start : start + SLICE // 2]
            marks = ",".join(["(?,?)"] * len(part))
            query = (
                "SELECT namespace, value, component FROM identifiers"
                " WHERE (namespace, value) IN (VALUES {})"
            )
            rows = self._db.execute(
                query.replace("{}", marks),
                [word for pair in part for word in pair],
            )
            for namespace, value, component in rows:
                found[namespace, value] = component
        return found

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
        self._db.executemany(
            "INSERT OR REPLACE INTO evidence VALUES (?, ?, ?, ?, ?, ?, ?)",
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

    def put_identifiers(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Store (namespace, value, component, person); person "" for one that was set aside."""
        self._db.executemany("INSERT OR REPLACE INTO identifiers VALUES (?, ?, ?, ?)", sorted(rows))

    def survivor(self, person: str) -> str:
        """The id that a (possibly merged) person has now."""
        query = "SELECT new FROM redirects WHERE old = ?"
        for _ in range(64):
            row = self._db.execute(query, (person,)).fetchone()
            if row is None:
                return person
            person = row[0]
        return person

    def put_redirects(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Losing ids lead to survivors; an id that lives again leads nowhere."""
        for old, new in pairs:
            self._db.execute("DELETE FROM redirects WHERE old = ?", (new,))
            self._db.execute("UPDATE redirects SET new = ? WHERE new = ?", (new, old))
            self._db.execute("INSERT OR REPLACE INTO redirects VALUES (?, ?)", (old, new))

    def revive(self, persons: Iterable[str]) -> None:
        """These ids are documents again: nothing redirects them."""
        self._db.executemany("DELETE FROM redirects WHERE old = ?", [(p,) for p in persons])

    def redirects(self) -> Iterator[tuple[str, str]]:
        """All redirects (old, new)."""
        yield from self._db.execute("SELECT old, new FROM redirects")

    # -- segments

    def put_members(
        self, entered: Iterable[tuple[str, str, Millis]], left: Iterable[tuple[str, str]]
    ) -> None:
        """Members who entered (segment, person, since) and left (segment, person)."""
        self._db.executemany("DELETE FROM members WHERE segment = ? AND person = ?", sorted(left))
        self._db.executemany("INSERT OR REPLACE INTO members VALUES (?, ?, ?)", sorted(entered))

    def members(self, segment: str, after: str, most: int) -> list[tuple[str, Millis]]:
        """(person, since) of a segment behind `after` in order of id; timers that are due may still be listed."""
        rows = self._db.execute(
            "SELECT person, since FROM members WHERE segment = ? AND person > ? ORDER BY person LIMIT ?",
            (segment, after, most),
        )
        return [(person, since) for person, since in rows]

    def count_in(self, segment: str) -> int:
        """How many people one segment has."""
        row = self._db.execute(
            "SELECT count(*) FROM members WHERE segment = ?", (segment,)
        ).fetchone()
        return int(row[0])

    def list_members(self, segment: str, before: tuple[Millis, str] | None, most: int) -> list[Row]:
        """Lines of a segment's people by last event, the newest first, behind `before` = (last, person)."""
        last, person = before or (NEVER, "")
        # A small segment is sorted; a large one is met early on the way through everybody.
        small = self.count_in(segment) <= 5_000
        tables = "members m CROSS JOIN people p" if small else "people p CROSS JOIN members m"
        rows = self._db.execute(
            f"SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM {tables}"  # noqa: S608
            " WHERE m.segment = ? AND m.person = p.person AND (p.last < ? OR (p.last = ? AND p.person > ?))"
            " ORDER BY p.last DESC, p.person LIMIT ?",
            (segment, last, last, person, most),
        )
        return [Row(*row) for row in rows]

    # -- outbox

    def enqueue(self, rows: Iterable[Enqueue], now: Millis) -> None:
        """Add contacts; one that is there already (same key) stays as it is."""
        self._db.executemany(
            "INSERT OR IGNORE INTO outbox VALUES (?, ?, 'waiting', '', ?, ?, ?)",
            sorted((e.key, e.person, e.not_before, now, _encode_head(e)) for e in rows),
        )

    def settle_outbox(self, key: str, state: str, reason: str, now: Millis) -> None:
        """The fate of a contact: sent | failed | cancelled | expired; what was sent stays sent."""
        self._db.execute(
            "UPDATE outbox SET state = ?, reason = ?, updated = ? WHERE key = ? AND state <> 'sent'",
            (state, reason, now, key),
        )

    def move_outbox(self, old: str, new: str) -> None:
        """Contacts of a merged person belong to the survivor."""
        self._db.execute("UPDATE outbox SET person = ? WHERE person = ?", (new, old))
        self._db.execute("UPDATE decisions SET person = ? WHERE person = ?", (new, old))
        self._db.execute("UPDATE facts SET person = ? WHERE person = ?", (new, old))

    def outbox_waiting(
        self, now: Millis, most: int, after: tuple[Millis, str] = (0, "")
    ) -> list[Enqueue]:
        """Contacts that may leave now, the oldest first."""
        rows = self._db.execute(
            "SELECT body FROM outbox WHERE state = 'waiting' AND not_before <= ?"
            " AND (not_before, key) > (?, ?) ORDER BY not_before, key LIMIT ?",
            (now, *after, most),
        )
        return [_decode_enqueue(body) for (body,) in rows]

    def outbox(self, key: str) -> OutboxRow | None:
        """One contact by its key."""
        row = self._db.execute(
            "SELECT body, state, reason, updated FROM outbox WHERE key = ?", (key,)
        ).fetchone()
        return OutboxRow(_decode_enqueue(row[0]), *row[1:]) if row else None

    def outbox_of(self, person: str, state: str) -> list[Enqueue]:
        """A person's contacts in a state."""
        rows = self._db.execute(
            "SELECT body FROM outbox WHERE person = ? AND state = ? ORDER BY key", (person, state)
        )
        return [_decode_enqueue(body) for (body,) in rows]

    def count_waiting(self) -> int:
        """How many contacts wait to leave."""
        row = self._db.execute("SELECT count(*) FROM outbox WHERE state = 'waiting'").fetchone()
        return int(row[0])

    def outbox_all(self) -> Iterator[OutboxRow]:
        """Every contact, in order of key."""
        for row in self._db.execute("SELECT body, state, reason, updated FROM outbox ORDER BY key"):
            yield OutboxRow(_decode_enqueue(row[0]), *row[1:])

    # -- counters, facts, decisions, activity

    def add(self, deltas: Iterable[Add]) -> None:
        """Sum deltas up and store them."""
        sums: dict[tuple[str, str], int] = {}
        for delta in deltas:
            for field, amount in delta.amounts.items():
                key = (delta.counter, field)
                sums[key] = sums.get(key, 0) + amount
        self._db.executemany(
            "INSERT INTO counters VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = value + excluded.value",
            sorted((name, field, amount) for (name, field), amount in sums.items() if amount),
        )

    def counters(self, prefix: str = "") -> dict[str, dict[str, int]]:
        """Counters whose name starts with `prefix`: name -> field -> value."""
        found: dict[str, dict[str, int]] = {}
        rows = self._db.execute(
            "SELECT name, field, value FROM counters WHERE name >= ? AND name < ?",
            (prefix, prefix + "\U0010ffff"),
        )
        for name, field, value in rows:
            found.setdefault(name, {})[field] = value
        return found

    def put_facts(self, facts: Iterable[Fact]) -> None:
        """Append what we decided or did."""
        self._db.executemany(
            "INSERT INTO facts (person, time, name, properties) VALUES (?, ?, ?, ?)",
            [(f.person, f.time, f.name, _text(f.properties)) for f in facts],
        )

    def facts(self, after: int, most: int) -> list[tuple[int, str, Millis, str, str]]:
        """(seq, person, time, name, properties as JSON) behind `after`."""
        query = "SELECT seq, person, time, name, properties FROM facts WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._db.execute(query, (after, most)).fetchall()

    def recent_facts(self, most: int) -> list[tuple[int, str, Millis, str, dict[str, Any]]]:
        """The newest facts of all: (seq, person, time, name, properties)."""
        rows = self._db.execute(
            "SELECT seq, person, time, name, properties FROM facts ORDER BY seq DESC LIMIT ?",
            (most,),
        )
        return [(seq, p, t, n, json.loads(x)) for seq, p, t, n, x in rows]

    def put_decisions(self, decisions: Iterable[tuple[str, Decision]]) -> None:
        """Store decisions under the person they were made for."""
        self._db.executemany(
            "INSERT OR IGNORE INTO decisions VALUES (?, ?, ?, ?)",
            sorted((d.id, person, d.time, _text(d)) for person, d in decisions),
        )

    def decision(self, id: str) -> Decision | None:
        """One decision."""
        row = self._db.execute("SELECT body FROM decisions WHERE id = ?", (id,)).fetchone()
        return _decode_decision(row[0]) if row else None

    def decision_owner(self, id: str) -> str | None:
        """Whose decision this is now."""
        row = self._db.execute("SELECT person FROM decisions WHERE id = ?", (id,)).fetchone()
        return str(row[0]) if row else None

    def decisions_of(self, person: str, most: int = 100) -> list[Decision]:
        """A person's newest decisions."""
        rows = self._db.execute(
            "SELECT body FROM decisions WHERE person = ? ORDER BY time DESC LIMIT ?", (person, most)
        )
        return [_decode_decision(body) for (body,) in rows]

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
        return [_decode_decision(body) for (body,) in rows]

    def put_rejected(self, rejected: Iterable[Rejected]) -> None:
        """Keep rejected calls with their reasons."""
        self._db.executemany(
            "INSERT OR IGNORE INTO rejected VALUES (?, ?, ?, ?, ?)",
            [(r.id, r.received, r.source, _text(r.reasons), r.payload) for r in rejected],
        )

    def rejected(self, before: Millis, most: int) -> list[tuple[str, Millis, str, list[str], str]]:
        """The newest rejected calls older than `before`: (id, received, source, reasons, payload)."""
        rows = self._db.execute(
            "SELECT id, received, source, reasons, payload FROM rejected"
            " WHERE received < ? ORDER BY received DESC LIMIT ?",
            (before, most),
        )
        return [(i, r, s, json.loads(why), payload) for i, r, s, why, payload in rows]

    def rejected_before(
        self, before: tuple[Millis, str] | None, most: int
    ) -> list[tuple[str, Millis, str, list[str], str]]:
        """Rejected calls behind `before` = (received, id), the newest first; the shape is that of `rejected`."""
        received, id = before or (NEVER, "")
        rows = self._db.execute(
            "SELECT id, received, source, reasons, payload FROM rejected"
            " WHERE received < ? OR (received = ? AND id < ?) ORDER BY received DESC, id DESC LIMIT ?",
            (received, received, id, most),
        )
        return [(i, r, s, json.loads(why), payload) for i, r, s, why, payload in rows]

    def put_duplicates(self, places: Iterable[tuple[int, int]]) -> None:
        """Remember entries (seq, index) that repeated an event: the lake leaves them out."""
        self._db.executemany("INSERT OR IGNORE INTO duplicates VALUES (?, ?)", sorted(places))

    def duplicates(self, after: int, upto: int) -> set[tuple[int, int]]:
        """Entries after < seq <= upto that repeated an event."""
        query = "SELECT seq, entry FROM duplicates WHERE seq > ? AND seq <= ?"
        return set(self._db.execute(query, (after, upto)))

    def add_activity(self, counts: dict[tuple[int, str], int]) -> None:
        """Count what happened per minute (epoch minutes) and name."""
        self._db.executemany(
            "INSERT INTO activity VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET count = count + excluded.count",
            sorted((minute, name, n) for (minute, name), n in counts.items()),
        )

    def activity(self, since_minute: int) -> list[tuple[int, str, int]]:
        """(epoch minute, name, count) since a minute."""
        query = "SELECT minute, name, count FROM activity WHERE minute >= ? ORDER BY minute"
        return self._db.execute(query, (since_minute,)).fetchall()

    def activity_sums(self, since_minute: int) -> dict[str, int]:
        """Counts by name since a minute."""
        query = "SELECT name, sum(count) FROM activity WHERE minute >= ? GROUP BY name"
        return dict(self._db.execute(query, (since_minute,)))

    def began(self) -> Millis | None:
        """When the first batch was applied."""
        row = self._db.execute("SELECT now FROM batches ORDER BY n LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def first_fact(self, name: str) -> Millis | None:
        """When a fact of this name was first told."""
        query = "SELECT time FROM facts WHERE name = ? ORDER BY seq LIMIT 1"
        row = self._db.execute(query, (name,)).fetchone()
        return None if row is None else int(row[0])

    def waiting_bodies(self, most: int) -> list[Enqueue]:
        """Contacts that wait to leave, whenever they may."""
        rows = self._db.execute("SELECT body FROM outbox WHERE state = 'waiting' LIMIT ?", (most,))
        return [_decode_enqueue(body) for (body,) in rows]

    # -- program and catalogue

    def put_resource(self, change: ResourceChange) -> int:
        """A new version of a definition; returns its number."""
        row = self._db.execute(
            "SELECT coalesce(max(version), 0) FROM program WHERE kind = ? AND id = ?",
            (change.resource, change.id),
        ).fetchone()
        version = int(row[0]) + 1
        body = None if change.body is None else _text(change.body)
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
        self._db.executemany(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?)",
            sorted((id, folded, _text(body)) for id, folded, body in items),
        )
        self._db.executemany("DELETE FROM items WHERE id = ?", [(id,) for id in removed])

    def items(self, ids: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
        """Items by id, or all."""
        if ids is None:
            rows: Iterable[Any] = self._db.execute("SELECT id, body FROM items")
        else:
            rows = self._among("SELECT id, body FROM items WHERE id IN ({})", sorted(ids))
        return {id: json.loads(body) for id, body in rows}

    def find_items(self, folded: str, after: str, most: int) -> list[dict[str, Any]]:
        """Items whose folded text contains `folded`, behind `after` in order of id."""
        rows = self._db.execute(
            "SELECT body FROM items WHERE id > ? AND instr(folded, ?) > 0 ORDER BY id LIMIT ?",
            (after, folded, most),
        )
        return [json.loads(body) for (body,) in rows]

    # -- nudges

    def put_nudge(self, id: str, body: dict[str, Any], cursor: str, done: int) -> None:
        """Remember how far a nudge has walked."""
        self._db.execute(
            "INSERT OR REPLACE INTO nudges VALUES (?, ?, ?, ?)", (id, _text(body), cursor, done)
        )

    def nudges(self) -> list[tuple[str, dict[str, Any], str, int]]:
        """The nudges under way, in order of id: (id, body, cursor, people seen)."""
        rows = self._db.execute("SELECT id, body, cursor, done FROM nudges ORDER BY id")
        return [(i, json.loads(b), c, d) for i, b, c, d in rows]

    def remove_nudge(self, id: str) -> None:
        """A nudge has seen everybody."""
        self._db.execute("DELETE FROM nudges WHERE id = ?", (id,))

    # -- the list of people

    def put_people(self, rows: Sequence[tuple[Row, str]]) -> None:
        """Keep the people list: a line, and the folded text it is found by."""
        query = "SELECT person, place, folded FROM people WHERE person IN ({})"
        known = {p: (n, text) for p, n, text in self._among(query, [row.person for row, _ in rows])}
        place = int(self._db.execute("SELECT coalesce(max(rowid), 0) FROM directory").fetchone()[0])
        fresh, changed, lines = [], [], []
        for row, folded in rows:
            number, before = known.get(row.person, (0, ""))
            if not number:
                place = number = place + 1
                fresh.append((number, folded, row.person))
            elif before != folded:
                changed.append((folded, number))
            lines.append((row.person, number, folded, *row[1:]))
        self._db.executemany(
            "INSERT INTO directory (rowid, folded, person) VALUES (?, ?, ?)", fresh
        )
        self._db.executemany("UPDATE directory SET folded = ? WHERE rowid = ?", changed)
        self._db.executemany(
            "INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?, ?, ?, ?, ?)", sorted(lines)
        )

    def touch_people(self, rows: Iterable[tuple[str, int, Millis]]) -> None:
        """(person, events, last event) of people who are known by the same words as before."""
        self._db.executemany(
            "UPDATE people SET events = ?, last = ? WHERE person = ?",
            [(events, last, person) for person, events, last in sorted(rows)],
        )

    def list_people(self, before: tuple[Millis, str] | None, most: int) -> list[Row]:
        """People by last event, the newest first, behind `before` = (last, person)."""
        last, person = before or (NEVER, "")
        rows = self._db.execute(
            "SELECT person, name, email, events, first, last FROM people"
            " WHERE last < ? OR (last = ? AND person > ?) ORDER BY last DESC, person LIMIT ?",
            (last, last, person, most),
        )
        return [Row(*row) for row in rows]

    def find_people(self, words: Sequence[str], offset: int, most: int) -> list[Row]:
        """People whose folded text has words that begin with each of `words` (folded already)."""
        # What cannot be printed is in no word, and a NUL would end the query in the middle of one.
        plain = ("".join(c for c in word if c.isprintable() and c != '"') for word in words)
        query = " ".join(f'"{word}"*' for word in plain if word)
        if not query:
            return []
        rows = self._db.execute(
            "SELECT p.person, p.name, p.email, p.events, p.first, p.last FROM directory d"
            " JOIN people p ON p.person = d.person WHERE directory MATCH ? LIMIT ? OFFSET ?",
            (query, most, offset),
        )
        return [Row(*row) for row in rows]

    def people_rows(self, persons: Sequence[str]) -> list[Row]:
        """Lines of these people, in the order asked for."""
        query = "SELECT person, name, email, events, first, last FROM people WHERE person IN ({})"
        found = {row[0]: Row(*row) for row in self._among(query, persons)}
        return [found[p] for p in persons if p in found]


def _evidence(row: Any) -> EvidenceRow:
    pairs = tuple((ns, value) for ns, value in json.loads(row[6]))
    return EvidenceRow(row[0], row[1], row[2], row[3], row[4], bool(row[5]), pairs)
