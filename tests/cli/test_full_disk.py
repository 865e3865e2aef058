"""A disk that is full is told as one, by every command that opens the data and before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from duyen.cli import serve
from duyen.cli.common import opened
from duyen.model.errors import Unavailable
from duyen.runtime import house, space
from duyen.runtime.settings import load
from tests.conftest import find_free_port


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """A data folder."""
    house.House(load(str(tmp_path), {})).close()
    return str(tmp_path)


def test_no_command_opens_the_data(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "free_space", lambda _: 300_000)
    with pytest.raises(Unavailable, match=r"Only 0 MB are free at .*; free some space"):
        opened(folder).__enter__()


def test_what_only_reads_still_works_with_little_room(
    folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "free_space", lambda _: 3 * 2**20)
    with opened(folder) as found:
        assert found.state.count_people() == 0


def test_no_server_starts(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "free_space", lambda _: 3 * 2**20)
    with pytest.raises(Unavailable, match="Only 3 MB are free"):
        serve.serve(folder, port=find_free_port(), host="127.0.0.1", demo=False)
