"""A state made by an earlier version opens and goes on; whoever opens it first brings it up."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from duyen.model.log import Lane
from duyen.stores.interface import Stores, open_stores
from duyen.stores.postgres.connect import definitions
from duyen.stores.rows import Row
from duyen.stores.shards import ALL
from duyen.stores.state.process import Recorded
from tests import postgres

OLD = """
CREATE TABLE positions (lane INTEGER PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE batches (
    n INTEGER PRIMARY KEY, now INTEGER NOT NULL, lane INTEGER NOT NULL, upto INTEGER NOT NULL,
    timers INTEGER NOT NULL, nudge TEXT NOT NULL, program INTEGER NOT NULL, code TEXT NOT NULL
);
CREATE TABLE nudges (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, cursor TEXT NOT NULL, done INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE counters (
    name TEXT NOT NULL, field TEXT NOT NULL, value INTEGER NOT NULL, PRIMARY KEY (name, field)
) WITHOUT ROWID;
CREATE TABLE activity (
    minute INTEGER NOT NULL, name TEXT NOT NULL, count INTEGER NOT NULL, PRIMARY KEY (minute, name)
) WITHOUT ROWID;
INSERT INTO positions VALUES (0, 3), (1, 77);
INSERT INTO batches (now, lane, upto, timers, nudge, program, code)
    VALUES (5, 1, 77, 0, '', 3, '0.1'), (6, -2, 0, 0, '500', 3, '0.1');
INSERT INTO nudges VALUES ('program-000000000003', '{"reason":"program"}', 'p_m', 9);
INSERT INTO counters VALUES ('arm:a', 'views', 5);
INSERT INTO activity VALUES (1, '@events', 7);
"""
OLD_WORDS = """
CREATE TABLE people (
    person TEXT PRIMARY KEY, place INTEGER NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL,
    email TEXT NOT NULL, events INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL
);
CREATE TABLE directory (place BIGINT PRIMARY KEY, words TSVECTOR NOT NULL);
INSERT INTO people VALUES ('p_a', 41, 'an', 'An', '', 1, 0, 0);
INSERT INTO directory VALUES (41, 'an:1');
"""


def check(stores: Stores) -> None:
    """Everything that was is still there, and goes on."""
    reader = stores.state()
    assert reader.position(Lane.LIVE) == 77
    state = stores.state(writing=True)
    with state.writing():
        state.add_activity({(1, "@events"): 1}, part=5)
        state.set_position(Lane.LIVE, 80, {0, 1})
        state.set_position(Lane.BULK, 80)
        state.record_batch(Recorded(7, Lane.LIVE, 80, 0, "", 3, "0.2", frozenset({0, 1})))
    assert [reader.position(lane) for lane in Lane] == [3, 77, 80]
    assert reader.positions(Lane.LIVE) == [80, 80, *[77] * 14]
    assert [batch.shards for batch in reader.batches()] == [ALL, ALL, {0, 1}]
    two = frozenset({0, 1})
    assert reader.programs(Lane.LIVE, 76) == [(77, 3, ALL), (80, 3, two)]
    assert reader.programs(Lane.LIVE, 77) == [(80, 3, two)]
    assert reader.nudges() == [("program-000000000003", {"reason": "program"}, "p_m", 9)]
    assert reader.counters() == {"arm:a": {"views": 5}}
    assert reader.activity(0) == [(1, "@events", 8)]
    state.close()
    again = stores.state(writing=True)
    assert again.activity_sums(0) == {"@events": 8}
    again.close()
    reader.close()


def test_a_file_of_before(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "state.db")) as old:
        old.executescript(OLD)
    check(open_stores("sqlite:", tmp_path))


@pytest.mark.postgres
def test_a_database_of_before(tmp_path: Path) -> None:
    with postgres.schema() as url:
        with psycopg.connect(url, autocommit=True) as old:
            (home,) = old.execute("SELECT current_schema()").fetchone() or ("",)
            old.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(f"{home}_state")))
            old.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(f"{home}_state")))
            old.execute(definitions(OLD + OLD_WORDS).encode())
        stores = open_stores(url, tmp_path)
        check(stores)
        state = stores.state(writing=True)
        with state.writing():
            state.put_people([(Row("p_b", "Bình", "", 1, 0, 0), "binh")])
        assert [row.person for row in state.find_people(["b"], 0, 9)] == ["p_b"]
        assert [row.person for row in state.find_people(["a"], 0, 9)] == ["p_a"]
        state.close()
