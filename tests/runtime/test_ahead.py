"""What is read ahead is what would have been read, and nothing that is committed waits for it."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from duyen import collect
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.program import WorkspaceSettings
from duyen.runtime import engine as engines
from duyen.runtime.ahead import Ahead
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

NOW = 1_790_000_000_000
SETTINGS = WorkspaceSettings()


def told(n: int) -> Collected:
    return Collected(f"m{n}", "track", NOW + n, NOW + n, "s", True, "Seen", f"u{n % 7}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(load(str(tmp_path)), engine=True)
    yield found
    found.close()


def test_only_what_follows_is_taken_from_what_was_read_ahead(house: House) -> None:
    first = house.tell(Lane.LIVE, [told(1)])
    second = house.tell(Lane.LIVE, [told(2)])
    ahead = Ahead(house.log)
    ahead.prepare(Lane.LIVE, first, 10, SETTINGS)
    (block,) = ahead.blocks(Lane.LIVE, first, 10, None)
    assert block.seq == second
    (entry,) = block.entries
    assert isinstance(entry, Collected)
    assert ahead.event(entry, SETTINGS) == collect.normalise(told(2))
    house.tell(Lane.LIVE, [told(3)])
    assert [b.seq for b in ahead.blocks(Lane.LIVE, first, 10, None)] == [second, second + 1]
    ahead.prepare(Lane.LIVE, first, 10, SETTINGS)
    assert [b.seq for b in ahead.blocks(Lane.LIVE, 0, 10, None)] == [first, second, second + 1]
    ahead.prepare(Lane.LIVE, first, 10, SETTINGS)
    assert [b.seq for b in ahead.blocks(Lane.LIVE, first, 10, second)] == [second]
    ahead.prepare(Lane.LIVE, second + 1, 10, SETTINGS)
    assert ahead.blocks(Lane.BULK, 0, 10, None) == []


def test_what_was_read_by_other_settings_is_read_again(house: House) -> None:
    order = Collected("o", "track", NOW, NOW, "s", True, "Order Completed", "u")
    order = msgspec.structs.replace(order, properties=msgspec.Raw(b'{"total": "129.000"}'))
    house.tell(Lane.LIVE, [order])
    ahead = Ahead(house.log)
    ahead.prepare(Lane.LIVE, 0, 10, SETTINGS)
    (block,) = ahead.blocks(Lane.LIVE, 0, 10, None)
    (entry,) = block.entries
    assert isinstance(entry, Collected)
    assert ahead.event(entry, SETTINGS).properties["total"] == "129000"
    dollars = WorkspaceSettings(currency="USD")
    assert ahead.event(entry, dollars).properties["total"] == "129.000"


def test_reading_ahead_applies_everything_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "WORTH_READING_AHEAD", 1)
    engine = Engine(house)
    for n in range(0, 60, 3):
        house.tell(Lane.LIVE, [told(n), told(n + 1), told(n + 2)])
    while engine.lane(Lane.LIVE, 6):
        house.tell(Lane.BULK, [told(7)])  # a repetition in another lane
    engine.drain()
    heads = house.state.heads(house.state.people_after("", 99))
    assert sum(head.person.events for head in heads.values()) == 60
    assert len(heads) == 7
    engine.close()


def test_a_log_that_cannot_be_read_ahead_takes_nothing_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError("unreadable")

    monkeypatch.setattr(engines, "WORTH_READING_AHEAD", 1)
    engine = Engine(house)
    offset = house.tell(Lane.LIVE, [told(1)])
    with monkeypatch.context() as patch:
        patch.setattr(engine._ahead, "prepare", broken)
        with pytest.raises(OSError, match="unreadable"):
            engine.drain()
    assert house.applied(Lane.LIVE, offset)
    engine.drain()
    assert house.state.count_people() == 1
    engine.close()
