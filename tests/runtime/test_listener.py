"""Devices at a real Mosquitto: what was sent with QoS 1 arrives once, through floods, crashes and restarts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from duyen.runtime.heard import Standing, standing
from duyen.runtime.house import House
from tests import mosquitto
from tests.api.server import Server, running, until
from tests.conftest import find_free_port

RULES = [
    {
        "event": "'Till Rang'",
        "userId": "payload.card",
        "messageId": "payload.id",
        "timestamp": "payload.at",
        "properties": {"till": "levels[1]", "sum": "payload.sum"},
    }
]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[mosquitto.Mosquitto]:
    with mosquitto.running(tmp_path / "mosquitto") as found:
        yield found


@pytest.fixture
def server(tmp_path: Path, broker: mosquitto.Mosquitto) -> Iterator[Server]:
    with running(tmp_path / "shop", find_free_port(), "engine", "door") as found:
        put(found, broker)
        found.start("listener")
        yield found


def put(server: Server, broker: mosquitto.Mosquitto, **more: Any) -> None:
    place = {
        "host": "127.0.0.1",
        "port": broker.port,
        "username": mosquitto.USER,
        "topics": ["till/+/sale"],
        "rate": 5_000,
    }
    body = {"kind": "mqtt", "secret": mosquitto.PASSWORD, "calls": RULES, "broker": place | more}
    with server.owner() as owner:
        answer = owner.put("/v1/sources/tills", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["url"] is None


def send(broker: mosquitto.Mosquitto, messages: list[Any], qos: int = 1) -> None:
    """Publish messages, and wait until the broker has them."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(mosquitto.USER, mosquitto.PASSWORD)
    client.max_inflight_messages_set(1_000)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    told = [
        client.publish(
            "till/7/sale", raw if isinstance(raw, bytes) else json.dumps(raw).encode(), qos
        )
        for raw in messages
    ]
    for each in told:
        each.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


def sale(number: int, card: str = "c-1") -> dict[str, Any]:
    at = f"2026-11-21T00:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"id": f"s-{number}", "card": card, "at": at, "sum": number}


def known(server: Server) -> Standing:
    house = House(server.settings)
    try:
        return standing(house.state, "tills")
    finally:
        house.close()


def connected(server: Server, broker: mosquitto.Mosquitto) -> None:
    """Wait until the listener hears: a message whose rules make nothing of it."""

    def heard() -> bool:
        before = known(server).counts.get("deliveries", 0)
        send(broker, [{"id": "hello", "card": "nobody"}])
        return known(server).counts.get("deliveries", 0) > before

    until(heard)


def rang(server: Server, card: str) -> list[int]:
    """What a card's owner paid, by the events that are known."""
    with server.owner() as owner:
        found: list[int] = []
        cursor = None
        while True:
            query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
            answer = owner.get(f"/v1/profiles/user_id:{card}/events", params=query)
            if answer.status_code != 200:
                return found
            page = answer.json()
            found += [event["properties"].get("sum") for event in page["data"]]
            cursor = page["next"]
            if cursor is None:
                return sorted(found)


def test_a_flood_arrives_whole_and_once(server: Server, broker: mosquitto.Mosquitto) -> None:
    connected(server, broker)
    messages = [sale(n) for n in range(1_500)]
    send(broker, messages)
    send(broker, messages[:300])  # a till that repeats itself
    assert until(lambda: len(rang(server, "c-1")) == 1_500)
    assert rang(server, "c-1") == list(range(1_500))


def test_what_comes_while_the_listener_is_killed_is_not_lost(
    server: Server, broker: mosquitto.Mosquitto
) -> None:
    connected(server, broker)
    for start in range(0, 600, 200):
        send(broker, [sale(n, "c-2") for n in range(start, start + 200)])
        process = server.processes.pop("listener")
        process.kill()
        process.wait()
        send(broker, [sale(n, "c-2") for n in range(start + 1_000, start + 1_050)])
        server.start("listener")
    expected = [*range(600), *range(1_000, 1_050), *range(1_200, 1_250), *range(1_400, 1_450)]
    assert until(lambda: len(rang(server, "c-2")) == len(expected))
    assert rang(server, "c-2") == expected


def test_odd_messages_are_kept_and_others_go_on(
    server: Server, broker: mosquitto.Mosquitto
) -> None:
    connected(server, broker)
    send(broker, [b"\xff\xfe", b"", b"not json", b"[" * 5_000, sale(1, "c-3")])
    assert until(lambda: rang(server, "c-3") == [1])

    def kept() -> bool:
        with server.owner() as owner:
            rows = owner.get("/v1/rejected", params={"limit": 200}).json()["data"]
        told = [reason for row in rows for reason in row["reasons"]]
        return "The message on till/7/sale is neither JSON nor text." in told

    assert until(kept)


def test_a_broker_that_went_away_is_found_again(
    server: Server, broker: mosquitto.Mosquitto
) -> None:
    connected(server, broker)
    broker.stop()
    assert until(lambda: "The broker at 127.0.0.1" in known(server).trouble)
    broker.start()
    connected(server, broker)
    send(broker, [sale(5, "c-4")])
    assert until(lambda: rang(server, "c-4") == [5])


def test_a_wrong_password_is_said_and_mended(server: Server, broker: mosquitto.Mosquitto) -> None:
    with server.owner() as owner:
        row = owner.get("/v1/sources/tills").json()
        wrong = row["definition"] | {"secret": "wrong"}
        assert owner.put("/v1/sources/tills", json=wrong).status_code == 200
    assert until(lambda: "The broker at 127.0.0.1" in known(server).trouble)
    put(server, broker)
    connected(server, broker)


def test_what_nobody_keeps_is_let_go_and_counted(
    server: Server, broker: mosquitto.Mosquitto
) -> None:
    """A flood with QoS 0 beyond the rate: the newest go, and what was sent with QoS 1 still arrives."""
    put(server, broker, rate=50)
    connected(server, broker)
    send(broker, [sale(n, "c-5") for n in range(6_000)], qos=0)
    send(broker, [sale(9_000, "c-6")])
    assert until(lambda: known(server).counts.get("refused", 0) > 0)
    assert "QoS 0" in known(server).trouble
    put(server, broker, rate=5_000)
    assert until(lambda: rang(server, "c-6") == [9_000])


def test_the_scheduler_keeps_a_listener_while_there_is_something_to_hear(
    tmp_path: Path, broker: mosquitto.Mosquitto
) -> None:
    with running(tmp_path / "shop", find_free_port(), "engine", "door", "scheduler") as server:
        house = House(server.settings)
        try:
            assert not house.stores.running("listener")
            put(server, broker)
            assert until(lambda: house.stores.running("listener"))
            connected(server, broker)
            with server.owner() as owner:
                assert owner.delete("/v1/sources/tills").status_code == 200
            assert until(lambda: not house.stores.running("listener"))
        finally:
            house.close()
