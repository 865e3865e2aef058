"""A door that is killed while shops send: what was answered 200 is there, and what is sent again counts once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.server import Server, running, until
from tests.api.test_hooks import Shop, story
from tests.conftest import find_free_port
from tests.connectors.payloads import shopify_order

ORDERS, SENDERS = 240, 4


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "shop", find_free_port(), "engine", "door") as found:
        yield found


def test_every_order_arrives_once_though_the_door_is_killed(server: Server) -> None:
    shop = Shop(server, "tra-viet", "shopify")
    sent = threading.Semaphore(0)

    def send(first: int) -> None:
        for number in range(first, ORDERS, SENDERS):
            body = shopify_order(id=1_000 + number, customer={"id": 5})

            def told(body: dict[str, object] = body) -> bool:
                try:
                    return shop.send("orders/create", body).status_code == 200
                except httpx.TransportError:
                    return False

            assert until(told)
            sent.release()

    senders = [threading.Thread(target=send, args=(first,)) for first in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(3):
        for _ in range(ORDERS // 6):
            assert sent.acquire(timeout=60)
        door = server.processes.pop("door")
        door.kill()
        door.wait()
        server.start("door")
    for sender in senders:
        sender.join(120)
        assert not sender.is_alive()

    def orders() -> list[str]:
        with server.owner() as owner:
            found, cursor = [], None
            while True:
                query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
                page = owner.get("/v1/profiles/user_id:5/events", params=query).json()
                found += [event["properties"]["order_id"] for event in page["data"]]
                cursor = page["next"]
                if cursor is None:
                    return found

    until(lambda: story(server, "user_id:5"))
    assert until(lambda: len(orders()) >= ORDERS)
    assert sorted(orders()) == sorted(str(1_000 + number) for number in range(ORDERS))
