"""Whether the engine moves: told from looks at the log and the state, not from its process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from duyen.model.event import Rejected
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime import doctor
from duyen.runtime.engine import Engine
from duyen.runtime.house import House, claimed
from duyen.runtime.progress import STILL, Progress, moves
from duyen.runtime.settings import load
from duyen.stores.state.process import Recorded


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(load(str(tmp_path), {}), engine=True)
    yield found
    found.close()


def tell(house: House) -> None:
    """Something for the engine to do."""
    body = {"name": "S", "rule": {"did": "X"}}
    house.tell(Lane.CONTROL, [ResourceChange("segment", "s", body, "an", house.clock.now())])


def test_an_engine_stands_still_once_it_leaves_work_lying(house: House) -> None:
    seconds = 0.0
    progress = Progress(lambda: seconds)
    assert progress.look(house.log, house.state) == (0, 0.0)
    seconds = 1_000.0
    tell(house)
    assert not progress.look(house.log, house.state).still, "idle time is not standing still"
    seconds += STILL
    standing = progress.look(house.log, house.state)
    assert (standing.waiting, standing.still) == (1, True)
    tell(house)
    assert progress.look(house.log, house.state).still, "new work alone is no progress"
    Engine(house).drain()
    assert progress.look(house.log, house.state) == (0, 0.0)


def test_one_that_is_behind_but_works_does_not_stand_still(house: House) -> None:
    seconds = 0.0
    progress = Progress(lambda: seconds)
    for _ in range(5):
        tell(house)
        progress.look(house.log, house.state)
        Engine(house).drain()
        tell(house)
        seconds += STILL
        assert not progress.look(house.log, house.state).still


def test_one_engine_that_hangs_is_seen_beside_another_that_works(house: House) -> None:
    seconds = 0.0
    progress = Progress(lambda: seconds)
    for n in range(3):
        house.tell(Lane.LIVE, [Rejected(f"r{n}", 0, "s", ("no",), "{}")])
        standing = progress.look(house.log, house.state)
        with house.state.writing():  # as the other one does
            house.state.set_position(Lane.LIVE, house.log.newest(Lane.LIVE), range(8))
            house.state.record_batch(Recorded(0, Lane.LIVE, n, 0, "", 0, "", frozenset(range(8))))
        seconds += STILL
    assert standing.still


def test_the_doctor_tells_of_an_engine_that_hangs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MOVES_SECONDS", 0.1)
    with closing(claimed(house, "engine")):
        assert [f.verdict for f in doctor._processes(house) if f.check == "engine"] == ["ok"]
        tell(house)
        [found] = [f for f in doctor._processes(house) if f.check == "engine"]
    assert found.verdict == "problem"
    assert "applied nothing" in found.words
    Engine(house).drain()
    assert moves(house.log, house.state, 0.0)
