"""What the process itself remembers: words, positions in the log, recorded batches, nudges under way."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from duyen.model.log import Lane
from duyen.model.times import Millis
from duyen.stores.packing import text
from duyen.stores.shards import ALL, SHARDS, bounds, from_mask, to_mask
from duyen.stores.state.part import Part

TURNS = -1
"""Where a lane would stand in `reached`: how many batches each part has recorded."""
_EVERY = " UNION ALL ".join(f"SELECT {shard} AS shard" for shard in range(SHARDS))

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (lane INTEGER PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reached (
    lane INTEGER NOT NULL, shard INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (lane, shard)
) WITHOUT ROWID;
INSERT INTO reached SELECT lane, shard, seq FROM positions CROSS JOIN ({_EVERY}) AS every WHERE true
    ON CONFLICT DO NOTHING;
DROP TABLE positions;
CREATE TABLE IF NOT EXISTS batches (
    n INTEGER PRIMARY KEY, now INTEGER NOT NULL, lane INTEGER NOT NULL, upto INTEGER NOT NULL,
    timers INTEGER NOT NULL, nudge TEXT NOT NULL, program INTEGER NOT NULL, code TEXT NOT NULL
);
ALTER TABLE batches ADD COLUMN IF NOT EXISTS shards INTEGER NOT NULL DEFAULT {to_mask(ALL)};
CREATE TABLE IF NOT EXISTS nudges (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, cursor TEXT NOT NULL, done INTEGER NOT NULL
) WITHOUT ROWID;
"""  # noqa: S608 - our own numbers


_REACHED = "SELECT shard, seq FROM reached WHERE lane = ?"


class Recorded(NamedTuple):
    """What one batch was made of."""

    now: Millis
    lane: int
    upto: int
    timers: int
    nudge: str
    program: int
    code: str
    shards: frozenset[int] = ALL


class Process(Part):
    """Words, positions, batches and nudges."""

    def meta(self, key: str, default: str = "") -> str:
        """A remembered word."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else default

    def set_meta(self, key: str, value: str) -> None:
        """Remember a word."""
        self._db.put("meta", [(key, value)])

    def forget_meta(self, key: str) -> None:
        """Forget a word."""
        self._db.execute("DELETE FROM meta WHERE key = ?", (key,))

    def position(self, lane: Lane) -> int:
        """Up to which offset all of a lane has been applied."""
        return min(self.positions(lane))

    def positions(self, lane: Lane) -> list[int]:
        """Up to which offset each shard of a lane has been applied."""
        found = [0] * SHARDS
        for shard, seq in self._db.execute(_REACHED, (int(lane),)):
            found[shard] = seq
        return found

    def set_position(self, lane: Lane, seq: int, shards: Collection[int] = ALL) -> None:
        """These shards of a lane have been applied up to `seq`."""
        self._db.put("reached", [(int(lane), shard, seq) for shard in sorted(shards)])

    def record_batch(self, batch: Recorded) -> None:
        """What this batch was made of, so that a rebuild can take the same steps; one more of its part."""
        self._db.execute(
            "INSERT INTO batches (now, lane, upto, timers, nudge, program, code, shards)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*batch[:-1], to_mask(batch.shards)),
        )
        self._db.execute(
            "INSERT INTO reached VALUES (?, ?, 1)"
            " ON CONFLICT (lane, shard) DO UPDATE SET seq = reached.seq + 1",
            (TURNS, min(batch.shards)),
        )

    def batches(self) -> Iterator[Recorded]:
        """The recorded batches, each behind those whose outcome it found."""
        for row in self._db.execute(
            "SELECT now, lane, upto, timers, nudge, program, code, shards FROM batches ORDER BY n"
        ):
            *rest, mask = row
            yield Recorded._make([*rest, from_mask(mask)])

    def programs(self, lane: Lane, after: int) -> list[tuple[int, int, frozenset[int]]]:
        """The batches of a lane that reach behind `after`, in order: (upto, version of the program, shards)."""
        found: list[tuple[int, int, frozenset[int]]] = []
        open_shards = set(ALL)
        for of, upto, program, mask in self._db.execute(
            "SELECT lane, upto, program, shards FROM batches ORDER BY n DESC"
        ):
            if of != int(lane):
                continue
            shards = from_mask(mask)
            if upto > after:
                found.append((upto, program, shards))
            elif not (open_shards := open_shards - shards):
                break
        return found[::-1]

    def began(self) -> Millis | None:
        """When the first batch was applied."""
        row = self._db.execute("SELECT now FROM batches ORDER BY n LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def begin_nudge(self, id: str, body: dict[str, Any]) -> None:
        """A nudge sets out: one walk through each shard, from its beginning."""
        for shard in range(SHARDS):
            self.put_nudge(f"{id}#{shard:02d}", {**body, "shard": shard}, bounds(shard)[0], 0)

    def put_nudge(self, id: str, body: dict[str, Any], cursor: str, done: int) -> None:
        """Remember how far a nudge has walked."""
        self._db.put("nudges", [(id, text(body), cursor, done)])

    def walk_nudge(self, id: str, cursor: str, done: int) -> None:
        """A nudge has walked on; one that is gone stays so."""
        query = "UPDATE nudges SET cursor = ?, done = ? WHERE id = ?"
        self._db.execute(query, (cursor, done, id))

    def nudges(self) -> list[tuple[str, dict[str, Any], str, int]]:
        """The nudges under way, in order of id: (id, body, cursor, people seen)."""
        rows = self._db.execute("SELECT id, body, cursor, done FROM nudges ORDER BY id")
        return [(i, json.loads(b), c, d) for i, b, c, d in rows]

    def remove_nudge(self, id: str) -> None:
        """A nudge has seen everybody."""
        self._db.execute("DELETE FROM nudges WHERE id = ?", (id,))
