"""What a cart holds, from all that was told of it."""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.model.person import Person
from duyen.profiles import merge, refold
from duyen.testing.story import Story

ABANDONED = {
    "abandoned": {
        "all": [
            {"trait": "cart.quantity", "gte": 1},
            {"did_not": "Product Added", "within": "1h"},
        ]
    }
}


def cart(story: Story) -> dict[str, Any]:
    found: dict[str, Any] = story.person.traits["cart"].value
    return found


def add(story: Story, item: str, quantity: int = 1, price: object = "10", **more: Any) -> Story:
    return story.event(
        "Product Added", product_id=item, quantity=quantity, price=price, currency="VND", **more
    )


def test_what_is_added_and_removed() -> None:
    story = Story()
    add(story, "tea", 2, "150.000 ₫").passes("1m")
    add(story, "cup").passes("1m")
    story.event("Product Removed", product_id="tea", quantity=1)
    assert cart(story) == {
        "quantity": 2,
        "items": [
            {"product_id": "tea", "quantity": 1, "price": "150000.00"},
            {"product_id": "cup", "quantity": 1, "price": "10.00"},
        ],
        "value": "150010.00",
        "currency": "VND",
        "changed": "2026-03-02T12:02:00.000Z",
    }
    story.passes("1m").event("Removed Product", product_id="tea")
    story.passes("1m").event("product_removed", product_id="cup", quantity=5)
    assert cart(story)["quantity"] == 0


def test_an_order_empties_it_also_when_it_is_told_late() -> None:
    story = add(Story(), "tea").passes("1h")
    add(story, "cup")
    story.event("Order Completed", ago="30m", order_id="1", total=10)
    assert [item["product_id"] for item in cart(story)["items"]] == ["cup"]
    story.event("Product Added", ago="40m", product_id="late")
    assert [item["product_id"] for item in cart(story)["items"]] == ["cup"]


def test_the_whole_cart_seen_counts_from_then_on() -> None:
    story = add(Story(), "tea").passes("1m")
    story.event("Cart Viewed", products=[{"product_id": "cup", "quantity": 2, "price": 5}])
    assert cart(story)["quantity"] == 2
    story.passes("1m").event("Cart Viewed").event("Wishlist Product Added to Cart", product_id="x")
    assert cart(story)["quantity"] == 3
    assert "value" not in cart(story), "no price is known of one of them"


def test_what_cannot_be_counted_is_not_guessed() -> None:
    story = Story().event("Product Added", product_id="tea", quantity=-3)
    story.event("Product Added", quantity=3).event("Product Added", product_id="t", quantity="few")
    assert "cart" not in story.person.traits
    add(story, "tea", 1, "10").event("Product Added", product_id="cup", price="5", currency="USD")
    assert cart(story)["quantity"] == 2
    assert "value" not in cart(story), "two currencies make no sum"


def test_an_abandoned_cart_is_two_lines() -> None:
    story = add(Story(segments=ABANDONED), "tea")
    assert story.segments == set()
    story.passes("59m")
    assert story.segments == set()
    story.passes("1m")
    assert story.segments == {"abandoned"}
    story.event("Order Completed", order_id="1", total=10)
    assert story.segments == set()


def test_a_machine_fills_no_cart_and_nobody_writes_the_trait() -> None:
    story = Story().identify(cart={"quantity": 99})
    assert "cart" not in story.person.traits
    event = add(Story(), "tea").person.recent[0]
    machine = msgspec.structs.replace(event, quality="bot")
    assert refold("p", [machine], {}).cart is None


def test_two_people_who_are_one_have_one_cart() -> None:
    one = add(Story(), "tea").person
    two = add(Story(start="2026-03-02T13:00:00Z"), "cup").person
    two.seen, two.fresh = {}, []
    both = merge(Person("p"), merge(one, two, {}), {})
    assert both.traits["cart"].value["quantity"] == 2
