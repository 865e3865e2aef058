"""Law 6: nobody is contacted against their consent, by any path.

Random lives: people say yes and no in all shapes, get mails asked for at all hours in all time zones, are
merged; settings change. An observer who knows nothing of the policy's code checks every contact that was let
through at the door, and every one that leaves at the claim.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from duyen.journeys import contact
from duyen.journeys.contact import admit, recheck
from duyen.model.consent import Statement, consent_key
from duyen.model.effect import Enqueue
from duyen.model.happening import Receipt
from duyen.model.message import Message
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Person, Trait
from duyen.model.program import Cap, Program, WorkspaceSettings
from duyen.model.times import DAY, HOUR, Millis, parse_time

ZONES = ("Asia/Ho_Chi_Minh", "America/New_York", "Europe/London", "Australia/Lord_Howe")
CAPS = (Cap(1, DAY, "email"), Cap(3, 7 * DAY, "*"))
PARTS: tuple[tuple[str, ...], ...] = (
    ("default", "sport", "*"),
    ("marketing", "service", "*"),
    ("email", "sms", "*"),
)
MESSAGES = {
    message.id: message
    for message in (
        Message(id="news", name="News", subject="s", body="b"),
        Message(id="flash", name="Flash", subject="s", body="b", expires="3h"),
        Message(id="sport", name="Sport", subject="s", body="b", brand="sport"),
        Message(id="order", name="Order", subject="s", body="b", purpose="service"),
    )
}


Life = tuple[str, tuple[Any, ...]]
SAID = st.tuples(
    st.sampled_from(PARTS[0]),
    st.sampled_from(PARTS[1]),
    st.sampled_from(PARTS[2]),
    st.sampled_from(("granted", "granted", "denied")),
)
AGREES = st.just(("*", "marketing", "email", "granted"))
ASKED = st.tuples(st.sampled_from(sorted(MESSAGES)), st.booleans())


def act(name: str, arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """One kind of thing that happens."""
    return st.tuples(st.just(name), arguments)


LIVES = st.lists(
    st.one_of(
        act("says", SAID),
        act("says", AGREES),
        act("asks", ASKED),
        act("asks", ASKED),
        act("asks", ASKED),
        act("time_passes", st.tuples(st.integers(1, 12))),
        act("time_passes", st.tuples(st.integers(1, 60))),
        act("claims", st.tuples(st.sampled_from(("p", "q")))),
        act("claims", st.tuples(st.sampled_from(("p", "q")))),
        act("turns_out_to_be_the_same", st.just(())),
        act(
            "settings_change",
            st.sampled_from(((False, False), (False, False), (True, False), (False, True))),
        ),
    ),
    min_size=20,
    max_size=60,
)


class Stage:
    """One person, with a second who may turn out to be the same."""

    def __init__(self, zone: str, start: Millis, arm: str) -> None:
        self.now, self.count = start, 0
        self.zone = zone
        self.person = self.somebody("p")
        self.person.cells[GLOBAL] = Cell(arm, start)
        self.other = self.somebody("q")
        self.program = Program(
            messages=MESSAGES, settings=WorkspaceSettings(caps=CAPS, timezone=zone)
        )
        self.waiting: list[Enqueue] = []
        self.left: list[Enqueue] = []
        self.says("*", "marketing", "email", "granted")

    def somebody(self, id: str) -> Person:
        """Both have the address, so that what waits for one may leave for the other."""
        person = Person(id=id, identifiers={"email": {"an@example.test": 1}})
        person.traits["timezone"] = Trait(self.zone, 1, "z")
        return person

    def says(self, brand: str, purpose: str, channel: str, state: Any) -> None:
        """The person grants or denies something."""
        self.count += 1
        key = consent_key(purpose, channel, brand)
        self.person.consent[key] = Statement(state, self.now, f"c{self.count}")
        cancelled = {cancel.key for cancel in contact.withdraw(self.person)}
        self.waiting = [one for one in self.waiting if one.key not in cancelled]

    def time_passes(self, halves: int) -> None:
        """The clock goes on."""
        self.now += halves * HOUR // 2

    def asks(self, message: str, other: bool) -> None:
        """Somebody wants to tell the person (or the other document) something."""
        self.count += 1
        person = self.other if other else self.person
        if other and not person.consent:
            person.consent[consent_key("marketing", "email")] = Statement("granted", 1, "o")
        answer = admit(
            person,
            MESSAGES[message],
            1,
            self.program,
            self.now,
            origin="test",
            key=f"k{self.count}",
            inputs={},
            cell=person.cells[GLOBAL].arm if GLOBAL in person.cells else TREATED,
        )
        if isinstance(answer, Enqueue):
            self.observe(person, answer, self.now)
            self.waiting.append(answer)
        else:
            assert answer.retry_at is None or answer.retry_at > self.now

    def claims(self, of: str) -> None:
        """A sender comes for what waits for one document, in whatever order it finds it."""
        for enqueue in sorted(self.waiting, key=lambda one: crc32(one.key.encode())):
            if enqueue.person != of:
                continue
            person = self.person if enqueue.person == self.person.id else self.other
            refusal = recheck(person, enqueue, self.program, self.now)
            if refusal is None:
                self.observe(person, enqueue, self.now)
                self.left.append(enqueue)
                self.caps_hold_for(enqueue)
                contact.settle(person, Receipt(enqueue.key, "sent"))
            elif refusal.retry_at is None:
                contact.settle(person, Receipt(enqueue.key, "cancelled", refusal.reason))
            else:
                assert refusal.retry_at > self.now
                continue
            self.waiting.remove(enqueue)

    def turns_out_to_be_the_same(self) -> None:
        """The two documents become one; the stricter word holds."""
        for key, statement in self.other.consent.items():
            known = self.person.consent.get(key)
            if known is None or statement.state == "denied":
                self.person.consent[key] = statement
        ledger = {line.key: line for line in (*self.person.ledger, *self.other.ledger)}
        self.person.ledger = sorted(ledger.values(), key=lambda line: (line.time, line.key))
        self.waiting = [self.now_theirs(one) for one in self.waiting]
        self.left = [self.now_theirs(one) for one in self.left]
        self.other = self.somebody("q")

    def now_theirs(self, enqueue: Enqueue) -> Enqueue:
        """A contact of the other document, moved to the person."""
        return msgspec.structs.replace(enqueue, person=self.person.id)

    def settings_change(self, listed: bool, paused: bool) -> None:
        """A trial starts or ends; the pause-all switch is used."""
        changed = msgspec.structs.replace(
            self.program.settings,
            send_only_to=("@elsewhere.test",) if listed else (),
            paused=paused,
        )
        self.program = msgspec.structs.replace(self.program, settings=changed)

    def observe(self, person: Person, enqueue: Enqueue, now: Millis) -> None:
        """What must hold for every contact at the instant it is let through."""
        assert allowed(person, enqueue)
        assert not self.program.settings.send_only_to
        assert now < enqueue.expires
        if enqueue.purpose != "service":
            assert not night(now, self.zone)
            assert GLOBAL not in person.cells or person.cells[GLOBAL].arm != HELD_OUT

    def caps_hold_for(self, enqueue: Enqueue) -> None:
        """No window of admissions that the leaving contact lies in holds more than its cap.

        What had left for two documents before they became one cannot be taken back; so only windows
        with the contact that is leaving now are looked at.
        """
        if enqueue.purpose == "service":
            return
        times = [
            one.created
            for one in self.left
            if one.person == enqueue.person and one.purpose != "service"
        ]
        for cap in CAPS:
            for end in times:
                if end - cap.within < enqueue.created <= end:
                    assert sum(end - cap.within < time <= end for time in times) <= cap.most


def allowed(person: Person, enqueue: Enqueue) -> bool:
    """Consent in other words than the policy's: every statement that covers the contact, none of them a no."""
    covering = [
        statement.state
        for key, statement in person.consent.items()
        if all(
            said in ("*", meant)
            for said, meant in zip(
                key.split("/"), (enqueue.brand, enqueue.purpose, enqueue.channel), strict=True
            )
        )
    ]
    if enqueue.purpose == "service":
        return "denied" not in covering
    return bool(covering) and "denied" not in covering


