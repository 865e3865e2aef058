"""What is sent becomes an item, or one sentence that names the field."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.catalog import read_item, read_items, search_text, to_data
from duyen.catalog.items import MAX_ITEMS
from duyen.model.catalogue import Item
from duyen.model.errors import InvalidInput, TooLarge

TEA = {
    "id": "TS-01",
    "name": "Trà sữa trân châu",
    "price": "45000",
    "currency": "VND",
    "category": "Đồ uống",
    "tags": ["mới", "ngọt", "mới"],
    "attributes": {"sugar": [0, 50, 100]},
    "stock": 3,
    "url": "https://shop.example/ts-01",
}

BAD: list[tuple[dict[str, Any], str, str]] = [
    ({}, "item.id", "needs an id"),
    ({"id": "  "}, "item.id", "needs an id"),
    ({"id": "a", "nmae": "b"}, "item.nmae", "attributes"),
    ({"id": "a", "name": 5}, "item.name", "text"),
    ({"id": "a\0b"}, "item.id", "text"),
    ({"id": "a", "name": "x" * 2001}, "item.name", "2000"),
    ({"id": "a", "price": "dear"}, "item.price", "decimal"),
    ({"id": "a", "price": "-1"}, "item.price", "not negative"),
    ({"id": "a", "price": "NaN"}, "item.price", "decimal"),
    ({"id": "a", "price": True}, "item.price", "decimal"),
    ({"id": "a", "stock": 1.5}, "item.stock", "whole number"),
    ({"id": "a", "stock": -1}, "item.stock", "0 or more"),
    ({"id": "a", "stock": True}, "item.stock", "whole number"),
    ({"id": "a", "sellable": "yes"}, "item.sellable", "true or false"),
    ({"id": "a", "tags": "new"}, "item.tags", "list"),
    ({"id": "a", "tags": ["ok", 3]}, "item.tags[1]", "text"),
    ({"id": "a", "attributes": [1]}, "item.attributes", "map"),
    ({"id": "a", "url": "javascript:alert(1)"}, "item.url", "https://"),
    ({"id": "a", "image": "data:image/png;base64,AA"}, "item.image", "https://"),
]


def test_an_item_keeps_what_was_sent() -> None:
    item = read_item(TEA)
    assert item == Item(
        id="TS-01",
        name="Trà sữa trân châu",
        price="45000.00",
        currency="VND",
        category="Đồ uống",
        url="https://shop.example/ts-01",
        stock=3,
        tags=("mới", "ngọt"),
        attributes={"sugar": [0, 50, 100]},
    )


@pytest.mark.parametrize(("raw", "at", "says"), BAD)
def test_a_wrong_field_is_named(raw: dict[str, Any], at: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_item(raw)
    assert (caught.value.at, says in caught.value.message) == (at, True), caught.value.message


def test_a_list_names_the_item() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_items([TEA, {"id": "b", "price": "?"}])
    assert caught.value.at == "items[1].price"
    with pytest.raises(InvalidInput):
        read_items({"id": "a"})
    with pytest.raises(TooLarge):
        read_items([{"id": "a"}] * (MAX_ITEMS + 1))


def test_the_last_of_equal_ids_counts() -> None:
    assert [i.name for i in read_items([{"id": "a", "name": "x"}, {"id": "a", "name": "y"}])] == [
        "y"
    ]


def test_a_number_is_an_id_and_an_id_is_a_name() -> None:
    item = read_item({"id": 22720, "price": 4.95})
    assert (item.id, item.name, item.price) == ("22720", "22720", "4.95")


def test_postage_is_not_for_sale_unless_told() -> None:
    assert not read_item({"id": "POST"}).sellable
    assert not read_item({"id": "gift_0001_20"}).sellable
    assert read_item({"id": "POST", "sellable": True}).sellable
    assert read_item({"id": "85123A"}).sellable


def test_text_is_found_by_its_folded_words() -> None:
    assert search_text(read_item(TEA)) == "ts-01 tra sua tran chau do uong default moi ngot"


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    lambda one: one.strip()
)


@given(
    id=names,
    name=names,
    price=st.decimals(0, 10**9, places=2).map(str),
    stock=st.none() | st.integers(0, 10**9),
    sellable=st.booleans(),
    tags=st.lists(names, max_size=4),
)
def test_what_is_written_reads_the_same(**raw: Any) -> None:
    item = read_item(raw)
    assert read_item(to_data(item)) == item
