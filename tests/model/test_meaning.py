"""One table says what an event means by its name."""

import json

import pytest

from duyen.model import event
from duyen.model.meaning import FACTS, GOODS, MEANINGS, ORDERS, TOUCHES, known_as
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Order Completed", "Order Completed"),
        ("order completed", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("OrderCompleted", "Order Completed"),
        ("Completed Order", "Order Completed"),
        ("Viewed Product", "Product Viewed"),
        ("Viewed Product Category", "Product List Viewed"),
        ("Added Product", "Product Added"),
        ("Removed Product", "Product Removed"),
        ("Order Canceled", "Order Cancelled"),
        ("Product Added To Wishlist", "Product Added to Wishlist"),
        ("Email Marked As Spam", "Email Marked as Spam"),
        ("Order Completed Twice", "Order Completed Twice"),
        ("Đặt hàng", "Đặt hàng"),
        ("my_own_event", "my_own_event"),
        ("order completed" + " " * 60, "order completed" + " " * 60),
    ],
)
def test_names_are_known_in_any_spelling(told: str, kept: str) -> None:
    assert known_as(told) == kept
    assert known_as(kept) == kept


def test_no_two_meanings_share_a_spelling() -> None:
    told = [name for each in MEANINGS.values() for name in (each.name, *each.was)]
    assert len({name.replace(" ", "").casefold() for name in told}) == len(told)
    assert {known_as(name) for name in told} == set(MEANINGS)


def test_the_names_that_our_own_code_writes_are_in_the_table() -> None:
    assert {event.ORDER_COMPLETED, event.ORDER_REFUNDED} <= ORDERS <= GOODS & FACTS
    assert set(TOUCHES) == {event.EMAIL_OPENED, event.EMAIL_LINK_CLICKED}
    assert MEANINGS[event.UNSUBSCRIBED].mail == "unsubscribed"
    assert MEANINGS[event.PRODUCT_VIEWED].interest == "viewed"


def test_interest_has_a_weight_and_only_where_there_are_products() -> None:
    for each in MEANINGS.values():
        assert not each.weight or each.interest, each
        assert not (each.interest or each.cart or each.order) or each.goods, each
        assert each.means.endswith((".", ").")), each
    assert max(MEANINGS.values(), key=lambda each: each.weight).name == "Order Completed"


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_console_has_words_for_every_event(language: str) -> None:
    file = ROOT / "web" / "console" / "src" / "words" / f"{language}.json"
    words = json.loads(file.read_text(encoding="utf-8"))
    assert not [name for name in MEANINGS if not words.get(f"event_name.{name}")]
