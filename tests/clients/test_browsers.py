"""Segment's own client for browsers, running for real in Chromium: it starts against us, and what it tells arrives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from duyen.model.log import Lane
from duyen.runtime.access import key_change
from duyen.runtime.house import House
from tests.api.server import Server, until
from tests.browser.conftest import Site, Visit, Watched, browser, site, visit
from tests.clients.conftest import events_of
from tests.clients.road import Road
from tests.clients.servers import installed

__all__ = ["browser", "site", "visit"]
pytestmark = pytest.mark.browser

CLIENT = "@segment/analytics-next"
WAYS: dict[str, dict[str, Any]] = {
    "calls": {},
    "batches": {
        "deliveryStrategy": {"strategy": "batching", "config": {"size": 4, "timeout": 200}}
    },
}
"""Both ways in which the client can send."""
QUICK = {"backoffConfig": {"baseBackoffInterval": 0.1, "maxBackoffInterval": 1}}
LOAD = """([key, door, how]) => {
    window.analytics = AnalyticsNext.AnalyticsBrowser.load(
        { writeKey: key, cdnURL: door },
        { integrations: { "Segment.io": how } },
    );
    return analytics.ready().then(() => analytics.user()).then((user) => user.anonymousId());
}"""
STORY = """async () => {
    await analytics.identify("browser-claims", { name: "Nguyễn Thị Ánh" });
    await analytics.track("Product Viewed", { product_id: "lotus", price: 130000 }, {
        timestamp: new Date("2026-03-08T09:30:00Z"),
    });
    await analytics.page("Shop", "Home", { tier: 1 });
    await analytics.screen("App", "Cart", { tier: 2 });
    await analytics.group("g-1", { name: "Công ty Chè" });
    await analytics.alias("browser-later", "browser-claims");
}"""
VIEWS = """(count) => {
    for (let n = 0; n < count; n++) analytics.track("Product Viewed", { product_id: "p" + n });
}"""


SEEN = [f"p{number}" for number in range(8)]


@pytest.fixture(scope="module")
def shop(site: Site, server: Server) -> str:
    """A page of the company with the published client on it, and a key for its site."""
    key = key_change("write", (site.origin,), "site", "test", 0)
    house = House(server.settings)
    house.tell(Lane.CONTROL, [key.change])
    house.close()
    server.browser_key = key.key
    umd = installed(CLIENT) / CLIENT / "dist" / "umd"
    for file in umd.glob("*.js"):
        site.file(f"/client/{file.name}", file.read_bytes(), "text/javascript")
    return site.put("/", '<script src="/client/index.js"></script>', "<h1>Cửa hàng</h1>")


Open = Callable[[str], tuple[Watched, str]]


@pytest.fixture
def opened(visit: Visit, shop: str, server: Server, road: Road) -> Open:
    """A function that opens the page with the client told to send one way; and its visitor's anonymous id."""

    def fresh(way: str) -> tuple[Watched, str]:
        watched = visit()
        watched.page.goto(shop)
        how = {"httpConfig": QUICK, **WAYS[way]}
        return watched, watched.page.evaluate(LOAD, [server.browser_key, road.url, how])

    return fresh


def tell_in_vain(watched: Watched, road: Road) -> None:
    """Tell eight views, and wait until the client found no door."""
    before = road.turned_away
    watched.page.evaluate(VIEWS, 8)
    until(lambda: road.turned_away > before)


def products(owner: httpx.Client, anonymous: str) -> list[str]:
    """The products that a visitor viewed, as they are known here."""
    rows = events_of(owner, f"anonymous_id:{anonymous}")
    return sorted(row["properties"]["product_id"] for row in rows)


def seen_whole(owner: httpx.Client, anonymous: str) -> None:
    """Wait until the eight views of a visitor are known, each once."""
    until(lambda: len(products(owner, anonymous)) >= len(SEEN))
    assert products(owner, anonymous) == SEEN


@pytest.mark.parametrize("way", WAYS)
def test_every_call_of_a_page_arrives_with_every_field(
    way: str, opened: Open, owner: httpx.Client, shop: str
) -> None:
    watched, anonymous = opened(way)
    watched.page.evaluate(STORY)
    until(lambda: len(events_of(owner, f"anonymous_id:{anonymous}")) >= 6)
    rows: dict[str, Any] = {
        row["type"]: row for row in events_of(owner, f"anonymous_id:{anonymous}")
    }
    assert set(rows) == {"identify", "track", "page", "screen", "group", "alias"}
    for row in rows.values():
        assert row["trusted"] is False
        assert row["context"]["library"]["name"] == "analytics.js"
        assert row["context"]["page"]["url"] == shop
        assert row["context"]["locale"] == "vi-VN"
        assert "Chrome" in row["context"]["user_agent"]
        assert row["id"].startswith("ajs-next-")
    assert rows["track"]["time"].startswith("2026-03-08T09:3")
    assert rows["track"]["properties"] == {"product_id": "lotus", "price": 130000}
    assert rows["identify"]["traits"]["name"] == "Nguyễn Thị Ánh"
    assert rows["page"]["properties"].items() >= {"name": "Home", "tier": 1}.items()
    assert rows["group"]["properties"]["group_id"] == "g-1"
    assert watched.troubles == []


@pytest.mark.parametrize("way", WAYS)
def test_a_page_loses_nothing_and_doubles_nothing(
    way: str, opened: Open, owner: httpx.Client, road: Road
) -> None:
    watched, anonymous = opened(way)
    lost = road.lost_answers
    road.lose_answers(1)
    watched.page.evaluate(VIEWS, 8)
    seen_whole(owner, anonymous)
    until(lambda: road.lost_answers == lost + 1)


def test_a_page_is_patient_with_a_dead_door(
    opened: Open, owner: httpx.Client, server: Server, road: Road
) -> None:
    visitors = [opened(way) for way in WAYS]
    door = server.processes["door"]
    door.kill()
    door.wait()
    try:
        for watched, _ in visitors:
            tell_in_vain(watched, road)
    finally:
        server.start("door")
    for _, anonymous in visitors:
        seen_whole(owner, anonymous)
