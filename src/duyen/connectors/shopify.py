"""Webhooks of Shopify: customers, consent, checkouts, orders with their refunds, products.

Every word on an order tells the whole order, at `updated_at`: words that come late or twice, or the other way round,
end in the same. Refunds are read from the order that they belong to, because a refund by itself names nobody. Amounts
are those in the shop's own currency; what the customer saw stands beside them as `presentment_total`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duyen.connectors.calls import Calls, Reader, Who, nobody, told_by, whose
from duyen.connectors.delivery import Delivery, Told
from duyen.connectors.parts import (
    LONG_AGO,
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
from duyen.model.times import Millis

_AGREED = {"subscribed": "granted", "unsubscribed": "denied", "redacted": "denied"}
"""States of consent; the others (not_subscribed, pending, invalid) say neither yes nor no."""
_FINAL = frozenset({"success", "failure", "error"})


class Shopify:
    """How deliveries of Shopify are signed and read."""

    name = "shopify"
    auth = shop_signature("x-shopify-hmac-sha256")
    topics: tuple[str, ...] = (
        "customers/create",
        "customers/update",
        "customers_email_marketing_consent/update",
        "customers_marketing_consent/update",
        "checkouts/create",
        "checkouts/update",
        "orders/create",
        "orders/updated",
        "orders/cancelled",
        "products/create",
        "products/update",
        "products/delete",
    )

    def __init__(self) -> None:
        self._readers: dict[str, Reader] = {
            "customers/create": self._customer,
            "customers/update": self._customer,
            "customers_email_marketing_consent/update": self._consent,
            "customers_marketing_consent/update": self._consent,
            "checkouts/create": self._checkout,
            "checkouts/update": self._checkout,
            "orders/create": self._order,
            "orders/updated": self._order,
            "orders/paid": self._order,
            "orders/fulfilled": self._order,
            "orders/partially_fulfilled": self._order,
            "orders/cancelled": self._order,
            "products/create": self._product,
            "products/update": self._product,
            "products/delete": self._gone,
        }

    def topic(self, headers: Mapping[str, str]) -> str:
        """What a delivery is about."""
        return headers.get(f"x-{self.name}-topic", "").strip().lower()

    def read(self, delivery: Delivery) -> Told:
        """What a delivery tells; raises Unreadable."""
        topic = self.topic(delivery.headers)
        if delivery.headers.get(f"x-{self.name}-test", "").lower() == "true":
            return Told(ignored="A test delivery.")
        if topic.startswith("refunds/"):
            return Told(ignored="A refund is read from its order: subscribe to orders/updated too.")
        return told_by(delivery, topic, self._readers)

    # -- people

    def _customer(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> None:
        id = need_id(body, "customer")
        who = whose(delivery, body, otherwise="")
        at = first(instant(body.get("updated_at")), instant(body.get("created_at")))
        place = a_map(body.get("default_address"))
        names = [text(body.get("first_name")), text(body.get("last_name"))]
        traits = {
            "email": text(body.get("email")),
            "phone": text(body.get("phone")) or text(place.get("phone")),
            "first_name": names[0],
            "last_name": names[1],
            "name": self._full_name(*names),
            "city": text(place.get("city")) or text(place.get("province")),
            "country": text(place.get("country_code")) or text(place.get("country")),
            "created_at": stamp(instant(body.get("created_at"))),
            "tags": text(body.get("tags")),
        }
        calls.identify(who, at, traits)
        self._agreements(delivery, body, id, who, calls)

    def _full_name(self, given: str, family: str) -> str:
        return " ".join(part for part in (given, family) if part)

    def _consent(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> None:
        """The consent of a customer, told by itself."""
        id = an_id(body.get("customer_id")) or need_id(body, "customer")
        named = {"id": id, "email": body.get("email_address"), "phone": body.get("phone")}
        who = whose(delivery, named, otherwise="")
        self._agreements(delivery, body, id, who, calls)

    def _agreements(
        self, delivery: Delivery, body: dict[str, Any], id: str, who: Who, calls: Calls
    ) -> None:
        """What they agreed to; a yes whose time nobody knows is as of when they became a customer."""
        for channel in ("email", "sms"):
            told = a_map(body.get(f"{channel}_marketing_consent"))
            state = _AGREED.get(text(told.get("state")))
            if state is None:
                continue
            stated = instant(told.get("consent_updated_at"))
            since = instant(body.get("created_at" if state == "granted" else "updated_at"))
            # A yes from who knows when must never outweigh a no that was said here since.
            otherwise = LONG_AGO if state == "granted" else delivery.received
            self._agreed(
                delivery, id, who, channel, state, told, first(stated, since, otherwise), calls
            )

    def _agreed(
        self,
        delivery: Delivery,
        id: str,
        who: Who,
        channel: str,
        state: str,
        told: dict[str, Any],
        at: Millis | None,
        calls: Calls,
    ) -> None:
        level = text(told.get("opt_in_level"))
        by = text(told.get("consent_collected_from"))
        words = [
            f"{self.name} {self._shop(delivery)}, customer {id}",
            f"opt-in: {level}" if level else "",
            f"collected from {by.lower()}" if by else "",
            "" if told.get("consent_updated_at") else "when it was said is not known",
        ]
        more: dict[str, Any] = {"where": self._shop(delivery)}
        if state == "granted" and level == "confirmed_opt_in":
            more["confirmed"] = True  # by the shop's own mail: none of ours has to ask again
        calls.consent(who, channel, state, at, "; ".join(word for word in words if word), **more)

    def _shop(self, delivery: Delivery) -> str:
        return delivery.headers.get(f"x-{self.name}-shop-domain", "")[:200] or delivery.source.id

    # -- carts and orders

    def _checkout(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told | None:
        token = text(body.get("token")) or need_id(body, "checkout")
        customer = a_map(body.get("customer"))
        who = whose(delivery, customer, body, a_map(body.get("shipping_address")), otherwise=token)
        if nobody(who):
            return Told(ignored="The checkout names nobody yet.")
        if body.get("completed_at"):
            return Told(ignored="The checkout became an order, which is told by itself.")
        cart = {
            "checkout_id": token,
            "products": self._lines(body),
            "value": amount(body.get("total_price")),
            "currency": text(body.get("currency")) or delivery.money,
            "checkout_url": text(body.get("abandoned_checkout_url")),
        }
        created = instant(body.get("created_at"))
        if calls.recent(created):
            calls.track("Checkout Started", who, created, cart, f"checkout:{token}")
        if (updated := instant(body.get("updated_at"))) is not None and updated != created:
            calls.track("Cart Viewed", who, updated, cart)
        return None

    def _order(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told | None:
        id = need_id(body, "order")
        if body.get("test") is True:
            return Told(ignored="A test order.")
        who = self._buyer(delivery, body, id)
        order = self._words(delivery, body, id)
        placed = first(instant(body.get("processed_at")), instant(body.get("created_at")))
        if calls.recent(placed):
            calls.track(ORDER_COMPLETED, who, placed, order, f"order:{id}")
        if not self.topic(delivery.headers).endswith("/create"):
            calls.track("Order Updated", who, instant(body.get("updated_at")), order)
        self._refunds(body, id, who, order["currency"], calls)
        cancelled = instant(body.get("cancelled_at"))
        if cancelled is not None and calls.recent(cancelled):
            why = {"order_id": id, "reason": text(body.get("cancel_reason"))}
            calls.track("Order Cancelled", who, cancelled, why)
        return None

    def _buyer(self, delivery: Delivery, body: dict[str, Any], id: str) -> Who:
        """Whose an order is; one that names nobody is somebody's who bought once."""
        reached = {"email": body.get("contact_email"), "phone": None}
        return whose(
            delivery,
            a_map(body.get("customer")),
            body,
            reached,
            a_map(body.get("billing_address")),
            a_map(body.get("shipping_address")),
            otherwise=f"order-{id}",
        )

    def _words(self, delivery: Delivery, body: dict[str, Any], id: str) -> dict[str, Any]:
        """The properties of an order, all of it."""
        currency = text(body.get("currency")) or delivery.money
        codes = [
            code for each in maps(body.get("discount_codes")) if (code := text(each.get("code")))
        ]
        words = {
            "order_id": id,
            "order_number": text(body.get("name")) or an_id(body.get("order_number")),
            "total": amount(body.get("total_price")),
            "currency": currency,
            "subtotal": amount(body.get("subtotal_price")),
            "tax": amount(body.get("total_tax")),
            "discount": amount(body.get("total_discounts")),
            "shipping": self._shipping(body),
            "coupon": ", ".join(codes)[:500],
            "status": text(body.get("financial_status")),
            "delivery": text(body.get("fulfillment_status")),
            "channel": text(body.get("source_name")),
            "products": self._lines(body),
        }
        seen = a_map(a_map(body.get("total_price_set")).get("presentment_money"))
        if text(seen.get("currency_code")) not in ("", currency):
            words["presentment_total"] = amount(seen.get("amount"))
            words["presentment_currency"] = text(seen.get("currency_code"))
        return words

    def _shipping(self, body: dict[str, Any]) -> str | None:
        told = a_map(a_map(body.get("total_shipping_price_set")).get("shop_money"))
        return amount(told.get("amount"))

    def _lines(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            known(
                {
                    "product_id": an_id(line.get("product_id")),
                    "variant_id": an_id(line.get("variant_id")),
                    "sku": text(line.get("sku")),
                    "name": text(line.get("title")) or text(line.get("name")),
                    "variant": text(line.get("variant_title")),
                    "price": amount(line.get("price")),
                    "quantity": line.get("quantity"),
                    "brand": text(line.get("vendor")),
                }
            )
            for line in maps(body.get("line_items"))
        ]

    def _refunds(
        self, body: dict[str, Any], id: str, who: Who, currency: str, calls: Calls
    ) -> None:
        """Each refund once its money has moved, or has failed to: what it comes to changes no more then."""
        for refund in maps(body.get("refunds")):
            moved = [t for t in maps(refund.get("transactions")) if text(t.get("kind")) == "refund"]
            at = first(instant(refund.get("processed_at")), instant(refund.get("created_at")))
            told = an_id(refund.get("id"))
            final = all(text(t.get("status")) in _FINAL for t in moved)
            paid = [micros(t.get("amount")) for t in moved if text(t.get("status")) == "success"]
            if not told or not final or not any(paid) or not calls.recent(at):
                continue
            back = [
                known({"product_id": an_id(a_map(line.get("line_item")).get("product_id")),
                       "quantity": line.get("quantity")})
                for line in maps(refund.get("refund_line_items"))
            ]  # fmt: skip
            words = {
                "order_id": id,
                "refund_id": told,
                "total": decimal(sum(told for told in paid if told)),
                "currency": currency,
                "products": [line for line in back if line],
                "reason": text(refund.get("note")),
            }
            calls.track(ORDER_REFUNDED, who, at, words, f"refund:{told}")

    # -- products

    def _product(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told:
        id = need_id(body, "product")
        variants = list(maps(body.get("variants")))
        prices = sorted(p for v in variants if (p := micros(v.get("price"))) is not None)
        counted = [v for v in variants if v.get("inventory_management")]
        picture = a_map(body.get("image")) or next(maps(body.get("images")), {})
        shown = body.get("published_at") is not None and text(body.get("status")) in ("", "active")
        item = {
            "id": id,
            "name": text(body.get("title")) or id,
            "price": decimal(prices[0]) if prices else "",
            "currency": delivery.money if prices else "",
            "category": text(body.get("product_type")),
            "url": self._page(delivery, text(body.get("handle"))),
            "image": text(picture.get("src")),
            "brand": delivery.source.brand,
            "stock": self._stock(variants, counted),
            "sellable": shown,
            "tags": [tag for part in text(body.get("tags")).split(",") if (tag := part.strip())][
                :50
            ],
            "attributes": known(
                {
                    "vendor": text(body.get("vendor")),
                    "updated_at": stamp(first(instant(body.get("updated_at")), delivery.received)),
                }
            ),
        }
        return Told(items=[item])

    def _stock(self, variants: list[dict[str, Any]], counted: list[dict[str, Any]]) -> int | None:
        """Pieces of all variants; None where one of them is not counted, or may be sold when there is none."""
        if not variants or len(counted) < len(variants):
            return None
        if any(text(each.get("inventory_policy")) == "continue" for each in variants):
            return None
        left = [each.get("inventory_quantity") for each in counted]
        return sum(max(0, n) for n in left if isinstance(n, int))

    def _page(self, delivery: Delivery, handle: str) -> str:
        domain = self._shop(delivery)
        return f"https://{domain}/products/{handle}" if handle and "." in domain else ""

    def _gone(self, delivery: Delivery, body: dict[str, Any], calls: Calls) -> Told:
        return Told(gone=[need_id(body, "product")])
