"""What people add to the sums: told once, in any order, through merges, equal to counting it all again."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from duyen.measure import (
    Arm,
    effect_counter,
    get_large,
    joining,
    receipt,
    record,
    resettle,
    settle,
)
from duyen.model.effect import Add, Effect
from duyen.model.event import (
    EMAIL_LINK_CLICKED,
    EMAIL_OPENED,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    UNSUBSCRIBED,
    Event,
)
from duyen.model.happening import Receipt
from duyen.model.order import told as amount
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Contact, Outcome, Person
from duyen.model.program import Program, WorkspaceSettings
from duyen.model.times import DAY, Millis
from duyen.model.values import MICRO
from duyen.profiles import merge

PROGRAM = Program(settings=WorkspaceSettings(currency="VND"))
SINCE = 1_000_000


def event(name: str, id: str, time: Millis, **properties: Any) -> Event:
    return Event(id, "track", name, time, time, "web", True, (), properties, {}, {})


def order(id: str, time: Millis, total: object = "100", **more: Any) -> Event:
    return event(ORDER_COMPLETED, id, time, total=total, **more)


def refund(id: str, time: Millis, total: object = "100") -> Event:
    return event(ORDER_REFUNDED, id, time, total=total)


def person(id: str = "p", arm: str = TREATED, since: Millis = SINCE) -> Person:
    return Person(id, cells={GLOBAL: Cell(arm, since)})


def apply(counters: dict[str, dict[str, int]], effects: list[Effect]) -> None:
    """What the engine does with Add effects."""
    for effect in effects:
        assert isinstance(effect, Add)
        fields = counters.setdefault(effect.counter, {})
        for name, change in effect.amounts.items():
            fields[name] = fields.get(name, 0) + change


def tell(who: Person, *events: Event) -> dict[str, dict[str, int]]:
    counters: dict[str, dict[str, int]] = {}
    for each in events:
        who.fresh.append(each)
        apply(counters, record(who, each, PROGRAM, each.received))
    return counters


def arm_of(counters: dict[str, dict[str, int]], arm: str = TREATED) -> Arm:
    return Arm.from_fields(counters.get(effect_counter(GLOBAL, arm), {}))


# Experiments


def test_orders_count_from_eligibility_on() -> None:
    who = person()
    counters = tell(who, order("a", SINCE - 1), order("b", SINCE), order("c", SINCE + 1, "70"))
    assert arm_of(counters) == Arm(0, 1, 1, 1, 70 * MICRO, (70 * MICRO) ** 2)
    assert who.outcomes[GLOBAL] == Outcome(1, 70 * MICRO)


def test_squares_are_of_a_persons_totals() -> None:
    counters = tell(person(), *(order(f"o{n}", SINCE + 1 + n, 10) for n in range(3)))
    assert arm_of(counters) == Arm(0, 1, 3, 9, 30 * MICRO, (30 * MICRO) ** 2)


def test_a_refund_takes_its_amount_off_and_the_order_stays() -> None:
    for sign in ("", "-"):
        counters = tell(person(), order("a", SINCE + 1, "100"), refund("r", SINCE + 2, f"{sign}40"))
        assert arm_of(counters) == Arm(0, 1, 1, 1, 60 * MICRO, (60 * MICRO) ** 2)


def test_nobody_without_a_cell_counts() -> None:
    assert tell(Person("p"), order("a", 5)) == {}


def test_orders_in_another_currency_are_orders_without_an_amount_and_said_so() -> None:
    counters = tell(person(), order("a", SINCE + 1, 9, currency="GBP"))
    assert arm_of(counters) == Arm(0, 1, 1, 1)
    assert counters[effect_counter(GLOBAL, TREATED)]["other_currency"] == 1


def test_orders_whose_amount_cannot_be_read_are_said_so() -> None:
    counters = tell(
        person(),
        order("a", SINCE + 1, "about 20"),
        event(ORDER_COMPLETED, "b", SINCE + 2),
        order("c", SINCE + 3, 30),
    )
    assert arm_of(counters) == Arm(0, 1, 3, 9, 30 * MICRO, (30 * MICRO) ** 2)
    assert counters[effect_counter(GLOBAL, TREATED)]["unreadable"] == 2


def test_joining_counts_one_person() -> None:
    counters: dict[str, dict[str, int]] = {}
    who = person()
    apply(counters, joining(who, SINCE))
    assert arm_of(counters) == Arm(n=1)
    assert joining(who, SINCE + 1) == []


AMOUNTS = st.one_of(st.integers(-(10**8), 10**8), st.decimals(0, 10**8, places=2).map(str))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50), AMOUNTS), max_size=12), st.randoms())
def test_the_order_of_events_does_not_matter(deeds: list[Any], rng: Any) -> None:
    events = [
        (order if bought else refund)(f"e{n}", SINCE + time - 10, total)
        for n, (bought, time, total) in enumerate(deeds)
    ]
    shuffled = rng.sample(events, len(events))
    assert arm_of(tell(person(), *events)) == arm_of(tell(person(), *shuffled))


# Merges


def again(people: list[Person]) -> dict[str, Arm]:
    """The sums counted from scratch: everyone's cell, and their orders since."""
    sums = {TREATED: Arm(), HELD_OUT: Arm()}
    for who in people:
        if GLOBAL not in who.cells:
            continue
        cell = who.cells[GLOBAL]
        since = [e for e in who.recent if e.time > cell.since]
        orders = sum(e.name == ORDER_COMPLETED for e in since)
        money = sum(
            amount(e, "VND").micros if e.name == ORDER_COMPLETED else -abs(amount(e, "VND").micros)
            for e in since
        )
        one = Arm(1, int(orders > 0), orders, orders**2, money, money**2, int(cell.crossed))
        sums[cell.arm] += one
    return sums


