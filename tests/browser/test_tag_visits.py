"""Visits under hard conditions: no network, several tabs, a server that goes, old browsers, and shops as they are."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from playwright.sync_api import BrowserContext, Page, Route

from tests.api.server import Server, until
from tests.browser.conftest import Site, Visit
from tests.browser.visits import (
    HERO,
    JUMPS,
    OFFER,
    SETTLED,
    anonymous_id,
    events,
    still,
    stored,
    tag_line,
    wait_for,
    waiting,
)

ONLINE = "dispatchEvent(new Event('online'))"
ANSWERED = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "retry-after",
    "content-type": "application/json",
}
REFUSED = {"error": {"code": "request.malformed", "message": "Poison."}}
OLD_BROWSER = """
    for (const [holder, name] of [
        [window, 'reportError'], [AbortSignal, 'timeout'], [window, 'IntersectionObserver'],
        [Element.prototype, 'replaceChildren'], [Document.prototype, 'adoptedStyleSheets'],
        [Navigator.prototype, 'locks'],
    ]) delete holder[name];
"""
FULL = """
    Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') };
"""


def _told(owner: httpx.Client, anonymous: str, last: str) -> Counter[str]:
    """How often each of this visitor's events arrived, once the last one has."""
    wait_for(owner, anonymous, last)
    return Counter(event["name"] for event in events(owner, anonymous))


def _cut(place: Page | BrowserContext) -> None:
    place.route("**/v1/**", lambda route: route.abort())


def _join(place: Page | BrowserContext) -> None:
    place.unroute("**/v1/**")


# -- nothing is lost, nothing comes twice


