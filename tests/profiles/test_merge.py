"""Law 2: merging is folding; and the table for what is not knowledge."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.consent import Statement, granted
from duyen.model.event import Event
from duyen.model.person import Cell, Contact, Outcome, Pending, Person, Place, Trait
from duyen.profiles import (
    MAX_TRAITS,
    carry,
    knowledge,
    merge,
    refold,
    settle_contact,
    shares_events,
    spill,
)
from tests.profiles.people import SPECS, documents, event, events, live

# Whole documents are dear to make, and half as many find the same mistakes.
FEWER = settings(max_examples=50)
NOT_KNOWLEDGE = ("cells", "ledger", "places", "pending", "shown", "consent", "seen")


def rest(person: Person) -> dict[str, object]:
    return {part: getattr(person, part) for part in NOT_KNOWLEDGE}


@given(events(most=20), st.lists(st.sampled_from("ab+"), min_size=20, max_size=20))
def test_merging_two_folds_is_folding_the_union(told: list[Event], whose: list[str]) -> None:
    """Events of either, of both; the latter counted once."""
    a = refold("p", [e for e, w in zip(told, whose, strict=False) if w in "a+"], SPECS)
    b = refold("q", [e for e, w in zip(told, whose, strict=False) if w in "b+"], SPECS)
    merged = merge(a, b, SPECS)
    assert merged.id == "p"
    assert knowledge(merged) == knowledge(refold("p", told, SPECS))


@given(st.lists(event("m1"), min_size=2, max_size=3), events(most=3))
@FEWER
def test_one_id_told_with_two_contents_gives_one_answer(
    contents: list[Event], others: list[Event]
) -> None:
    """A client tries again with a clock corrected anew, each time into another document."""
    parts = [refold("p", [e, *others], SPECS) for e in contents]
    merged = parts[0]
    for part in parts[1:]:
        merged = merge(merged, part, SPECS)
    backwards = parts[-1]
    for part in parts[-2::-1]:
        backwards = merge(backwards, part, SPECS)
    assert knowledge(merged) == knowledge(backwards)
    assert knowledge(refold("p", [*contents, *others], SPECS))["history"] == merged.recent
    if len(contents) == 2:
        # Who they are is identity's word: both contents were evidence of it.
        mine, again = knowledge(merged), knowledge(refold("p", [*others, *contents], SPECS))
        assert {**again, "identifiers": 0, "trusted": 0} == {**mine, "identifiers": 0, "trusted": 0}


@given(events(most=20), st.lists(st.sampled_from("abc"), min_size=20, max_size=20))
@FEWER
def test_the_order_of_merges_does_not_matter(told: list[Event], whose: list[str]) -> None:
    a, b, c = (
        refold("p", [e for e, w in zip(told, whose, strict=False) if w == part], SPECS)
        for part in "abc"
    )
    left = merge(merge(a, b, SPECS), c, SPECS)
    right = merge(a, merge(b, c, SPECS), SPECS)
    assert left == right == merge(merge(c, a, SPECS), b, SPECS)
    assert knowledge(left) == knowledge(refold("p", told, SPECS))


@given(documents("a"), documents("b"), documents("c"))
@FEWER
def test_a_merge_is_commutative_associative_and_idempotent(a: Person, b: Person, c: Person) -> None:
    """On documents that share no event, as live ones never do: all of it, outcomes too."""
    assert merge(a, b, SPECS) == merge(b, a, SPECS)
    assert merge(merge(a, b, SPECS), c, SPECS) == merge(a, merge(b, c, SPECS), SPECS)
    if a.events:
        assert merge(a, a, SPECS) == a
    assert rest(merge(a, a, SPECS)) == rest(a)


@given(documents(), documents(), documents())
@FEWER
def test_the_table_holds_for_documents_that_share_events(a: Person, b: Person, c: Person) -> None:
    """The ids of these events collide, their contents differ: the worst that can be handed in."""
    ab, ba = merge(a, b, SPECS), merge(b, a, SPECS)
    assert rest(ab) == rest(ba)
    assert ab.outcomes == ba.outcomes
    assert rest(merge(ab, c, SPECS)) == rest(merge(a, merge(b, c, SPECS), SPECS))
    assert rest(merge(ab, b, SPECS)) == rest(ab)


@given(documents("a"), documents("b"))
@FEWER
def test_a_merge_changes_neither(a: Person, b: Person) -> None:
    before = msgspec.msgpack.encode(a), msgspec.msgpack.encode(b)
    merged = merge(a, b, SPECS)
    for value in merged.identifiers.values():
        value["new"] = 1
    merged.fresh.clear()
    for series in merged.series.values():
        series.points.append((1, 1))
    for times in merged.shown.values():
        times.append(9)
    assert (msgspec.msgpack.encode(a), msgspec.msgpack.encode(b)) == before


@given(documents("a"), documents("b"))
@FEWER
def test_consent_after_a_merge_is_never_wider(a: Person, b: Person) -> None:
    merged = merge(a, b, SPECS)
    for one, other in ((a, b), (b, a)):
        if granted(merged.consent, "marketing", "email"):
            assert granted(one.consent, "marketing", "email") or not one.consent
        if any(s.state == "denied" for s in one.consent.values()):
            assert not granted(merge(other, one, SPECS).consent, "marketing", "email")


def test_a_refusal_survives_a_later_grant_of_the_other_until_the_person_grants_again() -> None:
    key = "default/marketing/email"
    a, b = Person("p"), Person("q")
    a.consent[key] = Statement("denied", 10, "m1", "link in mail")
    b.consent[key] = Statement("granted", 20, "m2", "form")
    assert merge(a, b, SPECS).consent[key] == Statement("denied", 20, "m1", "link in mail")


def test_documents_with_chunks_that_share_events_need_their_history() -> None:
    told = [live(f"m{n:03d}", n, n) for n in range(120)]
    a, b = refold("p", told[:80], SPECS), refold("q", told[70:], SPECS)
    gone = spill(a)
    a.chunks = 1
    assert shares_events(a, b)
    with pytest.raises(ValueError, match="history"):
        merge(a, b, SPECS)
    merged = merge(a, b, SPECS, history=[*gone, *a.recent, *b.recent])
    assert knowledge(merged, gone) == knowledge(refold("p", told, SPECS))


def test_the_earlier_cell_stays_and_the_crossing_is_told() -> None:
    a, b = Person("p", cells={"global": Cell("held_out", 5)}), Person("q")
    b.cells["global"] = Cell("treated", 3)
    assert merge(a, b, SPECS).cells["global"] == Cell("treated", 3, crossed=True)
    b.cells["global"] = Cell("held_out", 3)
    assert merge(a, b, SPECS).cells["global"] == Cell("held_out", 3)


def contact(key: str, state: str, reason: str = "") -> Contact:
    return Contact(key, 1, "email", "marketing", "m", "default", "j", state, reason)


def test_a_contact_that_was_sent_is_sent_whatever_the_other_ledger_says() -> None:
    a = Person("p", ledger=[contact("k", "queued"), contact("x", "refused")])
    b = Person("q", ledger=[contact("k", "sent")])
    states = {line.key: line.state for line in merge(a, b, SPECS).ledger}
    assert states == {"k": "sent", "x": "refused"}


def test_the_further_place_of_a_run_stays() -> None:
    near = Place("j", "r", 1, (0,), 50, {})
    far = Place("j", "r", 1, (1,), 20, {})
    done = Place("j", "r", 1, (0,), 10, {}, done=True)
    a, b = Person("p", places={"r": near}), Person("q", places={"r": far})
    assert merge(a, b, SPECS).places["r"] == far
    b.places["r"] = done
    assert merge(merge(a, b, SPECS), a, SPECS).places["r"] == done


def test_places_and_decisions_that_tie_are_told_apart_whatever_the_order() -> None:
    a, b = (
        Person(
            "p",
            places={"r": Place("j", "r", entered, (1,), 9, {"item": entered})},
            pending={"d": Pending("d", 1, 5, "home", f"offer-{entered}")},
        )
        for entered in (1, 2)
    )
    assert merge(a, b, SPECS) == merge(b, a, SPECS)


def test_a_merged_document_has_no_more_traits_than_any_other() -> None:
    a, b = (
        Person("p", traits={f"{side}{n}": Trait(n, n, "m") for n in range(MAX_TRAITS)})
        for side in "ab"
    )
    merged = merge(a, b, SPECS).traits
    assert len(merged) == MAX_TRAITS
    assert min(trait.time for trait in merged.values()) == MAX_TRAITS // 2


def test_outcomes_of_two_strangers_add_up_and_of_one_person_twice_do_not() -> None:
    a = refold("p", [live("m1", 1, 1)], SPECS)
    b = refold("q", [live("m2", 1, 1)], SPECS)
    a.outcomes["global"], b.outcomes["global"] = Outcome(1, 50), Outcome(2, 70)
    assert merge(a, b, SPECS).outcomes["global"] == Outcome(3, 120)
    assert merge(a, a, SPECS).outcomes["global"] == Outcome(1, 50)


def test_a_receipt_is_written_into_its_line_and_never_takes_back_what_is_known() -> None:
    person = Person("p", ledger=[contact("k", "queued"), contact("x", "queued")])
    settle_contact(person, "k", "sent", "", 5)
    settle_contact(person, "k", "failed", "late news", 6)
    settle_contact(person, "x", "expired", "", 7)
    settle_contact(person, "unknown", "sent", "", 7)
    assert [(c.state, c.reason) for c in person.ledger] == [("sent", ""), ("cancelled", "expired")]


@given(documents("a"), documents("b"))
@FEWER
def test_what_is_not_knowledge_is_carried_to_a_document_made_anew(a: Person, b: Person) -> None:
    new = refold("p", [*a.recent, *b.recent], SPECS)
    carry(a, new)
    assert {part: getattr(new, part) for part in ("cells", "ledger", "places", "pending")} == {
        part: getattr(a, part) for part in ("cells", "ledger", "places", "pending")
    }
    assert new.outcomes == a.outcomes


@given(documents("a"))
def test_the_heirs_of_one_document_share_nothing_they_write_into(a: Person) -> None:
    before = msgspec.msgpack.encode(a)
    heirs = [Person("one"), Person("two")]
    for heir in heirs:
        carry(a, heir)
    first, second = heirs
    untouched = msgspec.msgpack.encode(second)
    first.cells["new"] = Cell("treated", 1)
    first.ledger.clear()
    first.places.clear()
    first.pending.clear()
    for outcome in first.outcomes.values():
        outcome.orders += 1
    for times in first.shown.values():
        times.clear()
    assert msgspec.msgpack.encode(second) == untouched
    assert msgspec.msgpack.encode(a) == before


def test_folding_again_makes_nobody_reachable() -> None:
    """A merge kept the refusal of one half; taking a third person out must not turn it into the other's grant."""
    email, sms = "default/marketing/email", "default/marketing/sms"
    old = Person(
        "p", consent={email: Statement("denied", 20, "m1"), sms: Statement("granted", 9, "m9")}
    )
    new = Person("p", consent={email: Statement("granted", 20, "m2")})
    carry(old, new)
    assert new.consent == {email: Statement("denied", 20, "m1")}