DEEDS = st.lists(
    st.tuples(
        st.sampled_from(["order", "order", "refund", "late", "join", "merge"]),
        st.integers(0, 5),
        st.integers(0, 5),
        st.integers(-(10**12), 10**12),
    ),
    max_size=40,
)


@settings(max_examples=200)
@given(DEEDS)
def test_totals_equal_counting_it_all_again(deeds: list[tuple[str, int, int, int]]) -> None:
    """Six people order, return, tell late, enter the experiment and turn out to be the same, in any order."""
    people = [Person(f"p{n}") for n in range(6)]
    counters: dict[str, dict[str, int]] = {}
    for now, (deed, one, two, money) in enumerate(deeds, start=100):
        who, other = people[one % len(people)], people[two % len(people)]
        if deed == "join" and GLOBAL not in who.cells:
            who.cells[GLOBAL] = Cell(HELD_OUT if one % 2 else TREATED, now)
            apply(counters, joining(who, now))
        elif deed == "merge" and who is not other:
            merged = merge(who, other, {})
            apply(counters, settle(who, other, merged, PROGRAM))
            people = [each for each in people if each not in (who, other)] + [merged]
        elif deed in ("order", "refund", "late"):
            time = now - two * 7 if deed == "late" else now
            one_more = (refund if deed == "refund" else order)(f"e{now}", time, money)
            who.fresh.append(one_more)
            who.events += 1
            apply(counters, record(who, one_more, PROGRAM, now))
    assert {arm: arm_of(counters, arm) for arm in (TREATED, HELD_OUT)} == again(people)


