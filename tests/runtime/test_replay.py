"""A rejected call is judged again after a fix, and enters as what it was, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from duyen import collect
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Collected, Event, Rejected
from duyen.model.log import Entry, Lane
from duyen.model.times import DAY
from duyen.runtime.access import key_change
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.replay import MOST, START, Line, Place, replay, waiting
from duyen.runtime.settings import load

NOW = 1_790_000_000_000
GOOD = {"type": "track", "event": "Seen", "userId": "lan", "messageId": "m1"}


class Shop:
    """A house with an engine that is turned by hand, and one key that things come by."""

    def __init__(self, folder: Path) -> None:
        self.house = House(load(str(folder)), engine=True)
        self.engine = Engine(self.house)
        made = key_change("write", (), "server", "test", 0)
        self.key = made.change.id
        self.tell(Lane.CONTROL, [made.change])

    def tell(self, lane: Lane, entries: list[Entry]) -> None:
        self.house.tell(lane, entries)
        self.engine.drain()

    def reject(
        self, body: dict[str, Any] | bytes, call: Any = None, trusted: bool = True, **how: Any
    ) -> Rejected:
        """Something bad comes in; a batch where no type of call is named."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        opened = collect.open_call(content, call) if call else collect.open_batch(content)
        (found,) = opened.check(
            received=NOW, source=self.key, trusted=trusted, new_id=lambda: "made-1", **how
        )
        assert isinstance(found, Rejected)
        self.tell(Lane.LIVE, [found])
        return found

    def replay(
        self, *ids: str, payload: dict[str, Any] | None = None, now: int = NOW + DAY
    ) -> Line:
        payloads = None if payload is None else {ids[0]: json.dumps(payload).encode()}
        outcome = replay(self.house.state, self.house.secrets, list(ids), "an", now, payloads)
        for lane, entries in outcome.told.items():
            self.tell(lane, entries)
        return outcome.lines[0]

    def events(self, namespace: str, value: str) -> list[Event]:
        person = self.house.state.person_of(namespace, value)
        head = self.house.state.head(person) if person else None
        return list(head.person.recent) if head else []

    def close(self) -> None:
        self.engine.close()
        self.house.close()


@pytest.fixture
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    found = Shop(tmp_path_factory.mktemp("shop"))
    yield found
    found.close()


def test_a_call_put_right_enters_as_the_call_it_was(shop: Shop) -> None:
    shop.reject(
        {
            "sentAt": "2026-01-01T00:00:10Z",  # this clock is wrong; the call was ten seconds old
            "context": {"locale": "vi"},
            "batch": [{**GOOD, "event": 7, "timestamp": "2026-01-01T00:00:00Z"}],
        }
    )
    right = {**GOOD, "messageId": "another", "timestamp": "2026-01-01T00:00:00Z"}
    assert shop.replay("m1", payload=right) == Line("m1", "replayed", ())
    (event,) = shop.events("user_id", "lan")
    assert (event.id, event.time, event.trusted) == ("m1", NOW - 10_000, True)
    assert event.context["locale"] == "vi"


def test_a_route_names_the_type_of_its_calls(shop: Shop) -> None:
    shop.reject({"event": "Seen", "messageId": "m1"}, "track", trusted=False)
    assert shop.replay("m1", payload={"event": "Seen", "anonymousId": "a"}).state == "replayed"
    (event,) = shop.events("anonymous_id", "a")
    assert (event.type, event.name, event.trusted) == ("track", "Seen", False)


def test_what_a_page_says_is_proved_as_ever(shop: Shop) -> None:
    right = shop.house.secrets.identity_hash("lan")
    told = {"event": "Seen", "userId": "lan", "context": {"user_hash": right}}
    shop.reject({**told, "event": None, "messageId": "m1"}, "track", trusted=False)
    shop.replay("m1", payload=told)
    assert [event.trusted for event in shop.events("user_id", "lan")] == [True]


