"""Law 1: any order, any batching and any duplication of the same events give the same knowledge."""

from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.consent import granted
from duyen.model.event import CONSENT_UPDATED, IDENTIFIED, UNSUBSCRIBED, Event
from duyen.model.person import Person, Trait
from duyen.model.times import DAY
from duyen.profiles import (
    MAX_TRAITS,
    RECENT_KEPT,
    RECENT_MOST,
    SEEN_FOR,
    absorb,
    accumulate,
    knowledge,
    refold,
    spill,
)
from tests.profiles.people import SPECS, START, events, live


def fold(arriving: list[Event], batches: list[int] | None = None) -> tuple[Person, list[Event]]:
    """Fold in order of arrival; after each batch the document is stored, read again, and may spill."""
    person, older = Person("p"), []
    for number, event in enumerate(arriving):
        absorb(person, event, SPECS)
        if batches and number in batches:
            older += list(spill(person))
            person = msgspec.msgpack.decode(msgspec.msgpack.encode(person), type=Person)
    return person, older


@given(events(), st.randoms(), st.lists(st.integers(0, 40)))
def test_order_batching_and_duplication_do_not_matter(
    told: list[Event], random: Random, batches: list[int]
) -> None:
    straight = refold("p", told, SPECS)
    again = [*told, *told[::2]]
    random.shuffle(again)
    person, older = fold(again, batches)
    assert knowledge(person, older) == knowledge(straight)
    assert person.consent == straight.consent
    assert person.events == len(told)


