"""What the engine makes of people who turn out to be one, or never were: found by a sceptic, kept for good."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duyen import collect
from duyen.journeys import contact
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.program import Nudge, ResourceChange
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Chào</mj-text></mj-column></mj-section></mj-body></mjml>"
OPEN = {"hold_out": 0.0, "quiet_from": "00:00", "quiet_to": "00:00", "caps": []}
VISITS = {"did": "Visit", "at_least": 15, "within": "30d"}
RESOURCES: list[tuple[Any, str, dict[str, Any]]] = [
    ("settings", "workspace", OPEN),
    ("segment", "often", {"name": "Often", "rule": VISITS}),
    ("message", "m", {"name": "M", "subject": "Chào", "body": MJML}),
    ("journey", "asks", {"name": "Asks", "entry": {"event": "Asks"}, "steps": [{"send": "m"}]}),
    *[
        (
            "journey",
            name,
            {
                "name": name,
                "entry": {"schedule": {"at": "2026-01-01T00:00:00Z"}},
                "steps": [{"wait": "1d"}],
            },
        )
        for name in ("first", "second")
    ],
]
YES = {"purpose": "marketing", "channel": "email", "state": "granted"}


class Town:
    """A folder with one engine, told of events one block at a time."""

    def __init__(self, folder: Path) -> None:
        self.house = House(load(str(folder)), engine=True)
        self.engine = Engine(self.house)
        self._told = 0
        now = self.house.clock.now()
        self.house.tell(
            Lane.CONTROL, [ResourceChange(kind, id, body, "t", now) for kind, id, body in RESOURCES]
        )
        self.engine.drain()

    def call(self, **call: Any) -> Collected:
        trusted = bool(call.pop("trusted", True))
        self._told += 1
        judged = collect.validate(
            {"type": "track", "messageId": f"m{self._told}", **call},
            received=self.house.clock.now(),
            source="t",
            trusted=trusted,
            new_id=lambda: "x",
        )
        assert isinstance(judged, Collected)
        return judged

    def tell(self, *calls: Collected) -> None:
        self.house.tell(Lane.LIVE, list(calls))
        self.engine.drain()

    def people(self) -> list[Any]:
        state = self.house.state
        return list(state.heads(state.people_after("", 100)).values())


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.engine.close()
    made.house.close()


def test_three_people_at_once_lose_nothing(town: Town) -> None:
    town.tell(*(town.call(event="Visit", userId="u") for _ in range(7)))
    town.tell(*(town.call(event="Visit", anonymousId="a") for _ in range(5)))
    town.tell(*(town.call(type="identify", userId="x", traits={"n": n}) for n in range(2)))
    card = {"externalIds": [{"id": "c", "type": "card", "collection": "users", "encoding": "none"}]}
    town.tell(*(town.call(event="Visit", anonymousId="b", context=card) for _ in range(3)))
    town.tell(town.call(type="identify", userId="u", anonymousId="a", context=card))
    one = max(town.people(), key=lambda head: head.person.events)
    assert one.person.events == 7 + 5 + 3 + 1
    assert set(one.standing) == {"often"}


def test_an_id_that_lives_on_is_not_redirected(town: Town) -> None:
    """A browser's claim to an address that a server then names: two people, and a no that holds."""
    browser = {"anonymousId": "a1", "trusted": False}
    town.tell(
        town.call(type="identify", traits={"email": "v@x.test"}, **browser),
        town.call(event="Consent Updated", properties=YES, **browser),
    )
    town.tell(town.call(event="Asks", **browser))
    no = {**YES, "state": "denied"}
    named = {"traits": {"email": "v@x.test"}}
    town.tell(town.call(type="identify", userId="v", **named))
    town.tell(town.call(event="Consent Updated", properties=no, userId="v"))
    state = town.house.state
    owner = state.person_of("email", "v@x.test")
    assert owner is not None
    assert state.survivor(owner) == owner
    assert len(town.people()) == 2
    (waiting,) = state.outbox_waiting(2**52, 9)
    holder = state.head(waiting.person)
    assert holder is not None
    refusal = contact.recheck(holder.person, waiting, town.house.program(), town.house.clock.now())
    assert refusal == contact.Refusal("address.changed")


def test_two_schedules_of_one_instant_both_call(town: Town) -> None:
    town.tell(town.call(type="identify", userId="u"))
    ticks = [Nudge(f"{name}@1", "schedule", 1, name) for name in ("first", "second")]
    town.house.tell(Lane.CONTROL, list(ticks))
    town.engine.drain()
    (one,) = town.people()
    assert {place.journey for place in one.person.places.values()} == {"first", "second"}


def test_who_merges_is_spoken_to_once(town: Town) -> None:
    for who in ("a", "u"):
        name = {"anonymousId": "a"} if who == "a" else {"userId": "u"}
        mail = {"traits": {"email": f"{who}@x.test"}}
        town.tell(
            town.call(type="identify", **name, **mail),
            town.call(event="Consent Updated", properties=YES, **name),
        )
        town.tell(town.call(event="Asks", **name))
    assert len(town.house.state.outbox_waiting(2**52, 9)) == 2
    town.tell(town.call(type="identify", userId="u", anonymousId="a"))
    assert len(town.people()) == 1
    assert len(town.house.state.outbox_waiting(2**52, 9)) == 1


def test_the_same_message_id_of_two_people_is_two_rows(town: Town) -> None:
    town.tell(
        town.call(event="Visit", userId="a", messageId="same"),
        town.call(event="Visit", userId="b", messageId="same"),
        town.call(event="Visit", userId="b", messageId="same"),
    )
    newest = town.house.log.newest(Lane.LIVE)
    assert len(town.house.state.duplicates(0, newest)) == 1
    assert [head.person.events for head in town.people()] == [1, 1]
