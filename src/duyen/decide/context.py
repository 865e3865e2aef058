"""What the caller says of the moment: the page, the product in view, the cart, the device.

It is bounded here, read by rules (`when`), recommenders and an offer's words, and logged with the decision. It is
about this question only: nothing of it becomes knowledge about the person.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from duyen.model.errors import InvalidInput
from duyen.model.values import canonical

MAX_BYTES = 8_192
MAX_DEPTH = 5
MAX_ITEMS = 50
MAX_ID = 200
PRODUCT = "product"
ITEMS = "items"
TIMEZONE = "timezone"
_ID_FIELDS = ("product_id", "id")


class Context(msgspec.Struct, frozen=True):
    """A context that has been read: its data, and the items it is about, the one in view first."""

    data: dict[str, Any] = {}
    items: tuple[str, ...] = ()

    @property
    def timezone(self) -> object:
        """The time zone that the device names, or None."""
        return self.data.get(TIMEZONE)


NOTHING = Context()


def read_context(raw: Mapping[str, Any], at: str = "context") -> Context:
    """A context as it is decided by and logged; raises InvalidInput that names the place."""
    if not raw:
        return NOTHING
    if _deeper(raw, MAX_DEPTH):
        raise InvalidInput(
            "context.too_deep", f"A context is at most {MAX_DEPTH} maps or lists deep.", at=at
        )
    data = canonical(dict(raw))
    if len(msgspec.json.encode(data)) > MAX_BYTES:
        raise InvalidInput(
            "context.too_large", f"A context has at most {MAX_BYTES} bytes as JSON.", at=at
        )
    return Context(data, tuple(dict.fromkeys(_ids(data, at))))


def _deeper(value: Any, most: int) -> bool:
    """Whether a value holds more than `most` maps and lists in one another."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        return False
    return most == 0 or any(_deeper(each, most - 1) for each in value)


def _ids(data: Mapping[str, Any], at: str) -> Iterator[str]:
    """The product in view, then what lies in the cart."""
    if data.get(PRODUCT) is not None:
        yield _id(data[PRODUCT], f"{at}.{PRODUCT}")
    items = data.get(ITEMS)
    if items is None:
        return
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise InvalidInput(
            "context.items", f"`items` is a list of at most {MAX_ITEMS} items.", at=f"{at}.{ITEMS}"
        )
    for number, item in enumerate(items):
        yield _id(item, f"{at}.{ITEMS}[{number}]")


def _id(told: Any, at: str) -> str:
    """The id of an item told as an id, or as a map that has one."""
    if isinstance(told, dict):
        told = next((told[name] for name in _ID_FIELDS if name in told), None)
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    if not isinstance(told, str) or not told or len(told) > MAX_ID:
        raise InvalidInput(
            "context.item", "An item is its id, or a map with `product_id` or `id`.", at=at
        )
    return told
