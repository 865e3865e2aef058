"""What anybody may act upon has reached the disk before it can be seen."""

from pathlib import Path

from duyen.runtime.house import House
from duyen.runtime.settings import load

FULL = 2
"""SQLite's number for: sync the journal at each commit, before the commit shows."""


def test_the_engines_commits_are_synced(tmp_path: Path) -> None:
    house = House(load(str(tmp_path), {}), engine=True)
    level = house.state._db.execute("PRAGMA synchronous").fetchone()[0]
    house.close()
    assert level == FULL
