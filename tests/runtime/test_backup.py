"""A backup taken in the middle of things brings everybody back, and never says anything a second time."""

from __future__ import annotations

import os
import tarfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from duyen.cli import app
from duyen.model.errors import Conflict, InvalidInput
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.times import DAY, HOUR, Millis
from duyen.profiles import knowledge
from duyen.runtime import archive, backup
from duyen.runtime.clock import StandingClock
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.settings import load
from duyen.stores.query import Query
from tests.api.server import Server, until
from tests.conftest import find_free_port
from tests.runtime.test_sender import Shop

LATER = {
    "name": "A letter a day after",
    "entry": {"event": "Asks"},
    "reentry": "1h",
    "steps": [{"wait": "1d"}, {"send": "letter"}],
}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path / "shop")
    yield made
    made.sender.close()
    made.house.close()


@contextmanager
def reopened(folder: Path) -> Iterator[tuple[House, Engine]]:
    house = House(load(str(folder), {}), engine=True)
    engine = Engine(house)
    try:
        yield house, engine
    finally:
        engine.close()
        house.close()


def seen(id: str, user: str) -> Collected:
    return Collected(
        id=id,
        type="track",
        time=1_772_000_000_000,
        received=1_772_000_000_000,
        source="s",
        trusted=True,
        name="Seen",
        user_id=user,
    )


def at(shop: Shop, now: Millis) -> None:
    shop.house.clock = StandingClock(now)


def everybody(house: House) -> dict[str, Any]:
    """All people with what is known of them, and where they stand."""
    ids = house.state.people_after("", 10_000)
    return {
        id: (knowledge(head.person, house.state.chunks(id)), sorted(head.standing))
        for id, head in house.state.heads(ids).items()
    }


def ledger(house: House) -> dict[str, list[tuple[str, str]]]:
    def lines(person: Person) -> list[tuple[str, str]]:
        return [(line.state, line.reason) for line in person.ledger]

    heads = house.state.heads(house.state.people_after("", 10_000))
    return {next(iter(h.person.identifiers["email"])): lines(h.person) for h in heads.values()}


def restored(shop: Shop, tmp_path: Path, between: Callable[[], None] = lambda: None) -> Path:
    backup.backup(shop.house.settings, tmp_path / "all.backup")
    between()
    backup.restore(tmp_path / "all.backup", tmp_path / "again")
    return tmp_path / "again"


def test_everybody_comes_back_and_what_was_sent_stays_sent(shop: Shop, tmp_path: Path) -> None:
    shop.asked(5)
    shop.turn()
    shop.engine.drain()
    flush(shop.house)
    folder = restored(shop, tmp_path)
    with reopened(folder) as (house, _):
        assert everybody(house) == everybody(shop.house)
        assert {row.state for row in house.state.outbox_all()} == {"sent"}
        count = "select person, count(*) n from events group by person order by person"
        before = Query(shop.house.folder / "lake").sql(count)
        assert Query(folder / "lake").sql(count) == before


def test_what_waited_at_the_backup_is_not_sent_after_the_restore(
    shop: Shop, tmp_path: Path
) -> None:
    shop.asked(3)
    folder = restored(shop, tmp_path, between=shop.turn)
    assert len(shop.post.sent) == 3
    with reopened(folder) as (house, _):
        assert {(r.state, r.reason) for r in house.state.outbox_all()} == {
            ("cancelled", "restored")
        }
        assert ledger(house)["u0@x.test"] == [("cancelled", "restored")]


def test_what_an_attempt_had_sent_is_known_as_sent(shop: Shop, tmp_path: Path) -> None:
    shop.asked(2)
    shop.turn()  # sent; the engine has not heard of it
    folder = restored(shop, tmp_path)
    with reopened(folder) as (house, _):
        assert {row.state for row in house.state.outbox_all()} == {"sent"}


