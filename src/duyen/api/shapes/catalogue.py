"""Products."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


class CatalogueItem(TypedDict):
    """One product of the catalogue."""

    id: str
    name: str
    price: str
    currency: str
    category: str
    url: str
    image: str
    brand: str
    stock: int | None
    sellable: bool
    tags: list[str]
    attributes: Json


class ItemsStored(TypedDict):
    """How many items were stored."""

    stored: int
    applied: bool
