"""Webhooks of Haravan: the shapes of Shopify, with names, consent and topics of its own.

Its customers agree with one answer for e-mail, `accepts_marketing`, and the last name comes first in their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.connectors.calls import Calls, Who
from duyen.connectors.delivery import Delivery
from duyen.connectors.parts import LONG_AGO, decimal, first, instant, maps, micros
from duyen.connectors.shopify import Shopify
from duyen.connectors.signature import shop_signature

_TOPICS = {
    "customers/created": "customers/create",
    "customers/updated": "customers/update",
    "orders/created": "orders/create",
    "orders/update": "orders/updated",
    "orders/cancel": "orders/cancelled",
    "products/created": "products/create",
    "products/updated": "products/update",
    "products/deleted": "products/delete",
}
"""Other spellings of the same."""


class Haravan(Shopify):
    """How deliveries of Haravan are signed and read."""

    name = "haravan"
    auth = shop_signature("x-haravan-hmacsha256")
    topics: tuple[str, ...] = (
        "customers/create",
        "customers/update",
        "checkouts/create",
        "checkouts/update",
        "orders/create",
        "orders/updated",
        "orders/cancelled",
        "products/create",
        "products/update",
        "products/deleted",
    )

    def topic(self, headers: Mapping[str, str]) -> str:
        """What a delivery is about, in Shopify's spelling."""
        told = super().topic(headers)
        return _TOPICS.get(told, told)

    def _full_name(self, given: str, family: str) -> str:
        return super()._full_name(family, given)

    def _shop(self, delivery: Delivery) -> str:
        return delivery.headers.get("x-haravan-org-id", "")[:200] or super()._shop(delivery)

    def _agreements(
        self, delivery: Delivery, body: dict[str, Any], id: str, who: Who, calls: Calls
    ) -> None:
        answer = body.get("accepts_marketing")
        if not isinstance(answer, bool):
            return
        stated = instant(body.get("accepts_marketing_updated_at"))
        since = instant(body.get("created_at" if answer else "updated_at"))
        at = first(stated, since, LONG_AGO if answer else delivery.received)
        told = {"consent_updated_at": body.get("accepts_marketing_updated_at")}
        state = "granted" if answer else "denied"
        self._agreed(delivery, id, who, "email", state, told, at, calls)

    def _shipping(self, body: dict[str, Any]) -> str | None:
        prices = [micros(line.get("price")) for line in maps(body.get("shipping_lines"))]
        return decimal(sum(price for price in prices if price)) if prices else None
