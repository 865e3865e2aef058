"""The engine, the reports and the lake agree on what an order came to, however long ago its first word was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duyen.runtime import reports
from duyen.runtime.lakework import flush
from duyen.runtime.training import train
from duyen.stores.query import Query
from tests.runtime.test_merges import Town

LINES = [{"product_id": "tea", "price": "50", "quantity": 2}]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.engine.close()
    made.house.close()


def sold(town: Town) -> tuple[int, str]:
    house = town.house
    today = reports.overview(house.state, house.program(), house.clock.now())["orders"]
    return today["today"], today["revenue_today"]


def in_lake(town: Town) -> list[tuple[Any, ...]]:
    flush(town.house)
    asked = "SELECT item, quantity, amount, refunded FROM order_lines ORDER BY time, item"
    rows = Query(town.house.folder / "lake").sql(asked).rows
    return [(item, float(quantity), str(amount), gone) for item, quantity, amount, gone in rows]


def order(town: Town, name: str, **properties: Any) -> None:
    town.tell(town.call(event=name, userId="u1", properties={"order_id": "7", **properties}))


def test_words_on_an_order_that_has_left_the_head(town: Town) -> None:
    order(town, "Order Completed", products=LINES)
    assert sold(town) == (1, "100.00")
    for _ in range(3):
        town.tell(*(town.call(event="Visit", userId="u1") for _ in range(40)))
    (head,) = town.people()
    assert head.person.chunks
    assert all(event.name == "Visit" for event in head.person.recent)
    order(town, "Completed Order", products=LINES)
    assert sold(town) == (1, "100.00"), "told again, under the name of old"
    assert in_lake(town) == [("tea", 2.0, "100.000000", False)]
    order(town, "Order Updated", products=[{"product_id": "cup", "price": "70"}])
    assert sold(town) == (1, "70.00")
    assert in_lake(town) == [("cup", 1.0, "70.000000", False)]
    order(town, "Order Refunded", products=[{"product_id": "cup", "price": "70"}])
    assert in_lake(town)[1:] == [("cup", 1.0, "70.000000", True)]
    order(town, "Order Cancelled")
    assert sold(town) == (0, "0.00")
    assert in_lake(town) == []


def test_two_profiles_that_told_one_order_count_it_once(town: Town) -> None:
    told = {"order_id": "7", "total": 100}
    town.tell(town.call(event="Order Completed", anonymousId="a1", properties=told))
    town.tell(town.call(event="Order Completed", userId="u1", properties=told))
    assert sold(town) == (2, "200.00"), "as far as anybody knows, two people bought"
    town.tell(town.call(event="Visit", userId="u1", anonymousId="a1"))
    (head,) = town.people()
    assert len(head.person.orders) == 1
    assert sold(town) == (1, "100.00")
    order(town, "Order Updated", total=60)
    assert sold(town) == (1, "60.00")


def test_a_shop_that_sold_nothing_yet_ranks_by_interest(town: Town) -> None:
    tea = {"product_id": "tea", "price": 1}
    town.tell(
        town.call(event="Viewed Product", userId="u1", properties=tea),
        town.call(event="Product Added", userId="u1", properties=tea),
        town.call(event="Product List Viewed", userId="u1", properties={"products": [tea]}),
        town.call(event="Product Removed", userId="u1", properties=tea),
    )
    flush(town.house)
    shown = Query(town.house.folder / "lake").interests().to_pylist()
    assert sorted((row["item"], row["weight"]) for row in shown) == [("tea", 1.0), ("tea", 5.0)]
    assert train(town.house) == {"bought_together": 0, "popular": 2}
    order(town, "Order Completed", products=LINES)
    assert train(town.house) == {"bought_together": 1, "popular": 1}
