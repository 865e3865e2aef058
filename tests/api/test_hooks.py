"""Webhooks over HTTP: signed, replayed, out of order, wrong; nothing that was acknowledged is lost."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from tests.api.server import Server, problem, until
from tests.connectors.payloads import (
    haravan_order,
    shopify_checkout,
    shopify_customer,
    shopify_order,
    shopify_product,
    shopify_refund,
    woo_order,
)

SECRET = "a secret of the shop"
HEADERS = {
    "shopify": ("x-shopify-hmac-sha256", "x-shopify-topic"),
    "haravan": ("x-haravan-hmacsha256", "x-haravan-topic"),
    "woocommerce": ("x-wc-webhook-signature", "x-wc-webhook-topic"),
}


class Shop:
    """A shop that sends its webhooks."""

    def __init__(self, server: Server, id: str, kind: str, **more: Any) -> None:
        self.server, self.id, self.kind = server, id, kind
        with server.owner() as owner:
            body = {"kind": kind, "secret": SECRET, **more}
            answer = owner.put(f"/v1/sources/{id}", json=body)
            assert answer.status_code == 200, answer.text
            self.declared = answer.json()
        self.http = server.client()

    def send(
        self, topic: str, body: Any, secret: str = SECRET, signature: Any = None
    ) -> httpx.Response:
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        header, about = HEADERS[self.kind]
        made = b64encode(hmac.digest(secret.encode(), raw, "sha256"))
        told: list[tuple[bytes, bytes]] = [
            (header.encode(), made if signature is None else signature)
        ]
        told.append((about.encode(), topic.encode()))
        return self.http.post(f"/v1/hooks/{self.id}", content=raw, headers=httpx.Headers(told))

    def row(self) -> dict[str, Any]:
        with self.server.owner() as owner:
            found: dict[str, Any] = owner.get(f"/v1/sources/{self.id}").json()
        return found

    def counts(self, **expected: int) -> dict[str, Any]:
        """The source's row, once it has counted this much."""

        def look() -> dict[str, Any] | None:
            row = self.row()
            return row if row["counts"] | expected == row["counts"] else None

        found = until(look)
        assert found is not None
        return found


@pytest.fixture
def shops(server: Server) -> Iterator[list[Shop]]:
    made: list[Shop] = []
    yield made
    with server.owner() as owner:
        for shop in made:
            shop.http.close()
            owner.delete(f"/v1/sources/{shop.id}")


def story(server: Server, person: str) -> list[dict[str, Any]]:
    """A person's events, the oldest first."""
    with server.owner() as owner:
        answer = owner.get(f"/v1/profiles/{person}/events", params={"limit": 200})
    return list(reversed(answer.json()["data"])) if answer.status_code == 200 else []


