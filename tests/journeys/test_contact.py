"""The one door: what it lets through, puts off and refuses, and that there is no other."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duyen.journeys import contact
from duyen.journeys.contact import Refusal, address_of, admit, is_address, recheck
from duyen.model.consent import Statement, consent_key
from duyen.model.effect import Enqueue
from duyen.model.happening import Receipt
from duyen.model.message import Message
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Person, Trait
from duyen.model.program import Cap, Program, WorkspaceSettings
from duyen.model.times import DAY, HOUR, Millis, parse_time
from duyen.model.wishes import A_WEEK, HOURS
from tests.journeys.stories import MAIL, NOON, OPEN, program_of, someone

SOURCE = Path(__file__).resolve().parents[2] / "src" / "duyen"
SERVICE = Message(id="order", name="Order", subject="s", body="b", purpose="service")


def ask(
    person: Person,
    message: Message = MAIL,
    settings: WorkspaceSettings = OPEN,
    now: Millis = NOON,
    key: str = "k1",
    cell: str = TREATED,
) -> Enqueue | Refusal:
    """Ask the door for a contact."""
    program = program_of(messages=(MAIL, SERVICE), settings=settings)
    return admit(
        person, message, 3, program, now, origin="test", key=key, inputs={"a": 1}, cell=cell
    )


def deny(person: Person, purpose: str, channel: str = "email", brand: str = "default") -> None:
    """The person says no."""
    person.consent[consent_key(purpose, channel, brand)] = Statement("denied", 2, "no")


def test_an_admitted_contact_carries_all_that_a_sender_needs() -> None:
    person = someone()
    enqueue = ask(person)
    assert enqueue == Enqueue(
        key="k1",
        person="p1",
        message="mail",
        version=3,
        channel="email",
        address="an@example.test",
        purpose="marketing",
        brand="default",
        origin="test",
        created=NOON,
        not_before=NOON,
        expires=NOON + 3 * DAY,
        inputs={"a": 1},
    )
    assert [(c.key, c.state, c.reason) for c in person.ledger] == [("k1", "queued", "")]


def test_the_same_key_is_admitted_once() -> None:
    person = someone()
    ask(person)
    assert ask(person) == Refusal("duplicate")
    assert len(person.ledger) == 1


@pytest.mark.parametrize(
    ("said", "message", "reason"),
    [
        ([], MAIL, ""),
        ([("marketing", "email", "default")], MAIL, "consent.denied"),
        ([("*", "email", "default")], MAIL, "consent.denied"),
        ([("marketing", "*", "*")], MAIL, "consent.denied"),
        ([("marketing", "sms", "default")], MAIL, ""),
        ([("marketing", "email", "other")], MAIL, ""),
        ([("*", "*", "*")], MAIL, "suppressed"),
        ([("marketing", "email", "default")], SERVICE, ""),
        ([("*", "email", "*")], SERVICE, "consent.denied"),
        ([("*", "*", "*")], SERVICE, "suppressed"),
    ],
)
def test_a_no_covers_what_it_names(
    said: list[tuple[str, str, str]], message: Message, reason: str
) -> None:
    person = someone()
    for purpose, channel, brand in said:
        deny(person, purpose, channel, brand)
    answer = ask(person, message)
    assert (answer.reason if isinstance(answer, Refusal) else "") == reason


def test_without_a_yes_there_is_no_marketing_but_there_is_service() -> None:
    person = someone()
    person.consent.clear()
    assert ask(person) == Refusal("consent.missing")
    assert isinstance(ask(person, SERVICE, key="k2"), Enqueue)
    assert [(c.key, c.state, c.reason) for c in person.ledger] == [
        ("k1", "refused", "consent.missing"),
        ("k2", "queued", ""),
    ]


def test_the_address_is_one_of_theirs() -> None:
    person = Person(id="p", identifiers={"email": {"a@x.test": 1, "b@x.test": 2}})
    assert address_of(person) == "a@x.test"
    person.traits["email"] = Trait("B@x.test", 3, "t")
    assert address_of(person) == "B@x.test"
    person.traits["email"] = Trait("victim@elsewhere.test", 4, "t")
    assert address_of(person) == "a@x.test"
    assert address_of(Person(id="q", traits={"email": Trait("q@x.test", 1, "t")})) is None
    claims = {"claimed.email": {"victim@x.test": 1}}
    claimed = Person(id="c", identifiers=claims, traits={"email": Trait("victim@x.test", 1, "t")})
    claimed.consent[consent_key("marketing", "email")] = Statement("granted", 1, "c")
    assert address_of(claimed) is None
    assert ask(claimed) == Refusal("address.missing")
    assert address_of(Person(id="r")) is None
    assert ask(Person(id="r")) == Refusal("address.missing")


@pytest.mark.parametrize(
    "text",
    [
        *("", "a", "a@", "@b", "a b@c.test", "a@b\r\nBcc: x@y.test", "a@b>", "<a@b>", "a@b,c@d"),
        *("a" * 65 + "@b.test", "a@" + "b" * 300, "nguyễn@b.test", "a@b..c", 'a"@b', None, 5),
    ],
)
def test_what_is_no_address(text: object) -> None:
    assert not is_address(text)


def test_send_only_to_names_addresses_and_domains() -> None:
    listed = msgspec.structs.replace(OPEN, send_only_to=("an@example.test",))
    assert isinstance(ask(someone(), settings=listed), Enqueue)
    domain = msgspec.structs.replace(OPEN, send_only_to=("@Example.test",))
    assert isinstance(ask(someone(), settings=domain), Enqueue)
    others = msgspec.structs.replace(OPEN, send_only_to=("me@example.test", "@ample.test"))
    assert ask(someone(), settings=others) == Refusal("send_only_to")
    assert ask(someone(), SERVICE, settings=others) == Refusal("send_only_to")


def test_a_cap_counts_a_half_open_window() -> None:
    capped = msgspec.structs.replace(OPEN, caps=(Cap(2, DAY, "email"),))
    person = someone()
    assert isinstance(ask(person, settings=capped, key="1", now=NOON), Enqueue)
    assert isinstance(ask(person, settings=capped, key="2", now=NOON + HOUR), Enqueue)
    assert ask(person, settings=capped, key="3", now=NOON + DAY - 1) == Refusal("cap.reached")
    assert isinstance(ask(person, settings=capped, key="4", now=NOON + DAY), Enqueue)
    assert ask(person, settings=capped, key="5", now=NOON + DAY) == Refusal("cap.reached")


def test_a_cap_of_another_channel_and_service_mails_do_not_count() -> None:
    capped = msgspec.structs.replace(OPEN, caps=(Cap(1, DAY, "sms"), Cap(1, DAY, "*")))
    person = someone()
    assert isinstance(ask(person, SERVICE, settings=capped, key="1"), Enqueue)
    assert isinstance(ask(person, settings=capped, key="2"), Enqueue)
    assert ask(person, settings=capped, key="3") == Refusal("cap.reached")
    assert isinstance(ask(person, SERVICE, settings=capped, key="4"), Enqueue)


def test_a_failed_contact_gives_its_place_back() -> None:
    capped = msgspec.structs.replace(OPEN, caps=(Cap(1, DAY),))
    person = someone()
    ask(person, settings=capped, key="1")
    contact.settle(person, Receipt("1", "failed", "550"))
    assert isinstance(ask(person, settings=capped, key="2"), Enqueue)
    contact.settle(person, Receipt("2", "expired"))
    assert [(c.state, c.reason) for c in person.ledger] == [
        ("failed", "550"),
        ("cancelled", "expired"),
    ]


def test_what_was_sent_stays_said() -> None:
    person = someone()
    ask(person)
    contact.settle(person, Receipt("k1", "sent"))
    contact.settle(person, Receipt("k1", "cancelled", "consent.denied"))
    assert [c.state for c in person.ledger] == ["sent"]


def test_quiet_hours_put_marketing_off_and_let_service_through() -> None:
    night = parse_time("2026-11-20T23:15:00+07:00")
    settings = WorkspaceSettings(caps=())
    morning = parse_time("2026-11-21T08:00:00+07:00")
    person = someone()
    assert ask(person, settings=settings, now=night) == Refusal("quiet_hours", morning)
    assert person.ledger == []
    assert isinstance(ask(person, SERVICE, settings=settings, now=night), Enqueue)


def test_what_would_be_stale_in_the_morning_is_refused_at_night() -> None:
    night = parse_time("2026-11-20T23:15:00+07:00")
    flash = msgspec.structs.replace(MAIL, expires="2h")
    settings = WorkspaceSettings(caps=())
    assert ask(someone(), flash, settings=settings, now=night) == Refusal("expired")


def test_hours_and_lifetimes_that_cannot_be_read_are_the_usual_ones() -> None:
    odd = WorkspaceSettings(caps=(), quiet_from="late", quiet_to="early")
    night = parse_time("2026-11-20T23:15:00+07:00")
    assert ask(someone(), settings=odd, now=night) == Refusal(
        "quiet_hours", parse_time("2026-11-21T08:00:00+07:00")
    )
    enqueue = ask(someone(), msgspec.structs.replace(MAIL, expires="soon"))
    assert isinstance(enqueue, Enqueue)
    assert enqueue.expires == NOON + 3 * DAY


def test_the_hold_out_is_asked_last_so_that_both_arms_are_alike() -> None:
    person = someone()
    assert ask(person, cell=HELD_OUT) == Refusal("hold_out")
    assert [c.state for c in person.ledger] == [HELD_OUT]
    person.consent.clear()
    assert ask(person, key="k2", cell=HELD_OUT) == Refusal("consent.missing")
    assert isinstance(ask(person, SERVICE, key="k3", cell=HELD_OUT), Enqueue)


def test_a_held_out_contact_counts_under_the_caps() -> None:
    capped = msgspec.structs.replace(OPEN, caps=(Cap(1, DAY),))
    person = someone()
    assert ask(person, settings=capped, cell=HELD_OUT) == Refusal("hold_out")
    assert ask(person, settings=capped, key="k2", cell=HELD_OUT) == Refusal("cap.reached")


def test_pause_all_holds_at_the_claim_only() -> None:
    paused = msgspec.structs.replace(OPEN, paused=True)
    person = someone()
    enqueue = ask(person, settings=paused)
    assert isinstance(enqueue, Enqueue)
    program = program_of(settings=paused)
    held = recheck(person, enqueue, program, NOON)
    assert held is not None
    assert held.reason == "paused"
    assert held.retry_at is not None
    assert held.retry_at > NOON
    assert recheck(person, enqueue, program, NOON + 3 * DAY) == Refusal("expired")


def test_the_ledger_is_bounded_and_keeps_what_caps_need() -> None:
    capped = msgspec.structs.replace(OPEN, caps=(Cap(10_000, 30 * DAY),))
    person = someone()
    for number in range(500):
        ask(person, settings=capped, key=str(number), now=NOON + number * HOUR)
    for line in person.ledger:
        contact.settle(person, Receipt(line.key, "sent"))
    ask(person, settings=capped, key="last", now=NOON + 2_000 * HOUR)
    assert len(person.ledger) == contact.KEPT
    month = 30 * 24
    for number in range(2_001, 2_001 + 2 * month):
        ask(person, settings=capped, key=str(number), now=NOON + number * HOUR)
        contact.settle(person, Receipt(str(number), "sent"))
    assert month - 1 <= len(person.ledger) <= month + 1


def test_a_no_of_the_owner_of_an_address_stands_against_somebody_elses_contact() -> None:
    enqueue, owner = ask(someone()), Person(id="owner")
    assert isinstance(enqueue, Enqueue)
    assert contact.denied_by(owner, enqueue) == ""  # a yes is asked of the one who is written to
    deny(owner, "marketing")
    assert contact.denied_by(owner, enqueue) == "consent.denied"
    deny(owner, "*", "*", "*")
    assert contact.denied_by(owner, enqueue) == "suppressed"


class TestRecheck:
    """Again at the claim."""

    def waiting(self) -> tuple[Person, Enqueue, Program]:
        person = someone()
        enqueue = ask(person)
        assert isinstance(enqueue, Enqueue)
        return person, enqueue, program_of()

    def test_what_is_still_in_order_leaves(self) -> None:
        person, enqueue, program = self.waiting()
        assert recheck(person, enqueue, program, NOON + HOUR) is None

    def test_a_no_in_between(self) -> None:
        person, enqueue, program = self.waiting()
        deny(person, "marketing")
        assert recheck(person, enqueue, program, NOON) == Refusal("consent.denied")

    def test_a_consent_that_was_lost(self) -> None:
        person, enqueue, program = self.waiting()
        person.consent.clear()
        assert recheck(person, enqueue, program, NOON) == Refusal("consent.missing")

    def test_an_expired_contact(self) -> None:
        person, enqueue, program = self.waiting()
        assert recheck(person, enqueue, program, enqueue.expires - 1) is None
        assert recheck(person, enqueue, program, enqueue.expires) == Refusal("expired")

    def test_a_deleted_message(self) -> None:
        person, enqueue, _ = self.waiting()
        assert recheck(person, enqueue, program_of(messages=()), NOON) == Refusal("message.deleted")

    def test_an_address_that_is_not_theirs_any_more(self) -> None:
        person, enqueue, program = self.waiting()
        person.identifiers = {"email": {"new@example.test": 5}}
        assert recheck(person, enqueue, program, NOON) == Refusal("address.changed")

    def test_the_night(self) -> None:
        person, enqueue, _ = self.waiting()
        program = program_of(settings=WorkspaceSettings(caps=()))
        night = parse_time("2026-11-20T23:15:00+07:00")
        morning = parse_time("2026-11-21T08:00:00+07:00")
        assert recheck(person, enqueue, program, night) == Refusal("quiet_hours", morning)
        short = msgspec.structs.replace(enqueue, expires=morning)
        assert recheck(person, short, program, night) == Refusal("expired")

    def test_a_list_that_was_set_in_between(self) -> None:
        person, enqueue, _ = self.waiting()
        listed = msgspec.structs.replace(OPEN, send_only_to=("me@example.test",))
        assert recheck(person, enqueue, program_of(settings=listed), NOON) == Refusal(
            "send_only_to"
        )

    def test_a_merge_into_a_held_out_person(self) -> None:
        person, enqueue, program = self.waiting()
        person.cells[GLOBAL] = Cell(HELD_OUT, 1)
        assert recheck(person, enqueue, program, NOON) == Refusal("hold_out")

    def test_not_before(self) -> None:
        person, enqueue, program = self.waiting()
        later = msgspec.structs.replace(enqueue, not_before=NOON + HOUR)
        assert recheck(person, later, program, NOON) == Refusal("not_before", NOON + HOUR)

    def test_two_documents_that_became_one_keep_the_cap(self) -> None:
        capped = msgspec.structs.replace(OPEN, caps=(Cap(1, DAY),))
        one, two = someone(), someone()
        first = ask(one, settings=capped, key="a")
        second = ask(two, settings=capped, key="b", now=NOON + HOUR)
        assert isinstance(first, Enqueue)
        assert isinstance(second, Enqueue)
        one.ledger += two.ledger
        program = program_of(settings=capped)
        assert recheck(one, first, program, NOON + HOUR) is None
        assert recheck(one, second, program, NOON + HOUR) == Refusal("cap.reached")


def test_nothing_else_makes_a_contact() -> None:
    makers = [
        (path.relative_to(SOURCE).as_posix(), node.lineno)
        for path in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _called(node) == "Enqueue"
    ]
    assert [path for path, _ in makers] == ["journeys/contact.py"]


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@pytest.mark.parametrize(
    ("wish", "most"), [(2, 2), (0, 0), (None, 5), ("2", 5), (True, 5), (-1, 5)]
)
def test_nobody_hears_more_often_than_they_wish(wish: Any, most: int) -> None:
    person = someone(**{A_WEEK: wish})
    for n in range(5):
        ask(person, key=f"k{n}", now=NOON + n * HOUR)
    states = [line.state for line in person.ledger]
    assert states == ["queued"] * most + ["refused"] * (5 - most)
    refused = {line.reason for line in person.ledger if line.state == "refused"}
    assert refused <= {"cap.reached"}
    assert isinstance(ask(person, SERVICE, key="order"), Enqueue), "an order's mail is owed"
    if wish == 2:
        assert isinstance(ask(person, key="later", now=NOON + 7 * DAY + HOUR), Enqueue)


def test_a_wish_of_today_holds_for_what_waits() -> None:
    person = someone()
    first, second = (ask(person, key=f"k{n}", now=NOON + n) for n in range(2))
    assert isinstance(first, Enqueue)
    assert isinstance(second, Enqueue)
    person.traits[A_WEEK] = Trait(1, NOON, "t2")
    assert recheck(person, first, program_of(), NOON + HOUR) is None
    assert recheck(person, second, program_of(), NOON + HOUR) == Refusal("cap.reached")


@pytest.mark.parametrize(
    ("hours", "now", "then"),
    [
        ("evening", "12:00", "18:00"),
        ("morning", "12:00", "32:00"),
        ("afternoon", "12:00", ""),
        ("evening", "19:30", ""),
        ("evening", "22:00", "42:00"),
        ("noon", "12:00", ""),
        (7, "12:00", ""),
    ],
)
def test_people_hear_at_the_hours_they_wish(hours: Any, now: str, then: str) -> None:
    person = someone(**{HOURS: hours})
    answer = ask(person, now=_at(now), settings=HANOI)
    if then:
        assert answer == Refusal("quiet_hours", _at(then))
    else:
        assert isinstance(answer, Enqueue)


def test_hours_that_the_company_keeps_quiet_are_no_wish() -> None:
    person = someone(**{HOURS: "evening"})
    early = msgspec.structs.replace(HANOI, quiet_from="17:00", quiet_to="08:00")
    assert isinstance(ask(person, settings=early), Enqueue)


HANOI = WorkspaceSettings(
    caps=(), quiet_from="00:00", quiet_to="00:00", hold_out=0.0, timezone="Asia/Ho_Chi_Minh"
)


def _at(clock: str) -> Millis:
    """An instant of the day of NOON in Hà Nội; hours past 24 are the next day's."""
    hour, minute = map(int, clock.split(":"))
    return NOON + (hour - 12) * HOUR + minute * (HOUR // 60)