def test_people_of_both_arms_stay_in_the_first_and_are_counted() -> None:
    counters: dict[str, dict[str, int]] = {}
    first, second = person("a", HELD_OUT, SINCE), person("b", TREATED, SINCE + 50)
    for who in (first, second):
        apply(counters, joining(who, who.cells[GLOBAL].since))
    for who, each in (
        (second, order("early", SINCE + 20, 5)),
        (second, order("late", SINCE + 60, 7)),
    ):
        who.fresh.append(each)
        apply(counters, record(who, each, PROGRAM, each.time))
    assert arm_of(counters, TREATED).orders == 1
    apply(counters, settle(first, second, merge(first, second, {}), PROGRAM))
    assert arm_of(counters, TREATED) == Arm()
    assert arm_of(counters, HELD_OUT) == Arm(
        1, 1, 2, 4, 12 * MICRO, (12 * MICRO) ** 2, crossed=1
    ), "the order before the second cell belongs to the first one's time"


def test_long_histories_add_what_both_counted() -> None:
    """Where old events have left the head, the totals kept are added, and the gap that the head still knows."""
    first, second = person("a", TREATED, SINCE), person("b", TREATED, SINCE + 50)
    first.chunks = second.chunks = 1
    first.outcomes[GLOBAL], second.outcomes[GLOBAL] = Outcome(3, 30), Outcome(2, 20)
    second.recent = [order("gap", SINCE + 20, 5), order("counted", SINCE + 60, 7)]
    merged = merge(first, second, {})
    settle(first, second, merged, PROGRAM)
    assert merged.outcomes[GLOBAL] == Outcome(6, 50 + 5 * MICRO)


def test_long_histories_that_share_an_order_count_it_once() -> None:
    """Where the whole history is at hand, it is counted again rather than added up."""
    counters: dict[str, dict[str, int]] = {}
    first, second = person("a", TREATED, SINCE), person("b", TREATED, SINCE)
    shared, own = order("shared", SINCE + 20, 5), order("own", SINCE + 60, 7)
    first.recent, second.recent = [shared], [own]
    for who, told in ((first, (shared,)), (second, (shared, own))):
        apply(counters, joining(who, SINCE))
        who.chunks = 1
        for each in told:
            apply(counters, record(who, each, PROGRAM, each.time))
    merged = merge(first, second, {})
    apply(counters, settle(first, second, merged, PROGRAM, [shared, own]))
    assert merged.outcomes[GLOBAL] == Outcome(2, 12 * MICRO)
    assert arm_of(counters, TREATED) == Arm(1, 1, 2, 4, 12 * MICRO, (12 * MICRO) ** 2)


def test_people_outside_the_experiment_merge_without_a_trace() -> None:
    one, two = Person("a", fresh=[order("o", 5)]), Person("b")
    assert settle(one, two, merge(one, two, {}), PROGRAM) == []


def test_people_taken_apart_count_as_if_they_had_never_been_one() -> None:
    counters: dict[str, dict[str, int]] = {}
    both = person("a")
    apply(counters, joining(both, SINCE))
    for each in (order("mine", SINCE + 5, 5), order("theirs", SINCE + 6, 70)):
        both.fresh.append(each)
        apply(counters, record(both, each, PROGRAM, each.time))
    mine, theirs = person("a"), Person("b")
    mine.outcomes = dict(both.outcomes)
    mine.recent, theirs.recent = both.recent[:1], both.recent[1:]
    apply(counters, resettle([both], [mine, theirs], PROGRAM))
    assert arm_of(counters) == Arm(1, 1, 1, 1, 5 * MICRO, (5 * MICRO) ** 2)
    assert mine.outcomes[GLOBAL] == Outcome(1, 5 * MICRO)


# Messages


def told(name: str, id: str, time: Millis, key: str = "k1", message: str = "hello") -> Event:
    return event(name, id, time, key=key, message=message)


def contact(key: str = "k1", state: str = "queued", message: str = "hello") -> Contact:
    return Contact(key, 5, "email", "marketing", message, "default", "journey:x", state)


