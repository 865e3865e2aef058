"""What a person did."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


class GoodsLine(TypedDict):
    """One product of an order or a cart; null where it cannot be read."""

    item: str
    name: str
    quantity: str | None
    price: str | None
    amount: str | None


class GoodsRow(TypedDict):
    """What an event says of an order or a cart, as it is counted.

    `problem`: why its amount counts for nothing; `lines` are the first 200 of `products`.
    """

    part: Literal["", "completed", "updated", "refunded", "cancelled"]
    total: str | None
    currency: str
    shipping: str | None
    tax: str | None
    discount: str | None
    problem: Literal["", "other_currency", "unreadable", "untold"]
    lines: list[GoodsLine]
    products: int


class EventRow(TypedDict):
    """One event of a person."""

    id: str
    type: Literal["track", "identify", "page", "screen", "group", "alias"]
    name: str
    time: str
    received: str
    source: str
    source_name: str
    trusted: bool
    imported: bool
    quality: Literal["", "bot", "prefetch", "proxy", "scanner"]
    identifiers: list[tuple[str, str]]
    properties: Json
    traits: Json
    context: Json
    goods: GoodsRow | None
