"""Whose a row of the lake is, after people were joined and taken apart again: what the documents say, always."""

import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from duyen import collect
from duyen.model.event import Collected
from duyen.model.log import Lane, Unmerge
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.model.times import MINUTE
from duyen.runtime.doctor import examine
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.stores.lake import Lake
from duyen.stores.query import Query

WELCOME = {
    "name": "Welcome",
    "entry": {"event": "Seen"},
    "reentry": "1s",
    "steps": [{"wait": "1d"}],
}


class Shop:
    """A data folder with its engine, its lake, and somebody who asks both."""

    def __init__(self, folder: Path) -> None:
        self.settings = load(str(folder), {})
        self.told = 0
        self.open()
        self.now = self.house.clock.now()
        change = ResourceChange("journey", "welcome", WELCOME, "t", self.now)
        self.house.tell(Lane.CONTROL, [change])
        self.lake = Lake(folder / "lake")
        self.query = Query(folder / "lake")

    def open(self) -> None:
        self.house = House(self.settings, engine=True)
        self.engine = Engine(self.house)

    def close(self) -> None:
        self.engine.close()
        self.house.close()

    def tell(
        self, time: int, trusted: bool = True, lane: Lane = Lane.LIVE, id: str = "", **who: Any
    ) -> None:
        self.told += 1
        call = {"messageId": id or f"m{self.told}", "event": "Seen", "type": "track", **who}
        judged = collect.validate(
            call, received=self.now, source="t", trusted=trusted, new_id=lambda: "x"
        )
        assert isinstance(judged, Collected)
        told = msgspec.structs.replace(judged, time=self.now - MINUTE + time * 1_000)
        self.house.tell(lane, [told])
        self.engine.drain()

    def block(self, value: str) -> None:
        body = {"blocked": [value], "hold_out": 0.0}
        change = ResourceChange("settings", "workspace", body, "t", self.now)
        self.house.tell(Lane.CONTROL, [change])
        self.engine.drain()

    def take_apart(self, user: str, anonymous: str) -> None:
        sides = (("user_id", user),), (("anonymous_id", anonymous),)
        self.house.tell(Lane.LIVE, [Unmerge(f"{user}-{anonymous}", self.now, "t", *sides)])
        self.engine.drain()

    def rebuild(self) -> None:
        self.close()
        rebuild(self.settings)
        self.open()

    def documents(self) -> dict[str, Person]:
        state = self.house.state
        heads = state.heads(state.people_after("", 1_000))
        return {id: head.person for id, head in heads.items()}

    def histories(self) -> dict[str, set[str]]:
        state = self.house.state
        return {
            id: {e.id for e in (*state.chunks(id), *person.recent)}
            for id, person in self.documents().items()
        }

    def rows(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for person, id in self.query.sql("SELECT person, id FROM events").rows:
            assert id not in found.get(person, ()), "told twice"
            found.setdefault(person, set()).add(id)
        return found

    def agrees(self) -> None:
        """The lake's people and events are the documents', and its facts the state's."""
        histories = {id: events for id, events in self.histories().items() if events}
        assert self.rows() == histories
        counts = dict(self.query.sql("SELECT person, events FROM people").rows)
        assert counts == {id: person.events for id, person in self.documents().items()}
        facts = dict(self.query.sql("SELECT seq, person FROM facts").rows)
        state = self.house.state
        assert facts == {seq: person for seq, person, *_ in state.facts(0, 1_000)}
        redirects = dict(self.query.sql("SELECT person, survivor FROM redirects").rows)
        assert redirects == dict(state.redirects())


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    made = Shop(tmp_path)
    yield made
    made.close()
    made.query.close()


def test_people_taken_apart_take_their_rows_with_them(shop: Shop) -> None:
    shop.tell(10, userId="u1", anonymousId="a")
    shop.tell(20, anonymousId="a")
    flush(shop.house)
    shop.agrees()
    shop.tell(5, userId="u2", anonymousId="a")
    flush(shop.house)
    assert len(shop.rows()) == 2
    shop.agrees()
    shop.lake.settle()
    shop.agrees()


def test_an_unmerge_takes_the_rows_apart_as_well(shop: Shop) -> None:
    shop.tell(10, anonymousId="a")
    shop.tell(20, userId="u", anonymousId="a")
    flush(shop.house)
    assert len(shop.rows()) == 1
    shop.take_apart("u", "a")
    flush(shop.house)
    assert sorted(map(len, shop.rows().values())) == [1, 1]
    shop.agrees()
    shop.rebuild()
    flush(shop.house)
    shop.agrees()


def test_an_id_that_lives_again_is_followed_no_more(shop: Shop) -> None:
    """An address that founded a browser's person turns out to be another's: nobody was taken apart."""
    address: dict[str, Any] = {"context": {"traits": {"email": "a@example.test"}}}
    shop.tell(10, trusted=False, anonymousId="a", **address)
    shop.tell(20, userId="u", anonymousId="a")
    shop.tell(5, userId="u")
    flush(shop.house)
    shop.tell(30, **{**address, "userId": "v"})
    flush(shop.house)
    shop.agrees()


@pytest.mark.parametrize("flushed", [False, True])
def test_what_was_told_before_a_value_was_blocked_keeps_its_owner(
    shop: Shop, flushed: bool
) -> None:
    """What named only the blocked value is nobody's; the rest stays whose it is, also where it was brought before."""
    shop.tell(1, userId="u", anonymousId="shared")
    shop.tell(2, anonymousId="shared")
    if flushed:
        flush(shop.house)
    shop.block("shared")
    shop.tell(3, userId="u", anonymousId="shared")
    flush(shop.house)
    rows = shop.rows()
    assert rows.pop("") == {"m2"}
    assert rows == {id: events for id, events in shop.histories().items() if events}


def test_the_doctor_tells_of_lost_files(shop: Shop) -> None:
    def said() -> tuple[str, str]:
        (found,) = [one for one in examine(shop.settings, lambda _: []) if one.check == "lake"]
        return found.verdict, found.words

    shop.tell(1, userId="u")
    flush(shop.house)
    assert said()[0] == "ok"
    _, (file,) = shop.lake.files("events")
    Path(file).unlink()
    verdict, words = said()
    assert verdict == "problem"
    assert file in words
    assert "duyen lake flush" in words
    for entry in (shop.lake.folder / "people" / "_delta_log").glob("*.json"):
        entry.write_text("{")
    assert said()[0] == "problem"


@pytest.mark.parametrize("dies", ["facts", "people", "items"])
def test_a_flush_that_is_cut_short_shows_nothing_by_halves(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, dies: str
) -> None:
    shop.tell(10, userId="u1", anonymousId="a")
    shop.tell(20, anonymousId="a")
    flush(shop.house)
    before = shop.rows()
    shop.tell(5, userId="u2", anonymousId="a")

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"duyen.runtime.lakework._Flush.{dies}", killed)
        with pytest.raises(KeyboardInterrupt):
            flush(shop.house)
    assert shop.rows() == before
    shop.lake.compact()
    assert shop.lake.settle() == 0
    assert shop.rows() == before
    flush(shop.house)
    shop.agrees()


