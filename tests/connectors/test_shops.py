"""What shops' webhooks tell, in whatever order and however often they come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from duyen import collect
from duyen.connectors.delivery import Delivery, Told, Unreadable
from duyen.connectors.kinds import KINDS
from duyen.model.consent import Purpose
from duyen.model.event import Collected, Event
from duyen.model.order import Order, orders
from duyen.model.program import WorkspaceSettings
from duyen.model.source import Source, SourceKind
from duyen.model.times import DAY, format_time, parse_time
from duyen.model.values import to_micros
from duyen.profiles import refold
from duyen.runtime.receive import ahead, judged
from tests.connectors.payloads import (
    haravan_customer,
    haravan_order,
    shopify_checkout,
    shopify_customer,
    shopify_order,
    shopify_product,
    shopify_refund,
    woo_order,
    woo_product,
)

NOW = parse_time("2026-11-22T00:00:00Z")
VND = WorkspaceSettings()
KEY = b"k" * 32


def told(kind: SourceKind, topic: str, body: Any, now: int = NOW, **more: Any) -> Told:
    source = Source("shop", kind, **more)
    header = "x-wc-webhook-topic" if kind == "woocommerce" else f"x-{kind}-topic"
    headers = {header: topic, "x-shopify-shop-domain": "tra-viet.myshopify.com"}
    return KINDS[kind].read(Delivery(source, headers, body, now, KEY, "VND"))


def events(kind: SourceKind, topic: str, body: Any, now: int = NOW, **more: Any) -> list[Event]:
    found = judged(Source("shop", kind), told(kind, topic, body, now, **more), now)
    assert all(isinstance(one, Collected) for one in found), found
    return [collect.normalise(one, VND) for one in found if isinstance(one, Collected)]


def named(found: list[Event]) -> dict[str, Event]:
    return {event.name: event for event in found}


def counted(found: list[Event], currency: str = "VND") -> Order:
    """The one order of these events, each id taken in once as documents do."""
    once = {event.id: event for event in reversed(found)}
    (order,) = orders(once.values(), currency).values()
    return order


# -- Shopify


def test_a_customer_of_shopify_is_known_with_the_proof_of_what_they_agreed_to() -> None:
    identified, agreed = events("shopify", "customers/update", shopify_customer())
    assert ("user_id", "7001002003") in identified.identifiers
    assert ("email", "tuyet@example.test") in identified.identifiers
    assert ("phone", "+84901234567") in identified.identifiers
    assert identified.traits["name"] == "Ánh Tuyết Nguyễn"
    assert identified.time == parse_time("2026-11-20T10:00:00+07:00")
    assert agreed.name == "Consent Updated"
    assert agreed.properties["channel"] == "email"
    assert agreed.properties["state"] == "granted"
    assert agreed.time == parse_time("2026-11-02T08:30:00+07:00")
    assert agreed.properties["proof"] == (
        "shopify tra-viet.myshopify.com, customer 7001002003; opt-in: confirmed_opt_in"
    )


def test_a_yes_that_the_shop_had_confirmed_waits_for_no_mail_of_ours() -> None:
    asked = WorkspaceSettings(purposes=(Purpose("marketing", confirm=True),))
    once = {"state": "subscribed", "consent_updated_at": "2026-11-02T08:30:00+07:00"}
    for level, state in (("confirmed_opt_in", "granted"), ("single_opt_in", "pending")):
        body = shopify_customer(email_marketing_consent={**once, "opt_in_level": level})
        found = told("shopify", "customers/update", body)
        _, call = judged(Source("shop", "shopify"), found, NOW)
        assert isinstance(call, Collected)
        assert collect.normalise(call, asked).properties["state"] == state
        (statement,) = refold("p", [collect.normalise(call, VND)], {}).consent.values()
        assert statement.where == "tra-viet.myshopify.com"


def test_a_yes_whose_time_nobody_knows_never_outweighs_a_no() -> None:
    yes = {"state": "subscribed", "opt_in_level": None, "consent_updated_at": None}
    body = shopify_customer(email_marketing_consent=yes, created_at=None)
    agreed = named(events("shopify", "customers/update", body))["Consent Updated"]
    assert agreed.properties["proof"].endswith("when it was said is not known")
    person = refold("p", [agreed], {})
    assert next(iter(person.consent.values())).time <= parse_time("1990-01-02")


@pytest.mark.parametrize("state", ["not_subscribed", "pending", "invalid", "", None, 3, {}])
def test_what_is_neither_yes_nor_no_says_nothing(state: object) -> None:
    body = shopify_customer(email_marketing_consent={"state": state})
    assert [e.name for e in events("shopify", "customers/create", body)] == ["Identified"]


def test_consent_told_by_itself_belongs_to_its_customer() -> None:
    no = {"state": "unsubscribed", "consent_updated_at": "2026-11-21T00:00:00Z"}
    by_mail = {"customer_id": 5, "email_address": "a@example.test", "email_marketing_consent": no}
    (event,) = events("shopify", "customers_email_marketing_consent/update", by_mail)
    assert event.properties["state"] == "denied"
    assert ("user_id", "5") in event.identifiers
    by_sms = {"id": 5, "phone": "+84901234567", "sms_marketing_consent": no}
    (event,) = events("shopify", "customers_marketing_consent/update", by_sms)
    assert event.properties["channel"] == "sms"


def test_an_order_of_shopify_is_in_the_shops_currency() -> None:
    (order,) = events("shopify", "orders/create", shopify_order())
    assert order.name == "Order Completed"
    assert order.properties["total"] == "400000"
    assert order.properties["currency"] == "VND"
    assert order.properties["presentment_total"] == "15.75"
    assert order.properties["shipping"] == "30000"
    assert order.properties["coupon"] == "CHAO"
    assert order.properties["products"][0] == {
        "product_id": "11",
        "variant_id": "111",
        "sku": "SEN-100",
        "name": "Trà sen Tây Hồ",
        "variant": "100 g",
        "price": "129000",
        "quantity": 2,
        "brand": "Trà Việt",
    }
    assert counted([order]).micros == to_micros(400_000)


def test_a_delivery_that_comes_twice_says_nothing_new() -> None:
    first = events("shopify", "orders/updated", shopify_order())
    again = events("shopify", "orders/updated", shopify_order(), now=NOW + DAY)
    assert [event.id for event in first] == [event.id for event in again]
    assert [event.time for event in first] == [event.time for event in again]


def test_deliveries_in_any_order_end_in_the_same_order() -> None:
    """Placed, made smaller, partly refunded; the older word never wins, and no word counts twice."""
    placed = ("orders/create", shopify_order())
    smaller = shopify_order(total_price="380000", updated_at="2026-11-20T12:00:00+07:00")
    changed = ("orders/updated", smaller)
    back = {**smaller, "updated_at": "2026-11-21T09:00:01+07:00", "refunds": [shopify_refund()]}
    refunded = ("orders/updated", back)
    again = ("orders/paid", {**back, "updated_at": "2026-11-21T10:00:00+07:00"})
    for way in permutations((placed, changed, refunded, again, refunded)):
        order = counted([event for topic, body in way for event in events("shopify", topic, body)])
        assert order.time == parse_time("2026-11-20T10:00:00+07:00")
        assert order.micros == to_micros(380_000)
        assert [micros for _, micros in order.refunds] == [to_micros(132_000)]


def test_the_order_is_known_though_its_first_word_was_lost() -> None:
    found = named(events("shopify", "orders/updated", shopify_order()))
    assert found.keys() == {"Order Completed", "Order Updated"}


def test_what_was_long_ago_is_not_told_again() -> None:
    """Ids are remembered for 35 days: later words must not count as a second order or refund."""
    late = parse_time("2027-01-15T00:00:00Z")
    body = shopify_order(updated_at="2027-01-14T00:00:00Z", refunds=[shopify_refund()])
    assert [event.name for event in events("shopify", "orders/updated", body, now=late)] == [
        "Order Updated"
    ]


def test_a_refund_told_again_under_its_name_is_one_refund() -> None:
    (event,) = [
        event
        for event in events("shopify", "orders/updated", shopify_order(refunds=[shopify_refund()]))
        if event.name == "Order Refunded"
    ]
    import msgspec

    again = msgspec.structs.replace(event, id="another id", time=event.time + DAY)
    (placed,) = events("shopify", "orders/create", shopify_order())
    (order,) = orders([placed, event, again], "VND").values()
    assert len(order.refunds) == 1


@pytest.mark.parametrize(
    ("transactions", "refunded"),
    [
        ([{"kind": "refund", "status": "pending", "amount": "5"}], None),
        ([{"kind": "refund", "status": "failure", "amount": "5"}], None),
        ([{"kind": "sale", "status": "success", "amount": "5"}], None),
        ([], None),
        (
            [
                {"kind": "refund", "status": "success", "amount": "5.50"},
                {"kind": "refund", "status": "failure", "amount": "9"},
                {"kind": "refund", "status": "success", "amount": 2},
            ],
            "7.50",
        ),
    ],
)
def test_a_refund_is_what_was_paid_back(transactions: Any, refunded: str | None) -> None:
    body = shopify_order(refunds=[shopify_refund(transactions=transactions)])
    found = named(events("shopify", "orders/updated", body)).get("Order Refunded")
    assert (found.properties["total"] if found else None) == refunded


def test_a_cancelled_order_counts_no_more() -> None:
    body = shopify_order(cancelled_at="2026-11-20T11:00:00+07:00", cancel_reason="customer")
    order = counted(events("shopify", "orders/cancelled", body))
    assert order.cancelled
    assert order.micros == 0


def test_an_order_of_nobody_is_somebodys_all_the_same() -> None:
    nobody = {"customer": None, "email": "", "contact_email": None, "phone": None}
    (order,) = events("shopify", "orders/create", shopify_order(**nobody))
    ((namespace, value),) = order.identifiers
    assert namespace == "anonymous_id"
    assert value.startswith("shop-")


def test_only_we_can_make_the_id_of_a_guest() -> None:
    """Whoever knows an anonymous id may speak as that visitor, so an address alone must not lead to it."""
    guest = shopify_order(customer=None)
    source = Source("shop", "shopify")
    headers = {"x-shopify-topic": "orders/create"}
    ids = {
        KINDS["shopify"]
        .read(Delivery(source, headers, guest, NOW, key, "VND"))
        .calls[0]["anonymousId"]
        for key in (KEY, KEY, b"another")
    }
    assert len(ids) == 2


def test_a_present_makes_nobody_one_with_its_receiver() -> None:
    sent_to = {"email": "ban@example.test", "phone": "0909999999"}
    known = shopify_order(shipping_address=sent_to, billing_address=sent_to, phone="0909999999")
    (order,) = events("shopify", "orders/create", known)
    assert dict(order.identifiers) == {"user_id": "7001002003", "email": "tuyet@example.test"}
    (guest,) = events("shopify", "orders/create", {**known, "customer": None})
    assert {n for n, _ in guest.identifiers} == {"anonymous_id", "email"}
    silent = {**known, "customer": None, "email": None, "phone": None, "billing_address": None}
    (only,) = events(
        "shopify", "orders/create", {**silent, "shipping_address": {"phone": "0909999999"}}
    )
    assert ("phone", "+84909999999") in only.identifiers


def test_a_checkout_counts_once_somebody_is_named() -> None:
    silent = told("shopify", "checkouts/create", shopify_checkout(email=None))
    assert silent.ignored
    (started,) = events("shopify", "checkouts/create", shopify_checkout())
    later = shopify_checkout(updated_at="2026-11-20T10:05:00+07:00")
    again, cart = events("shopify", "checkouts/update", later)
    assert started.name == again.name == "Checkout Started"
    assert started.id == again.id
    assert cart.name == "Cart Viewed"
    assert cart.properties["checkout_url"].endswith("/recover")
    assert told("shopify", "checkouts/update", shopify_checkout(completed_at="2026-11-20")).ignored


def test_a_product_of_shopify_becomes_an_item() -> None:
    (item,) = told("shopify", "products/update", shopify_product()).items
    assert item["id"] == "11"
    assert item["price"] == "129000"
    assert item["currency"] == "VND"
    assert item["stock"] == 5
    assert item["url"] == "https://tra-viet.myshopify.com/products/tra-sen"
    assert item["tags"] == ["sen", "quà"]
    assert item["sellable"] is True
    hidden = told("shopify", "products/update", shopify_product(status="draft")).items[0]
    assert hidden["sellable"] is False
    assert told("shopify", "products/delete", {"id": 11}).gone == ["11"]


@pytest.mark.parametrize("topic", ["refunds/create", "carts/update", "themes/publish", ""])
def test_what_is_not_read_says_so(topic: str) -> None:
    assert told("shopify", topic, {"id": 1}).ignored


def test_trials_of_the_shop_are_no_orders() -> None:
    assert told("shopify", "orders/create", shopify_order(test=True)).ignored


@pytest.mark.parametrize("kind", ["shopify", "haravan", "woocommerce"])
@pytest.mark.parametrize("body", [None, [], "x", 7, {}, {"id": None}, {"id": 0}, {"id": {}}])
def test_a_body_without_an_id_cannot_be_read(kind: SourceKind, body: Any) -> None:
    topics = {"woocommerce": ("order.updated", "customer.created", "product.updated")}
    for topic in topics.get(kind, ("orders/updated", "customers/update", "products/update")):
        with pytest.raises(Unreadable):
            told(kind, topic, body)


@pytest.mark.parametrize("odd", [None, [], {}, "x", 1e308, -1, True, ["x"], [None], [{}]])
def test_odd_parts_never_break_the_rest(odd: Any) -> None:
    for key in shopify_order():
        if key != "id":
            found = told("shopify", "orders/updated", shopify_order(**{key: odd}))
            assert found.calls or found.ignored
    for key in shopify_customer():
        if key != "id":
            assert told("shopify", "customers/update", shopify_customer(**{key: odd})).calls
    for key in shopify_product():
        if key != "id":
            assert told("shopify", "products/update", shopify_product(**{key: odd})).items
    for key in woo_order():
        if key not in ("id", "status"):
            assert told("woocommerce", "order.updated", woo_order(**{key: odd})).calls
    for key in woo_product():
        if key != "id":
            assert told("woocommerce", "product.updated", woo_product(**{key: odd})).items
    for key in haravan_order():
        if key != "id":
            assert told("haravan", "orders/updated", haravan_order(**{key: odd})).calls


def test_a_clock_ahead_is_noticed_and_its_events_lie_not_in_the_future() -> None:
    """A shop five hours ahead; what it says of now is taken at its arrival."""
    told_at = format_time(NOW + 5 * 3_600_000)
    body = shopify_order(created_at=told_at, processed_at=told_at, updated_at=told_at)
    found = told("shopify", "orders/create", body)
    assert ahead(found, NOW) == 5 * 3_600_000
    (order,) = events("shopify", "orders/create", body)
    assert order.time == NOW
    assert ahead(told("shopify", "orders/create", shopify_order()), NOW) == 0


def test_customers_of_two_shops_are_two_people() -> None:
    (one,) = events("shopify", "orders/create", shopify_order(), prefix="hcm-")
    assert ("user_id", "hcm-7001002003") in one.identifiers


# -- WooCommerce


def test_a_guests_order_is_known_by_their_address() -> None:
    placed, changed = events("woocommerce", "order.created", woo_order())
    assert placed.name == "Order Completed"
    assert placed.time == parse_time("2026-11-20T05:00:00Z")
    # The telephone beside it may be another's, and makes nobody one with them.
    assert [n for n, _ in placed.identifiers] == ["anonymous_id", "email"]
    assert ("email", "binh@example.test") in placed.identifiers
    assert changed.properties["products"][0]["price"] == "22.50"
    assert counted([placed, changed], "EUR").micros == to_micros("49.90")


@pytest.mark.parametrize("status", ["pending", "checkout-draft", "auto-draft", ""])
def test_what_is_not_paid_yet_is_no_order(status: str) -> None:
    assert told("woocommerce", "order.created", woo_order(status=status)).ignored


@pytest.mark.parametrize("status", ["cancelled", "failed", "trash"])
def test_an_order_that_ended_counts_no_more(status: str) -> None:
    later = woo_order(status=status, date_modified_gmt="2026-11-20T06:00:00")
    found = events("woocommerce", "order.created", woo_order())
    assert counted([*found, *events("woocommerce", "order.updated", later)], "EUR").cancelled


def test_refunds_of_woocommerce_come_off_once() -> None:
    back = {"id": 800, "reason": "", "total": "-22.50"}
    at_first = woo_order(refunds=[back], date_modified_gmt="2026-11-21T06:00:00")
    later = woo_order(refunds=[back], date_modified_gmt="2026-11-21T07:00:00")
    for way in permutations((woo_order(), at_first, later)):
        order = counted(
            [event for body in way for event in events("woocommerce", "order.updated", body)], "EUR"
        )
        assert [micros for _, micros in order.refunds] == [to_micros("22.50")]


def test_a_product_of_woocommerce_becomes_an_item() -> None:
    (item,) = told("woocommerce", "product.updated", woo_product(), currency="EUR").items
    assert (item["price"], item["currency"], item["stock"]) == ("22.50", "EUR", 7)
    assert item["attributes"]["updated_at"] == "2026-11-20T05:00:00.000Z"
    sold = woo_product(manage_stock=False, stock_status="outofstock")
    assert told("woocommerce", "product.updated", sold).items[0]["stock"] == 0


# -- Haravan


def test_an_order_of_haravan_is_somebodys_with_a_telephone() -> None:
    (order,) = events("haravan", "orders/create", haravan_order())
    assert ("phone", "+84987654321") in order.identifiers
    assert order.properties["total"] == "1250000"
    assert order.properties["shipping"] == "30000"
    assert order.properties["products"][0]["price"] == "610000"
    assert order.time == parse_time("2026-11-20T03:00:00.123Z")


def test_haravan_writes_the_family_name_first() -> None:
    identified, agreed = events("haravan", "customers/updated", haravan_customer())
    assert identified.traits["name"] == "Nguyễn Thị Ánh Tuyết"
    assert agreed.properties["state"] == "granted"
    assert agreed.time == parse_time("2026-10-01T03:00:00Z")
    body = haravan_customer(accepts_marketing=False)
    assert named(events("haravan", "customers/update", body))["Consent Updated"].time == parse_time(
        "2026-11-20T03:00:00Z"
    )