def night(now: Millis, zone: str) -> bool:
    """Whether it is between 21:00 and 08:00 there."""
    there = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now)).astimezone(
        ZoneInfo(zone)
    )
    return there.hour >= 21 or there.hour < 8


MERGED_WHILE_WAITING: list[Life] = [
    ("asks", ("news", False)),
    ("time_passes", (1,)),
    ("asks", ("news", True)),
    ("claims", ("q",)),
    ("turns_out_to_be_the_same", ()),
    ("claims", ("p",)),
]
"""Two mails admitted apart, the later one sent first, and then it is one person."""


@example(zone="Asia/Ho_Chi_Minh", day=5, hour=5, arm=TREATED, life=MERGED_WHILE_WAITING)
@hypothesis_settings(max_examples=300)
@given(
    zone=st.sampled_from(ZONES),
    day=st.integers(5, 9),
    hour=st.integers(0, 23),
    arm=st.sampled_from((TREATED, TREATED, TREATED, HELD_OUT)),
    life=LIVES,
)
def test_nobody_is_contacted_against_their_consent(
    zone: str, day: int, hour: int, arm: str, life: list[Life]
) -> None:
    stage = Stage(zone, parse_time(f"2026-03-0{day}T{hour:02d}:00:00Z"), arm)
    for name, arguments in life:
        getattr(stage, name)(*arguments)
