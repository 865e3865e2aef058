"""Whoever is erased is nowhere: every file and every table is searched for their values, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from duyen import collect
from duyen.collect import validate
from duyen.model.decision import Decision
from duyen.model.errors import InvalidInput
from duyen.model.event import CONSENT_UPDATED, Collected, Rejected
from duyen.model.log import Entry, Lane, Unmerge
from duyen.model.times import DAY
from duyen.runtime import erasure
from duyen.runtime.erasure import Done, asked, carry_through
from duyen.runtime.lakework import flush
from duyen.runtime.rebuild import rebuild
from duyen.runtime.receipt import verify
from duyen.runtime.suppressing import add, everything
from duyen.stores.attempts import AttemptRow
from duyen.stores.query import Query
from tests.runtime.places import found_in
from tests.runtime.test_sender import STEPS, Shop

NAME, FORMER = "Nguyễn Thị Ánh Tuyết", "Nguyễn Ánh"
MAIL, PHONE, SPELLED = "tuyet.anh@khach.test", "+84912345678", "0912 345 678"
USER, CARD = "kh-88217", "the/vàng 0099"
DEVICE, OTHER_DEVICE = "thiet-bi-5f1c", "thiet-bi-77aa"
STREET = "12 ngõ Huyện, Hoàn Kiếm"
VALUES = [NAME, FORMER, MAIL, PHONE, "912345678", SPELLED, USER, CARD, DEVICE, OTHER_DEVICE, STREET]


DECIDED = Decision(
    id="d1",
    time=1_790_000_000_000,
    person="p_x",
    identifier=("user_id", USER),
    placement="home",
    chosen="o",
    items=(),
    propensity=1.0,
    arm="treated",
    policy="p",
    policy_version="1",
    program_version=1,
    reason="chosen",
    candidates=(),
    features={"name": NAME},
    trusted=True,
)


class Trail(Shop):
    """A shop whose customer has left traces wherever a customer can."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder
        self.house.folder = folder

    def call(self, type: Any = "track", at: int = 0, **call: Any) -> Collected:
        """A call as a server of the company makes it."""
        self._count += 1
        judged = validate(
            {"messageId": f"c{self._count}", **call},
            type,
            received=self.house.clock.now(),
            source="t",
            trusted=True,
            new_id=lambda: "x",
        )
        assert isinstance(judged, Collected), judged
        return msgspec.structs.replace(judged, time=at) if at else judged

    def told(self, *entries: Entry, lane: Lane = Lane.LIVE) -> None:
        """Entries of the log, in one commit, applied."""
        self.house.tell(lane, list(entries))
        self.engine.drain()

    def person(self, namespace: str, value: str) -> str | None:
        return self.house.state.person_of(namespace, collect.canonical(namespace, value) or value)

    def erase(self, *persons: str) -> Done:
        """Ask, and carry through."""
        self.told(*asked(persons, "t", self.house.clock.now()), lane=Lane.CONTROL)
        return self.carry()

    def carry(self) -> Done:
        def tell(lane: Lane, entries: list[Entry]) -> bool:
            self.told(*entries, lane=lane)
            return True

        return carry_through(self.house, tell)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Trail]:
    found = Trail(tmp_path)
    yield found
    found.sender.close()
    found.engine.close()
    found.house.close()


def url_of(shop: Shop) -> str:
    return str(getattr(shop.house.stores, "_url", ""))


