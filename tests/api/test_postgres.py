"""`duyen serve` on PostgreSQL, from an event to the mail, and through a restart of the database's sessions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests import mosquitto, postgres
from tests.api.server import Server, until
from tests.api.test_hooks import Shop, story
from tests.conftest import find_free_port
from tests.connectors.payloads import shopify_order, shopify_product
from tests.runtime import test_listener as listener

pytestmark = pytest.mark.postgres
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Cảm ơn {{ person.name }}</mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.schema() as found:
        yield found


@pytest.fixture(scope="module")
def shop(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Everything that `duyen serve` starts."""
    folder = tmp_path_factory.mktemp("shop")
    server = Server(folder, find_free_port(), store_url=url)
    server.start("serve")
    try:
        until(lambda: _answers(server))
        yield server
    finally:
        server.stop()


def _answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def put(owner: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = owner.put(f"/v1/{path}", json=body)
    assert answer.status_code in (200, 201), answer.text


def test_from_an_event_to_a_mail(shop: Server) -> None:
    with shop.owner() as owner:
        put(
            owner,
            "settings",
            {"hold_out": 0, "quiet_from": "00:00", "quiet_to": "00:00", "caps": []},
        )
        put(owner, "segments/buyers", {"name": "Buyers", "rule": {"did": "Order Completed"}})
        put(owner, "messages/thanks", {"name": "Thanks", "subject": "Cảm ơn", "body": MJML})
        steps = [{"send": "thanks"}]
        entry = {"event": "Order Completed"}
        put(owner, "journeys/thanks", {"name": "Thanks", "entry": entry, "steps": steps})
        who = {"userId": "an"}
        traits = {"name": "Nguyễn Văn An", "email": "an@example.test"}
        granted = {"purpose": "marketing", "channel": "email", "state": "granted"}
        order = {"order_id": "o1", "total": "12.50", "currency": "USD"}
        shop.tell(
            {"type": "identify", **who, "traits": traits},
            {"type": "track", **who, "event": "Consent Updated", "properties": granted},
            {"type": "track", **who, "event": "Order Completed", "properties": order},
            {"type": "track", **who, "event": ""},
        )
        profile = owner.get("/v1/profiles/user_id:an").json()
        assert {t["name"]: t["value"] for t in profile["traits"]}["name"] == "Nguyễn Văn An"
        found = owner.get("/v1/profiles", params={"query": "nguyen an"}).json()["data"]
        assert [row["name"] for row in found] == ["Nguyễn Văn An"]
        members = owner.get("/v1/segments/buyers/members").json()["data"]
        assert [row["name"] for row in members] == ["Nguyễn Văn An"]
        assert len(owner.get("/v1/rejected").json()["data"]) == 1
        mail = until(lambda: owner.get("/v1/mail", params={"query": "cam on"}).json()["data"])
        assert mail[0]["to"] == "an@example.test"
        until(lambda: _states(owner) == ["sent"])
        overview = owner.get("/v1/reports/overview")
        assert overview.status_code == 200, overview.text


def _states(owner: httpx.Client) -> list[str]:
    contacts = owner.get("/v1/profiles/user_id:an/contacts").json()["data"]
    return [contact["state"] for contact in contacts]


def test_lost_sessions_are_made_anew(shop: Server, url: str) -> None:
    """As when the database is started again: the door says so or answers, and everything goes on."""
    with psycopg.connect(url.partition("&")[0], autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
            (url.rpartition("=")[2],),
        )
    body = {"batch": [{"type": "identify", "userId": "ba", "traits": {"name": "Bà Hai"}}]}

    def told() -> str:
        answer = httpx.post(
            f"{shop.url}/v1/batch", json=body, auth=(shop.server_key, ""), timeout=60
        )
        assert answer.status_code in (200, 503), answer.text
        return str(answer.json().get("offset", ""))

    shop.applied(int(until(told)))
    with shop.owner() as owner:
        until(lambda: owner.get("/v1/profiles/user_id:ba").status_code == 200)


def test_what_a_shop_tells_is_counted_once(shop: Server) -> None:
    sender = Shop(shop, "tra-viet", "shopify")
    newest = shopify_order(updated_at="2026-11-21T00:00:00Z", total_price="380000")
    for topic, body in (
        ("orders/updated", newest),
        ("orders/create", shopify_order()),
        ("orders/updated", newest),
        ("products/update", shopify_product()),
    ):
        assert sender.send(topic, body).status_code == 200
    assert sender.send("orders/create", shopify_order(), secret="another").status_code == 401
    sender.counts(deliveries=5, accepted=5, items=1, refused=1)
    found = until(lambda: story(shop, "user_id:7001002003"))
    assert sorted(event["name"] for event in found) == ["Order Completed", "Order Updated"]
    with shop.owner() as owner:
        assert until(lambda: owner.get("/v1/catalog/items/11").status_code == 200)
    sender.http.close()


def test_devices_are_heard(shop: Server, tmp_path: Path) -> None:
    with mosquitto.running(tmp_path / "mosquitto") as broker, shop.owner() as owner:
        listener.put(shop, broker)
        listener.connected(shop, broker)
        listener.send(broker, [listener.sale(n, "c-pg") for n in range(500)])
        assert until(lambda: listener.rang(shop, "c-pg") == list(range(500)))
        assert owner.delete("/v1/sources/tills").status_code == 200
