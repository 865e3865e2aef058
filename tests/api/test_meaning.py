"""Every published event goes through the real door and engine, and means what the table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from duyen.model.meaning import MEANINGS, known_as
from tests.api.server import Server

ORDER = "50314b8e9bcf000000000000"


def published(shared_data: Path) -> list[dict[str, Any]]:
    """Every published track call with a name of the table."""
    file = shared_data / "segment_spec" / "examples.jsonl"
    if not file.is_file():
        pytest.skip(f"the published example calls are not at {file}")
    found = []
    for line in file.read_text().splitlines():
        example = json.loads(line)
        told = example["payload"] if example["form"] == "http_json" else example["normalised"]
        for one in told.get("batch", [told]):
            if known_as(str(one.get("event", ""))) in MEANINGS:
                found.append({"context": {}, **one})
    return found


def events_of(owner: httpx.Client, user: str) -> list[dict[str, Any]]:
    answer = owner.get(f"/v1/profiles/user_id:{user}/events")
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def test_every_published_event_means_what_the_table_says(
    server: Server, owner: httpx.Client, shared_data: Path
) -> None:
    calls = published(shared_data)
    said = [
        {
            "type": "track",
            "event": call["event"],
            "properties": call.get("properties", {}),
            "context": call["context"],
            "userId": f"meaning-{number}",
            "messageId": f"meaning-{number}",
        }
        for number, call in enumerate(calls)
    ]
    server.tell(*said)
    covered = set()
    for number, call in enumerate(calls):
        id = f"meaning-{number}"
        # Other calls of the published ones may name the same person.
        (row,) = (each for each in events_of(owner, id) if each["id"] == id)
        meaning = MEANINGS[row["name"]]
        covered.add(meaning.name)
        assert meaning.name == known_as(call["event"]), call
        assert row["quality"] == "", call
        profile = owner.get(f"/v1/profiles/user_id:meaning-{number}").json()
        goods = row["goods"]
        if meaning.order:
            assert goods["part"] == meaning.order
            assert (goods["problem"], goods["currency"]) == ("other_currency", "USD")
            assert goods["total"] is not None
            assert row["properties"]["order_id"] == ORDER
            assert all(line["amount"] and line["item"] for line in goods["lines"]), goods
            assert goods["products"] >= 2
        traits = {trait["name"]: trait["value"] for trait in profile["traits"]}
        if meaning.cart in ("adds", "shows"):
            assert traits["cart"]["quantity"] >= 1, call
            assert traits["cart"]["items"][0]["product_id"] == "507f1f77bcf86cd799439011"
        elif meaning.cart:
            assert traits["cart"]["quantity"] == 0, call
        else:
            assert "cart" not in traits
        refuses = meaning.mail in ("unsubscribed", "complained")
        refused = [(one["purpose"], one["channel"], one["state"]) for one in profile["consent"]]
        assert refused == ([("marketing", "email", "denied")] if refuses else []), call
        if (call["context"].get("device") or {}).get("token"):
            assert any(name.endswith(".push_token") for name in profile["identifiers"])
    parts = {MEANINGS[name].area for name in covered}
    assert parts == {"shop", "mail", "app", "business", "video", "chat"}
    assert len(covered) >= 69


def test_a_page_cannot_say_that_somebody_complained(server: Server, owner: httpx.Client) -> None:
    call = {
        "type": "track",
        "event": "Email Marked as Spam",
        "anonymousId": "complainer",
        "writeKey": server.browser_key,
    }
    told = httpx.post(
        f"{server.url}/v1/track", json=call, headers={"origin": server.url}, timeout=30
    )
    assert told.status_code == 200
    server.tell({"type": "track", "event": "Waits", "userId": "waits-for-engine"})
    profile = owner.get("/v1/profiles/anonymous_id:complainer").json()
    assert profile["events"] == 1
    assert profile["consent"] == []


@pytest.mark.parametrize(
    ("properties", "problem", "total"),
    [
        ({"total": "1.234.000 ₫"}, "", "1234000.00"),
        ({"total": "129.000"}, "", "129000.00"),
        ({"total": "$12", "currency": "USD"}, "other_currency", "12.00"),
        ({"total": "$12"}, "unreadable", None),
        ({"total": "1.2.3", "revenue": 5}, "unreadable", None),
        ({"total": 5, "currency": "XYZ"}, "other_currency", "5.00"),
        ({"products": [{"price": 5, "quantity": -2}]}, "unreadable", None),
        ({"products": [{"price": "5.000đ", "quantity": 2}]}, "", "10000.00"),
        ({"products": [{"id": "tea", "price": 1}] * 600}, "", "600.00"),
        ({"products": []}, "untold", None),
        ({"products": {"a": 1}}, "unreadable", None),
        ({"total": None}, "untold", None),
    ],
)
def test_hostile_orders_are_read_exactly_or_not_at_all(
    server: Server,
    owner: httpx.Client,
    properties: dict[str, Any],
    problem: str,
    total: str | None,
) -> None:
    user = f"hostile {json.dumps(properties, sort_keys=True)[:90]}"
    server.tell(
        {"type": "track", "event": "completed_order", "userId": user, "properties": properties}
    )
    (row,) = events_of(owner, user)
    assert row["name"] == "Order Completed"
    assert (row["goods"]["problem"], row["goods"]["total"]) == (problem, total)