def test_orders_of_shopify_arrive_once_in_whatever_order(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "tra-viet", "shopify")
    shops.append(shop)
    back = shopify_order(
        updated_at="2026-11-21T09:00:01+07:00", total_price="380000", refunds=[shopify_refund()]
    )
    newest, first = ("orders/updated", back), ("orders/create", shopify_order())
    for topic, body in (newest, first, newest, first, ("customers/update", shopify_customer())):
        answer = shop.send(topic, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["rejected"] == 0
    # Three words on the order and its refund; twice; then the customer and their yes.
    row = shop.counts(deliveries=5, accepted=3 + 1 + 3 + 1 + 2, refused=0)
    assert row["trouble"] is None
    assert row["last_seen"]

    def told() -> list[dict[str, Any]]:
        found = story(server, "user_id:7001002003")
        return found if len(found) == 5 else []

    found = until(told)
    names = [event["name"] for event in found]
    assert sorted(names) == [
        "Consent Updated",
        "Identified",
        "Order Completed",
        "Order Refunded",
        "Order Updated",
    ]
    with server.owner() as owner:
        consent = owner.get("/v1/profiles/user_id:7001002003/consent").json()["data"]
    assert "customer 7001002003" in str(consent)


def test_a_wrong_signature_is_refused_and_counted(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "forged", "shopify")
    shops.append(shop)
    body = shopify_order(id=666, customer={"id": 666})
    problem(shop.send("orders/create", body, secret="another"), 401, "source.signature")
    for told in (b"", b"x", b"\xfc", b"A" * 5000):
        forged = shop.send("orders/create", body, signature=told)
        problem(forged, 401, "source.signature")
    unsigned = httpx.post(f"{server.url}/v1/hooks/forged", json=body)
    problem(unsigned, 401, "source.signature")
    row = shop.counts(deliveries=6, refused=6, accepted=0)
    assert "does not prove" in row["trouble"]
    assert story(server, "user_id:666") == []


def test_what_is_wrong_is_kept_with_its_reasons(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "odd", "shopify")
    shops.append(shop)
    unread = shop.send("orders/updated", {"nothing": "of an order", "mark": "odd-shop"})
    assert unread.status_code == 200
    assert unread.json()["reasons"] == ["The order has no id."]
    long = shop.send("customers/update", shopify_customer(id="x" * 300))
    assert long.json()["rejected"] == 2
    problem(shop.send("orders/updated", b'{"id": '), 400, "source.malformed")
    problem(shop.send("orders/updated", b"[" * 100_000), 400, "source.malformed")
    problem(shop.send("orders/updated", b" " * 3_000_000), 413, "request.too_large")
    ignored = shop.send("themes/publish", {"id": 1}).json()
    assert ignored["ignored"]
    shop.counts(deliveries=6, rejected=3, refused=3, ignored=1)

    def kept() -> bool:
        with server.owner() as owner:
            rows = owner.get("/v1/rejected", params={"limit": 200}).json()["data"]
        return any("odd-shop" in row["payload"] and row["source"] == "odd" for row in rows)

    assert until(kept)


def test_a_clock_five_hours_ahead_is_named(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "ahead", "shopify")
    shops.append(shop)
    future = "2099-01-01T00:00:00Z"
    body = shopify_order(id=77, created_at=future, processed_at=future, customer={"id": 77_000})
    assert shop.send("orders/create", body).json()["accepted"] == 1
    row = shop.counts(deliveries=1, accepted=1)
    assert row["trouble"].startswith("Its clock is ahead by")
    (event,) = until(lambda: story(server, "user_id:77000"))
    assert event["time"] < future


def test_products_overtaken_on_their_way_do_not_win(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "wares", "shopify", brand="default")
    shops.append(shop)

    def item(id: str) -> dict[str, Any]:
        with server.owner() as owner:
            answer = owner.get(f"/v1/catalog/items/{id}")
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found

    newer = shopify_product(id=501, title="Mới", updated_at="2026-11-21T00:00:00Z")
    older = shopify_product(id=501, title="Cũ", updated_at="2026-11-20T00:00:00Z")
    assert shop.send("products/update", newer).json()["accepted"] == 1
    shop.send("products/create", older)
    shop.send("products/create", shopify_product(id=502))
    until(lambda: item("502"))
    assert item("501")["name"] == "Mới"
    shop.send("products/delete", {"id": 501})
    shop.send("products/update", newer)
    shop.send("products/create", shopify_product(id=503))
    until(lambda: item("503"))
    assert item("501")["sellable"] is False
    assert item("501")["name"] == "Mới"


def test_woocommerce_asks_first_and_then_tells(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "woo", "woocommerce", secret="", currency="EUR")
    shops.append(shop)
    made = shop.declared["secret"]
    assert len(made) >= 32
    assert "secret" not in shop.row()
    ping = httpx.post(f"{server.url}/v1/hooks/woo", data={"webhook_id": "17"})
    assert ping.status_code == 200
    assert ping.json()["ignored"]
    told = shop.send("order.created", woo_order(), secret=made)
    assert told.json()["accepted"] == 2
    assert len(until(lambda: story(server, "email:binh@example.test"))) == 2


def test_haravan_shakes_hands(server: Server, shops: list[Shop]) -> None:
    shop = Shop(server, "hrv", "haravan")
    shops.append(shop)
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444"}
    token = shop.declared["verify_token"]
    good = shop.http.get("/v1/hooks/hrv", params={**asked, "hub.verify_token": token})
    assert (good.status_code, good.text) == (200, "1158201444")
    assert good.headers["content-type"].startswith("text/plain")
    wrong = shop.http.get("/v1/hooks/hrv", params={**asked, "hub.verify_token": "guess"})
    problem(wrong, 401, "source.verify_token")
    script = {"hub.challenge": "<script>", "hub.verify_token": token}
    problem(shop.http.get("/v1/hooks/hrv", params=script), 401, "source.verify_token")
    assert shop.send("orders/create", haravan_order()).json()["accepted"] == 1
    (event,) = until(lambda: story(server, "user_id:1001"))
    assert event["properties"]["total"] == "1250000"


def test_a_source_is_changed_without_its_secret_and_paused(
    server: Server, shops: list[Shop]
) -> None:
    shop = Shop(server, "paused", "shopify", name="Trà")
    shops.append(shop)
    with server.owner() as owner:
        kept = owner.put("/v1/sources/paused", json={"kind": "shopify", "name": "Trà Việt"})
        assert kept.json()["name"] == "Trà Việt"
        assert shop.send("checkouts/create", shopify_checkout(token="p1")).status_code == 200
        paused = {"kind": "shopify", "live": False}
        assert owner.put("/v1/sources/paused", json=paused).json()["live"] is False
        problem(shop.send("checkouts/create", shopify_checkout()), 404, "source.unknown")
        changed = owner.put("/v1/sources/paused", json={"kind": "haravan"})
        problem(changed, 422, "source.secret")
        assert SECRET not in owner.get("/v1/sources").text
        assert SECRET not in owner.get("/v1/sources/paused").text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "shopify"}, "source.secret"),
        ({"kind": "shopify", "secret": "short"}, "source.secret"),
        ({"kind": "shopify", "secret": SECRET, "currency": "dong"}, "source.currency"),
        ({"kind": "shopify", "secret": SECRET, "prefix": "a b"}, "source.prefix"),
        ({"kind": "shopify", "secret": SECRET, "brand": "a/b"}, "source.words"),
        ({"kind": "shopify", "secret": SECRET, "id": "other"}, "source.id_inside"),
        ({"kind": "shopify", "secret": SECRET, "colour": "red"}, "source.invalid"),
        ({"kind": "magento", "secret": SECRET}, "source.invalid"),
        ({}, "source.invalid"),
    ],
)
def test_a_source_that_makes_no_sense_is_refused(
    owner: httpx.Client, body: dict[str, Any], code: str
) -> None:
    problem(owner.put("/v1/sources/nonsense", json=body), 422, code)
    problem(owner.get("/v1/sources/nonsense"), 404, "source.none")
    problem(owner.delete("/v1/sources/nonsense"), 404, "source.none")


