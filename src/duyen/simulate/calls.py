"""The calls of the Segment protocol that a visit gives."""

from __future__ import annotations

from typing import Any

from duyen.model.event import (
    CONSENT_UPDATED,
    DECISION_CLICKED,
    DECISION_VIEWED,
    ORDER_COMPLETED,
    PRODUCT_VIEWED,
)
from duyen.simulate.shop import CURRENCY, Item
from duyen.simulate.world import Customer, Order

_CONTEXT = {"locale": "vi-VN", "timezone": "Asia/Ho_Chi_Minh"}


class Scene:
    """Where and when calls happen: on one browser, at one time ("" = now), with ids of their own."""

    def __init__(self, prefix: str, anonymous_id: str, timestamp: str = "") -> None:
        self._prefix, self.anonymous_id, self._timestamp = prefix, anonymous_id, timestamp
        self._count = 0

    def call(self, type: str, **more: Any) -> dict[str, Any]:
        """One call with the next id."""
        self._count += 1
        call = {
            "type": type,
            "messageId": f"{self._prefix}-{self._count}",
            "anonymousId": self.anonymous_id,
            "context": _CONTEXT,
            **more,
        }
        if self._timestamp:
            call["timestamp"] = self._timestamp
        return call


def visited(scene: Scene, path: str) -> dict[str, Any]:
    """A page of the shop was opened."""
    return scene.call("page", name="Shop", properties={"path": path})


def looked(scene: Scene, item: Item) -> dict[str, Any]:
    """A product was looked at."""
    return scene.call("track", event=PRODUCT_VIEWED, properties=_product(item))


def saw(scene: Scene, decision: dict[str, Any], *, clicked: bool = False) -> dict[str, Any]:
    """A decision came into view, or was clicked."""
    properties = {"decision_id": decision["id"], "placement": decision["placement"]}
    if decision.get("offer"):
        properties["offer"] = decision["offer"]
    name = DECISION_CLICKED if clicked else DECISION_VIEWED
    return scene.call("track", event=name, properties=properties)


def who_they_are(scene: Scene, customer: Customer) -> dict[str, Any]:
    """A sign-up or a login, told by the shop's server."""
    traits = {
        "name": customer.name,
        "email": customer.email,
        "city": customer.city,
        "language": customer.language,
        "simulated": True,
    }
    return scene.call("identify", userId=customer.user_id, traits=traits)


def agreed(scene: Scene, customer: Customer) -> list[dict[str, Any]]:
    """The box for news by e-mail, where it was ticked."""
    if not customer.agrees:
        return []
    said = {
        "purpose": "marketing",
        "channel": "email",
        "state": "granted",
        "proof": "sign-up form of the simulated shop",
    }
    return [scene.call("track", userId=customer.user_id, event=CONSENT_UPDATED, properties=said)]


def bought(scene: Scene, customer: Customer, order: Order, order_id: str) -> dict[str, Any]:
    """An order, told by the shop's server."""
    properties = {
        "order_id": order_id,
        "total": str(order.total),
        "currency": CURRENCY,
        "products": [{**_product(line.item), "quantity": line.quantity} for line in order.lines],
    }
    return scene.call(
        "track", userId=customer.user_id, event=ORDER_COMPLETED, properties=properties
    )


def _product(item: Item) -> dict[str, Any]:
    return {
        "product_id": item.id,
        "name": item.name,
        "category": item.category,
        "price": str(item.price),
        "currency": CURRENCY,
    }