def test_a_rule_that_was_mended_lets_in_what_it_refused(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("plain", "validate"):
        monkeypatch.setattr(import_module(f"duyen.collect.{module}"), "MAX_EVENT_BYTES", 10)
    shop.reject({"batch": [{**GOOD, "properties": {"name": "Trà sen Tây Hồ"}}]})
    assert shop.replay("m1").state == "rejected"
    monkeypatch.undo()
    assert shop.replay("m1").state == "replayed"
    assert len(shop.events("user_id", "lan")) == 1


def test_twice_is_harmless(shop: Shop) -> None:
    shop.reject({"batch": [{**GOOD, "event": 7, "messageId": None}]})
    for _ in range(2):
        assert shop.replay("made-1", payload=GOOD) == Line("made-1", "replayed", ())
    # Two doors that do not know of each other yet tell the log twice.
    first = replay(shop.house.state, shop.house.secrets, ["made-1"], "an", NOW)
    assert not first.told
    assert [event.id for event in shop.events("user_id", "lan")] == ["replay-made-1"]
    shown = shop.house.state.rejected_before(None, 9)
    assert [row.replayed for row in shown] == [NOW + DAY]


def test_two_doors_at_once_make_one_event(shop: Shop) -> None:
    shop.reject({"batch": [{**GOOD, "event": 7}]})
    payload = {"m1": json.dumps(GOOD).encode()}
    both = [
        replay(shop.house.state, shop.house.secrets, ["m1"], "an", NOW + n, payload).told
        for n in range(2)
    ]
    for told in both:
        shop.tell(Lane.LIVE, told[Lane.LIVE])
    assert len(shop.events("user_id", "lan")) == 1


def test_what_is_still_wrong_stays_with_its_new_reasons(shop: Shop) -> None:
    first = shop.reject({"batch": [{**GOOD, "event": 7}]})
    line = shop.replay("m1", payload={"type": "track", "event": "Seen"})
    assert line.state == "rejected"
    assert line.reasons != first.reasons
    (row,) = shop.house.state.rejected_before(None, 9)
    assert tuple(row.reasons) == line.reasons
    assert (row.replayed, row.payload) == (None, first.payload)
    assert shop.replay("m1", payload=GOOD).state == "replayed"


def test_history_stays_history(shop: Shop) -> None:
    shop.reject({"batch": [{**GOOD, "event": 7}]}, imported=True)
    outcome = replay(
        shop.house.state, shop.house.secrets, ["m1"], "an", NOW, {"m1": json.dumps(GOOD).encode()}
    )
    assert list(outcome.told) == [Lane.BULK]
    event = outcome.told[Lane.BULK][0]
    assert isinstance(event, Collected)
    assert event.imported


@pytest.mark.parametrize("long", ["x" * 201, "a\x00b", "é" * 80_000])
def test_an_id_that_no_event_may_have_is_not_kept_as_one(shop: Shop, long: str) -> None:
    shop.reject({"batch": [{**GOOD, "messageId": long}]})
    assert shop.replay("made-1").state == "rejected"
    assert shop.replay("made-1", payload=GOOD).state == "replayed"
    assert [event.id for event in shop.events("user_id", "lan")] == ["replay-made-1"]


def test_rows_of_files_are_imported_again_or_given_as_calls(shop: Shop) -> None:
    shop.tell(Lane.LIVE, [Rejected("row-1", NOW, "orders", ("No total.",), '["1",""]')])
    line = shop.replay("row-1")
    assert line.state == "rejected"
    assert line.reasons[0] == "No total."
    assert "import its file again" in line.reasons[1]
    assert shop.replay("row-1", payload=GOOD).state == "replayed"


def test_all_of_a_source_are_walked_in_order_and_once(shop: Shop) -> None:
    rows: list[Entry] = [
        Rejected(f"r{n:03}", NOW + n // 7, shop.key, ("why",), json.dumps({**GOOD, "messageId": n}))
        for n in range(MOST + 50)
    ]
    shop.tell(Lane.LIVE, [*rows, Rejected("other", NOW, "elsewhere", ("why",), "{}")])
    place: Place | None = START
    seen: list[str] = []
    while place is not None:
        ids, place = waiting(shop.house.state, place, NOW + DAY, shop.key)
        shop.replay(*ids)
        seen += ids
    assert seen == [f"r{n:03}" for n in range(MOST + 50)]
    assert waiting(shop.house.state, START, NOW + DAY, shop.key) == ([], None)
    assert waiting(shop.house.state, START, NOW + DAY) == (["other"], None)


def test_an_unknown_call_and_too_many(shop: Shop) -> None:
    with pytest.raises(NotFound):
        shop.replay("nothing")
    with pytest.raises(InvalidInput):
        shop.replay(*(str(n) for n in range(MOST + 1)))


def test_a_rebuild_remembers_what_was_replayed(shop: Shop) -> None:
    shop.reject({"batch": [{**GOOD, "event": 7}]})
    shop.replay("m1", payload=GOOD)
    before = shop.house.state.rejected_before(None, 9)
    settings = shop.house.settings
    shop.close()
    result = rebuild(settings)
    assert (result.people, result.different) == (1, [])
    house = House(settings)
    assert house.state.rejected_before(None, 9) == before
    assert house.state.rejected_of(["m1"])["m1"][1] is True
    house.close()