@given(st.permutations(range(90)), st.lists(st.integers(0, 89)))
def test_a_long_history_spills_without_losing_anything(
    order: list[int], batches: list[int]
) -> None:
    told = [live(f"m{n:03d}", START + n // 3, START + 100) for n in range(90)]
    person, older = fold([told[n] for n in order], batches)
    assert knowledge(person, older) == knowledge(refold("p", told, SPECS))


def test_a_duplicate_is_told_as_one_and_changes_nothing() -> None:
    person = Person("p")
    assert absorb(person, live("m1", 1, 2), SPECS)
    before = msgspec.msgpack.encode(person)
    assert not absorb(person, live("m1", 1, 900), SPECS)
    assert msgspec.msgpack.encode(person) == before


def test_a_head_keeps_the_newest_and_hands_out_the_rest_in_order() -> None:
    person = refold("p", [live(f"m{n:03d}", n, n) for n in range(RECENT_MOST)], SPECS)
    assert spill(person) == ()
    absorb(person, live("m999", 999, 999), SPECS)
    gone = spill(person)
    assert [e.time for e in gone] == list(range(RECENT_MOST + 1 - RECENT_KEPT))
    assert len(person.recent) == RECENT_KEPT
    assert person.recent[-1].id == "m999"


def test_message_ids_are_remembered_for_35_days_of_arrival_and_imported_ones_for_good() -> None:
    person = Person("p")
    absorb(person, live("old", START, START), SPECS)
    absorb(person, live("row 7", START - 900 * DAY, START, imported=True), SPECS)
    for n in range(RECENT_MOST):
        absorb(person, live(f"m{n}", START + n, START + SEEN_FOR - 1), SPECS)
    assert spill(person)
    assert not absorb(person, live("old", START, START), SPECS)
    for n in range(RECENT_MOST):
        absorb(person, live(f"n{n}", START + n, START + SEEN_FOR + 14 * DAY), SPECS)
    assert spill(person)
    assert not absorb(person, live("row 7", START - 900 * DAY, START, imported=True), SPECS)
    assert not absorb(person, live("m0", START, START + SEEN_FOR - 1), SPECS)
    assert absorb(person, live("old", START, START + SEEN_FOR + 14 * DAY), SPECS)


def identified(id: str, time: int, traits: dict[str, object]) -> Event:
    return Event(
        id, "identify", IDENTIFIED, time, time, "shop", True, (("user_id", "u1"),), {}, traits, {}
    )


def test_the_last_writer_of_a_trait_wins_and_none_deletes() -> None:
    later = identified("m2", 20, {"city": "Huế", "plan": None})
    earlier = identified("m9", 10, {"city": "Hà Nội", "plan": "pro", "note": "<script>x</script>"})
    person = refold("p", [later, earlier], SPECS)
    assert person.traits["city"] == Trait("Huế", 20, "m2", "shop")
    assert person.traits["plan"].value is None
    assert person.traits["note"].value == "<script>x</script>"


def test_at_one_instant_the_greater_message_id_writes_the_trait() -> None:
    a, b = identified("a", 10, {"city": "Huế"}), identified("b", 10, {"city": "Hà Nội"})
    for order in ([a, b], [b, a]):
        assert refold("p", order, SPECS).traits["city"].value == "Hà Nội"


@given(st.randoms())
@settings(max_examples=10)
def test_only_the_last_written_traits_are_kept(random: Random) -> None:
    told = [identified(f"m{n:04d}", n // 2, {f"t{n % 300}": n}) for n in range(400)]
    straight = refold("p", told, SPECS).traits
    random.shuffle(told)
    person = Person("p")
    for one in told:
        absorb(person, one, SPECS)
    assert person.traits == straight
    assert len(straight) == MAX_TRAITS


def test_a_huge_value_stays_in_its_event() -> None:
    person = refold("p", [identified("m1", 1, {"essay": "x" * 9_000, "city": "Huế"})], SPECS)
    assert set(person.traits) == {"city"}
    assert person.recent[0].traits["essay"] == "x" * 9_000


def consent(id: str, time: int, **said: object) -> Event:
    name = str(said.pop("name", CONSENT_UPDATED))
    return Event(id, "track", name, time, time, "shop", True, (("user_id", "u1"),), said, {}, {})


YES = {"purpose": "marketing", "channel": "email", "state": "granted"}


def test_what_is_said_later_replaces_what_was_said_before() -> None:
    yes, no, again = (
        consent("m1", 1, **YES),
        consent("m2", 2, name=UNSUBSCRIBED),
        consent("m3", 3, **YES),
    )
    assert granted(refold("p", [yes], SPECS).consent, "marketing", "email")
    assert not granted(refold("p", [no, yes], SPECS).consent, "marketing", "email")
    assert granted(refold("p", [again, no, yes], SPECS).consent, "marketing", "email")


def test_at_one_instant_no_means_no() -> None:
    yes, no = consent("z", 1, **YES), consent("a", 1, name=UNSUBSCRIBED)
    assert not granted(refold("p", [yes, no], SPECS).consent, "marketing", "email")


@pytest.mark.parametrize(
    "said",
    [
        {"state": "granted"},
        {"state": "granted", "channel": "email"},
        {"state": "maybe", "purpose": "marketing", "channel": "email"},
        {"state": "granted", "purpose": 7, "channel": "email"},
        {"state": "granted", "purpose": "marketing/x", "channel": "email"},
        {"state": "granted", "purpose": "m" * 99, "channel": "email"},
        {"state": ["granted"], "purpose": "marketing", "channel": "email"},
    ],
)
def test_half_a_grant_is_none(said: dict[str, object]) -> None:
    assert refold("p", [consent("m1", 1, **said)], SPECS).consent == {}


def test_a_refusal_that_names_less_covers_more() -> None:
    person = refold("p", [consent("m1", 1, **YES), consent("m2", 2, state="denied")], SPECS)
    assert not granted(person.consent, "marketing", "email")
    assert not granted(person.consent, "personalisation", "push")


@given(events())
def test_accumulating_anew_changes_nothing_but_the_series(told: list[Event]) -> None:
    person, without = refold("p", told, SPECS), refold("p", told, {})
    assert without.series == {}
    accumulate(without, [*told, *told], SPECS)
    assert without == person


@given(events(most=12), st.lists(st.booleans(), min_size=12, max_size=12))
def test_the_newest_events_are_the_same_however_they_were_packed(
    told: list[Event], packs: list[bool]
) -> None:
    person = Person("p")
    for each, pack in zip(told, packs, strict=False):
        absorb(person, each, SPECS)
        if pack:
            person.pack()
            person = msgspec.msgpack.decode(msgspec.msgpack.encode(person), type=Person)
    fresh = Person("p")
    for each in told:
        absorb(fresh, each, SPECS)
    assert person.recent == fresh.recent == sorted(fresh.fresh, key=lambda e: e.order)
    assert person.recent_count == len(fresh.recent)


@given(events(most=5))
def test_a_document_written_before_events_were_packed_is_read(told: list[Event]) -> None:
    written = msgspec.msgpack.encode({"id": "p", "recent": told})
    person = msgspec.msgpack.decode(written, type=Person)
    person.pack()
    assert person.recent == sorted(told, key=lambda e: e.order)
    assert not person.fresh
