"""What every log has to do, and what only shows when many append at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from duyen.model.event import Rejected
from duyen.model.log import ImportMark, Lane, encode_entry
from duyen.stores.interface import Stores
from duyen.stores.log import Block, Log
from duyen.stores.sqlite import log as sqlite_log
from duyen.stores.sqlite.log import SqliteLog

DOORS, EACH = 4, 60


@pytest.fixture
def log(stores: Stores) -> Iterator[Log]:
    found = stores.log()
    yield found
    found.close()


def entries(*names: str) -> list[bytes]:
    return [encode_entry(ImportMark(name, 1)) for name in names]


def names(blocks: list[Block]) -> list[str]:
    return [
        entry.name for block in blocks for entry in block.entries if isinstance(entry, ImportMark)
    ]


def test_lanes_are_read_apart_and_in_order(log: Log) -> None:
    first = log.append(Lane.LIVE, entries("a", "b"), 1)
    second, third = log.append_many(
        [(Lane.BULK, entries("c"), 1), (Lane.LIVE, [b",".join(entries("d", "e"))], 2)], 2
    )
    assert first < second < third
    blocks = list(log.read(Lane.LIVE, 0))
    assert [(b.seq, b.lane, b.arrival) for b in blocks] == [
        (first, Lane.LIVE, 1),
        (third, Lane.LIVE, 2),
    ]
    assert names(blocks) == ["a", "b", "d", "e"]
    assert names(list(log.read(Lane.LIVE, first))) == ["d", "e"]
    assert names(list(log.read(Lane.LIVE, 0, upto=first))) == ["a", "b"]
    assert names(list(log.read(Lane.LIVE, 0, most=1))) == ["a", "b"]
    assert names(list(log.read(Lane.BULK, 0))) == ["c"]
    assert (log.newest(), log.newest(Lane.BULK), log.newest(Lane.CONTROL)) == (third, second, 0)
    assert (
        log.waiting(Lane.LIVE, 0),
        log.waiting(Lane.LIVE, first),
        log.waiting(Lane.BULK, third),
    ) == (4, 2, 0)
    log.check()


def test_many_commits_are_read_to_the_end(log: Log) -> None:
    for n in range(150):
        log.append(Lane.LIVE, entries(str(n)), n)
    assert names(list(log.read(Lane.LIVE, 0))) == [str(n) for n in range(150)]
    assert len(list(log.read(Lane.LIVE, 0, most=100))) == 100


def test_an_entry_that_cannot_be_read_is_rejected_and_stops_nobody(log: Log) -> None:
    log.append(Lane.LIVE, [b'{"kind":"of old"}', *entries("good")], 5)
    (block,) = log.read(Lane.LIVE, 0)
    assert isinstance(block.entries[0], Rejected)
    assert names([block]) == ["good"]
    assert msgspec.json.decode(block.entries[0].payload) == {"kind": "of old"}


def test_a_reader_misses_nothing_while_many_append(stores: Stores) -> None:
    """A reader that goes on from the last offset it saw sees every commit, in order."""

    def append(door: int) -> None:
        log = stores.log()
        for n in range(EACH):
            log.append(Lane.LIVE, entries(f"{door}-{n}"), 0)
        log.close()

    doors = [threading.Thread(target=append, args=(n,)) for n in range(DOORS)]
    for door in doors:
        door.start()
    reader = stores.log()
    seen: list[str] = []
    seqs = [0]
    while len(seen) < DOORS * EACH:
        running = any(door.is_alive() for door in doors)
        found = list(reader.read(Lane.LIVE, seqs[-1], most=7))
        seen += names(found)
        seqs += [block.seq for block in found]
        assert found or running, "a commit was skipped"
    for door in doors:
        door.join()
    reader.close()
    assert seqs == sorted(set(seqs))
    for number in range(DOORS):
        assert [name for name in seen if name.startswith(f"{number}-")] == [
            f"{number}-{n}" for n in range(EACH)
        ]


def test_the_write_ahead_log_of_a_file_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_log, "CHECKPOINT", 40)
    log = SqliteLog(tmp_path / "log.db")
    ahead, written = tmp_path / "log.db-wal", 0
    for n in range(2_000):
        log.append(Lane.LIVE, entries(f"{n}-{os.urandom(40_000).hex()}"), n)
        written += 40_000
        if written > 3 * ahead.stat().st_size:
            break
    else:
        raise AssertionError("it only grows")
    log.close()
    again = SqliteLog(tmp_path / "log.db")
    assert len(list(again.read(Lane.LIVE, 0, most=10_000))) == n + 1
    again.close()