def test_timers_of_the_time_between_make_no_contact_and_later_ones_do(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = shop.house.clock.now()
    shop.put("journey", "letters", LATER)
    shop.engine.drain()
    shop.asked(1)

    def two_days_later() -> None:
        at(shop, start + 2 * DAY)
        shop.engine.drain()
        shop.turn()
        assert len(shop.post.sent) == 1
        monkeypatch.setattr("duyen.runtime.clock.WallClock.now", lambda self: start + 2 * DAY)

    folder = restored(shop, tmp_path, two_days_later)
    with reopened(folder) as (house, engine):
        house.clock = StandingClock(start + 2 * DAY + HOUR)
        engine.drain()
        assert not [row for row in house.state.outbox_all() if row.state == "waiting"]
        assert ledger(house)["u0@x.test"] == [("refused", "restored")]
        again = Shop.__new__(Shop)
        again.house, again.engine, again._count = house, engine, 1_000
        again.tell("Asks", "u0")
        engine.drain()
        house.clock = StandingClock(start + 4 * DAY)
        engine.drain()
        assert [row.state for row in house.state.outbox_all()] == ["waiting"]


def test_a_rebuild_after_a_restore_takes_the_same_steps(shop: Shop, tmp_path: Path) -> None:
    from duyen.runtime.rebuild import rebuild

    shop.asked(3)
    folder = restored(shop, tmp_path)
    result = rebuild(load(str(folder), {}))
    assert (result.people, result.same, result.contacts_dropped) == (3, 3, 0)


def test_a_backup_in_the_middle_of_the_work_holds_together(tmp_path: Path) -> None:
    from duyen.runtime.rebuild import rebuild

    server = Server(tmp_path / "shop", find_free_port())
    writer = House(server.settings)
    stop, told = threading.Event(), [0]

    def tells() -> None:
        while not stop.is_set():
            n = told[0]
            writer.tell(Lane.LIVE, [seen(f"m{n}-{i}", f"u{(n * 7 + i) % 90}") for i in range(20)])
            told[0] = n + 1

    thread = threading.Thread(target=tells)
    server.start("engine")
    try:
        thread.start()
        until(lambda: told[0] >= 30)
        before = told[0]
        backup.backup(server.settings, tmp_path / "all.backup")
        until(lambda: told[0] > before)
    finally:
        stop.set()
        thread.join()
        server.stop()
        writer.close()
    backup.restore(tmp_path / "all.backup", tmp_path / "again")
    with reopened(tmp_path / "again") as (house, _):
        events = sum(h.person.events for h in house.state.heads(list(everybody(house))).values())
        assert events >= before * 20
        assert events == sum(
            len(block.entries) for block in house.log.read(Lane.LIVE, 0, most=10**9)
        )
    result = rebuild(load(str(tmp_path / "again"), {}))
    assert (result.people, result.different) == (90, [])


def test_keys_settings_and_secrets_come_along_readable_by_their_owner_only(
    shop: Shop, tmp_path: Path
) -> None:
    (shop.house.folder / "duyen.toml").write_text('host = "127.0.0.1"\n')
    folder = restored(shop, tmp_path)
    for name in ("secret.key", "duyen.toml"):
        assert (folder / name).read_bytes() == (shop.house.folder / name).read_bytes()
    assert os.stat(tmp_path / "all.backup").st_mode & 0o077 == 0
    assert os.stat(folder / "secret.key").st_mode & 0o077 == 0
    assert not list(tmp_path.glob(".*"))


def test_what_is_there_is_not_written_over(shop: Shop, tmp_path: Path) -> None:
    place = tmp_path / "all.backup"
    backup.backup(shop.house.settings, place)
    with pytest.raises(Conflict):
        backup.backup(shop.house.settings, place)
    with pytest.raises(Conflict):
        backup.restore(place, shop.house.folder)


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.9, 0.9999, -1])
def test_a_backup_that_was_cut_off_restores_nothing(
    shop: Shop, tmp_path: Path, keep: float
) -> None:
    place = tmp_path / "all.backup"
    backup.backup(shop.house.settings, place)
    whole = place.read_bytes()
    place.write_bytes(whole[: int(keep) if abs(keep) >= 1 else int(len(whole) * keep)])
    with pytest.raises(InvalidInput, match="no whole backup"):
        backup.restore(place, tmp_path / "again")
    assert not (tmp_path / "again").exists()


def write(place: Path, members: list[tuple[str, bytes]], listed: bool = True) -> None:
    """An archive by hand."""
    source = place.with_suffix(".source")
    writer = archive.Writer(place, "test", 0, lambda done: None)
    for path, body in members:
        source.write_bytes(body)
        writer.add([archive.Source(path, source)])
    if not listed:
        writer._members = []
    writer.finish()


@pytest.mark.parametrize("path", ["../outside", "/tmp/outside", "a/../../outside", "a\\b"])
def test_a_hostile_archive_writes_nothing_outside(tmp_path: Path, path: str) -> None:
    write(tmp_path / "evil.backup", [(path, b"x")])
    with pytest.raises(InvalidInput):
        backup.restore(tmp_path / "evil.backup", tmp_path / "again")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["evil.backup", "evil.source"]


def test_links_and_unlisted_files_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "unlisted.backup", [("state.db", b"x")], listed=False)
    with pytest.raises(InvalidInput):
        backup.check(tmp_path / "unlisted.backup")
    with (
        zstandard.open(tmp_path / "link.backup", "wb") as stream,
        tarfile.open(fileobj=stream, mode="w|") as tar,
    ):
        link = tarfile.TarInfo("log.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(InvalidInput):
        backup.check(tmp_path / "link.backup")


def test_the_commands(shop: Shop, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    shop.asked(2)
    run, place = CliRunner(), str(tmp_path / "all.backup")
    made = run.invoke(app, ["backup", place, "--data", str(shop.house.folder), "--json"])
    assert msgspec.json.decode(made.stdout.splitlines()[-1])["files"] >= 4
    looked = run.invoke(app, ["restore", place, "--check"])
    assert "is whole" in looked.stdout
    back = run.invoke(app, ["restore", place, str(tmp_path / "again"), "--json"])
    told = msgspec.json.decode(back.stdout.splitlines()[-1])
    assert (told["people"], told["cancelled"]) == (2, 2)
