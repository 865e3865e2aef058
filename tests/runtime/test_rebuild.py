"""A rebuild changes the file in one step, and only while nobody else works on it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from duyen.model.errors import Conflict
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import Settings, load
from duyen.stores.sqlite.state import SqliteState
from tests.api.server import running
from tests.conftest import find_free_port

NOW = 1_772_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """A folder with one person, read by a door that stays open: its journal is never tidied up by itself."""
    found = load(str(tmp_path), {})
    house = House(found, engine=True)
    door = SqliteState(tmp_path / "state.db", read_only=True)
    engine = Engine(house)
    event = Collected(
        id="1",
        type="track",
        time=NOW,
        received=NOW,
        source="s",
        trusted=True,
        name="Seen",
        user_id="u",
    )
    house.tell(Lane.LIVE, [event])
    engine.drain()
    assert door.count_people() == 1
    engine.close()
    house.close()
    yield found
    door.close()


def people(path: Path) -> int:
    """How many people one file holds by itself, as after a power cut."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as connection:
        return int(connection.execute("SELECT count(*) FROM people").fetchone()[0])


def test_at_the_moment_of_the_change_both_files_are_whole(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = settings.folder / "state.db"
    seen: list[tuple[int, int]] = []
    replace = os.replace

    def looking(source: Path, target: Path) -> None:
        if Path(target) == current:
            seen.append((people(current), people(Path(source))))
        replace(source, target)

    monkeypatch.setattr(os, "replace", looking)
    result = rebuild(settings, keep_old=True)
    assert seen == [(1, 1)]
    assert (result.people, result.same, result.different) == (1, 1, [])
    assert people(settings.folder / "state.db.before-rebuild") == 1
    assert sorted(p.name for p in settings.folder.glob("state.*")) == [
        "state.db",
        "state.db.before-rebuild",
    ]


def test_a_rebuild_waits_for_no_sender(settings: Settings) -> None:
    with (settings.folder / "sender.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(Conflict, match="sender"):
            rebuild(settings)
    assert rebuild(settings).same == 1


def test_a_reader_notices_the_new_file(settings: Settings) -> None:
    reader = SqliteState(settings.folder / "state.db", read_only=True)
    before = reader.changed()
    rebuild(settings)
    assert reader.changed() != before
    house = House(settings, engine=True)
    with house.state.writing():
        house.state.set_meta("said", "after the rebuild")
    assert reader.meta("said") == "after the rebuild"
    house.close()
    reader.close()


def test_a_running_door_goes_on_with_the_new_file(tmp_path: Path) -> None:
    def mood(name: str) -> object:
        answer = server.owner().get(f"/v1/profiles/user_id:{name}")
        assert answer.status_code == 200, answer.text
        return next(t["value"] for t in answer.json()["traits"] if t["name"] == "mood")

    def tell(name: str, mood: str) -> None:
        server.start("engine")
        server.tell({"type": "identify", "userId": name, "traits": {"mood": mood}})
        server.stop("engine")

    with running(tmp_path, find_free_port(), "door") as server:
        tell("an", "glad")
        assert mood("an") == "glad"
        assert rebuild(server.settings).different == []
        tell("an", "calm")
        tell("ba", "new")
        assert (mood("an"), mood("ba")) == ("calm", "new")
