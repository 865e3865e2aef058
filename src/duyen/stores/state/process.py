"""What the process itself remembers: words, positions in the log, recorded batches, nudges under way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from duyen.model.log import Lane
from duyen.model.times import Millis
from duyen.stores.packing import text
from duyen.stores.state.part import Part

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS positions (lane INTEGER PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (
    n INTEGER PRIMARY KEY, now INTEGER NOT NULL, lane INTEGER NOT NULL, upto INTEGER NOT NULL,
    timers INTEGER NOT NULL, nudge TEXT NOT NULL, program INTEGER NOT NULL, code TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS nudges (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, cursor TEXT NOT NULL, done INTEGER NOT NULL
) WITHOUT ROWID;
"""


class Process(Part):
    """Words, positions, batches and nudges."""

    def meta(self, key: str, default: str = "") -> str:
        """A remembered word."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else default

    def set_meta(self, key: str, value: str) -> None:
        """Remember a word."""
        self._db.put("meta", [(key, value)])

    def position(self, lane: Lane) -> int:
        """Up to which offset a lane has been applied."""
        row = self._db.execute("SELECT seq FROM positions WHERE lane = ?", (int(lane),)).fetchone()
        return int(row[0]) if row else 0

    def set_position(self, lane: Lane, seq: int) -> None:
        """A lane has been applied up to `seq`."""
        self._db.put("positions", [(int(lane), seq)])

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

    def last_batch(self) -> int:
        """The number of the newest batch: it grows whenever the engine has done something."""
        row = self._db.execute("SELECT max(n) FROM batches").fetchone()
        return int(row[0] or 0)

    def programs(self, lane: Lane, after: int) -> list[tuple[int, int]]:
        """The batches of a lane that reach behind `after`, in order: (upto, version of the program)."""
        found: list[tuple[int, int]] = []
        for of, upto, program in self._db.execute(
            "SELECT lane, upto, program FROM batches ORDER BY n DESC"
        ):
            if of == int(lane):
                if upto <= after:
                    break
                found.append((upto, program))
        return found[::-1]

    def began(self) -> Millis | None:
        """When the first batch was applied."""
        row = self._db.execute("SELECT now FROM batches ORDER BY n LIMIT 1").fetchone()
        return None if row is None else int(row[0])

    def put_nudge(self, id: str, body: dict[str, Any], cursor: str, done: int) -> None:
        """Remember how far a nudge has walked."""
        self._db.put("nudges", [(id, text(body), cursor, done)])

    def nudges(self) -> list[tuple[str, dict[str, Any], str, int]]:
        """The nudges under way, in order of id: (id, body, cursor, people seen)."""
        rows = self._db.execute("SELECT id, body, cursor, done FROM nudges ORDER BY id")
        return [(i, json.loads(b), c, d) for i, b, c, d in rows]

    def remove_nudge(self, id: str) -> None:
        """A nudge has seen everybody."""
        self._db.execute("DELETE FROM nudges WHERE id = ?", (id,))