class Stories(RuleBasedStateMachine):
    """Evidence in any order, flushes, compactions and rebuilds in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.shop = Shop(Path(self.folder.name))
        self.current = False
        self.last: tuple[Any, ...] = ()

    @rule(
        user=st.sampled_from(["", "", "u1", "u2", "u3"]),
        anonymous=st.sampled_from(["a1", "a2", "a3"]),
        email=st.sampled_from(["", "", "e1@example.test", "e2@example.test"]),
        time=st.integers(0, 40),
        trusted=st.booleans(),
        lane=st.sampled_from([Lane.LIVE, Lane.BULK]),
    )
    def tell(
        self, user: str, anonymous: str, email: str, time: int, trusted: bool, lane: Lane
    ) -> None:
        who: dict[str, Any] = {"anonymousId": anonymous}
        who |= {"userId": user} if user else {}
        who |= {"context": {"traits": {"email": email}}} if email else {}
        self.shop.tell(time, trusted, lane, **who)
        self.last = (time, trusted, lane, f"m{self.shop.told}", who)
        self.current = False

    @precondition(lambda self: self.last)
    @rule()
    def repeat(self) -> None:
        """The last call once more, as a client does that had no answer."""
        *call, who = self.last
        self.shop.tell(*call, **who)

    @rule(user=st.sampled_from(["u1", "u2"]), anonymous=st.sampled_from(["a1", "a2", "a3"]))
    def take_apart(self, user: str, anonymous: str) -> None:
        """Somebody decides that these are two people."""
        self.shop.take_apart(user, anonymous)
        self.current = False

    @rule()
    def flush(self) -> None:
        flush(self.shop.house)
        self.current = True

    @rule()
    def compact(self) -> None:
        self.shop.lake.compact()
        self.shop.lake.settle()

    @rule()
    def rebuild(self) -> None:
        self.shop.rebuild()

    @invariant()
    def agrees(self) -> None:
        if self.current:
            self.shop.agrees()

    def teardown(self) -> None:
        flush(self.shop.house)
        self.shop.agrees()
        self.shop.lake.settle()
        self.shop.agrees()
        self.shop.close()
        self.shop.query.close()
        self.folder.cleanup()


def test_rows_follow_their_people_through_any_story() -> None:
    few = settings(
        max_examples=12,
        stateful_step_count=14,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Stories, settings=few)
