"""Items learned from order lines."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from duyen.catalog import Learned, completed
from duyen.catalog.learned import MAX_NAMES
from duyen.model.catalogue import Item
from duyen.model.event import Event


def order(time: int, *products: object, name: str = "Order Completed") -> Event:
    properties: dict[str, Any] = {"currency": "GBP", "products": list(products)}
    return Event(f"m{time}", "track", name, time, time, "s", True, (), properties, {}, {})


def line(name: str = "", price: str = "1.00", id: object = "A", **more: object) -> dict[str, Any]:
    return {"product_id": id, "name": name, "price": price, "quantity": 1, **more}


def learned(*events: Event) -> Learned:
    found = Learned()
    for event in events:
        found.tell(event)
    return found


def test_the_most_frequent_name_wins_over_a_clerks_note() -> None:
    found = learned(
        order(1, line("Red lamp")), order(2, line("Red lamp")), order(3, line("damaged"))
    )
    assert found.item("A").name == "Red lamp"


def test_among_equally_frequent_names_the_newest_wins() -> None:
    assert learned(order(1, line("Old")), order(2, line("New"))).item("A").name == "New"


def test_the_newest_price_counts_and_zero_is_none() -> None:
    found = learned(
        order(2, line("x", "3.00")), order(1, line("x", "2.00")), order(3, line("x", "0"))
    )
    assert (found.item("A").price, found.item("A").currency) == ("3.00", "GBP")


def test_an_item_without_a_name_bears_its_code() -> None:
    assert learned(order(1, {"sku": 77})).item("77") == Item(id="77", name="77")


def test_what_is_no_product_is_not_for_sale() -> None:
    found = learned(
        order(1, line("Postage", id="POST"), line("Manual", id="M", kind="manual"), line("Lamp"))
    )
    assert {item.id: item.sellable for item in found.items()} == {
        "A": True,
        "M": False,
        "POST": False,
    }


def test_a_shops_own_codes_come_first() -> None:
    found = Learned(codes={"dot": "postage"})
    found.tell(order(1, line("Dotcom postage", id="DOT")))
    assert not found.item("DOT").sellable


def test_only_completed_orders_and_readable_lines_speak() -> None:
    found = learned(
        order(1, line("x"), name="Order Refunded"),
        order(2, "no line", {"name": "no id"}, {"product_id": ""}, {"product_id": True}),
    )
    assert list(found.items()) == []


def test_changes_are_told_once() -> None:
    found = learned(order(1, line("x"), line("y", id="B")))
    assert [item.id for item in found.changed()] == ["A", "B"]
    found.tell(order(2, line("z", id="B")))
    assert [item.id for item in found.changed()] == ["B"]
    assert list(found.changed()) == []


def test_what_was_sent_counts_and_lines_fill_the_gaps() -> None:
    seen = Item(id="A", name="Lamp", price="2.00", currency="GBP")
    assert completed(Item(id="A", name="A", price="9.00"), seen) == Item(
        id="A", name="Lamp", price="9.00", currency="GBP"
    )
    assert completed(Item(id="A", name="Our lamp"), seen).name == "Our lamp"


def test_names_of_one_item_are_bounded() -> None:
    found = learned(*(order(n, line(f"name {n}")) for n in range(100)), order(100, line("name 99")))
    assert len(found.sold["A"].names) == MAX_NAMES
    assert found.item("A").name == "name 99"


lines = st.builds(
    line,
    name=st.sampled_from(["", "Lamp", "Red lamp", "damaged"]),
    price=st.sampled_from(["", "0", "1.00", "2.50", "x"]),
    id=st.sampled_from(["A", "B", "POST"]),
)
orders = st.lists(st.tuples(st.integers(1, 5), lines), max_size=12)


@given(orders, st.randoms(use_true_random=False))
def test_any_order_of_lines_gives_the_same_items(told: list[Any], random: Any) -> None:
    shuffled = list(told)
    random.shuffle(shuffled)
    events = [order(time, one) for time, one in told]
    others = [order(time, one) for time, one in shuffled]
    assert list(learned(*events).items()) == list(learned(*others).items())
