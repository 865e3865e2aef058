"""What the sender looks at before each few mails: people's words, the log, and its own earlier attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duyen.channels.email import EmailChannel, EmailSettings
from duyen.channels.interface import Outgoing, Result
from duyen.model.event import CONSENT_UPDATED, Collected
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime import sender as sending
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.sender import Sender
from duyen.runtime.settings import load
from duyen.stores.attempts import AttemptRow

BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>Chào</mj-text></mj-column></mj-section></mj-body></mjml>"
OPEN = {"quiet_from": "00:00", "quiet_to": "00:00", "hold_out": 0, "caps": []}
STEPS = {"name": "L", "entry": {"event": "Asks"}, "steps": [{"send": "letter"}]}


class Post(EmailChannel):
    """Takes every mail, and lets something happen meanwhile."""

    def __init__(self) -> None:
        super().__init__(EmailSettings(connections=1))
        self.sent: list[str] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def send(self, batch: Sequence[Outgoing]) -> list[Result]:
        self.sent += [mail.to for mail in batch]
        self.meanwhile()
        return [Result(mail.key, "sent", 250, "250 ok") for mail in batch]


class Shop:
    """One data folder with its engine and its sender."""

    def __init__(self, folder: Path) -> None:
        self.house = House(load(str(folder)), engine=True)
        self.engine = Engine(self.house)
        self.post = Post()
        self.sender = Sender(self.house, self.post)
        self._count = 0
        self.put("settings", "workspace", OPEN)
        self.put("message", "letter", {"name": "L", "subject": "Chào", "body": BODY})
        self.put("journey", "letters", STEPS)
        self.engine.drain()

    def put(self, kind: Any, id: str, body: dict[str, Any] | None) -> None:
        change = ResourceChange(kind, id, body, "owner", self.house.clock.now())
        self.house.tell(Lane.CONTROL, [change])

    def tell(self, name: str, user: str, **more: Any) -> None:
        """An event of a user, in the log; the engine has not seen it."""
        self._count += 1
        now = self.house.clock.now()
        raw: Any = {field: msgspec.Raw(msgspec.json.encode(value)) for field, value in more.items()}
        event = Collected(
            id=f"m{self._count}",
            type="track" if name else "identify",
            time=now,
            received=now,
            source="test",
            trusted=True,
            name=name,
            user_id=user,
            **raw,
        )
        self.house.tell(Lane.LIVE, [event])

    def says(self, user: str, state: str) -> None:
        """Yes or no to marketing by e-mail."""
        said = {"purpose": "marketing", "channel": "email", "state": state}
        self.tell(CONSENT_UPDATED, user, properties=said)

    def asked(self, people: int) -> None:
        """So many people have a letter waiting."""
        for number in range(people):
            self.tell("", f"u{number}", traits={"email": f"u{number}@x.test"})
            self.says(f"u{number}", "granted")
            self.tell("Asks", f"u{number}")
        self.engine.drain()

    def turn(self) -> None:
        """The sender works once, then the engine."""
        asyncio.run(self.sender.turn())

    def states(self) -> dict[str, str]:
        """What became of each contact, by the user's name in the address."""
        rows = self.house.state.outbox_all()
        return {row.enqueue.address.partition("@")[0]: row.state for row in rows}


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.sender.close()
    found.house.close()


def test_a_no_during_a_batch_holds_for_the_rest_of_it(shop: Shop) -> None:
    shop.asked(sending.DEEP + 2)
    last = shop.sender._waiting(shop.house.clock.now())[-1]
    user = last.address.partition("@")[0]

    def leaves() -> None:
        shop.post.meanwhile = lambda: None
        shop.says(user, "denied")
        shop.engine.drain()

    shop.post.meanwhile = leaves
    shop.turn()
    shop.engine.drain()
    assert len(shop.post.sent) == sending.DEEP + 1
    assert last.address not in shop.post.sent
    assert shop.states()[user] == "cancelled"


def test_a_batch_stops_where_the_engine_has_not_heard_a_no(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "PATIENCE", 0.0)
    shop.sender._depth = sending.DEEP
    shop.asked(sending.DEEP + 2)
    user = shop.sender._waiting(shop.house.clock.now())[-1].address.partition("@")[0]
    shop.post.meanwhile = lambda: shop.says(user, "denied")
    shop.turn()
    assert len(shop.post.sent) == sending.DEEP
    shop.post.meanwhile = lambda: None
    shop.engine.drain()
    shop.turn()
    assert len(shop.post.sent) == sending.DEEP + 1
    assert f"{user}@x.test" not in shop.post.sent


def test_a_mail_that_left_as_its_reader_said_no_is_counted_once(shop: Shop) -> None:
    shop.asked(1)

    def leaves() -> None:
        shop.says("u0", "denied")
        shop.engine.drain()

    shop.post.meanwhile = leaves
    shop.turn()
    shop.engine.drain()
    assert shop.states() == {"u0": "sent"}
    assert shop.house.state.counters("message:")["message:letter"]["sent"] == 1
    assert shop.house.state.counters("journey:")["journey:letters"]["sent"] == 1


def test_what_an_earlier_attempt_sent_is_not_called_cancelled(shop: Shop) -> None:
    shop.asked(3)
    now = shop.house.clock.now()
    waiting = shop.sender._waiting(now)
    fates = ("sent", "started", "retry")
    shop.sender.attempts.put(
        AttemptRow(e.key, 1, now, fate, 0 if fate == "started" else now)
        for e, fate in zip(waiting, fates, strict=True)
    )
    shop.put("message", "letter", None)
    shop.engine.drain()
    shop.turn()
    shop.engine.drain()
    assert shop.post.sent == []
    states = shop.states()
    became = [states[e.address.partition("@")[0]] for e in waiting]
    assert became == ["sent", "failed", "cancelled"]


def test_the_no_of_the_one_who_owns_the_address_holds(shop: Shop) -> None:
    shop.asked(1)
    (waiting,) = shop.sender._waiting(shop.house.clock.now())
    shop.says("owner", "denied")
    shop.engine.drain()
    owner = shop.house.state.person_of("user_id", "owner")
    assert owner
    with shop.house.state.writing():
        shop.house.state.put_identifiers([("email", waiting.address, "c", owner)])
    shop.turn()
    shop.engine.drain()
    assert (shop.post.sent, shop.states()) == ([], {"u0": "cancelled"})


def test_a_sender_that_is_told_to_end_begins_no_other_mail(shop: Shop) -> None:
    shop.asked(3)

    async def ends() -> None:
        shop.post.meanwhile = lambda: setattr(shop.sender, "_stopping", True)
        await shop.sender.turn()

    asyncio.run(ends())
    shop.engine.drain()
    assert len(shop.post.sent) == 1
    assert sorted(shop.states().values()) == ["sent", "waiting", "waiting"]
    keys = [row.enqueue.key for row in shop.house.state.outbox_all()]
    assert len(shop.sender.attempts.of(keys)) == 1, "nobody else was noted as spoken of"


def test_a_slow_server_is_told_of_few_mails_at_a_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash leaves `started` may have been sent; so as little as possible is noted ahead."""
    monkeypatch.setattr(sending, "BRISK", -1.0)
    shop.asked(3)
    noted: list[int] = []

    def count() -> None:
        rows = shop.sender.attempts.of([e.enqueue.key for e in shop.house.state.outbox_all()])
        noted.append(sum(row.fate == "started" for tries in rows.values() for row in tries))

    shop.post.meanwhile = count
    shop.turn()
    assert noted == [1, 1, 1]
