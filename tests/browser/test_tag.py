"""The tag on a company's page: another site than the server's, a real browser, a real server."""

from __future__ import annotations

import gzip
import re
import socket
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Page, Request, Route

from duyen.runtime.house import House
from tests.api.server import Server, until
from tests.browser.conftest import Site, Visit
from tests.browser.visits import (
    HERO,
    HOSTILE,
    JUMPS,
    OFFER,
    PEOPLE,
    SETTLED,
    anonymous_id,
    events,
    rows,
    still,
    stored,
    tag_line,
    wait_for,
)
from tests.conftest import ROOT, find_free_port

MOST_BYTES = 6 * 1024


def test_it_is_small(tag_file: Path) -> None:
    assert len(gzip.compress(tag_file.read_bytes(), 9)) < MOST_BYTES


def test_browsers_of_2019_can_read_it(tag_file: Path) -> None:
    """Newer syntax would make the whole file an error; newer functions are left out by the story of an old browser."""
    newer = r"\?\.(?!\d)|\?\?|\|\|=|&&=|\b\d+n\b|import\(|\bstatic\{|this\.#"
    assert re.findall(newer, tag_file.read_text()) == []


def test_the_docs_name_what_a_page_may_write() -> None:
    source = "".join(path.read_text() for path in (ROOT / "web" / "tag" / "src").glob("*.ts"))
    told = (ROOT / "docs" / "tag.md").read_text()
    written = set(re.findall(r"data-duyen-[a-z]+", source))
    read = re.findall(r"\{([^{}]+)\}(?:: DOMStringMap| = script\.dataset)", source)
    options = {
        "data-" + re.sub("([A-Z])", r"-\1", name).lower()
        for name in re.findall(r"(\w+)\s*(?=[=,]|$)", ",".join(read))
    }
    kept = {f"duyen:{name}" for name in re.findall(r'\b(?:set\(|once\(|NAME = )"(\w+):?"', source)}
    assert len(written) >= 4
    assert len(options) == 6
    assert len(kept) == 8
    assert [name for name in sorted(written | options | kept) if name not in told] == []


