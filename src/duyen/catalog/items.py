"""From what is sent (`PUT /v1/catalog/items`, a product file) to an Item, or to a sentence saying why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from duyen.model.catalogue import Item
from duyen.model.codes import LineKind, kind_of
from duyen.model.errors import InvalidInput, TooLarge
from duyen.model.values import canonical, fold, from_micros, to_micros

MAX_ITEMS = 10_000
MAX_ID = 200
MAX_TEXT = 2_000
MAX_TAGS = 100
MAX_ATTRIBUTES = 100_000
"""Bytes of an item's attributes as JSON."""
MAX_STOCK = 10**12
_TEXTS = ("name", "currency", "category", "url", "image", "brand")
_FIELDS = frozenset(Item.__struct_fields__)
_SCHEMES = ("http://", "https://", "/")


def read_items(raw: Any, at: str = "items") -> list[Item]:
    """A list of items; the last one with an id counts."""
    if not isinstance(raw, list):
        raise InvalidInput("catalog.not_a_list", "Send a list of items.", at=at)
    if len(raw) > MAX_ITEMS:
        raise TooLarge("catalog.too_many", f"Send at most {MAX_ITEMS} items at a time.", at=at)
    found = {item.id: item for item in (read_item(one, f"{at}[{n}]") for n, one in enumerate(raw))}
    return list(found.values())


def read_item(raw: Any, at: str = "item") -> Item:
    """One item; raises InvalidInput that names the field.

    Without `sellable`, an item whose code is known to be no product (postage, a fee) is not sellable.
    """
    if not isinstance(raw, Mapping):
        raise InvalidInput("catalog.not_a_map", "An item is a map of fields.", at=at)
    unknown = sorted(str(name) for name in raw if name not in _FIELDS)
    if unknown:
        raise InvalidInput(
            "catalog.unknown_field",
            f"An item has no field “{unknown[0][:80]}”; put what is your own into `attributes`.",
            at=f"{at}.{unknown[0][:80]}",
        )
    told = canonical(dict(raw))
    id = _text(told, "id", at, MAX_ID)
    if not id:
        raise InvalidInput("catalog.no_id", "An item needs an id.", at=f"{at}.id")
    texts = {name: _text(told, name, at, MAX_TEXT) for name in _TEXTS if name in told}
    texts.setdefault("name", "")
    texts["name"] = texts["name"] or id
    _check_links(texts, at)
    more: dict[str, Any] = {name: value for name, value in texts.items() if value}
    return Item(
        id=id,
        price=_price(told, at),
        stock=_stock(told, at),
        sellable=_sellable(told, id, at),
        tags=_tags(told, at),
        attributes=_attributes(told, at),
        **more,
    )


def to_data(item: Item) -> dict[str, Any]:
    """An item as it is sent and kept; `read_item(to_data(item)) == item`."""
    data = msgspec.to_builtins(item)
    return {**data, "sellable": item.sellable}


def search_text(item: Item) -> str:
    """The folded text an item is found by: its id, name, category, brand and tags."""
    words = (item.id, item.name, item.category, item.brand, *item.tags)
    return fold(" ".join(word for word in words if word))


def price_text(value: object) -> str | None:
    """A price as a decimal string, or None where it is none: text, a number; never negative."""
    micros = to_micros(value)
    return None if micros is None or micros < 0 else f"{from_micros(micros):f}"


def kind_is_sellable(kind: LineKind) -> bool:
    """Whether lines of this kind are goods that may be recommended."""
    return kind == "product"


def _text(told: Mapping[str, Any], name: str, at: str, longest: int) -> str:
    """A field of text; empty where it is not told."""
    value = told.get(name)
    if name == "id" and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return "" if value is None else _words(value, f"`{name}`", f"{at}.{name}", longest)


def _words(value: object, name: str, at: str, longest: int) -> str:
    """A text of at most `longest` characters, without white space at its ends."""
    if not isinstance(value, str) or "\0" in value:
        raise InvalidInput("catalog.not_text", f"{name} is a text.", at=at)
    if len(value) > longest:
        raise InvalidInput("catalog.too_long", f"{name} has at most {longest} characters.", at=at)
    return value.strip()


def _check_links(texts: Mapping[str, str], at: str) -> None:
    """Links of an item go into pages and mails: only web addresses and paths."""
    for name in ("url", "image"):
        value = texts.get(name, "")
        if value and not value.lower().startswith(_SCHEMES):
            raise InvalidInput(
                "catalog.bad_link",
                f"`{name}` begins with https://, http:// or /.",
                at=f"{at}.{name}",
            )


def _price(told: Mapping[str, Any], at: str) -> str:
    """The price as a decimal string; empty where none is told."""
    value = told.get("price")
    if value is None or value == "":
        return ""
    price = price_text(value)
    if price is None:
        raise InvalidInput(
            "catalog.bad_price",
            "`price` is a decimal text such as “19.90”, not negative, below 10^12.",
            at=f"{at}.price",
        )
    return price


def _stock(told: Mapping[str, Any], at: str) -> int | None:
    """Units in stock; None: not counted."""
    value = told.get("stock")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_STOCK:
        raise InvalidInput(
            "catalog.bad_stock", "`stock` is a whole number of 0 or more.", at=f"{at}.stock"
        )
    return value


def _sellable(told: Mapping[str, Any], id: str, at: str) -> bool:
    """As told; else by the code."""
    value = told.get("sellable")
    if value is None:
        return kind_is_sellable(kind_of(id))
    if not isinstance(value, bool):
        raise InvalidInput(
            "catalog.bad_sellable", "`sellable` is true or false.", at=f"{at}.sellable"
        )
    return value


def _tags(told: Mapping[str, Any], at: str) -> tuple[str, ...]:
    """Tags, each once, in the order told."""
    value = told.get("tags")
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MAX_TAGS:
        raise InvalidInput(
            "catalog.bad_tags", f"`tags` is a list of at most {MAX_TAGS} texts.", at=f"{at}.tags"
        )
    tags = [_words(tag, "A tag", f"{at}.tags[{n}]", MAX_ID) for n, tag in enumerate(value)]
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _attributes(told: Mapping[str, Any], at: str) -> dict[str, Any]:
    """A company's own fields."""
    value = told.get("attributes")
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InvalidInput(
            "catalog.bad_attributes", "`attributes` is a map of fields.", at=f"{at}.attributes"
        )
    if len(msgspec.json.encode(value)) > MAX_ATTRIBUTES:
        raise TooLarge(
            "catalog.too_long",
            f"`attributes` have at most {MAX_ATTRIBUTES} bytes.",
            at=f"{at}.attributes",
        )
    return value