def live(shop: Trail) -> str:
    """A customer's life; returns their id."""
    shop.told(
        shop.call(anonymousId=OTHER_DEVICE, event="Product Viewed", properties={"product_id": "1"}),
        shop.call("identify", userId=USER, anonymousId=DEVICE, traits={"name": FORMER}),
        shop.call("identify", userId="kh-2", traits={"email": "b@khach.test", "name": "Bình"}),
        shop.call("identify", userId=USER, traits={"name": NAME, "address": STREET}),
    )
    flush(shop.house)
    shop.told(
        shop.call(
            "identify", userId=USER, anonymousId=OTHER_DEVICE, traits={"email": MAIL.upper()}
        ),
        shop.call("identify", userId=USER, traits={"phone": SPELLED, "card": CARD}),
        shop.call(
            event="Order Completed", userId=USER, properties={"order_id": "D1", "to": STREET}
        ),
        msgspec.structs.replace(
            shop.call(event="Seen", anonymousId="-", context={"traits": {"email": MAIL}}),
            anonymous_id="",
        ),
        shop.call(event="Seen", userId="kh-2"),
    )
    shop.told(
        shop.call(
            event=CONSENT_UPDATED,
            userId=USER,
            properties={"purpose": "marketing", "channel": "email", "state": "granted"},
        ),
        shop.call(event="Asks", userId=USER),
    )
    shop.turn()
    shop.engine.drain()
    assert shop.post.sent == [MAIL]
    shop.told(
        shop.call("group", userId="kh-2", groupId="acme", traits={"plan": "pro"}, at=1),
        shop.call("group", userId=USER, groupId="acme", traits={"contact": NAME, "size": 9}),
        shop.call("group", userId=USER, groupId="home", traits={"street": STREET}),
    )
    now = shop.house.clock.now()
    payload = json.dumps({"userId": USER, "event": "", "traits": {"name": NAME}})
    shop.told(
        Rejected("r1", now, "t", ("No event.",), payload, "track"),
        Rejected("r2", now, "t", ("Cut off.",), f'{{"email": "{MAIL}", "na', "track"),
        Rejected("r3", now, "t", ("No event.",), '{"userId": "kh-2"}', "track"),
        DECIDED,
        Unmerge("v1", now, "t", (("user_id", USER),), (("anonymous_id", "of-somebody"),)),
    )
    listed = add(shop.house.secrets, [MAIL, "b@khach.test"], "t", now, purpose="survey")
    shop.told(*listed.told, lane=Lane.CONTROL)
    contact = next(row.enqueue.key for row in shop.house.state.outbox_all())
    shop.sender.attempts.put([AttemptRow(contact, 9, now, "failed", now, f"550 <{MAIL}> unknown")])
    mails = shop.house.stores.mails(shop.house.clock.now)
    mails.keep(
        "shop@x.test", [MAIL], f"Subject: hi\r\nX-Duyen-Key: {contact}\r\n\r\n{NAME}".encode()
    )
    mails.keep("shop@x.test", ["b@khach.test"], b"Subject: hi\r\n\r\nB")
    mails.close()
    reports = shop.folder / "rejects"
    reports.mkdir()
    (reports / "people.csv").write_text(
        f'row,line,reasons,content\n1,2,Bad,"{USER};{NAME};{SPELLED}"\n2,3,Bad,kh-2;Bình\n',
        "utf-8-sig",
    )
    person = shop.person("email", MAIL)
    assert person
    assert person == shop.person("anonymous_id", OTHER_DEVICE) == shop.person("phone", SPELLED)
    return person


def test_nothing_of_an_erased_person_is_anywhere(shop: Trail) -> None:
    person = live(shop)
    flush(shop.house)
    before = found_in(shop.folder, url_of(shop), VALUES)
    assert before.keys() == set(VALUES), "the search finds what is there"
    former = rebuilt_people(shop)
    done = shop.erase(person)
    assert found_in(shop.folder, url_of(shop), [*VALUES, person]) == {}
    assert done.people == 1
    assert done.log_entries >= 12
    assert shop.house.state.heads([person]) == {}
    assert shop.person("user_id", USER) is None
    binh = shop.person("user_id", "kh-2")
    assert shop.house.state.group_members("acme", "", 9) == [binh]
    assert shop.house.state.group_values(["acme", "home"]) == {
        "acme": {"plan": "pro", "id": "acme"}
    }
    # All others have what they had.
    assert rebuilt_people(shop) == {id: known for id, known in former.items() if id != person}
    assert [kept.id for kept in shop.house.state.rejected(2**50, 9)] == ["r3"]
    assert {row.address for row in everything(shop.house.state)} == {"", "b@khach.test"}
    assert (shop.folder / "rejects/people.csv").read_text("utf-8-sig").count("kh-2") == 1
    mails = shop.house.stores.mails()
    assert [mail.recipients for mail in mails.list()] == [["b@khach.test"]]
    mails.close()
    query = Query(shop.folder / "lake")
    assert query.sql("SELECT DISTINCT person FROM events").rows == [
        (shop.person("user_id", "kh-2"),)
    ]


def rebuilt_people(shop: Trail) -> dict[str, int]:
    state = shop.house.state
    return {id: h.person.events for id, h in state.heads(state.people_after("", 99)).items()}


