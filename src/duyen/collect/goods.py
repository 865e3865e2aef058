"""The properties of the shop's events in the one form that every reader knows.

Ids that the spec called otherwise before get the name they have now, beside the old one. Amounts and quantities that a
shop wrote as text for people become plain decimals, where there is one way to read them. What cannot be read stays
as it came: no reader takes it for a number, and `model.order` says so.
"""

from __future__ import annotations

from typing import Any

from duyen.model.money import is_plain, read_amount

_AMOUNTS = ("total", "revenue", "subtotal", "value", "price", "shipping", "tax", "discount")
_OLD_IDS = {"orderId": "order_id", "checkoutId": "checkout_id", "cartId": "cart_id"}
_OLD_PRODUCT_IDS = {"productId": "product_id", "id": "product_id"}


def read_goods(properties: dict[str, Any], currency: str) -> dict[str, Any]:
    """The properties of one event, in place; `currency` is what amounts are in where nothing says another."""
    _rename(properties, _OLD_IDS)
    own = properties.get("currency")
    if isinstance(own, str) and own.strip():
        currency = own.strip().upper()
    _amounts(properties, currency)
    products = properties.get("products")
    if isinstance(products, list):
        for line in products:
            if isinstance(line, dict):
                _rename(line, _OLD_PRODUCT_IDS)
                _amounts(line, currency)
    elif "order_id" not in properties:
        _rename(properties, _OLD_PRODUCT_IDS)
    return properties


def _rename(values: dict[str, Any], names: dict[str, str]) -> None:
    """Give what has only an old name its new one too."""
    for old, new in names.items():
        if old in values and new not in values:
            values[new] = values[old]


def _amounts(values: dict[str, Any], currency: str) -> None:
    """Write the amounts that are text for people as plain decimals; the sign of another currency counts."""
    own = values.get("currency")
    said = own.strip().upper() if isinstance(own, str) and own.strip() else ""
    for name in [name for name in _AMOUNTS if name in values]:
        value = values[name]
        if type(value) is not str or is_plain(value):
            continue
        read = read_amount(value, said or currency)
        if read is None or (read.currency and said and read.currency != said):
            continue
        values[name] = read.text
        if read.currency and not said and read.currency != currency:
            values["currency"] = said = read.currency
