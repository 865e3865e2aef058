"""What anybody may act upon has reached the disk before it can be seen."""

from pathlib import Path

import pytest

from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.stores.sqlite import database
from duyen.stores.sqlite.connect import connect

FULL = 2
"""SQLite's number for: sync the journal at each commit, before the commit shows."""


def test_the_engines_commits_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []

    def noted(path: Path, *, durable: bool, read_only: bool = False) -> object:
        opened.append(connect(path, durable=durable, read_only=read_only))
        return opened[-1]

    monkeypatch.setattr(database, "connect", noted)
    house = House(load(str(tmp_path), {}), engine=True)
    level = opened[-1].execute("PRAGMA synchronous").fetchone()[0]
    house.close()
    assert level == FULL