def test_a_rebuild_brings_nobody_back(shop: Trail) -> None:
    person = live(shop)
    (receipt,) = shop.erase(person).receipts.values()
    people = rebuilt_people(shop)
    folder, url = shop.folder, url_of(shop)
    shop.sender.close()
    shop.engine.close()
    shop.house.close()
    again = rebuild(shop.house.settings, keep_old=False)
    assert not again.different
    assert again.people == len(people)
    assert found_in(folder, url, [*VALUES, person]) == {}
    shop.__init__(folder)  # type: ignore[misc]
    assert rebuilt_people(shop) == people
    (row,) = shop.house.state.erasures(None, 9)
    assert row.body == receipt


def test_the_receipt_is_signed_and_names_nobody(shop: Trail) -> None:
    person = live(shop)
    (receipt,) = shop.erase(person).receipts.values()
    secrets = shop.house.secrets
    assert not [value for value in [*VALUES, person] if value in receipt]
    told = json.loads(receipt)["receipt"]
    assert told["people"] == 1
    assert told["erased"]["outbox"] == 1
    assert told["erased"]["log_entries"] >= 12
    assert told["erased_together"]["mails"] == 1
    assert told["erased_together"]["attempts"] == 2
    assert told["erased_together"]["rows_of_reports"] == 1
    assert told["erased_together"]["lake_rows"] >= 4
    assert verify(secrets, receipt, ("email", MAIL.upper())) == (True, True, True)
    assert verify(secrets, receipt, ("email", "b@khach.test")) == (True, True, False)
    changed = receipt.replace('"people": 1', '"people": 2')
    assert changed != receipt
    assert verify(secrets, changed) == (False, False, None)
    for broken in ("", "{}", "[1]", receipt[:-9], '{"receipt": 3, "algorithm": "Ed25519"}'):
        with pytest.raises(InvalidInput):
            verify(secrets, broken)


def test_what_comes_later_is_a_new_person_and_what_was_before_is_nobody(shop: Trail) -> None:
    person = live(shop)
    shop.erase(person)
    now = shop.house.clock.now()
    shop.told(
        shop.call(event="Seen", userId=USER, at=now - DAY),
        shop.call(event="Seen", anonymousId=DEVICE, at=now - 9 * DAY),
    )
    assert shop.person("user_id", USER) is None
    assert shop.person("anonymous_id", DEVICE) is None
    flush(shop.house)
    query = Query(shop.folder / "lake")
    assert query.sql("SELECT count(*) FROM events WHERE identifiers LIKE '%kh-88217%'").rows == [
        (0,)
    ]
    assert erasure.waiting(shop.house), "the log holds them until the next walk"
    shop.carry()
    assert found_in(shop.folder, url_of(shop), VALUES) == {}
    assert not erasure.waiting(shop.house)
    shop.told(shop.call("identify", userId=USER, traits={"email": MAIL}))
    again = shop.person("email", MAIL)
    assert again == shop.person("user_id", USER)
    (head,) = shop.house.state.heads([again or ""]).values()
    assert head.person.events == 1
    assert not head.person.consent
    flush(shop.house)
    shop.carry()
    assert query.sql("SELECT person FROM people WHERE identifiers LIKE '%kh-88217%'").rows == [
        (again,)
    ]


def test_who_comes_back_between_asking_and_the_walk_stays(shop: Trail) -> None:
    person = live(shop)
    shop.told(*asked([person], "t", shop.house.clock.now()), lane=Lane.CONTROL)
    shop.told(shop.call("identify", userId=USER, traits={"name": "Tuyết mới"}))
    shop.carry()
    (head,) = shop.house.state.heads([shop.person("user_id", USER) or ""]).values()
    assert head.person.events == 1
    query = Query(shop.folder / "lake")
    assert query.sql(
        "SELECT count(*) FROM events WHERE person = 'x' OR traits LIKE '%mới%'"
    ).rows == [(1,)]
    assert len(query.sql("SELECT person FROM people").rows) == 2
    assert found_in(shop.folder, url_of(shop), [NAME, FORMER, MAIL, STREET, DEVICE]) == {}


