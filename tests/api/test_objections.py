"""What a browser says for its owner is written down as a refusal."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.server import ORIGIN, Server


def page_tells(server: Server, visitor: str, headers: dict[str, str]) -> None:
    for _ in range(2):
        call = {"type": "page", "anonymousId": visitor, "name": "Home"}
        answer = httpx.post(
            f"{server.url}/v1/batch",
            json={"batch": [call], "writeKey": server.browser_key},
            headers={"origin": ORIGIN, **headers},
        )
        assert answer.json()["accepted"] == 1, "what is told besides is not counted"
        server.applied(int(answer.json()["offset"]))


def said(owner: httpx.Client, visitor: str) -> list[dict[str, Any]]:
    rows = owner.get(f"/v1/profiles/anonymous_id:{visitor}/consent").json()["data"]
    return sorted(rows, key=lambda row: str(row["purpose"]))


def test_the_signal_is_a_refusal_once(server: Server, owner: httpx.Client) -> None:
    page_tells(server, "gpc-1", {"sec-gpc": "1"})
    rows = said(owner, "gpc-1")
    assert [(row["purpose"], row["channel"], row["state"]) for row in rows] == [
        ("advertising", "*", "denied"),
        ("sale", "*", "denied"),
    ]
    assert {row["proof"] for row in rows} == {"Sec-GPC"}
    events = owner.get("/v1/profiles/anonymous_id:gpc-1/events").json()["data"]
    assert sum(event["name"] == "Consent Updated" for event in events) == 2


@pytest.mark.parametrize("headers", [{}, {"sec-gpc": "0"}, {"sec-gpc": "yes"}, {"dnt": "1"}])
def test_nothing_is_said_without_it(
    server: Server, owner: httpx.Client, headers: dict[str, str]
) -> None:
    visitor = f"gpc-none-{'-'.join(headers.values()) or 'plain'}-{len(headers)}"
    page_tells(server, visitor, headers)
    assert said(owner, visitor) == []


def test_a_server_has_no_browser(server: Server, owner: httpx.Client) -> None:
    answer = httpx.post(
        f"{server.url}/v1/page",
        json={"anonymousId": "gpc-2", "name": "Home"},
        auth=(server.server_key, ""),
        headers={"sec-gpc": "1"},
    )
    server.applied(int(answer.json()["offset"]))
    assert said(owner, "gpc-2") == []
