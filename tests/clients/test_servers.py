"""The published libraries for servers, running for real: what they tell arrives whole, once, whatever the road does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.server import Server, until
from tests.clients.conftest import events_of
from tests.clients.road import Road
from tests.clients.servers import LIBRARIES, Call, Library

WHEN = "2026-03-08T09:30:00+00:00"
CONTEXT = {
    "ip": "203.0.113.7",
    "locale": "vi-VN",
    "timezone": "Asia/Ho_Chi_Minh",
    "userAgent": "Mozilla/5.0 (ShopApp)",
    "campaign": {"name": "tet", "source": "zalo"},
    "page": {"url": "https://shop.example.test/tea", "title": "Trà sen"},
}
ORDER = {
    "order_id": "o-1",
    "total": 260000,
    "currency": "VND",
    "products": [{"product_id": "lotus", "name": "Trà sen", "price": 130000, "quantity": 2}],
}


@pytest.fixture(params=LIBRARIES)
def library(request: pytest.FixtureRequest, server: Server, road: Road) -> Iterator[Library]:
    """Each published library in turn."""
    found = LIBRARIES[request.param](server.server_key, road.url)
    yield found
    found.close()


@pytest.fixture
def person() -> str:
    """A user id of this test's own."""
    return f"u-{uuid4().hex}"


def arrived(owner: httpx.Client, person: str, count: int) -> list[dict[str, Any]]:
    """The events of a user once there are so many."""
    until(lambda: len(events_of(owner, f"user_id:{person}")) >= count)
    return events_of(owner, f"user_id:{person}")


def assert_time(row: dict[str, Any]) -> None:
    """The told time; a library that dates a body before it sends it leaves the way of the body in it."""
    late = datetime.fromisoformat(row["time"]) - datetime.fromisoformat(WHEN)
    assert timedelta(0) <= late < timedelta(minutes=5), row


def views(person: str, count: int) -> list[Call]:
    """So many product views."""
    return [
        {
            "type": "track",
            "userId": person,
            "event": "Product Viewed",
            "properties": {"product_id": f"p{number}"},
        }
        for number in range(count)
    ]


def tell_in_vain(library: Library, road: Road, *calls: Call) -> None:
    """Tell calls, and wait until the library found no door."""
    before = road.turned_away
    library.tell(*calls)
    until(lambda: road.turned_away > before)


def test_every_call_arrives_with_every_field(
    library: Library, person: str, owner: httpx.Client
) -> None:
    who = {"userId": person, "anonymousId": f"a-{person}", "context": CONTEXT, "timestamp": WHEN}
    traits = {"name": "Nguyễn Thị Ánh", "email": f"{person}@example.test"}
    library.tell(
        {"type": "identify", **who, "traits": traits},
        {"type": "track", **who, "event": "Order Completed", "properties": ORDER},
        {"type": "page", **who, "category": "Shop", "name": "Home", "properties": {"tier": 1}},
        {"type": "screen", **who, "category": "App", "name": "Cart", "properties": {"tier": 2}},
        {"type": "group", **who, "groupId": "g-1", "traits": {"name": "Công ty Chè"}},
        {"type": "alias", "previousId": f"before-{person}", "userId": person, "timestamp": WHEN},
    )
    assert library.settle() == []

    rows = {row["type"]: row for row in arrived(owner, person, 6)}
    assert set(rows) == {"identify", "track", "page", "screen", "group", "alias"}
    for kind, row in rows.items():
        assert_time(row)
        assert row["trusted"] is True
        assert row["imported"] is False
        if kind == "alias":
            assert ["anonymous_id", f"before-{person}"] in row["identifiers"]
            continue
        assert {tuple(pair) for pair in row["identifiers"]} >= {
            ("user_id", person),
            ("anonymous_id", f"a-{person}"),
        }
        context = row["context"]
        assert context["library"]["name"]
        assert context["library"]["version"]
        assert context["user_agent"] == CONTEXT["userAgent"]
        for field in ("ip", "locale", "timezone", "campaign", "page"):
            assert context[field] == CONTEXT[field]
    assert rows["track"]["properties"] == ORDER
    assert rows["identify"]["traits"] == traits
    assert rows["page"]["properties"].items() >= {"name": "Home", "tier": 1}.items()
    assert rows["screen"]["properties"].items() >= {"name": "Cart", "tier": 2}.items()
    assert rows["group"]["properties"] == {"name": "Công ty Chè", "group_id": "g-1"}
    found = owner.get(f"/v1/profiles/email:{person}@example.test").json()
    assert (found["name"], found["events"]) == (traits["name"], 6)
    same = owner.get(f"/v1/profiles/anonymous_id:before-{person}").json()
    assert same["id"] == found["id"]


def test_nothing_is_lost_while_the_door_is_dead(
    server: Server, road: Road, owner: httpx.Client
) -> None:
    told = {f"u-{uuid4().hex}": make(server.server_key, road.url) for make in LIBRARIES.values()}
    door = server.processes["door"]
    door.kill()
    door.wait()
    try:
        for person, library in told.items():
            tell_in_vain(library, road, *views(person, 50))
    finally:
        server.start("door")
    for person, library in told.items():
        assert library.settle() == []
        library.close()
        seen = [row["properties"]["product_id"] for row in arrived(owner, person, 50)]
        assert sorted(seen) == sorted(f"p{number}" for number in range(50))


def test_an_answer_that_is_lost_makes_no_event_twice(
    library: Library, person: str, owner: httpx.Client, road: Road
) -> None:
    lost = road.lost_answers
    road.lose_answers(2)
    library.tell(*views(person, 30))
    assert library.settle() == []
    assert road.lost_answers == lost + 2
    # What is told last is applied last: by then a second copy would be there too.
    library.tell({"type": "track", "userId": person, "event": "The End"})
    assert library.settle() == []
    until(lambda: "The End" in {row["name"] for row in events_of(owner, f"user_id:{person}")})
    assert len(events_of(owner, f"user_id:{person}")) == 31


def test_a_message_id_of_the_callers_own_counts_once(
    library: Library, person: str, owner: httpx.Client
) -> None:
    [call] = views(person, 1)
    library.tell(*[{**call, "messageId": f"m-{person}"}] * 3)
    library.tell(*views(person, 1))
    assert library.settle() == []
    rows = arrived(owner, person, 2)
    assert len(rows) == 2
    assert f"m-{person}" in {row["id"] for row in rows}


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_wrong_key_is_heard_of(name: str, person: str, road: Road) -> None:
    library = LIBRARIES[name]("wk_wrong", road.url)
    try:
        library.tell(*views(person, 1))
        assert library.settle()
    finally:
        library.close()