def test_nobody_else_sees_or_changes_sources(anybody: httpx.Client) -> None:
    problem(anybody.get("/v1/sources"), 401)
    problem(anybody.put("/v1/sources/x", json={"kind": "shopify", "secret": SECRET}), 401)
    problem(anybody.post("/v1/hooks/none", json={}), 404, "source.unknown")
    problem(anybody.get("/v1/hooks/none"), 404, "source.unknown")


BROKER = {"host": "broker.test", "topics": ["till/+/sale"]}
RULES = [
    {
        "event": "'Order Completed'",
        "userId": "buyer",
        "messageId": "id",
        "timestamp": "at",
        "properties": {"order_id": "id", "total": "sum"},
    }
]


def test_any_system_tells_by_rules_of_the_companys_own(server: Server, owner: httpx.Client) -> None:
    auth = {"scheme": "hmac", "header": "x-pos-sign", "prefix": "sha256="}
    definition = {"kind": "webhook", "auth": auth, "calls": RULES}
    sent = {"id": "r-1", "buyer": "pos-1", "at": "2026-11-21T00:00:00Z", "sum": "129000"}
    tried = owner.post("/v1/sources/preview", json={"definition": definition, "body": sent}).json()
    assert tried["calls"][0]["call"]["userId"] == "pos-1"
    assert tried["calls"][0]["reasons"] == []
    nobody = owner.post("/v1/sources/preview", json={"definition": definition, "body": {}}).json()
    assert nobody["calls"][0]["reasons"] == ["Name the person by userId or anonymousId."]
    made = owner.put("/v1/sources/pos", json=definition).json()
    body = msgspec.json.encode(sent)
    sign = "sha256=" + hmac.digest(made["secret"].encode(), body, "sha256").hex()
    for _ in range(3):
        answer = httpx.post(
            f"{server.url}/v1/hooks/pos", content=body, headers={"X-Pos-Sign": sign}
        )
        assert answer.json()["accepted"] == 1
    forged = httpx.post(f"{server.url}/v1/hooks/pos", content=body, headers={"X-Pos-Sign": "x"})
    problem(forged, 401, "source.signature")
    assert len(until(lambda: story(server, "user_id:pos-1"))) == 1
    row = owner.get("/v1/sources/pos").json()
    assert row["definition"]["calls"] == RULES
    assert owner.delete("/v1/sources/pos").status_code == 200


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ({"kind": "webhook"}, "source.calls"),
        ({"kind": "webhook", "calls": [{"event": "a..b"}]}, "source.expression"),
        ({"kind": "webhook", "calls": [{"event": ""}, {"userid": "a"}]}, "source.invalid"),
        ({"kind": "webhook", "calls": RULES, "auth": {"header": "a b"}}, "source.auth"),
        ({"kind": "shopify", "calls": RULES}, "source.of_a_shop"),
        ({"kind": "mqtt", "calls": RULES}, "source.broker"),
        ({"kind": "webhook", "calls": RULES, "broker": BROKER}, "source.broker"),
        ({"kind": "mqtt", "calls": RULES, "broker": BROKER | {"port": 0}}, "source.broker_address"),
        ({"kind": "mqtt", "calls": RULES, "broker": BROKER | {"topics": ["a+"]}}, "source.topics"),
        ({"kind": "mqtt", "calls": RULES, "broker": BROKER | {"rate": 0}}, "source.broker_rate"),
        ({"kind": "mqtt", "broker": BROKER}, "source.calls"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    owner: httpx.Client, definition: dict[str, Any], code: str
) -> None:
    problem(owner.put("/v1/sources/senseless", json=definition), 422, code)
    tried = {"definition": definition, "body": {}}
    problem(owner.post("/v1/sources/preview", json=tried), 422, code)
