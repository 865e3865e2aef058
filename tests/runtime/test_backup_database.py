"""A backup of files goes into a database, one of a database into files: the same people, nothing said twice."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duyen.model.errors import Conflict
from duyen.model.log import Lane
from duyen.profiles import knowledge
from duyen.runtime import backup
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import keep_store_url, load
from tests.postgres import schema
from tests.runtime.test_groups import grouped
from tests.runtime.test_sender import Shop

FILES = "sqlite:"


@pytest.fixture
def database() -> Iterator[str]:
    with schema() as url:
        yield url


@pytest.fixture
def another() -> Iterator[str]:
    with schema() as url:
        yield url


def everything(house: House) -> dict[str, Any]:
    """All that the stores hold, but for what a database adds of its own."""
    state = house.state
    heads = state.heads(state.people_after("", 10_000))
    return {
        "people": {
            id: (knowledge(head.person, state.chunks(id)), sorted(head.standing), head.wake)
            for id, head in heads.items()
        },
        "owners": list(state.owners()),
        "outbox": [(row.enqueue, row.state, row.reason) for row in state.outbox_all()],
        "groups": (state.list_groups("", None, 99), state.group_members("acme", "", 99)),
        "facts": state.facts(0, 10_000),
        "found": [row.person for row in state.find_people(["u1"], 0, 10)],
        "positions": [state.position(lane) for lane in Lane],
    }


def shop_on(url: str, folder: Path) -> Shop:
    """A shop with people, mails on their way and one that was sent, whose words are in the lake."""
    folder.mkdir()
    keep_store_url(folder, url)
    shop = Shop(folder)
    shop.asked(4)
    shop.turn()
    shop.engine.drain()
    for user in ("u4", "u5"):
        shop.tell("", user, traits={"email": f"{user}@x.test"})
        shop.says(user, "granted")
        shop.tell("Asks", user)
    call = grouped("g", 5, True, {"userId": "u1"}, "acme", name="Ánh Dương", plan="pro")
    shop.house.tell(Lane.LIVE, [call])
    shop.engine.drain()
    flush(shop.house)
    return shop


@pytest.mark.parametrize(
    ("before", "after"), [("files", "database"), ("database", "files"), ("database", "another")]
)
def test_a_backup_goes_from_any_store_to_any(
    tmp_path: Path, request: pytest.FixtureRequest, before: str, after: str
) -> None:
    old, new = (FILES if n == "files" else request.getfixturevalue(n) for n in (before, after))
    shop = shop_on(old, tmp_path / "shop")
    backup.backup(shop.house.settings, tmp_path / "all.backup")
    told = backup.restore(tmp_path / "all.backup", tmp_path / "again", store_url=new)
    assert (told.people, told.cancelled) == (6, 2)
    settings = load(str(tmp_path / "again"), {})
    assert settings.store_url == new
    house = House(settings, engine=True)
    engine = Engine(house)
    for waiting in [r for r in shop.house.state.outbox_all() if r.state == "waiting"]:
        with shop.house.state.writing():
            shop.house.state.settle_outbox(waiting.enqueue.key, "cancelled", "restored", 0)
    was, now = everything(shop.house), everything(house)
    for name in ("people", "owners", "outbox", "found", "groups"):
        assert now[name] == was[name], name
    shop.sender.close()
    shop.house.close()
    # It goes on: new events are numbered behind the old ones, and everything can be folded again.
    again = Shop.__new__(Shop)
    again.house, again.engine, again._count = house, engine, 1_000
    again.tell("Asks", "u1")
    again.tell("Asks", "somebody new")
    engine.drain()
    assert house.state.count_people() == 7
    engine.close()
    house.close()
    result = rebuild(settings)
    assert (result.people, result.different) == (7, [])


def test_a_database_that_is_in_use_is_not_written_over(tmp_path: Path, database: str) -> None:
    shop = shop_on(database, tmp_path / "shop")
    backup.backup(shop.house.settings, tmp_path / "all.backup")
    before = everything(shop.house)
    with pytest.raises(Conflict, match="holds a log already"):
        backup.restore(tmp_path / "all.backup", tmp_path / "again", store_url=database)
    assert not (tmp_path / "again").exists()
    assert everything(shop.house) == before
    shop.sender.close()
    shop.house.close()


def test_a_restore_that_fails_leaves_the_database_empty(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = shop_on(FILES, tmp_path / "shop")
    backup.backup(shop.house.settings, tmp_path / "all.backup")
    shop.sender.close()
    shop.house.close()
    with monkeypatch.context() as patch:
        patch.setattr("duyen.stores.postgres.server.end_of_log", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            backup.restore(tmp_path / "all.backup", tmp_path / "again", store_url=database)
    assert not (tmp_path / "again").exists()
    told = backup.restore(tmp_path / "all.backup", tmp_path / "again", store_url=database)
    assert told.people == 6


@pytest.mark.parametrize(
    "text",
    [
        "",
        'host = "127.0.0.1" # here\nstore_url = "postgresql:///old"\nport = 80\n',
        'port = 80\nstore_url = """\npostgresql:///old"""\n',
        "\"store_url\" = 'postgresql:///old'\n",
    ],
)
def test_the_settings_name_the_new_place_and_keep_the_rest(tmp_path: Path, text: str) -> None:
    (tmp_path / "duyen.toml").write_text(text)
    url = 'postgresql://duyên:p"w\\d@host/shop?options=-csearch_path%3Da'
    keep_store_url(tmp_path, url)
    after = tomllib.loads((tmp_path / "duyen.toml").read_text(encoding="utf-8"))
    assert after == tomllib.loads(text) | {"store_url": url}