def test_what_happens_without_a_network_arrives_once_after_it(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = visit().page
    page.goto(site.put("/offline", line, "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)
    wait_for(owner, anonymous, "Page Viewed")
    page.context.set_offline(True)
    page.evaluate("for (const n of [1, 2, 3]) duyen.track('Offline', { n })")
    _cut(page)
    page.context.set_offline(False)
    page.reload()
    page.evaluate("duyen.track('Reloaded')")
    assert Counter(waiting(page)) == {"Offline": 3, "page": 1, "Reloaded": 1}
    _join(page)
    page.evaluate(ONLINE)
    page.evaluate("duyen.track('Online')")

    told = _told(owner, anonymous, "Online")
    assert told == {"Page Viewed": 2, "Offline": 3, "Reloaded": 1, "Online": 1}
    until(lambda: waiting(page) == [])


def test_tabs_do_not_lose_each_others_events(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    first = visit().page
    url = site.put("/tabs", line, "<h1>Trang</h1>")
    first.goto(url)
    anonymous = anonymous_id(first)
    _cut(first.context)
    second = first.context.new_page()
    second.goto(url)
    for page, name in ((first, "A"), (second, "B")) * 3:
        page.evaluate(f"duyen.track('{name}')")
    first.close()
    _join(second.context)
    second.evaluate(ONLINE)
    second.evaluate("duyen.track('Last')")
    told = _told(owner, anonymous, "Last")
    assert told == {"Page Viewed": 2, "A": 3, "B": 3, "Last": 1}
    until(lambda: waiting(second) == [])


def test_a_server_that_dies_during_a_visit_gets_it_all_when_it_is_back(
    visit: Visit, site: Site, line: str, server: Server, owner: httpx.Client
) -> None:
    page = visit().page
    page.goto(site.put("/killed", line, "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)
    door = server.processes.pop("door")
    door.kill()
    door.wait()
    page.evaluate("for (const n of [1, 2, 3]) duyen.track('Without server', { n })")
    with page.expect_event("requestfailed"):
        page.evaluate(ONLINE)
    server.start("door")
    page.evaluate(ONLINE)
    page.evaluate("duyen.track('Back')")
    told = _told(owner, anonymous, "Back")
    assert told == {"Page Viewed": 1, "Without server": 3, "Back": 1}


def test_more_than_a_beacon_holds_is_sent_by_the_next_page(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = visit().page
    url = site.put("/many", line, "<h1>Trang</h1>")
    away = site.put("/away", "", "<h1>Không có thẻ</h1>")
    page.goto(url)
    anonymous = anonymous_id(page)
    wait_for(owner, anonymous, "Page Viewed")
    page.evaluate(
        "(away) => { for (let n = 0; n < 130; n++) duyen.track('Many', { n }); location = away }",
        away,
    )
    page.wait_for_url(away)
    sent = until(lambda: len([e for e in events(owner, anonymous) if e["name"] == "Many"]))
    assert 0 < sent < 130, "the browser takes 64 KB from a page that goes"
    page.goto(url)
    until(lambda: waiting(page) == [])
    page.evaluate("duyen.track('Last')")
    wait_for(owner, anonymous, "Last")
    told = [e["properties"]["n"] for e in events(owner, anonymous) if e["name"] == "Many"]
    assert sorted(told) == list(range(130))


def test_a_call_that_cannot_be_taken_does_not_hold_up_the_others(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit()
    page = watched.page
    page.goto(site.put("/poison", line, "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)

    def refuse(route: Route) -> None:
        if "Poison" in (route.request.post_data or ""):
            route.fulfill(status=400, headers=ANSWERED, body=json.dumps(REFUSED))
        else:
            route.continue_()

    page.route("**/v1/batch", refuse)
    page.evaluate(
        """() => {
            const round = {}; round.round = round;
            localStorage.setItem('duyen:queue:0', '[broken');
            for (const n of [1, 2, 3]) duyen.track('Before', { n });
            duyen.track('Poison'); duyen.track('Round', round); duyen.track('Large', { x: 'ế'.repeat(40000) });
            duyen.track('', { n: 'without a name' });
            for (const n of [1, 2, 3]) duyen.track('Behind', { n });
            duyen.track('Last');
        }"""
    )
    page.wait_for_function("() => localStorage.getItem('duyen:queue:0') === null")
    until(lambda: waiting(page) == [])
    told = _told(owner, anonymous, "Last")
    assert told == {"Page Viewed": 1, "Before": 3, "Behind": 3, "Last": 1}
    said = " ".join(watched.troubles)
    for trouble in ("circular", "larger than 32 KB", "Poison."):
        assert trouble in said


def test_a_server_that_asks_to_wait_is_left_alone_so_long_on_every_page(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = still(visit().page)
    url = site.put("/busy", line, "<h1>Trang</h1>")
    page.goto(url)
    page.clock.run_for(300)
    anonymous = anonymous_id(page)
    asked: list[Route] = []

    def busy(route: Route) -> None:
        asked.append(route)
        headers = {**ANSWERED, "retry-after": "30"}
        route.fulfill(status=429, headers=headers, body=json.dumps(REFUSED))

    page.route("**/v1/batch", busy)
    page.evaluate("duyen.track('Busy')")
    page.clock.run_for(300)
    until(lambda: "duyen:wait" in stored(page))
    page.clock.run_for(20_000)
    page.goto(url)
    page.evaluate(ONLINE)
    page.clock.run_for(5_000)
    assert len(asked) == 1
    page.unroute("**/v1/batch")
    page.clock.run_for(10_000)
    until(lambda: waiting(page) == [])
    assert _told(owner, anonymous, "Busy")["Busy"] == 1


def test_the_queue_is_bounded_and_keeps_the_newest(visit: Visit, site: Site, line: str) -> None:
    page = visit().page
    _cut(page)
    page.goto(site.put("/bounded", line, "<h1>Trang</h1>"))
    page.evaluate("for (let n = 0; n < 520; n++) duyen.track('Call', { n })")
    kept = [json.loads(v) for name, v in sorted(stored(page).items()) if "duyen:queue:" in name]
    numbers = [call["properties"]["n"] for call in kept]
    assert len(numbers) <= 500
    assert numbers == list(range(520 - len(numbers), 520))
    page.evaluate("for (let n = 0; n < 30; n++) duyen.track('Call', { n, x: 'x'.repeat(30000) })")
    assert sum(map(len, stored(page).values())) < 520_000


def test_an_old_browser_with_a_full_storage_is_served(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit(OLD_BROWSER, FULL)
    page = still(watched.page)
    with page.expect_response("**/v1/visitor") as met:
        page.goto(site.put("/old", line, HERO))
    page.wait_for_selector("#hero[data-duyen-decision]")
    page.evaluate("duyen.track('In memory')")
    page.clock.run_for(300)
    assert _told(owner, met.value.json()["anonymousId"], "In memory")["In memory"] == 1
    assert stored(page) == {}
    assert watched.troubles == []


def test_a_clock_that_is_wrong_does_not_move_events(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = visit().page
    page.clock.install(time=datetime.now(UTC) - timedelta(days=3))
    page.goto(site.put("/clock", line, "<h1>Trang</h1>"))
    found = wait_for(owner, anonymous_id(page), "Page Viewed")
    assert abs(datetime.now(UTC) - datetime.fromisoformat(found["time"])) < timedelta(minutes=2)


def test_a_no_in_one_tab_holds_in_the_other(visit: Visit, site: Site, line: str) -> None:
    first = visit().page
    url = site.put("/both", line, "<h1>Trang</h1>")
    first.goto(url)
    anonymous_id(first)
    second = first.context.new_page()
    second.goto(url)
    until(lambda: waiting(second) == [])
    first.evaluate("duyen.consent(false)")
    second.wait_for_function("localStorage.getItem('duyen:consent') === 'denied'")
    second.evaluate("duyen.track('After the no')")
    assert stored(second) == {"duyen:consent": "denied"}


# -- single-page applications


def test_a_change_of_address_is_one_page_view_and_fills_anew(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit(JUMPS)
    page = still(watched.page)
    url = site.put("/app", line, HERO + '<main id="m"></main>')
    page.goto(url)
    page.wait_for_selector("#hero[data-duyen-decision]")
    first = page.get_attribute("#hero", "data-duyen-decision")
    page.evaluate(
        """() => {
            history.pushState({}, '', '/app/moving');
            history.replaceState({}, '', '/app/tea?kind=green');
            document.title = 'Trà';
            m.innerHTML = '<div id="late" data-duyen-placement="hero" style="height:50px"></div>';
        }"""
    )
    page.clock.run_for(150)
    until(lambda: page.get_attribute("#hero", "data-duyen-decision") != first)
    page.wait_for_selector("#late[data-duyen-decision]")
    assert page.locator("#hero strong").text_content() == OFFER["title"]
    page.evaluate("history.replaceState({ n: 2 }, ''); location.hash = '#reviews'")
    page.clock.run_for(500)
    page.go_back()
    page.go_back()
    assert page.url == url
    page.clock.run_for(150)
    page.evaluate("duyen.track('Read')")
    page.clock.run_for(500)
    anonymous = anonymous_id(page)
    wait_for(owner, anonymous, "Read")
    views = [e["properties"] for e in events(owner, anonymous) if e["type"] == "page"]
    assert sorted((view["path"], view["title"]) for view in views) == [
        ("/app", "Trang /app"),
        ("/app", "Trà"),
        ("/app/tea", "Trà"),
    ]
    assert next(v for v in views if v["path"] == "/app/tea")["referrer"] == url
    assert page.evaluate(SETTLED) == []
    assert watched.troubles == []


def test_a_page_may_tell_its_views_itself(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    page = visit().page
    page.goto(site.put("/own", tag_line(server, ' data-spa="false"'), "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)
    page.clock.install()
    page.evaluate("history.pushState({}, '', '/own/2')")
    page.clock.run_for(1_000)
    page.evaluate("duyen.page('Hai'); duyen.track('Told')")
    page.clock.run_for(1_000)
    assert _told(owner, anonymous, "Told")["Page Viewed"] == 2


# -- a shop's data layer

TEA: dict[str, Any] = {
    "item_id": "tea",
    "item_name": "Trà sen",
    "item_brand": "Duyên",
    "item_category": "Trà",
}
TEA |= {"price": 130000, "quantity": 2, "index": 1}
SEGMENT_TEA: dict[str, Any] = {
    "product_id": "tea",
    "name": "Trà sen",
    "brand": "Duyên",
    "category": "Trà",
}
SEGMENT_TEA |= {"price": 130000, "quantity": 2, "position": 1}
POT: dict[str, Any] = {
    "id": 7,
    "name": "Nồi đất",
    "category": "Bếp/Nồi",
    "price": "90000",
    "position": 1,
}
SEGMENT_POT: dict[str, Any] = {
    "product_id": "7",
    "name": "Nồi đất",
    "category": "Bếp/Nồi",
    "price": "90000",
}
SEGMENT_POT |= {"position": 1}
ORDER: dict[str, Any] = {
    "transaction_id": "DH-1",
    "value": 260000,
    "tax": 0,
    "shipping": 15000,
    "currency": "VND",
}
SEGMENT_ORDER: dict[str, Any] = {"order_id": "DH-1", "total": 260000, "revenue": 260000, "tax": 0}
SEGMENT_ORDER |= {"shipping": 15000, "currency": "VND", "products": [SEGMENT_TEA]}


def _pushed(*pushes: dict[str, Any]) -> str:
    return "".join(f"dataLayer.push({json.dumps(push, ensure_ascii=False)});" for push in pushes)


def _kept(owner: httpx.Client, anonymous: str) -> list[tuple[str, dict[str, Any]]]:
    """This visitor's shop events, the oldest first."""
    wait_for(owner, anonymous, "Last")
    found = [e for e in events(owner, anonymous) if e["type"] == "track" and e["name"] != "Last"]
    return [(event["name"], event["properties"]) for event in reversed(found)]


def test_a_shop_with_a_data_layer_needs_no_other_code(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    before = _pushed(
        {"event": "view_item", "ecommerce": {"currency": "VND", "items": [TEA]}},
        {"event": "gtm.js", "gtm.start": 1},
        {"ecommerce": None},
    )
    head = f"<script>window.dataLayer = window.dataLayer || [];{before}</script>" + tag_line(
        server, ' data-datalayer="true"'
    )
    watched = visit()
    page = watched.page
    url = site.put("/shop", head, "<h1>Cửa hàng</h1>")
    page.goto(url)
    page.evaluate(
        """() => {
            // A tag manager wraps `push` too, before us or behind us.
            const push = dataLayer.push; window.heard = [];
            dataLayer.push = function (...all) { heard.push(...all); return push.apply(dataLayer, all) };
            window.gtag = function () { dataLayer.push(arguments) };
            gtag('event', 'add_to_cart', { currency: 'VND', items: [{ item_id: 'tea', price: 130000 }] });
            gtag('event', 'search', { search_term: 'trà sen' });
            gtag('config', 'G-1');
        }"""
    )
    purchase = {"event": "purchase", "ecommerce": {**ORDER, "items": [TEA]}}
    lists = {"event": "view_item_list", "ecommerce": {"item_list_id": "hot", "items": [TEA]}}
    old = {"currencyCode": "VND", "impressions": [{**POT, "list": "Bếp"}]}
    action = {"actionField": {"id": "DH-2", "revenue": "90000"}, "products": [POT]}
    page.evaluate(
        _pushed(
            lists,
            purchase,
            purchase,
            {"event": "login", "method": "zalo", "user_id": "khach-9", "email": "a@b.test"},
            {"event": "productDetail", "ecommerce": {**old, "detail": {"products": [POT]}}},
            {"ecommerce": {"checkout": {"actionField": {"step": 2}, "products": [POT]}}},
            {"ecommerce": {"currencyCode": "VND", "purchase": action}},
            {"event": "purchase"},
            {"event": "refund", "ecommerce": {"transaction_id": "DH-1", "value": 260000}},
        )
    )
    page.reload()
    page.evaluate(_pushed(purchase) + "duyen.track('Last')")
    anonymous = anonymous_id(page)
    refund = {"order_id": "DH-1", "total": 260000, "revenue": 260000, "products": []}
    bought = {"order_id": "DH-2", "total": "90000", "revenue": "90000", "currency": "VND"}
    view = ("Product Viewed", {"currency": "VND", **SEGMENT_TEA})
    told = _kept(owner, anonymous)
    expected = [
        view,
        ("Product Added", {"currency": "VND", "product_id": "tea", "price": 130000}),
        ("Products Searched", {"query": "trà sen"}),
        ("Product List Viewed", {"list_id": "hot", "products": [SEGMENT_TEA]}),
        ("Order Completed", SEGMENT_ORDER),
        ("Signed In", {"method": "zalo"}),
        ("Product List Viewed", {"list_id": "Bếp", "products": [SEGMENT_POT]}),
        ("Product Viewed", {"currency": "VND", **SEGMENT_POT}),
        ("Order Completed", {**bought, "products": [SEGMENT_POT]}),
        ("Order Refunded", refund),
        view,
    ]
    key = lambda told: json.dumps(told, sort_keys=True)  # noqa: E731
    assert sorted(told, key=key) == sorted(expected, key=key)
    assert watched.troubles == []


def test_a_hostile_data_layer_harms_neither_the_page_nor_the_tag(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    watched = visit()
    page = watched.page
    head = tag_line(server, ' data-datalayer="layer"')
    page.goto(site.put("/hostile-layer", head, "<h1>Trang</h1>"))
    page.evaluate(
        """() => {
            const round = { event: 'view_item' }; round.ecommerce = round; round.items = [round];
            const traps = new Proxy({}, { get() { throw new Error('trap') } });
            const items = Array.from({ length: 5000 }, (_, n) => ({ item_id: `p${n}`, item_name: 'ế'.repeat(90000) }));
            const half = { item_id: 'half', get item_name() { throw new Error('no name') }, price: NaN };
            const length = layer.push(null, undefined, 7, 'text', () => 1, Symbol('s'), [], round, traps, document.body,
                { event: 'constructor' }, { event: '__proto__', ecommerce: { items } },
                { event: { toString() { throw 1 } } },
                { detail: { products: items }, event: 'x' },
                { event: 'view_item', ecommerce: traps }, { event: 'view_item', ecommerce: { items: 'all' } },
                { event: 'view_item', ecommerce: { items: [null, 3, traps, half, { item_id: { a: 1 } }] } },
                { event: 'view_item', ecommerce: { items: [{ item_id: 10n }] } },
                { event: 'view_cart', ecommerce: { currency: 'VND'.repeat(99999), items } });
            if (length !== layer.length || length !== 19) throw new Error('push answers otherwise');
            layer = [{ event: 'sign_up', method: 'form' }];
            history.pushState({}, '', '/hostile-layer-2');
        }"""
    )
    anonymous = anonymous_id(page)
    wait_for(owner, anonymous, "Signed Up")
    page.evaluate("duyen.track('Last')")
    told = _kept(owner, anonymous)
    assert [name for name, _ in told].count("Product Viewed") == 1
    found = dict(told)
    assert found["Product Viewed"] == {"product_id": "half"}
    assert found["Signed Up"] == {"method": "form"}
    cart = found["Cart Viewed"]
    assert 10 < len(cart["products"]) <= 100
    assert {len(product["name"]) for product in cart["products"]} == {200}
    assert len(cart["currency"]) == 200
    assert set(found) == {"Product Viewed", "Signed Up", "Cart Viewed"}
    assert watched.troubles == []


def test_a_data_layer_before_consent_is_neither_kept_nor_told(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    watched = visit()
    page = watched.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    purchase = {"event": "purchase", "ecommerce": {**ORDER, "items": [TEA]}}
    head = f"<script>window.dataLayer = [];{_pushed(purchase)}</script>" + tag_line(
        server, ' data-datalayer="true" data-consent="required"'
    )
    page.goto(site.put("/no-consent", head, "<h1>Trang</h1>"))
    page.evaluate(_pushed(purchase) + "history.pushState({}, '', '/no-consent/2')")
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert stored(page) == {}
    assert not [url for url in asked if "/v1/" in url]
    page.evaluate("duyen.consent(true); duyen.track('Last')")
    anonymous = anonymous_id(page)
    assert [name for name, _ in _kept(owner, anonymous)] == ["Consent Updated"]


def test_the_strictest_policy_of_a_page_is_kept_in_all_of_it(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    watched = visit(
        JUMPS,
        "window.forbidden = [];"
        "addEventListener('securitypolicyviolation', (e) => forbidden.push(e.violatedDirective))",
    )
    page = still(watched.page)
    policy = (
        f"default-src 'none'; script-src 'self' {server.url}; connect-src {server.url}; "
        "style-src 'self'; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    layer = f"window.dataLayer = [];{_pushed({'event': 'sign_up'})}"
    script = site.file("/layer.js", layer.encode(), "text/javascript")
    style = site.file("/hero.css", b"#hero { height: 220px; overflow: hidden }", "text/css")
    head = (
        f'<link rel="stylesheet" href="{style}"><script src="{script}"></script>'
        f"{tag_line(server, ' data-datalayer=true')}"
    )
    hero = '<div id="hero" data-duyen-placement="hero"><p>Nội dung</p></div><h1>Cửa hàng</h1>'
    page.goto(site.put("/policy", head, hero, content_security_policy=policy))
    page.wait_for_selector("#hero[data-duyen-decision]")
    first = page.get_attribute("#hero", "data-duyen-decision")
    page.evaluate("history.pushState({}, '', '/policy/2')")
    page.clock.run_for(500)
    until(lambda: page.get_attribute("#hero", "data-duyen-decision") != first)
    wait_for(owner, anonymous_id(page), "Signed Up")
    assert page.evaluate(SETTLED) == []
    assert page.evaluate("window.forbidden") == []
    assert watched.troubles == []
