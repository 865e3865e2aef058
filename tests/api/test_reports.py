"""Reports over HTTP: what is counted, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.api.server import Server


@pytest.fixture(scope="module", autouse=True)
def workspace(owner: httpx.Client) -> None:
    """Nobody is held out, and the day is the world's."""
    body = {"hold_out": 0, "timezone": "UTC", "currency": "VND"}
    assert owner.put("/v1/settings", json=body).status_code == 200


def order(number: str, total: str, **more: Any) -> dict[str, Any]:
    """An order of one person."""
    properties = {"order_id": number, "total": total, **more.pop("properties", {})}
    return {
        "type": "track",
        "userId": "buyer-of-reports",
        "event": "Order Completed",
        "properties": properties,
        **more,
    }


def test_todays_orders_are_those_of_today(server: Server, owner: httpx.Client) -> None:
    def orders() -> tuple[int, Decimal]:
        found = owner.get("/v1/reports/overview").json()["orders"]
        return found["today"], Decimal(found["revenue_today"])

    count, revenue = orders()
    long_ago = (datetime.now(UTC) - timedelta(days=3)).isoformat()
    server.tell(
        order("r1", "129000"),
        order("r2", "19.90", properties={"currency": "VND"}),
        order("r3", "5", properties={"currency": "USD"}),
        order("r4", "1000000", timestamp=long_ago),
    )
    again, more = orders()
    assert again - count == 3
    assert more - revenue == Decimal("129019.90")


def test_events_are_counted_by_their_arrival(server: Server, owner: httpx.Client) -> None:
    before = owner.get("/v1/reports/overview").json()["events"]
    call = {"type": "track", "userId": "counted", "event": "Counted"}
    twice = {**call, "messageId": "counted-twice"}
    server.tell(call, twice)
    server.tell(twice)
    server.tell({"type": "track", "userId": "counted", "event": 7}, call)
    after = owner.get("/v1/reports/overview").json()["events"]
    assert after["today"] - before["today"] == 3
    assert after["rejected_today"] - before["rejected_today"] == 1
    assert after["per_second"] >= 0


def test_an_event_named_like_a_count_of_ours_is_none(server: Server, owner: httpx.Client) -> None:
    before = owner.get("/v1/reports/overview").json()
    names = ("@events", "@orders", "events", "@mail.sent", "@decisions")
    server.tell(*({"type": "track", "userId": "namer", "event": name} for name in names))
    after = owner.get("/v1/reports/overview").json()
    assert after["events"]["today"] - before["events"]["today"] == len(names)
    assert after["orders"] == before["orders"]
    assert after["mails"]["sent_today"] == before["mails"]["sent_today"]
    assert after["decisions"] == before["decisions"]


def test_people_stand_at_the_wait_they_are_in(server: Server, owner: httpx.Client) -> None:
    message = {"subject": "x", "body": "<mjml><mj-body/></mjml>"}
    owner.put("/v1/messages/of-a-branch", json=message)
    journey = {
        "name": "Branches",
        "entry": {"event": "Entered Branches"},
        "steps": [
            {
                "if": {"trait": "vip", "is": True},
                "then": [{"wait": "1d"}, {"send": "of-a-branch"}],
                "else": [{"wait": "2d"}],
            },
            {"wait": "3d"},
            "exit",
        ],
    }
    assert owner.put("/v1/journeys/branches", json=journey).status_code == 200
    server.tell(
        *({"type": "identify", "userId": f"branch-{n}", "traits": {"vip": n < 2}} for n in range(5))
    )
    server.tell(
        *({"type": "track", "userId": f"branch-{n}", "event": "Entered Branches"} for n in range(5))
    )
    found = owner.get("/v1/reports/journeys").json()["data"]
    row = next(row for row in found if row["id"] == "branches")
    assert (row["entered"], row["active"], row["finished"]) == (5, 5, 0)
    standing = {tuple(step["path"]): (step["kind"], step["people"]) for step in row["steps"]}
    assert standing == {
        (0,): ("if", 0),
        (0, 0, 0): ("wait", 2),
        (0, 0, 1): ("send", 0),
        (0, 1, 0): ("wait", 3),
        (1,): ("wait", 0),
        (2,): ("exit", 0),
    }
    assert row["steps"][2]["step"] == {"send": "of-a-branch"}


def test_what_just_happened_names_who_and_what(server: Server, owner: httpx.Client) -> None:
    server.tell(
        {"type": "identify", "userId": "latest-1", "traits": {"name": "Trần Thị Mới"}},
        {
            "type": "track",
            "userId": "latest-1",
            "event": "Product Viewed",
            "properties": {"name": "Trà sen"},
        },
    )
    lines = owner.get("/v1/reports/overview").json()["latest"]
    line = next(
        one for one in lines if one["subject"] == "Product Viewed" and one["detail"] == "Trà sen"
    )
    assert line["person"] == {
        "id": line["person"]["id"],
        "key": "user_id:latest-1",
        "name": "Trần Thị Mới",
    }
    assert len({one["id"] for one in lines}) == len(lines)
