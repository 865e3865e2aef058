"""What is answered is on the disk; what cannot be stored is said to everybody who waits for it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from duyen.model.errors import Unavailable
from duyen.model.log import Lane, encode_entry
from duyen.model.program import Tick
from duyen.runtime import group_commit
from duyen.runtime.clock import WallClock
from duyen.runtime.group_commit import GroupCommit
from duyen.stores.sqlite.log import SqliteLog


def tick(now: int) -> bytes:
    return encode_entry(Tick(now))


def ticks(log: SqliteLog, lane: Lane) -> dict[int, list[int]]:
    """The ticks of each offset."""
    return {
        block.seq: [entry.now for entry in block.entries if isinstance(entry, Tick)]
        for block in log.read(lane, 0)
    }


def test_callers_who_wait_together_share_commits_and_each_learns_its_own_offset(
    tmp_path: Path,
) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def story() -> list[int]:
        commits = GroupCommit(SqliteLog(tmp_path / "log.db"), WallClock())
        commits.start()
        lanes = [Lane.LIVE, Lane.CONTROL]
        offsets = await asyncio.gather(
            *(commits.append(lanes[n % 2], [tick(n)]) for n in range(100))
        )
        pieces = [tick(100) + b"," + tick(101), tick(102)]
        offsets.append(await commits.append_joined(Lane.LIVE, pieces, 3))
        commits.stop()
        return offsets

    offsets = asyncio.run(story())
    stored = ticks(log, Lane.LIVE) | ticks(log, Lane.CONTROL)
    assert all(n in stored[offset] for n, offset in enumerate(offsets[:100]))
    assert stored[offsets[100]] == [100, 101, 102]
    assert sorted(n for found in stored.values() for n in found) == list(range(103))
    assert log.waiting(Lane.LIVE, 0) == 53
    assert len(stored) < 100
    log.close()


def test_what_waits_at_the_end_is_stored_and_whoever_comes_later_is_sent_away(
    tmp_path: Path,
) -> None:
    log = SqliteLog(tmp_path / "log.db")

    async def story() -> None:
        commits = GroupCommit(log, WallClock())
        commits.start()
        waiting = [asyncio.ensure_future(commits.append(Lane.LIVE, [tick(n)])) for n in range(9)]
        await asyncio.sleep(0)
        commits.stop()
        await asyncio.gather(*waiting)
        with pytest.raises(Unavailable, match="shortly"):
            await commits.append(Lane.LIVE, [tick(9)])

    asyncio.run(story())
    assert log.waiting(Lane.LIVE, 0) == 9
    log.close()


def test_a_refusing_disk_is_told_to_all_who_wait_and_the_next_may_fare_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SqliteLog(tmp_path / "log.db")
    monkeypatch.setattr(group_commit, "MOST_WAITING", 10)

    async def story() -> None:
        commits = GroupCommit(log, WallClock())
        commits.start()
        append = log.append_many

        def full(*_: object) -> list[int]:
            raise Unavailable("storage.full", "The disk is full; free some space.")

        with monkeypatch.context() as patch:
            patch.setattr(log, "append_many", full)
            told = await asyncio.gather(
                *(commits.append(Lane.LIVE, [tick(n)]) for n in range(30)), return_exceptions=True
            )
        assert all(isinstance(answer, Unavailable) for answer in told)
        assert {str(getattr(answer, "code", "")) for answer in told} == {"storage.full", "log.busy"}
        assert log.append_many == append
        await commits.append(Lane.LIVE, [tick(30)])
        commits.stop()

    asyncio.run(story())
    assert log.waiting(Lane.LIVE, 0) == 1
    log.close()
