"""A writer is killed with SIGKILL at named and at random points: nothing is lost, nothing is there twice."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duyen.stores.lake import Lake
from duyen.stores.query import Query
from tests.floor_plan import ROOT
from tests.lake.appender import EACH

SCRIPT = Path(__file__).with_name("appender.py")
BATCHES = 20


def start(folder: Path, *more: str) -> "subprocess.Popen[str]":
    """A writer; compiled modules are kept between the starts of one test."""
    keeping = {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPYCACHEPREFIX": str(folder.parent / "compiled"),
    }
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(folder), str(BATCHES), *more],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **keeping, "PYTHONPATH": str(ROOT)},
    )


def finish(folder: Path) -> None:
    """Let a fresh writer do the rest, and compare with what an undisturbed one leaves."""
    with start(folder) as writer:
        writer.communicate("go\n" * BATCHES)
    assert writer.returncode == 0
    lake = Lake(folder)
    assert lake.position("events", "live") == BATCHES - 1
    assert lake.damage() == []
    query = Query(folder)
    try:
        found = query.sql("SELECT id FROM events ORDER BY seq, idx", limit=100_000).rows
    finally:
        query.close()
    assert [id for (id,) in found] == [f"m{s}.{n}" for s in range(BATCHES) for n in range(EACH)]


@pytest.mark.parametrize("point", ["before", "written", "committed"])
def test_killed_at_a_named_point(tmp_path: Path, point: str) -> None:
    with start(tmp_path / "lake", point, "3") as writer:
        writer.communicate("go\n" * BATCHES)
    assert writer.returncode == -signal.SIGKILL
    committed = 3 if point == "committed" else 2
    assert Lake(tmp_path / "lake").position("events", "live") == committed
    finish(tmp_path / "lake")


def test_killed_again_and_again(tmp_path: Path) -> None:
    """A writer gets at most four batches at a time, so that it cannot be done before the kills are."""
    rng = random.Random(20261122)
    for _ in range(4):
        allowed = rng.randint(1, 4)
        with start(tmp_path / "lake") as writer:
            assert writer.stdin
            assert writer.stdout
            writer.stdin.write("go\n" * allowed)
            writer.stdin.flush()
            for _ in range(2 * allowed - 1):  # until the last batch begins
                writer.stdout.readline()
            for _ in range(rng.randint(0, 400_000)):  # somewhere inside it
                pass
            writer.kill()
        assert writer.returncode == -signal.SIGKILL
    assert Lake(tmp_path / "lake").position("events", "live") < BATCHES - 1
    finish(tmp_path / "lake")