def test_a_receipt_counts_once() -> None:
    who = Person("p", ledger=[contact()])
    counters: dict[str, dict[str, int]] = {}
    apply(counters, receipt(who, Receipt("k1", "sent"), 9))
    who.ledger = [contact(state="sent")]
    apply(counters, receipt(who, Receipt("k1", "sent"), 10))
    apply(counters, receipt(who, Receipt("unknown", "sent"), 11))
    assert counters == {"message:hello": {"sent": 1}}


def test_a_mail_that_left_while_it_was_cancelled_counts_as_sent() -> None:
    who = Person("p", ledger=[contact(state="cancelled")])
    assert receipt(who, Receipt("k1", "failed"), 9) == []
    assert receipt(who, Receipt("k1", "sent"), 9) == [Add("message:hello", {"sent": 1})]


def test_first_opens_clicks_and_unsubscriptions_by_contact() -> None:
    counters = tell(
        Person("p", ledger=[contact(), contact("k2")]),
        told(EMAIL_OPENED, "1", 10),
        told(EMAIL_OPENED, "2", 11),
        told(EMAIL_OPENED, "3", 12, key="k2"),
        told(EMAIL_LINK_CLICKED, "4", 13),
        told(EMAIL_LINK_CLICKED, "5", 14),
        told(UNSUBSCRIBED, "6", 15),
        event(EMAIL_OPENED, "7", 16),
    )
    assert counters == {"message:hello": {"opened": 2, "clicked": 1, "unsubscribed": 1}}


def test_a_mail_opened_again_long_after_counts_once() -> None:
    """However much happened in between: the ledger remembers, not the newest events."""
    who = Person("p", ledger=[contact()])
    assert tell(who, told(EMAIL_OPENED, "1", 10)) == {"message:hello": {"opened": 1}}
    tell(who, told(EMAIL_LINK_CLICKED, "2", 11))
    who.fresh = []  # all of it lies in a chunk by now
    assert tell(who, told(EMAIL_OPENED, "3", 12)) == {}
    assert tell(who, order("o", 13, "250000"))["message:hello"]["orders"] == 1


def test_a_touch_that_names_only_its_contact_finds_its_message() -> None:
    who = Person("p", ledger=[contact()])
    assert tell(who, event(EMAIL_OPENED, "1", 10, key="k1")) == {"message:hello": {"opened": 1}}


def test_an_order_belongs_to_the_message_clicked_last_within_the_window() -> None:
    week = PROGRAM.settings.conversion_window
    start = 100 * DAY
    lines = [contact("k1", message="old"), contact("k2", message="new")]
    who = Person("p", ledger=[*lines, contact("k3", message="only opened")])
    tell(
        who,
        told(EMAIL_LINK_CLICKED, "1", start, "k1", "old"),
        told(EMAIL_LINK_CLICKED, "2", start + 5, "k2", "new"),
        told(EMAIL_OPENED, "3", start + 6, "k3", "only opened"),
    )
    counters = tell(who, order("o", start + 5 + week, "250000"))
    assert get_large(counters["message:new"], "revenue") == 250_000 * MICRO
    assert counters["message:new"]["orders"] == 1
    assert list(counters) == ["message:new"]
    assert tell(who, order("p", start + 6 + week)) == {}


def test_what_a_browser_makes_up_counts_nothing() -> None:
    who = Person("p", ledger=[contact()])
    counters = tell(
        who,
        told(EMAIL_OPENED, "1", 10, key="no such contact"),
        told(EMAIL_LINK_CLICKED, "2", 11, message="made up"),
        event(EMAIL_LINK_CLICKED, "3", 12, message="hello"),
        told(EMAIL_LINK_CLICKED, "4", 13, key="nor this", message="hers"),
        event(UNSUBSCRIBED, "5", 14, key=["k1"], message="hello"),
        order("o", 15, "7"),
    )
    assert list(counters) == ["message:hello"]
    assert (counters["message:hello"]["clicked"], counters["message:hello"]["orders"]) == (1, 1)
    assert not counters["message:hello"].keys() & {"opened", "unsubscribed"}