def test_one_line_tells_what_is_seen_what_happens_and_who_it_is(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit()
    page = watched.page
    page.goto(site.put("/one-line", line, "<h1>Trang chủ</h1>") + "?utm_source=zalo")
    anonymous = anonymous_id(page)
    page.evaluate("duyen.track('Product Viewed', { product_id: 'lotus', price: '130000' })")
    page.evaluate("duyen.identify('khach-1', { name: 'Nguyễn Thị Ánh Tuyết' })")

    wait_for(owner, anonymous, "Identified")
    told = {event["name"]: event for event in events(owner, anonymous)}
    viewed = told["Product Viewed"]
    assert viewed["properties"] == {"product_id": "lotus", "price": "130000"}
    seen = next(event for event in told.values() if event["type"] == "page")
    assert seen["properties"]["path"] == "/one-line"
    assert seen["properties"]["title"] == "Trang /one-line"
    assert seen["context"]["campaign"] == {"source": "zalo"}
    assert not seen["trusted"]
    profile = owner.get(f"/v1/profiles/anonymous_id:{anonymous}").json()
    assert profile["name"] == "Nguyễn Thị Ánh Tuyết"
    assert watched.troubles == []


def test_a_visitor_stays_the_same_over_reloads_and_pages(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit()
    page = watched.page
    page.goto(site.put("/again", line, "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)
    for path in ("/again", "/elsewhere"):
        page.goto(site.put(path, line, "<h1>Trang</h1>"))
        assert anonymous_id(page) == anonymous
    pages = until(lambda: _seen(owner, anonymous, 3))
    assert sorted(event["properties"]["path"] for event in pages) == [
        "/again",
        "/again",
        "/elsewhere",
    ]
    assert watched.troubles == []


def _seen(owner: httpx.Client, anonymous: str, least: int) -> list[dict[str, Any]]:
    found = [event for event in events(owner, anonymous) if event["type"] == "page"]
    return found if len(found) >= least else []


def test_a_server_with_a_new_secret_meets_the_visitor_anew(
    visit: Visit, site: Site, line: str
) -> None:
    page = still(visit().page)
    url = site.put("/new-secret", line, HERO)
    page.goto(url)
    page.wait_for_selector("[data-duyen-decision]")
    page.evaluate("localStorage.setItem('duyen:visitor', 'MTIzLmFiYw.AAAA')")
    page.reload()
    page.wait_for_selector("[data-duyen-decision]")
    assert stored(page)["duyen:visitor"] != "MTIzLmFiYw.AAAA"


def test_placements_are_filled_without_a_flash_and_without_a_jump(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    watched = visit(JUMPS)
    page = still(watched.page)
    held: list[Route] = []
    page.route("**/v1/decide", lambda route: held.append(route))
    page.goto(site.put("/fill", line, HERO + '<div data-duyen-placement="shelf"></div>'))
    until(lambda: page.evaluate("1") and held)
    hero = page.locator("#hero")
    assert _visibility(page, "#hero") == "hidden"
    assert _visibility(page, "h1") == "visible"

    held[0].continue_()
    page.wait_for_selector("[data-duyen-placement=hero][data-duyen-decision]")
    assert _visibility(page, "#hero") == "visible"
    assert hero.locator("strong").text_content() == OFFER["title"]
    assert hero.locator("a").get_attribute("href") == f"{site.origin}/tea"
    shelf = page.locator("[data-duyen-placement=shelf] > a")
    assert sorted(shelf.locator("strong").all_text_contents()) == sorted(PEOPLE)
    assert "130.000" in (shelf.first.text_content() or "")
    assert page.evaluate(SETTLED) == []
    decided = rows(owner, "anonymous_id", anonymous_id(page), "decisions")
    assert {row["placement"]["id"] for row in decided} == {"hero", "shelf"}
    assert watched.troubles == []


def _visibility(page: Page, selector: str) -> str:
    found = page.eval_on_selector(selector, "(element) => getComputedStyle(element).visibility")
    return str(found)


def test_a_page_draws_by_its_own_template_and_adds_placements_later(
    visit: Visit, site: Site, line: str
) -> None:
    body = (
        '<section id="hero" data-duyen-placement="hero"><template data-duyen-template>'
        '<h2 data-duyen-field="title"></h2><a data-duyen-link data-duyen-field="cta"></a>'
        '<img data-duyen-field="image"></template></section>'
    )
    watched = visit()
    page = still(watched.page)
    page.goto(site.put("/template", line, body + "<main></main>"))
    page.wait_for_selector("#hero[data-duyen-decision]")
    assert page.locator("#hero h2").text_content() == OFFER["title"]
    assert page.locator("#hero a").get_attribute("href") == f"{site.origin}/tea"
    assert page.locator("#hero img").get_attribute("src") is None, "the offer has no picture"
    assert page.locator("#hero .duyen-card").count() == 0

    page.evaluate(
        "document.querySelector('main').innerHTML = '<div id=late data-duyen-placement=hero>…</div>'"
    )
    assert _visibility(page, "#late") == "hidden"
    page.clock.run_for(1)
    page.wait_for_selector("#late[data-duyen-decision]")
    assert page.locator("#late strong").text_content() == OFFER["title"]
    assert watched.troubles == []


def test_a_name_that_is_not_known_does_not_empty_the_others(
    visit: Visit, site: Site, line: str
) -> None:
    page = still(visit().page)
    body = HERO + '<div id="odd" data-duyen-placement="misspelt">Nội dung cũ</div>'
    page.goto(site.put("/misspelt", line, body))
    page.wait_for_selector("#hero[data-duyen-decision]")
    assert page.locator("#hero strong").text_content() == OFFER["title"]
    page.wait_for_selector("#odd[data-duyen-ready]")
    assert page.locator("#odd").text_content() == "Nội dung cũ"
    assert page.locator("#odd[data-duyen-decision]").count() == 0


def test_what_the_page_is_about_goes_with_the_question(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = still(visit().page)
    body = (
        """<main data-duyen-context='{"product": {"product_id": "lotus"}, "table": 3}'></main>"""
        '<script type="application/json" data-duyen-context>{"items": ["pot"], "table": 4}</script>'
        f"<div data-duyen-context='[broken'></div>{HERO}"
        "<script>duyen.context({ mood: 'calm' });</script>"
    )
    page.goto(site.put("/about", line, body))
    page.wait_for_selector("#hero[data-duyen-decision]")
    id = page.locator("#hero").get_attribute("data-duyen-decision")

    def kept() -> Any:
        found = owner.get(f"/v1/decisions/{id}")
        return found.json() if found.status_code == 200 else None

    context = until(kept)["features"]["context"]
    assert context["product"] == {"product_id": "lotus"}
    assert (context["items"], context["table"], context["mood"]) == (["pot"], 4, "calm")
    assert context["page"]["path"] == "/about"
    assert context["device"] == {"type": "desktop"}
    assert context["timezone"]


def test_a_browser_without_storage_is_served_like_any_other(
    visit: Visit, site: Site, line: str
) -> None:
    watched = visit(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied') } })"
    )
    page = still(watched.page)
    page.goto(site.put("/no-storage", line, HERO))
    page.wait_for_selector("#hero[data-duyen-decision]")
    page.evaluate("duyen.reset()")
    assert watched.troubles == []


def test_a_server_that_does_not_answer_leaves_the_page_readable(
    visit: Visit, site: Site, server: Server
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        page = still(visit().page)
        page.goto(site.put("/silent", tag_line(server, f' data-host="{host}"'), HERO))
        page.clock.run_for(790)
        assert _visibility(page, "#hero") == "hidden"
        page.clock.run_for(200)
        assert _visibility(page, "#hero") == "visible"
        assert page.locator("#hero").text_content() == "Nội dung của trang"


def test_a_server_that_is_away_leaves_the_page_as_it_is(
    visit: Visit, site: Site, server: Server
) -> None:
    away = f"http://127.0.0.1:{find_free_port()}"
    lines = (tag_line(server, f' data-host="{away}"'), tag_line(server, source=f"{away}/tag.js"))
    for number, line in enumerate(lines):
        page = still(visit().page)
        page.goto(site.put(f"/away-{number}", line, HERO))
        page.wait_for_function("() => getComputedStyle(hero).visibility === 'visible'", polling=20)
        assert page.locator("#hero").text_content() == "Nội dung của trang"


def test_events_of_a_time_without_server_arrive_later(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = visit().page
    url = site.put("/later", line, "<h1>Trang</h1>")
    page.goto(url)
    anonymous = anonymous_id(page)
    page.route("**/v1/batch", lambda route: route.abort())
    with page.expect_request("**/v1/batch"):
        page.evaluate("duyen.track('Product Added', { product_id: 'pot' })")
    page.unroute("**/v1/batch")
    page.goto(url)
    assert wait_for(owner, anonymous, "Product Added")["properties"] == {"product_id": "pot"}


def test_half_in_view_for_a_second_is_a_view(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = still(visit(JUMPS).page)
    sent: list[str] = []
    page.on(
        "request",
        lambda request: sent.extend(
            call.get("event", "") for call in (request.post_data_json or {}).get("batch", [])
        ),
    )
    page.goto(site.put("/below", line, '<div style="height:300vh"></div>' + HERO))
    page.wait_for_selector("#hero[data-duyen-decision]")
    anonymous = anonymous_id(page)
    page.evaluate(SETTLED)
    page.clock.run_for(5_000)
    page.evaluate("hero.scrollIntoView(); duyen.track('Scrolled')")
    page.evaluate(SETTLED)
    page.clock.run_for(900)
    wait_for(owner, anonymous, "Scrolled")
    assert "Decision Viewed" not in [event["name"] for event in events(owner, anonymous)]
    page.evaluate("duyen.track('Waited')")
    page.clock.run_for(400)
    viewed = wait_for(owner, anonymous, "Decision Viewed")
    decision = page.get_attribute("#hero", "data-duyen-decision")
    assert viewed["properties"] == {
        "decision_id": decision,
        "placement": "hero",
        "offer": "tea",
    }
    # Once, and not again on coming back.
    page.evaluate("scrollTo(0, 0); hero.scrollIntoView()")
    page.clock.run_for(5_000)
    told = [name for name in sent if name in ("Scrolled", "Waited", "Decision Viewed")]
    assert told == ["Scrolled", "Waited", "Decision Viewed"]


def test_a_click_is_told_though_it_leads_away(
    visit: Visit, site: Site, line: str, owner: httpx.Client
) -> None:
    page = still(visit().page)
    shelf = '<div data-duyen-placement="shelf"></div>'
    page.goto(site.put("/click", line, HERO + shelf))
    for path in ("/tea", "/p/lotus"):
        site.put(path, "", "<h1>Nơi khác, không có thẻ</h1>")
    page.wait_for_selector("[data-duyen-placement=shelf][data-duyen-decision]")
    anonymous = anonymous_id(page)
    decision = page.get_attribute("#hero", "data-duyen-decision")
    page.click("#hero a")
    page.wait_for_url("**/tea")
    clicked = wait_for(owner, anonymous, "Decision Clicked")
    assert clicked["properties"] == {"decision_id": decision, "placement": "hero", "offer": "tea"}

    page.goto(f"{site.origin}/click")
    page.click("[data-duyen-item=lotus]")
    page.wait_for_url("**/p/lotus")
    again = until(lambda: [e for e in events(owner, anonymous) if e["properties"].get("item")])
    assert again[0]["properties"]["item"] == "lotus"
    assert again[0]["properties"]["placement"] == "shelf"


def test_calls_before_the_tag_has_loaded_are_kept(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    head = "<script>window.duyen = []; duyen.push(['track', 'Early', { n: 1 }])</script>"
    watched = visit()
    page = watched.page
    page.goto(site.put("/early", head + tag_line(server, " async") * 2, "<h1>Trang</h1>"))
    anonymous = anonymous_id(page)
    page.evaluate("duyen.push(['track', 'Late', {}])")
    wait_for(owner, anonymous, "Late")
    names = [event["name"] for event in events(owner, anonymous)]
    assert names.count("Early") == 1
    assert len(_seen(owner, anonymous, 0)) == 1, "two lines in one page are one tag"
    assert watched.troubles == []


def _requests(page: Page, server: Server) -> list[str]:
    """What the page asks of the server, besides the tag itself."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.startswith(server.url) and not request.url.endswith("/tag.js"):
            asked.append(request.url)

    page.on("request", note)
    return asked


def test_global_privacy_control_is_a_no(
    visit: Visit, site: Site, line: str, server: Server
) -> None:
    watched = visit("Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })")
    page = still(watched.page)
    asked = _requests(page, server)
    page.goto(site.put("/gpc", line, HERO))
    assert _visibility(page, "#hero") == "visible"
    page.evaluate("duyen.track('Product Viewed'); duyen.identify('khach-2', {}); duyen.decide()")
    page.click("h1")
    page.clock.run_for(5_000)
    page.goto(site.put("/gpc-2", line, HERO))
    assert asked == []
    assert stored(page) == {}
    assert page.context.cookies() == []
    assert page.locator("#hero").text_content() == "Nội dung của trang"
    assert watched.troubles == []


def test_where_consent_is_required_nothing_happens_before_it(
    visit: Visit, site: Site, server: Server, owner: httpx.Client
) -> None:
    watched = visit("try { localStorage.setItem('duyen.language', 'vi') } catch {}")
    page = watched.page
    asked = _requests(page, server)
    page.goto(site.put("/ask-first", tag_line(server, ' data-consent="required"'), HERO))
    page.evaluate("duyen.track('Product Viewed')")
    assert _visibility(page, "#hero") == "visible"
    assert asked == []
    assert stored(page) == {"duyen.language": "vi"}

    page.evaluate("duyen.consent(true)")
    page.wait_for_selector("#hero[data-duyen-decision]")
    assert page.locator("#hero strong").text_content() == OFFER["title"]
    anonymous = anonymous_id(page)
    said = {"purpose": "personalisation", "channel": "web", "proof": page.url}
    granted = wait_for(owner, anonymous, "Consent Updated")
    assert granted["properties"] == {**said, "state": "granted"}

    page.evaluate("duyen.consent(false, 'marketing', 'email')")
    page.evaluate("duyen.consent(false)")
    page.wait_for_function("() => localStorage.getItem('duyen:consent') === 'denied'")
    assert stored(page) == {"duyen.language": "vi", "duyen:consent": "denied"}
    told = until(
        lambda: (
            [e for e in events(owner, anonymous) if e["properties"].get("state") == "denied"][1:]
            and events(owner, anonymous)
        )
    )
    purposes = [
        e["properties"]["purpose"] for e in told if e["properties"].get("state") == "denied"
    ]
    assert sorted(purposes) == ["marketing", "personalisation"]
    assert "Product Viewed" not in [event["name"] for event in told]

    before = len(asked)
    page.evaluate("duyen.track('After the no'); duyen.decide()")
    page.reload()
    page.evaluate("duyen.track('After the no')")
    assert page.locator("#hero").text_content() == "Nội dung của trang"
    assert len(asked) == before
    assert watched.troubles == []


def test_what_an_offer_says_is_never_run(visit: Visit, site: Site, line: str) -> None:
    watched = visit()
    page = still(watched.page)
    body = (
        '<div id="plain" data-duyen-placement="hostile"></div>'
        '<div id="own" data-duyen-placement="hostile"><template data-duyen-template>'
        '<img data-duyen-field="image"><a data-duyen-link data-duyen-field="title"></a></template></div>'
    )
    page.goto(site.put("/hostile", line, body))
    page.wait_for_selector("#own[data-duyen-decision]")
    assert page.locator("#plain strong").text_content() == HOSTILE["title"]
    assert page.locator("#own a").text_content() == HOSTILE["title"]
    assert page.locator(":is(#plain, #own) :is(script, [onerror], [href], [src])").count() == 0
    page.click("#plain a")
    page.click("#own a")
    assert page.url == f"{site.origin}/hostile"
    assert page.evaluate("window.broken") is None
    assert watched.troubles == []


def test_nobody_is_somebody_else_by_saying_so(
    visit: Visit, site: Site, line: str, server: Server, owner: httpx.Client
) -> None:
    server.tell({"type": "identify", "userId": "victim", "traits": {"name": "Chị Lan"}})
    before = owner.get("/v1/profiles/user_id:victim").json()
    page = still(visit().page)
    page.goto(site.put("/liar", line, "<h1>Trang</h1>"))
    page.clock.run_for(300)
    anonymous = anonymous_id(page)
    page.evaluate("duyen.identify('victim', { name: 'Kẻ mạo danh' }, { hash: 'ab'.repeat(32) })")
    page.evaluate("(html) => document.body.insertAdjacentHTML('beforeend', html)", HERO)
    with page.expect_response("**/v1/decide") as answer:
        page.clock.run_for(300)
    assert answer.value.status == 403
    assert answer.value.json()["error"]["code"] == "user.unproved"
    page.wait_for_selector("#hero[data-duyen-ready]")
    assert page.locator("#hero p").text_content() == "Nội dung của trang"
    wait_for(owner, anonymous, "Identified")
    assert owner.get("/v1/profiles/user_id:victim").json() == before
    assert rows(owner, "user_id", "victim", "decisions") == []

    hash = House(server.settings).secrets.identity_hash("victim")
    page.evaluate(f"duyen.identify('victim', {{}}, {{ hash: '{hash}' }}); duyen.decide()")
    page.wait_for_selector("#hero[data-duyen-decision]")
    assert len(rows(owner, "user_id", "victim", "decisions")) == 1


def test_a_site_that_the_key_is_not_for_is_refused(
    visit: Visit, site: Site, line: str, server: Server, owner: httpx.Client
) -> None:
    page = visit().page
    site.put("/stolen", line, HERO)
    people = owner.get("/v1/profiles").json()["total"]
    with page.expect_event("requestfailed") as failed:
        page.goto(f"http://127.0.0.1:{site.port}/stolen")
    assert failed.value.url == f"{server.url}/v1/visitor"
    page.wait_for_function("() => getComputedStyle(hero).visibility === 'visible'")
    assert page.locator("#hero").text_content() == "Nội dung của trang"
    assert stored(page).get("duyen:visitor") is None
    assert owner.get("/v1/profiles").json()["total"] == people


def test_a_strict_policy_of_the_page_is_kept(
    visit: Visit, site: Site, line: str, server: Server
) -> None:
    watched = visit(
        "window.forbidden = []; addEventListener('securitypolicyviolation', (e) => forbidden.push(e.violatedDirective))"
    )
    policy = (
        f"default-src 'none'; script-src {server.url}; connect-src {server.url}; "
        "style-src 'self'; img-src 'self' data:"
    )
    page = still(watched.page)
    hero = re.sub(r' style="[^"]*"', "", HERO)
    page.goto(site.put("/strict", line, hero, content_security_policy=policy))
    page.wait_for_selector("#hero[data-duyen-decision]")
    assert page.locator("#hero strong").text_content() == OFFER["title"]
    assert page.evaluate("window.forbidden") == []
    assert watched.troubles == []
