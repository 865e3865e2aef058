"""Webhooks of WooCommerce: customers, orders with their refunds, products.

An order counts once it is paid or on its way to be (processing, on-hold, completed); one that was told and then
cancelled, failed or binned is cancelled. Instants are those of `…_gmt`. A refund stands in its order without a time of
its own: it is as of the word that tells it first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.connectors.calls import Calls, Reader, told_by, whose
from duyen.connectors.delivery import Delivery, Told
from duyen.connectors.parts import (
    a_map,
    amount,
    an_id,
    decimal,
    first,
    instant,
    known,
    maps,
    micros,
    need_id,
    stamp,
    text,
)
from duyen.connectors.signature import shop_signature
from duyen.model.event import ORDER_COMPLETED, ORDER_REFUNDED

_COUNTS = frozenset({"processing", "on-hold", "completed", "refunded"})
_ENDED = frozenset({"cancelled", "failed", "trash"})


class WooCommerce:
    """How deliveries of WooCommerce are signed and read."""

    auth = shop_signature("x-wc-webhook-signature")
    topics: tuple[str, ...] = (
        "customer.created",
        "customer.updated",
        "order.created",
        "order.updated",
        "order.restored",
        "product.created",
        "product.updated",
        "product.deleted",
        "product.restored",
    )

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {
            f"{what}.{done}": reader
            for what, reader in (
                ("customer", self._customer),
                ("order", self._order),
                ("product", self._product),
            )
            for done in ("created", "updated", "restored")
        } | {"product.deleted": self._gone}

    def topic(self, headers: Mapping[str, str]) -> str:
        """What a delivery is about."""
        return headers.get("x-wc-webhook-topic", "").strip().lower()

    def read(self, delivery: Delivery) -> Told:
        """What a delivery tells; raises Unreadable."""
        return told_by(delivery, self.topic(delivery.headers), self._readers)

    def _customer(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> None:
        need_id(body, "customer")
        billing = a_map(body.get("billing"))
        given = text(body.get("first_name")) or text(billing.get("first_name"))
        family = text(body.get("last_name")) or text(billing.get("last_name"))
        traits = {
            "email": text(body.get("email")),
            "phone": text(billing.get("phone")),
            "first_name": given,
            "last_name": family,
            "name": " ".join(part for part in (given, family) if part),
            "city": text(billing.get("city")),
            "country": text(billing.get("country")),
            "created_at": stamp(instant(body.get("date_created_gmt"))),
        }
        at = first(instant(body.get("date_modified_gmt")), instant(body.get("date_created_gmt")))
        calls.identify(whose(delivery, {**billing, **body}, otherwise=""), at, traits)

    def _order(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told | None:
        id, status = need_id(body, "order"), text(body.get("status")).removeprefix("wc-")
        if status not in _COUNTS | _ENDED:
            return Told(ignored=f"The order is no order yet: {status[:40] or 'it has no status'}.")
        buyer = {"id": body.get("customer_id")}
        who = whose(
            delivery,
            buyer,
            a_map(body.get("billing")),
            a_map(body.get("shipping")),
            otherwise=f"order-{id}",
        )
        changed = instant(body.get("date_modified_gmt"))
        if status in _ENDED:
            why = {"order_id": id, "reason": status}
            calls.track("Order Cancelled", who, changed, why)
            return None
        order = self._words(delivery, body, id, status)
        placed = instant(body.get("date_created_gmt"))
        if calls.recent(placed):
            calls.track(ORDER_COMPLETED, who, placed, order, f"order:{id}")
        calls.track("Order Updated", who, changed, order)
        for refund in maps(body.get("refunds")):
            name, back = an_id(refund.get("id")), micros(refund.get("total"))
            if not name or not back:
                continue
            words = {
                "order_id": id,
                "refund_id": name,
                "total": decimal(abs(back)),
                "currency": order["currency"],
                "reason": text(refund.get("reason")),
            }
            calls.track(ORDER_REFUNDED, who, changed, words, f"refund:{name}")
        return None

    def _words(
        self, delivery: Delivery, body: dict[str, Any], id: str, status: str
    ) -> dict[str, Any]:
        codes = [
            code for each in maps(body.get("coupon_lines")) if (code := text(each.get("code")))
        ]
        return {
            "order_id": id,
            "order_number": an_id(body.get("number")),
            "total": amount(body.get("total")),
            "currency": text(body.get("currency")) or delivery.money,
            "tax": amount(body.get("total_tax")),
            "discount": amount(body.get("discount_total")),
            "shipping": amount(body.get("shipping_total")),
            "coupon": ", ".join(codes)[:500],
            "status": status,
            "channel": text(body.get("created_via")),
            "payment_method": text(body.get("payment_method")),
            "products": [_line(line) for line in maps(body.get("line_items"))],
        }

    def _product(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told:
        id = need_id(body, "product")
        price = amount(body.get("price"))
        pieces = body.get("stock_quantity") if body.get("manage_stock") is True else None
        stock = max(0, int(pieces)) if isinstance(pieces, int | float) else None
        if stock is None and text(body.get("stock_status")) == "outofstock":
            stock = 0
        item = {
            "id": id,
            "name": text(body.get("name")) or id,
            "price": price or "",
            "currency": delivery.money if price else "",
            "category": text(next(maps(body.get("categories")), {}).get("name")),
            "url": text(body.get("permalink")),
            "image": text(next(maps(body.get("images")), {}).get("src")),
            "brand": delivery.source.brand,
            "stock": stock,
            "sellable": text(body.get("status")) in ("", "publish")
            and body.get("purchasable") is not False
            and text(body.get("catalog_visibility")) != "hidden",
            "tags": [tag for each in maps(body.get("tags")) if (tag := text(each.get("name")))][
                :50
            ],
            "attributes": known(
                {
                    "sku": text(body.get("sku")),
                    "updated_at": stamp(
                        first(instant(body.get("date_modified_gmt")), delivery.received)
                    ),
                }
            ),
        }
        return Told(items=[item])

    def _gone(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told:
        return Told(gone=[need_id(body, "product")])


def _line(line: dict[str, Any]) -> dict[str, Any]:
    return known(
        {
            "product_id": an_id(line.get("product_id")),
            "variant_id": an_id(line.get("variation_id")),
            "sku": text(line.get("sku")),
            "name": text(line.get("parent_name")) or text(line.get("name")),
            "price": amount(line.get("price")),
            "quantity": line.get("quantity"),
        }
    )
