"""What the stories of the tag share: what pages hold, who their visitor is, what the server knows of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from playwright.sync_api import Page

from duyen.model.log import Lane
from duyen.runtime.access import key_change
from duyen.runtime.house import House
from tests.api.server import Server, until
from tests.conftest import find_free_port

STORED = "JSON.stringify(Object.entries({...localStorage}).sort())"
JUMPS = """
    window.paint = requestAnimationFrame.bind(window);
    window.jumps = [];
    new PerformanceObserver((list) => jumps.push(...list.getEntries().map((entry) => entry.value)))
        .observe({ type: "layout-shift", buffered: true });
"""
SETTLED = "new Promise((done) => paint(() => paint(() => done(jumps))))"
HERO = (
    '<div id="hero" data-duyen-placement="hero" style="height:220px;overflow:hidden">'
    "<p>Nội dung của trang</p></div><h1>Cửa hàng</h1>"
)
OFFER = {
    "title": "Trà sen <Tây Hồ>",
    "body": "Ướp hương trong đêm",
    "cta": "Xem trà",
    "url": "/tea",
}
HOSTILE = {
    "title": "<img src=x onerror=\"window.broken='title'\"><script>window.broken='script'</script>",
    "body": "{{ 7 * 7 }}",
    "cta": "Xem",
    "url": "javascript:window.broken='url'",
    "image": "javascript:window.broken='image'",
}
PEOPLE = {
    "Nồi đất": "pot",
    "Trà sen": "lotus",
}


def open_server(folder: Path, origin: str) -> Server:
    """A server, not started yet, whose key for pages is this site's."""
    found = Server(folder, find_free_port())
    key = key_change("write", (origin,), "site", "test", 0)
    found.browser_key = key.key
    house = House(found.settings)
    house.tell(Lane.CONTROL, [key.change])
    house.close()
    return found


def set_up(owner: httpx.Client) -> None:
    """Placements with offers and with goods, one of them hostile."""
    hero = {"name": "Đầu trang", "fill": "offers", "fallback": {"title": "Chào bạn"}}
    shelf = {"name": "Kệ hàng", "fill": "items", "recommender": "popular", "limit": 2}
    items = [
        {"id": id, "name": name, "price": "130000", "currency": "VND", "url": f"/p/{id}"}
        for name, id in PEOPLE.items()
    ]
    hostile = {**HOSTILE, "body": f"{{% raw %}}{HOSTILE['body']}{{% endraw %}}"}
    program = {
        "settings": {"hold_out": 0.0, "language": "vi", "currency": "VND"},
        "placements/hero": hero,
        "placements/hostile": {"name": "Hostile", "fill": "offers"},
        "placements/shelf": shelf,
        "offers/tea": {"name": "Trà", "placements": ["hero"], "content": OFFER},
        "offers/hostile": {"name": "Hostile", "placements": ["hostile"], "content": hostile},
        "catalog/items": items,
    }
    for path, body in program.items():
        answer = owner.put(f"/v1/{path}", json=body)
        assert answer.status_code == 200, answer.text


def orders() -> list[dict[str, Any]]:
    """Five customers who bought both goods."""
    products = [{"product_id": id, "price": "130000", "quantity": 1} for id in PEOPLE.values()]
    return [
        {
            "type": "track",
            "event": "Order Completed",
            "userId": f"buyer-{n}",
            "properties": {"order_id": f"o{n}", "total": "260000", "products": products},
        }
        for n in range(5)
    ]


def tag_line(server: Server, more: str = "", source: str = "") -> str:
    """The one line that a page needs, with more attributes or from another place."""
    source = source or f"{server.url}/tag.js"
    return f'<script src="{source}" data-write-key="{server.browser_key}"{more}></script>'


def still(page: Page) -> Page:
    """The page's clock stands, so that no patience ends on a busy machine; `clock.run_for` moves it."""
    now = datetime.now(UTC)
    page.clock.install(time=now)
    page.clock.pause_at(now + timedelta(seconds=1))
    return page


def anonymous_id(page: Page) -> str:
    """The visitor's id, once the server has given it."""
    handle = page.wait_for_function("() => localStorage.getItem('duyen:anonymous')")
    return str(handle.json_value())


def stored(page: Page) -> dict[str, str]:
    """What the page's site keeps in the browser."""
    return dict(json.loads(page.evaluate(STORED)))


def waiting(page: Page) -> list[str]:
    """The names of the calls that wait in the browser, page views as "page"."""
    kept = [json.loads(value) for name, value in stored(page).items() if "duyen:queue:" in name]
    return [call.get("event", call["type"]) for call in kept]


def rows(owner: httpx.Client, namespace: str, value: str, part: str) -> list[dict[str, Any]]:
    """What the server knows of a person, none where it does not know them."""
    answer = owner.get(f"/v1/profiles/{namespace}:{quote(value, safe='')}/{part}?limit=200")
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def events(owner: httpx.Client, anonymous: str) -> list[dict[str, Any]]:
    """This visitor's events, the newest first."""
    return rows(owner, "anonymous_id", anonymous, "events")


def wait_for(owner: httpx.Client, anonymous: str, name: str) -> dict[str, Any]:
    """An event of this visitor by its name, once the engine has applied it."""
    return until(lambda: next((e for e in events(owner, anonymous) if e["name"] == name), {}))