def test_a_no_outlives_the_person_as_a_keyed_hash(shop: Trail) -> None:
    person = live(shop)
    shop.says(USER, "denied")
    shop.engine.drain()
    shop.erase(person)
    assert found_in(shop.folder, url_of(shop), VALUES) == {}
    digest = shop.house.secrets.pseudonym("email", MAIL)
    rows = {row.said: row for row in shop.house.state.suppressions_of(digest)}
    assert rows.keys() == {"default/marketing/email", "*/survey/email"}
    assert {row.address for row in rows.values()} == {""}
    shop.put("journey", "letters", {**STEPS, "reentry": "always"})
    yes = {"purpose": "marketing", "channel": "email", "state": "granted"}
    old = shop.house.clock.now() - DAY  # a list bought somewhere says that they agreed long ago
    shop.told(
        shop.call("identify", userId="new", traits={"email": MAIL}),
        shop.call(event=CONSENT_UPDATED, userId="new", properties=yes, at=old),
        shop.call(event="Asks", userId="new"),
    )
    shop.turn()
    shop.engine.drain()
    assert shop.post.sent == [MAIL], "the mail of before alone"
    assert [row.reason for row in shop.house.state.outbox_all()] == ["suppressed"]
    shop.told(
        shop.call(event=CONSENT_UPDATED, userId="new", properties=yes),
        shop.call(event="Asks", userId="new"),
    )
    shop.turn()
    assert shop.post.sent == [MAIL, MAIL], "they said yes since"
    shop.engine.drain()
    (receipt,) = (row.body for row in shop.house.state.erasures(None, 9))
    assert json.loads(receipt)["receipt"]["kept"] == [
        {"address": digest, "refused": "default/marketing/email"}
    ]


@pytest.mark.parametrize("step", ["log", "lake", "files", "told", "room"])
def test_a_killed_erasure_goes_on(shop: Trail, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    person = live(shop)
    shop.told(*asked([person], "t", shop.house.clock.now()), lane=Lane.CONTROL)

    def killed(what: str, how_far: int) -> None:
        if what == step:
            raise KeyboardInterrupt

    def tell(lane: Lane, entries: list[Entry]) -> bool:
        if step == "told":
            raise KeyboardInterrupt
        shop.told(*entries, lane=lane)
        return True

    with pytest.raises(KeyboardInterrupt):
        carry_through(shop.house, tell, killed)
    assert erasure.waiting(shop.house) == (step != "room")
    shop.carry()
    shop.house.stores.scrub()
    assert found_in(shop.folder, url_of(shop), [*VALUES, person]) == {}
    (row,) = shop.house.state.erasures(None, 9)
    told = json.loads(row.body)["receipt"]
    assert told["people"] == 1
    assert told["erased"]["log_entries"] >= 12, "counted once, by whichever run"


def test_others_who_hang_together_with_them_stay_who_they_are(shop: Trail) -> None:
    """Five sign in on one device; one of them is erased."""
    shop.told(
        *(shop.call(event="Seen", userId=f"f{n}", anonymousId="shared-screen") for n in range(7)),
        *(shop.call(event="Seen", userId=f"f{n}", properties={"mine": n}) for n in range(7)),
    )
    people = {n: shop.person("user_id", f"f{n}") for n in range(7)}
    gone = people[3]
    assert gone
    done = shop.erase(gone)
    assert done.people == 1
    left = {n for n, id in people.items() if id != gone}
    assert {n for n in range(7) if shop.person("user_id", f"f{n}")} == left
    known = {n: shop.person("user_id", f"f{n}") for n in left}
    shop.sender.close()
    shop.engine.close()
    shop.house.close()
    rebuild(shop.house.settings)
    shop.__init__(shop.folder)  # type: ignore[misc]
    assert {n: shop.person("user_id", f"f{n}") for n in left} == known


def test_many_are_erased_in_one_walk(shop: Trail) -> None:
    shop.told(
        *(
            shop.call("identify", userId=f"n-{n:04d}", traits={"name": f"Ng{n:04d}"})
            for n in range(60)
        )
    )
    flush(shop.house)
    gone = [shop.person("user_id", f"n-{n:04d}") or "" for n in range(0, 60, 2)]
    done = shop.erase(*gone)
    assert (done.people, done.log_entries) == (30, 30)
    assert len(done.receipts) == 1
    assert len(rebuilt_people(shop)) == 30
    values = [f"n-{n:04d}" for n in range(0, 60, 2)]
    assert found_in(shop.folder, url_of(shop), values) == {}
    assert set(found_in(shop.folder, url_of(shop), ["n-0001"])) == {"n-0001"}
