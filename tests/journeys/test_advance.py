"""Journeys told as stories: events, time passes, expectation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duyen.journeys import contact
from duyen.journeys.advance import bounded, contact_key
from duyen.journeys.parse import parse_journey
from duyen.model import rule as rules
from duyen.model.consent import Statement, consent_key
from duyen.model.effect import Cancel
from duyen.model.happening import Due, Joined, Nudged, Receipt
from duyen.model.journey import Journey
from duyen.model.person import HELD_OUT, Person
from duyen.model.program import Segment, WorkspaceSettings
from duyen.model.times import DAY, HOUR, MINUTE, parse_time
from tests.journeys.stories import MAIL, NOON, OPEN, Story, program_of, someone


def journey(*steps: Any, **more: Any) -> Journey:
    """A journey that a viewed product starts."""
    raw = {"id": "j", "entry": {"event": "Product Viewed"}, "steps": list(steps), **more}
    return parse_journey(raw)


WAIT_AND_SEND = ({"wait": "30m"}, {"send": "mail"})


def test_an_event_starts_a_wait_that_ends_in_a_mail() -> None:
    story = Story(program_of(journey(*WAIT_AND_SEND)))
    story.does("Product Viewed", product_id="shoe-1")
    assert story.sent == []
    story.waits(29 * MINUTE)
    assert story.sent == []
    story.waits(MINUTE)
    [mail] = story.sent
    assert (mail.message, mail.version, mail.address) == ("mail", 3, "an@example.test")
    assert mail.inputs == {"trigger": {"product_id": "shoe-1"}}
    assert mail.created == NOON + 30 * MINUTE
    assert mail.origin == "journey:j"
    assert [f["reason"] for f in story.facts("Journey Exited")] == ["completed"]
    assert not story.waiting


def test_another_event_or_other_properties_start_nothing() -> None:
    shoes = {"event": "Product Viewed", "where": {"category": "shoes"}}
    story = Story(program_of(journey(*WAIT_AND_SEND, entry=shoes)))
    story.does("Product Viewed", category="hats")
    story.does("Page Viewed", category="shoes")
    assert not story.waiting
    story.does("Product Viewed", category="shoes")
    assert story.waiting


def test_imports_and_late_events_start_nothing() -> None:
    story = Story(program_of(journey(*WAIT_AND_SEND)))
    story.does("Product Viewed", reacts=False)
    assert not story.waiting
    assert story.effects == []


def test_unless_keeps_people_out_at_the_entry() -> None:
    rule = {"did": "Order Completed", "within": "1h"}
    story = Story(program_of(journey(*WAIT_AND_SEND, unless=rule)))
    story.does("Order Completed")
    story.does("Product Viewed")
    assert not story.waiting
    story.waits(2 * HOUR)
    story.does("Product Viewed")
    assert story.waiting


def test_who_is_let_go_is_not_told_what_still_waits_to_leave() -> None:
    rule = {"did": "Order Completed"}
    story = Story(program_of(journey({"send": "mail"}, {"wait": "2d"}, exit_when=rule)))
    story.does("Product Viewed")
    (waiting,) = story.sent
    assert [c.state for c in story.person.ledger] == ["queued"]  # everything is paused, say
    effects = story.does("Order Completed")
    assert [(e.key, e.reason) for e in effects if isinstance(e, Cancel)] == [
        (waiting.key, "exit_when")
    ]
    assert [(c.state, c.reason) for c in story.person.ledger] == [("cancelled", "exit_when")]


def test_what_has_left_or_is_owed_is_not_taken_back() -> None:
    rule = {"did": "Order Completed"}
    owed = msgspec.structs.replace(MAIL, purpose="service")
    story = Story(
        program_of(journey({"send": "mail"}, {"wait": "2d"}, exit_when=rule), messages=(owed,))
    )
    story.does("Product Viewed")
    effects = story.does("Order Completed")
    assert not [e for e in effects if isinstance(e, Cancel)]
    assert [c.state for c in story.person.ledger] == ["queued"]


def test_a_paused_or_deleted_journey_holds_or_ends_what_waits_to_leave() -> None:
    made = journey({"send": "mail"}, {"wait": "2d"})
    story = Story(program_of(made))
    story.does("Product Viewed")
    (waiting,) = story.sent
    assert contact.recheck(story.person, waiting, program_of(made), story.now) is None
    paused = program_of(msgspec.structs.replace(made, live=False))
    held = contact.recheck(story.person, waiting, paused, story.now)
    assert held is not None
    assert (held.reason, held.retry_at) == ("paused", story.now + MINUTE)
    ended = contact.recheck(story.person, waiting, program_of(), story.now)
    assert ended == contact.Refusal("journey.deleted")


def test_exit_when_lets_a_buyer_go_before_the_mail() -> None:
    rule = {"did": "Order Completed", "within": "1d"}
    story = Story(program_of(journey(*WAIT_AND_SEND, exit_when=rule)))
    story.does("Product Viewed")
    story.waits(10 * MINUTE)
    story.does("Order Completed")
    story.waits(DAY)
    assert story.sent == []
    assert [f["reason"] for f in story.facts("Journey Exited")] == ["exit_when"]


def test_an_imported_order_also_lets_a_buyer_go() -> None:
    rule = {"did": "Order Completed", "within": "1d"}
    story = Story(program_of(journey(*WAIT_AND_SEND, exit_when=rule)))
    story.does("Product Viewed")
    story.does("Order Completed", reacts=False)
    story.waits(DAY)
    assert story.sent == []


@pytest.mark.parametrize(
    ("reentry", "after_a_day", "after_a_week"), [("once", 1, 1), ("7d", 1, 2), ("always", 2, 3)]
)
def test_reentry(reentry: str, after_a_day: int, after_a_week: int) -> None:
    story = Story(program_of(journey({"send": "mail"}, reentry=reentry)))
    story.does("Product Viewed")
    assert len(story.sent) == 1
    story.waits(DAY)
    story.does("Product Viewed")
    assert len(story.sent) == after_a_day
    story.waits(6 * DAY)
    story.does("Product Viewed")
    assert len(story.sent) == after_a_week


def test_reentry_by_duration_waits_for_the_end_of_the_run() -> None:
    story = Story(program_of(journey({"wait": "10d"}, {"send": "mail"}, reentry="1d")))
    story.does("Product Viewed")
    story.waits(2 * DAY)
    story.does("Product Viewed")
    assert len(story.facts("Journey Entered")) == 1


def test_always_runs_beside_itself_once_for_each_event() -> None:
    story = Story(program_of(journey({"wait": "1h"}, {"send": "mail"}, reentry="always")))
    story.does("Product Viewed", n=1)
    story.waits(MINUTE)
    story.does("Product Viewed", n=2)
    story.waits(2 * HOUR)
    assert [m.inputs["trigger"]["n"] for m in story.sent] == [1, 2]
    assert len({m.key for m in story.sent}) == 2
    assert len(story.person.places) == 1  # only the newest ended run is remembered


def test_a_person_is_in_a_bounded_number_of_runs() -> None:
    story = Story(program_of(journey({"wait": "1h"}, {"send": "mail"}, reentry="always")))
    for _ in range(100):
        story.does("Product Viewed")
    assert len(story.person.places) == 32


def test_a_branch_is_taken_by_the_person_as_they_are_then() -> None:
    fork = {"if": {"trait": "vip", "is": True}, "then": [{"wait": "1h"}, "exit"], "else": []}
    story = Story(program_of(journey(fork, {"send": "mail"})), someone(vip=True))
    story.does("Product Viewed")
    story.waits(2 * HOUR)
    assert story.sent == []
    assert [f["reason"] for f in story.facts("Journey Exited")] == ["exit"]
    other = Story(program_of(journey(fork, {"send": "mail"})), someone(vip=False))
    other.does("Product Viewed")
    assert len(other.sent) == 1


def test_after_the_last_step_of_a_branch_the_journey_goes_on_behind_it() -> None:
    inner = {"if": {"trait": "vip", "is": True}, "then": [{"wait": "1h"}]}
    outer = {"if": {"trait": "vip", "is": True}, "then": [inner]}
    story = Story(program_of(journey(outer, {"send": "mail"})), someone(vip=True))
    story.does("Product Viewed")
    assert story.sent == []
    story.waits(HOUR)
    assert len(story.sent) == 1


def test_entering_a_segment_starts_a_journey_and_being_in_it_does_not() -> None:
    sleepy = journey({"send": "mail"}, entry={"segment": "sleepy"}, reentry="always")
    story = Story(program_of(sleepy))
    story.members = frozenset({"sleepy"})
    story.tell(Due())
    story.tell(Nudged("program"))
    assert story.sent == []
    story.joins("sleepy")
    assert len(story.sent) == 1


def test_new_definitions_are_no_entering_unless_existing_members_are_included() -> None:
    plain = journey({"send": "mail"}, entry={"segment": "s"})
    story = Story(program_of(plain))
    story.members = frozenset({"s"})
    story.tell(Nudged("program"), entered=frozenset({"s"}))
    assert story.sent == []
    including = journey({"send": "mail"}, entry={"segment": "s", "include_existing": True})
    story.program = program_of(including)
    story.tell(Nudged("program"))
    story.tell(Nudged("program"))
    assert len(story.sent) == 1


def test_an_import_that_changes_a_segment_starts_nothing() -> None:
    story = Story(program_of(journey({"send": "mail"}, entry={"segment": "s"})))
    story.does("Order Completed", reacts=False, entered=frozenset({"s"}))
    assert story.sent == []
    story.does("Order Completed", entered=frozenset({"s"}))
    assert len(story.sent) == 1


def test_a_schedule_calls_its_segment_in() -> None:
    entry = {"schedule": {"at": "2026-11-21T09:00:00+07:00", "segment": "buyers", "every": "7d"}}
    weekly = journey({"send": "mail"}, entry=entry)
    story = Story(program_of(weekly))
    story.tell(Nudged("schedule", "j", "2026-11-21"))
    assert story.sent == []
    story.members = frozenset({"buyers"})
    story.tell(Nudged("schedule", "j", "2026-11-21"))
    story.tell(Nudged("schedule", "j", "2026-11-21"))  # the same call heard twice
    assert len(story.sent) == 1
    story.tell(Nudged("schedule", "other", "2026-11-21"))
    story.tell(Nudged("schedule", "j", "2026-11-28"))
    assert len(story.sent) == 2


def test_the_same_run_and_step_always_have_the_same_key() -> None:
    one, two = (
        Story(program_of(journey({"send": "mail"}))),
        Story(program_of(journey({"send": "mail"}))),
    )
    one.does("Product Viewed")
    two.now += DAY
    two.does("Product Viewed")
    assert one.sent[0].key == two.sent[0].key
    assert contact_key("a", "r", (0, 1)) != contact_key("a", "r", (0, 1, 0))


def test_quiet_hours_put_the_same_step_off_until_the_morning() -> None:
    night = WorkspaceSettings(caps=(), hold_out=0.0)
    evening = parse_time("2026-11-20T22:30:00+07:00")
    story = Story(program_of(journey({"send": "mail"}), settings=night), now=evening)
    story.does("Product Viewed")
    assert story.sent == []
    assert story.person.ledger == []
    story.waits(12 * HOUR)
    [mail] = story.sent
    assert mail.created == parse_time("2026-11-21T08:00:00+07:00")


def test_a_held_out_person_walks_the_same_way_and_gets_nothing() -> None:
    steps = ({"wait": "1h"}, {"send": "mail"}, {"wait": "1h"}, {"send": "mail"})
    held = Story(program_of(journey(*steps)), arm=HELD_OUT)
    treated = Story(program_of(journey(*steps)))
    for story in (held, treated):
        story.does("Product Viewed")
        story.waits(DAY)
    assert held.sent == []
    assert len(treated.sent) == 2
    assert [f["reason"] for f in held.facts("Contact Refused")] == ["hold_out", "hold_out"]
    assert [(c.time, c.state) for c in held.person.ledger] == [
        (c.time, HELD_OUT) for c in treated.person.ledger
    ]
    assert held.facts("Cell Assigned") == [{"arm": HELD_OUT}]


def test_the_cell_is_assigned_when_a_marketing_mail_is_first_possible() -> None:
    person = someone()
    person.consent.clear()
    story = Story(program_of(journey({"send": "mail"})), person)
    story.does("Product Viewed")
    assert story.facts("Cell Assigned") == []
    assert [f["reason"] for f in story.facts("Contact Refused")] == ["consent.missing"]


def test_a_refusal_is_told_and_the_journey_goes_on() -> None:
    story = Story(program_of(journey({"send": "gone"}, {"send": "mail"})))
    story.does("Product Viewed")
    assert [f["reason"] for f in story.facts("Contact Refused")] == ["message.deleted"]
    assert len(story.sent) == 1


def test_saying_no_takes_waiting_mails_back() -> None:
    story = Story(program_of(journey({"send": "mail"})))
    story.does("Product Viewed")
    story.person.consent[consent_key("marketing", "email")] = Statement("denied", 2, "c2")
    effects = story.does("Unsubscribed")
    key = story.sent[0].key
    assert effects == [Cancel("p1", key, "email", "marketing", "consent.denied")]
    assert [c.state for c in story.person.ledger] == ["cancelled"]
    assert story.does("Page Viewed") == []


def test_a_merge_that_brings_a_no_takes_waiting_mails_back() -> None:
    story = Story(program_of(journey({"send": "mail"})))
    story.does("Product Viewed")
    story.person.consent[consent_key("*", "*", "*")] = Statement("denied", 2, "c2")
    [cancel] = story.tell(Joined(Person(id="p2")))
    assert isinstance(cancel, Cancel)
    assert cancel.reason == "suppressed"


def test_a_receipt_is_written_into_the_ledger() -> None:
    story = Story(program_of(journey({"send": "mail"})))
    story.does("Product Viewed")
    key = story.sent[0].key
    assert story.tell(Receipt(key, "sent")) == []
    assert [c.state for c in story.person.ledger] == ["sent"]
    story.tell(Receipt("unknown", "failed"))
    assert [c.state for c in story.person.ledger] == ["sent"]


def test_a_paused_journey_holds_its_people_until_it_is_live_again() -> None:
    live, paused = journey(*WAIT_AND_SEND), journey(*WAIT_AND_SEND, live=False)
    story = Story(program_of(live))
    story.does("Product Viewed")
    story.program = program_of(paused)
    story.waits(HOUR)
    assert story.sent == []
    assert not story.waiting
    story.program = program_of(live)
    story.tell(Nudged("program"))
    assert len(story.sent) == 1


def test_a_deleted_journey_lets_everyone_go() -> None:
    story = Story(program_of(journey(*WAIT_AND_SEND)))
    story.does("Product Viewed")
    story.program = program_of()
    story.tell(Nudged("program"))
    assert [f["reason"] for f in story.facts("Journey Exited")] == ["journey.deleted"]


def test_a_position_that_is_gone_ends_the_run() -> None:
    story = Story(program_of(journey({"wait": "1h"}, {"wait": "1h"}, {"send": "mail"})))
    story.does("Product Viewed")
    story.waits(90 * MINUTE)
    story.program = program_of(journey({"send": "mail"}))
    story.waits(DAY)
    assert [f["reason"] for f in story.facts("Journey Exited")] == ["journey.changed"]


def test_a_rule_may_name_a_segment() -> None:
    vips = Segment("vips", "VIPs", rules.TraitIs("vip", rules.Test("is", True)))
    story = Story(
        program_of(journey({"send": "mail"}, unless={"segment": "vips"}), segments=(vips,)),
        someone(vip=True),
    )
    story.does("Product Viewed")
    assert story.sent == []


def test_a_journey_whose_segment_is_lost_stands_still_and_harms_nobody() -> None:
    broken = journey(*WAIT_AND_SEND, unless={"segment": "lost"})
    story = Story(program_of(broken))
    story.does("Product Viewed")
    assert not story.waiting
    assert isinstance(broken.unless, rules.InSegment)


def test_the_trigger_keeps_what_fits() -> None:
    properties = {"id": "a", "blob": "x" * 10_000, "name": "b"}
    assert bounded(properties) == {"id": "a", "name": "b"}
    assert bounded({"id": "a"}) == {"id": "a"}


def test_a_service_mail_goes_to_the_held_out_too() -> None:
    receipt = MAIL.__class__(id="receipt", name="R", subject="s", body="b", purpose="service")
    story = Story(
        program_of(journey({"send": "receipt"}), messages=(receipt,), settings=OPEN), arm=HELD_OUT
    )
    story.person.consent.clear()
    story.does("Product Viewed")
    assert [m.purpose for m in story.sent] == ["service"]
    assert story.facts("Cell Assigned") == []
