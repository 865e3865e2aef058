"""Attempts, caught mails, and who may be engine or sender."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from duyen.model.errors import Conflict, InvalidInput
from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.stores.attempts import AttemptRow
from duyen.stores.interface import Stores, open_stores
from duyen.stores.sqlite.mail import SqliteMail
from duyen.stores.state.process import Recorded
from tests import postgres


def test_attempts_are_kept_by_key_and_number(stores: Stores) -> None:
    attempts = stores.attempts()
    attempts.put([AttemptRow("k", 1, 5), AttemptRow("k", 2, 6), AttemptRow("l", 1, 7)])
    attempts.put([AttemptRow("k", 1, 5, "failed", 9, "x" * 600)])
    found = attempts.of(["k", "none"])
    assert found == {"k": [AttemptRow("k", 1, 5, "failed", 9, "x" * 500), AttemptRow("k", 2, 6)]}
    assert attempts.of([]) == {}
    attempts.close()


def mail(subject: str, key: str = "") -> bytes:
    head = f"Subject: {subject}\r\nX-Duyen-Key: {key}\r\nContent-Type: text/plain; charset=utf-8"
    return f"{head}\r\n\r\nXin chào".encode()


def test_caught_mails_are_listed_read_and_found(stores: Stores) -> None:
    mails = stores.mails(lambda: 7)
    ids = [
        int(mails.keep("a@x", [f"to{n}@example.test"], mail(f"Cảm ơn {n}", f"k{n}")))
        for n in range(3)
    ]
    assert ids == sorted(ids)
    assert [caught.id for caught in mails.list()] == ids[::-1]
    assert [caught.id for caught in mails.list(before=ids[1])] == [ids[0]]
    assert [caught.id for caught in mails.list(to="to1@example.test")] == [ids[1]]
    assert [caught.key for caught in mails.search("CAM ON 2")] == ["k2"]
    assert [caught.id for caught in mails.after(ids[0])] == ids[1:]
    assert (mails.of("k1"), mails.of("none"), mails.count()) == (ids[1], None, 3)
    content = mails.read(ids[0])
    assert content is not None
    assert (content.text.strip(), content.caught.received) == ("Xin chào", 7)
    assert mails.raw(ids[0]) == mail("Cảm ơn 0", "k0")
    assert content.caught.size == len(mail("Cảm ơn 0", "k0"))
    assert (mails.read(10**6), mails.raw(10**6)) == (None, None)
    mails.close()


def test_mails_of_an_older_version_are_found_too(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mail.db") as old:
        old.execute(
            "CREATE TABLE mail (id INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, sender TEXT NOT NULL,"
            " recipients TEXT NOT NULL, subject TEXT NOT NULL, key TEXT NOT NULL, raw BLOB NOT NULL)"
        )
        old.execute("INSERT INTO mail VALUES (1, 1, 's', '[\"an@x\"]', 'Cảm ơn', 'k', x'00')")
    old.close()
    for _ in range(2):
        mails = SqliteMail(tmp_path / "mail.db")
        assert [caught.id for caught in mails.search("cam on")] == [1]
        mails.close()


@pytest.mark.parametrize("role", ["engine", "sender"])
def test_a_role_is_held_by_one(stores: Stores, tmp_path: Path, role: str) -> None:
    assert not stores.running(role)
    held = stores.claim(role)
    assert stores.running(role)
    with pytest.raises(Conflict, match=role) as error:
        stores.claim(role)
    assert error.value.code == f"{role}.running"
    held.close()
    stores.claim(role).close()


def test_a_url_that_means_nothing_says_what_would(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="postgresql:"):
        open_stores("mysql://db", tmp_path)


def test_a_state_made_anew_takes_the_place_of_the_old_one(stores: Stores) -> None:
    """In one step, under readers that go on."""
    state, reader = stores.state(writing=True), stores.state()
    with state.writing():
        state.set_meta("age", "old")
        state.record_batch(Recorded(1, 1, 1, 0, "", 0, "0"))
    for _ in range(20):  # often enough for a database to have a plan ready
        assert reader.meta("age") == "old"
    seen = reader.changed()
    state.close()
    fresh = stores.fresh_state()
    with fresh.writing():
        assert fresh.meta("age") == ""
        fresh.set_meta("age", "new")
        fresh.record_batch(Recorded(1, 1, 1, 0, "", 0, "0"))
    assert reader.meta("age") == "old"
    fresh.close()
    stores.put_in_place(keep_old=True)
    assert reader.meta("age") == "new"
    assert reader.changed() != seen
    state = stores.state(writing=True)
    with state.writing():
        state.set_meta("age", "newest")
    assert reader.meta("age") == "newest"
    reader.close()
    state.close()
    stores.fresh_state().close()
    stores.put_in_place(keep_old=False)
    again = stores.state()
    assert again.meta("age") == ""
    again.close()


def test_more_threads_than_connections_share_them(stores: Stores) -> None:
    opened = []

    def work(n: int) -> str:
        state = stores.state()
        opened.append(state)
        return "".join(state.meta(f"word{n}", "?") for _ in range(20))

    stores.state(writing=True).close()
    with ThreadPoolExecutor(40) as threads:
        assert set(threads.map(work, range(40))) == {"?" * 20}
    for state in opened:
        state.close()


@pytest.mark.postgres
def test_a_database_goes_with_one_secret(tmp_path: Path) -> None:
    with postgres.schema() as url:
        House(load(str(tmp_path / "one"), {}, store_url=url)).close()
        House(load(str(tmp_path / "one"), {}, store_url=url)).close()
        with pytest.raises(Conflict, match=r"secret\.key"):
            House(load(str(tmp_path / "two"), {}, store_url=url))
