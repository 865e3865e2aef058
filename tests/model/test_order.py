"""An order is what all that was told of it makes it, in any order; its amount is read exactly or not at all."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from duyen.model.event import Event
from duyen.model.money import read_amount
from duyen.model.order import Told, lines_of, needs_past, orders, told
from duyen.model.values import MICRO


def event(id: str, name: str = "Order Completed", time: int = 1, **properties: Any) -> Event:
    return Event(id, "track", name, time, time, "web", True, (), properties, {}, {})


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"total": "19.90", "revenue": 5}, Told(19_900_000)),
        ({"revenue": 250_000}, Told(250_000 * MICRO)),
        ({"products": [{"price": "2.55", "quantity": 12}, {"price": 1}]}, Told(31_600_000)),
        ({"products": [{"price": "0.333333", "quantity": "0.5"}]}, Told(166_666)),
        ({"products": [{"price": "0.000003", "quantity": "0.5"}]}, Told(2)),
        ({"total": 5, "currency": "vnd"}, Told(5 * MICRO)),
        ({"total": 5, "currency": "GBP"}, Told(0, "other_currency")),
        ({"total": 5, "currency": "đồng nào đó"}, Told(0, "other_currency")),
        ({"total": "free", "revenue": 7}, Told(0, "unreadable")),
        ({"total": True}, Told(0, "unreadable")),
        ({"total": 10**13}, Told(0, "unreadable")),
        ({"products": "tea"}, Told(0, "unreadable")),
        ({"products": [{"price": 2}, "?"]}, Told(0, "unreadable")),
        ({"products": [{"price": 2}, {"quantity": 2}]}, Told(0, "unreadable")),
        ({"products": [{"price": 2, "quantity": -1}]}, Told(0, "unreadable")),
        ({"products": [{"price": 2, "currency": "USD"}]}, Told(0, "other_currency")),
        ({"products": []}, Told(0, "untold")),
        ({}, Told(0, "untold")),
    ],
)
def test_the_amount_that_an_event_states(properties: dict[str, Any], expected: Told) -> None:
    assert told(event("o", **properties), "VND") == expected


def test_ten_thousand_lines_add_up() -> None:
    line = {"product_id": "tea", "price": "0.10", "quantity": 3}
    many = event("o", products=[line] * 10_000)
    assert told(many, "VND") == Told(3_000 * MICRO)
    assert len(lines_of(many)) == 10_000


def test_lines_say_what_can_be_read_of_each() -> None:
    lines = lines_of(
        event("o", products=[{"sku": 7, "price": "12"}, {"quantity": "some", "price": 1}, "?"])
    )
    assert [(one.item, one.quantity, one.price, one.amount) for one in lines] == [
        ("7", MICRO, 12 * MICRO, 12 * MICRO),
        ("", None, MICRO, None),
    ]


@pytest.mark.parametrize(
    ("text", "currency", "plain", "said"),
    [
        ("1.234.000 ₫", "VND", "1234000", "VND"),
        ("1.234.000\xa0₫", "USD", "1234000", "VND"),
        ("129.000", "VND", "129000", ""),
        ("129.000đ", "VND", "129000", "VND"),
        ("129000.00", "VND", "129000.00", ""),
        ("$12", "USD", "12", "USD"),
        ("$1,234.50", "SGD", "1234.50", "SGD"),
        ("1.234,50 €", "USD", "1234.50", "EUR"),
        ("12,5", "EUR", "12.5", ""),
        ("VND 5,000", "USD", "5000", "VND"),
        ("1'234'567.89", "CHF", "1234567.89", ""),
        ("-5", "VND", "-5", ""),
    ],
)
def test_amounts_written_for_people(text: str, currency: str, plain: str, said: str) -> None:
    assert read_amount(text, currency) == (plain, said)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("1,234", "USD"),
        ("$12", "VND"),
        ("1,234,567.8.9", "USD"),
        ("1.23.456", "VND"),
        ("12,000,00", "VND"),
        ("12..5", "USD"),
        ("12k", "USD"),
        ("(12)", "USD"),
        ("12 - 15", "USD"),
        ("1e3", "USD"),
        ("$12 USD", "USD"),
        ("٣", "VND"),
        ("free", "VND"),
        ("", "VND"),
        ("1" * 41, "VND"),
    ],
)
def test_what_has_no_reading_or_two_is_not_guessed(text: str, currency: str) -> None:
    assert read_amount(text, currency) is None


def test_an_order_told_twice_is_one_and_the_last_word_counts() -> None:
    (order,) = orders(
        [
            event("a", time=1, order_id="7", total=10),
            event("b", time=2, order_id=7, total=12),
            event("c", "Order Updated", time=3, order_id="7", total="15"),
            event("d", "Order Updated", time=4, order_id="7"),
        ],
        "VND",
    ).values()
    assert (order.time, order.micros, order.problem) == (1, 15 * MICRO, "")


def test_parts_of_one_imported_order_add_up() -> None:
    (order,) = orders(
        [
            event("a", time=1, order_id="7", total=10),
            event("b", time=1, order_id="7", total=5, continues=True),
            event("c", time=1, order_id="7", total=5, continues=True),
        ],
        "VND",
    ).values()
    assert order.micros == 20 * MICRO


def test_refunds_take_off_what_they_state_else_the_whole() -> None:
    bought = event("a", time=1, order_id="7", total=100)
    part = event("r1", "Order Refunded", 2, order_id="7", products=[{"price": 10, "quantity": 2}])
    whole = event("r2", "Order Refunded", 3, order_id="7")
    assert not needs_past(part)
    assert needs_past(whole)
    (order,) = orders([bought, part], "VND").values()
    assert order.refunds == ((2, 20 * MICRO),)
    (order,) = orders([bought, whole], "VND").values()
    assert order.refunds == ((3, 100 * MICRO),)


def test_a_cancelled_order_counts_for_nothing() -> None:
    (order,) = orders(
        [
            event("a", time=1, order_id="7", total=100),
            event("r", "Order Refunded", 2, order_id="7"),
            event("c", "Order Cancelled", 3, order_id="7", total=100),
        ],
        "VND",
    ).values()
    assert (order.cancelled, order.micros, order.refunds) == (True, 0, ())


def test_an_update_alone_is_no_order() -> None:
    (order,) = orders([event("a", "Order Updated", order_id="7", total=3)], "VND").values()
    assert order.time is None


WORDS = st.builds(
    lambda name, time, key, properties: (name, time, key, properties),
    st.sampled_from(["Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"]),
    st.integers(0, 4),
    st.sampled_from(["1", "2", ""]),
    st.sampled_from(
        [{}, {"total": 5}, {"total": "?"}, {"revenue": 2}, {"continues": True, "total": 1}]
    ),
)


@given(st.lists(WORDS, max_size=10), st.randoms())
def test_the_order_of_what_is_told_means_nothing(words: list[Any], chance: Any) -> None:
    events = [
        event(f"e{n}", name, time, order_id=key, **properties)
        for n, (name, time, key, properties) in enumerate(words)
    ]
    assert orders(events, "VND") == orders(chance.sample(events, len(events)), "VND")
