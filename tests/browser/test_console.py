"""The console before a real server on which simulated customers have lived for a while."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, FilePayload, Page

from duyen.cli import demo
from duyen.model.times import DAY, HOUR, MINUTE, Millis, format_time, parse_time
from duyen.model.values import fold
from duyen.runtime.house import House
from duyen.runtime.training import train
from duyen.simulate.client import Api
from duyen.simulate.runner import Simulation
from duyen.simulate.world import World
from duyen.stores.sqlite.mail import SqliteMail
from tests.api.server import Server
from tests.browser.conftest import Visit, Watched
from tests.conftest import ROOT, find_free_port

SHOTS = os.environ.get("DUYEN_SCREENSHOTS") == "1"
"""Write the pictures of the docs, after a longer life than the tests need."""
IMAGES = ROOT / "docs" / "images"
LARGEST_IMAGE = 250 * 1024
NOON: Millis = parse_time("2026-01-05T12:00:00+07:00")
CUSTOMERS, PAST, DAYS = (800, 45, 14) if SHOTS else (60, 20, 2)
WIDE, PHONE = (1280, 800), (390, 844)
PLACES = (
    "/",
    "/people",
    "/companies",
    "/mail",
    "/results",
    "/program/segments",
    "/sources",
    "/rejected",
    "/import",
    "/settings",
)
MORE_PLACES = (
    "/results/messages",
    "/results/journeys",
    "/results/decisions",
    "/program/journeys",
    "/program/messages",
    "/program/offers",
    "/program/placements",
    "/program/forms",
    "/program/traits",
)
"""Places that hold the same parts: looked at on the phone, where room is short."""
VIOLATIONS = """
    window.forbidden = [];
    addEventListener("securitypolicyviolation", (event) => forbidden.push(event.blockedURI + event.violatedDirective));
"""
READY = """() => document.querySelector("main h1")
    && !document.querySelector(".mantine-Skeleton-root, .mantine-Loader-root")"""
HOSTILE_NAME = "<img src=x onerror=\"window.broken='trait'\"> Nguyễn Thị Ánh Tuyết 🌸"
COMPANY = "/companies/hostile"
HOSTILE_MAIL = b"""From: a@example.test\r\nTo: b@example.test\r\nSubject: <b>Bad</b>\r\nMIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r\n\r
<html><head><script>document.title = "broken"; top.broken = parent.broken = "script";</script></head><body>
<p id="said">Ch&agrave;o</p><img src="x" onerror="document.title = 'broken'; top.broken = 'image'">
<a id="bad" href="javascript:document.title = 'broken'">Xem</a>
<form action="/v1/logout" method="post"><button>Go</button></form>
<meta http-equiv="refresh" content="0; url=https://elsewhere.example.test/"></body></html>
"""


class Demo(Server):
    """The demo's folder, with simulated time."""

    def _prepare(self) -> None:
        self.demo = demo.prepare(self.settings)
        self.server_key, self.secret_key = self.demo.server_key, self.demo.secret_key
        self.browser_key = self.demo.write_key


async def _live(server: Demo) -> None:
    """Let the customers live; in pictures the last hour passes minute by minute."""
    api = Api(server.url, server.browser_key, server.secret_key)
    simulation = Simulation(api, World(1), customers=CUSTOMERS, now=NOON)
    await api.set_clock(format_time(NOON))
    await simulation.tell_history(PAST, NOON)
    house = House(server.settings)
    train(house)
    house.close()
    await simulation.simulate(DAYS)
    if SHOTS:
        await _lively(api, simulation)
    await api.close()


async def _lively(api: Api, simulation: Simulation) -> None:
    """An hour of visits in every minute, as the demo of `make run` has them."""
    world, end = simulation.world, NOON + DAYS * DAY + HOUR
    draw, known = random.Random(1), iter(range(CUSTOMERS))
    for minute in range(60):
        simulation.now = end - HOUR + minute * MINUTE
        await api.set_clock(format_time(simulation.now))
        led = await simulation.read_mails()
        come = [world.customer(n) for n in islice(known, draw.randrange(4, 15))]
        visits = [world.extra_visit(who, f"hour-{minute}") for who in come]
        await asyncio.gather(
            *(simulation.visit(visit) for visit in visits),
            *(simulation.visit(visit, mail) for visit, mail in led),
        )


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, console_file: Path, tag_file: Path
) -> Iterator[Demo]:
    """The demo after some days, with one hostile customer and one hostile mail."""
    del console_file, tag_file
    found = Demo(tmp_path_factory.mktemp("demo"), find_free_port(), clock="simulated")
    try:
        found.start("engine", "sender", "door")
        # Playwright's own loop may run in this thread already.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(lambda: asyncio.run(_live(found))).result()
        if not SHOTS:
            found.tell(*_hostile())
        yield found
    finally:
        found.stop()


def _hostile() -> list[dict[str, Any]]:
    """A customer, and their company, who would like to be more than text."""
    traits = {"name": HOSTILE_NAME, "vip": "<b>1"}
    return [
        {"type": "identify", "userId": "hostile", "traits": traits},
        {"type": "group", "userId": "hostile", "groupId": "hostile", "traits": traits},
    ]


class Seen(NamedTuple):
    """What the API says that the console must show."""

    mails: list[dict[str, Any]]
    nguyen: int


@pytest.fixture(scope="module")
def seen(server: Demo) -> Seen:
    """Asked once."""
    with server.owner() as owner:
        mails = owner.get("/v1/mail?limit=50").json()["data"]
        nguyen = owner.get("/v1/profiles?query=nguyen&limit=200").json()["data"]
    return Seen(mails, len(nguyen))


@pytest.fixture(scope="module")
def session(server: Demo, browser: Browser) -> Any:
    """The cookie of the demo's administrator, signed in by hand."""
    context = browser.new_context(locale="vi-VN")
    page = context.new_page()
    _sign_in(page, server, server.demo.password)
    page.wait_for_selector(".figures")
    state = context.storage_state()
    context.close()
    return {"cookies": state["cookies"]}


def _sign_in(page: Page, server: Demo, password: str) -> None:
    page.goto(server.url)
    page.fill("input[name=email]", server.demo.email)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")


def words(language: str) -> dict[str, str]:
    """The console's own table of sentences."""
    path = ROOT / "web" / "console" / "src" / "words" / f"{language}.json"
    table: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return table


Opened = Any


@pytest.fixture
def opened(visit: Visit, session: Any) -> Opened:
    """A function that opens a signed-in page in a language, a theme and a size."""

    def one(language: str, theme: str = "light", size: tuple[int, int] = WIDE) -> Watched:
        spoken = f"try {{ localStorage.setItem('duyen.language', '{language}') }} catch {{}}"
        return visit(
            VIOLATIONS,
            spoken,
            storage_state=session,
            color_scheme=theme,
            viewport={"width": size[0], "height": size[1]},
            locale={"vi": "vi-VN", "en": "en-GB"}[language],
        )

    return one


def go(watched: Watched, server: Demo, path: str) -> Page:
    """Go to a page of the console and wait until everything asked for is there."""
    page = watched.page
    page.goto(server.url + path)
    page.wait_for_function(READY)
    return page


def sound(watched: Watched) -> None:
    """Nothing went wrong: no error, nothing against the policy, no trouble shown, no sideways scrolling."""
    page = watched.page
    assert watched.troubles == []
    assert page.evaluate("window.forbidden") == []
    assert page.locator(".trouble").all_text_contents() == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def test_the_way_in(visit: Visit, server: Demo) -> None:
    watched = visit(VIOLATIONS)
    page = watched.page
    _sign_in(page, server, "một mật khẩu sai")
    assert page.locator("[role=alert]").text_content() == words("vi")["login.refused"]
    assert page.evaluate("document.cookie") == ""
    page.fill("input[name=password]", server.demo.password)
    page.click("button[type=submit]")
    page.wait_for_selector(".figures")
    cookie = next(c for c in page.context.cookies() if c["name"] == "duyen_session")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("window.forbidden") == []
    # The browser itself reports the two answers 401: before signing in, and to the wrong password.
    assert [t for t in watched.troubles if "401" not in t] == []

    page.click(f"[aria-label='{words('vi')['nav.sign_out']}']")
    page.wait_for_selector("input[name=password]")
    assert "duyen_session" not in [c["name"] for c in page.context.cookies()]


@pytest.mark.parametrize(
    ("language", "theme", "size"),
    [
        ("vi", "light", WIDE),
        ("en", "dark", WIDE),
        ("vi", "dark", PHONE),
        ("en", "light", PHONE),
    ],
)
def test_every_page_in_both_languages_both_themes_and_on_a_phone(
    opened: Opened, server: Demo, seen: Seen, language: str, theme: str, size: tuple[int, int]
) -> None:
    watched = opened(language, theme, size)
    mail, person = seen.mails[0]["id"], quote(seen.mails[0]["person"]["key"], safe=":@")
    more = MORE_PLACES if size == PHONE else ()
    for path in (
        *PLACES,
        *more,
        f"/mail/{mail}",
        f"/people/{person}",
        "/people/user_id:hostile",
        COMPANY,
    ):
        page = go(watched, server, path)
        sound(watched)
    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate("window.broken") is None
    brightness = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)"
    )
    assert (brightness > 380) == (theme == "light")


@pytest.mark.parametrize("language", ["vi", "en"])
def test_the_overview_shows_what_lives(opened: Opened, server: Demo, language: str) -> None:
    page = go(opened(language), server, "/")
    say = words(language)
    figures = dict(
        zip(
            page.locator(".figure > :first-child").all_text_contents(),
            page.locator(".figure-value").all_text_contents(),
            strict=True,
        )
    )
    with server.owner() as owner:
        known = owner.get("/v1/profiles").json()["total"]
    assert known >= CUSTOMERS / 2
    assert _number(figures[say["overview.people"]]) == known
    assert page.locator("table.plain tbody tr").count() == 2
    assert page.locator(".ticker li").count() > 0


def _number(text: str) -> int:
    return int("".join(letter for letter in text if letter.isdigit()))


def test_the_overview_is_live(opened: Opened, server: Demo) -> None:
    page = go(opened("en"), server, "/")
    name = "Trần Ngọc Ẩn"
    server.tell({"type": "identify", "userId": "live", "traits": {"name": name}})
    page.wait_for_selector(f".ticker li:has-text('{name}')")


def test_people_are_found_without_diacritics(opened: Opened, server: Demo, seen: Seen) -> None:
    watched = opened("vi")
    page = go(watched, server, "/people")
    page.keyboard.press("/")
    page.wait_for_function("() => document.activeElement.matches('[data-search]')")
    page.keyboard.type("ngu")
    page.wait_for_function("() => location.search === '?query=ngu'")
    # Whoever pauses while typing goes on typing in the same field.
    page.keyboard.type("yen")
    page.wait_for_function("() => location.search === '?query=nguyen'")
    page.wait_for_function(READY)
    page.wait_for_function("() => document.querySelector('.people')?.closest('[aria-busy=false]')")
    rows = page.locator(".people tbody tr .who").all_text_contents()
    assert 0 < len(rows) <= seen.nguyen
    assert all("nguyen" in fold(row) for row in rows)
    found = next(
        row for row in page.locator(".people tbody a").all() if "Nguyễn" in row.inner_text()
    )
    name = found.inner_text()
    found.click()
    page.wait_for_selector(f"main h1:has-text({json.dumps(name, ensure_ascii=False)})")
    page.wait_for_function(READY)
    sound(watched)


@pytest.mark.parametrize("language", ["vi", "en"])
def test_a_person_with_what_happened_and_why(
    opened: Opened, server: Demo, seen: Seen, language: str
) -> None:
    watched = opened(language)
    say = words(language)
    mail = seen.mails[0]
    page = go(watched, server, f"/people/{quote(mail['person']['key'], safe=':@')}")
    assert (page.locator("main h1").text_content() or "") == mail["person"]["name"]
    assert page.locator(".timeline .event").count() > 0

    said = page.locator(".timeline .contact").filter(has_text=mail["message"]["name"])
    said.locator(".line").first.click()
    why = page.locator(".timeline .contact .why")
    labels = why.locator("dt").all_text_contents()
    for key in ("why.journey", "why.entry", "why.policy", "why.message"):
        assert say[key] in labels
    why.get_by_text(say["why.read_mail"]).click()
    page.wait_for_url("**/mail/*")
    page.wait_for_function(READY)
    sound(watched)


def test_a_decision_tells_its_propensity_and_its_candidates(opened: Opened, server: Demo) -> None:
    watched = opened("en")
    with server.owner() as owner:
        people = owner.get("/v1/profiles?arm=treated&limit=100").json()["data"]
        key = next(
            person["key"]
            for person in people
            for row in owner.get(f"/v1/profiles/{person['key']}/decisions").json()["data"]
            if row["reason"] == "chosen" and row["chosen"]
        )
    page = go(watched, server, f"/people/{key}")
    page.get_by_text(words("en")["timeline.decision"], exact=True).click()
    page.wait_for_function(READY)
    line = page.locator(".timeline .decision").filter(has_text="drawn with propensity").first
    line.locator(".line").click()
    assert words("en")["why.propensity"] in line.locator("dt").all_text_contents()
    assert line.locator("table tbody tr").count() > 0
    sound(watched)


def test_a_mail_can_do_nothing_but_be_read(opened: Opened, server: Demo) -> None:
    box = SqliteMail(server.folder / "mail.db")
    id = box.keep("a@example.test", ["b@example.test"], HOSTILE_MAIL)
    box.close()
    watched = opened("vi")
    page = go(watched, server, f"/mail/{id}")
    frame = page.frame_locator("iframe")
    assert frame.locator("#said").text_content() == "Chào"
    assert page.locator("iframe").get_attribute("sandbox") == ""
    assert page.locator("main h2").first.text_content() == "<b>Bad</b>"
    frame.locator("#bad").click()
    frame.locator("button").click()
    title = page.title()
    assert page.evaluate("window.broken") is None
    assert page.url == f"{server.url}/mail/{id}"
    assert frame.locator("#said").text_content() == "Chào"

    # Outside of the frame it can do no more.
    page.goto(f"{server.url}/v1/mail/{id}/html")
    assert page.title() != "broken"
    page.locator("#bad").click()
    assert page.title() != "broken"
    page.goto(f"{server.url}/mail/{id}")
    page.wait_for_function(READY)
    assert page.title() == title


def test_mails_show_what_was_recommended(opened: Opened, server: Demo, seen: Seen) -> None:
    watched = opened("vi")
    texts = []
    for mail in seen.mails[:5]:
        page = go(watched, server, f"/mail/{mail['id']}")
        frame = page.frame_locator("iframe")
        texts.append(frame.locator("body").inner_text())
        assert words("vi")["mail.html"] in page.locator("[role=tab]").all_text_contents()
    assert any("₫" in text for text in texts)
    sound(watched)


def test_results_state_interval_and_sample(opened: Opened, server: Demo) -> None:
    watched = opened("vi")
    page = go(watched, server, "/results")
    with server.owner() as owner:
        report = owner.get("/v1/reports/lift").json()
    text = page.locator("main").inner_text()
    assert words("vi")["lift.revenue_title"] in text
    assert words("vi")["lift.sample_title"] in text
    assert str(report["treated"]["people"]) in text
    assert str(report["held_out"]["people"]) in text
    sound(watched)


@pytest.mark.parametrize("size", [WIDE, PHONE])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_demo_shop(visit: Visit, server: Demo, theme: str, size: tuple[int, int]) -> None:
    watched = visit(VIOLATIONS, color_scheme=theme, viewport={"width": size[0], "height": size[1]})
    page = watched.page
    for path in ("/shop", "/shop?category=tea", "/shop/p/tea-01"):
        page.goto(server.url + path)
        page.wait_for_selector("[data-duyen-placement][data-duyen-ready]")
        sound(watched)
    page.click("[data-add]")
    page.goto(f"{server.url}/shop/basket")
    page.fill("input[name=name]", "Lê Thị Ánh")
    page.fill("input[name=email]", f"anh.{theme}.{size[0]}@example.test")
    page.click("form button:not([type=button])")
    page.wait_for_selector("[data-result]:not(:empty)")
    sound(watched)
    with server.owner() as owner:
        found = owner.get(f"/v1/profiles?query=anh.{theme}.{size[0]}").json()["data"]
    assert len(found) == 1


if SHOTS:

    @pytest.mark.timeout(3_600)
    def test_pictures_for_the_docs(opened: Opened, visit: Visit, server: Demo, seen: Seen) -> None:
        IMAGES.mkdir(exist_ok=True)
        person = quote(_told_much(server, seen), safe=":@")
        for name, language, path in (
            ("overview", "en", "/"),
            ("overview.vi", "vi", "/"),
            ("person", "en", f"/people/{person}"),
            ("results", "en", "/results"),
        ):
            page = go(opened(language), server, path)
            if name == "person":
                page.locator(".timeline .contact .line").first.click()
                page.wait_for_selector(".why")
            _picture(page, name)
        page = visit(viewport={"width": WIDE[0], "height": WIDE[1]}).page
        page.goto(f"{server.url}/shop")
        page.wait_for_selector("[data-duyen-placement][data-duyen-ready]")
        _picture(page, "shop")

    def _told_much(server: Demo, seen: Seen) -> str:
        """Whose story has most in it, of those who got a mail."""
        with server.owner() as owner:
            keys = {mail["person"]["key"] for mail in seen.mails if mail["person"]}
            people = [owner.get(f"/v1/profiles/{quote(key)}").json() for key in sorted(keys)]
        best = max(people, key=lambda person: (person["outcome"]["orders"], person["events"]))
        return str(best["key"])

    def _picture(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle")
        page.evaluate("document.fonts.ready")
        picture = page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")
        assert len(picture) < LARGEST_IMAGE, f"{name}.png is too large for a page of the docs"


TABLE = "Mã KH,Email,Họ tên,Hạng\n,,Không ai,vàng\n" + "".join(
    f"nhap-{n},nhap{n}@example.test,Nguyễn Thị Ánh Tuyết {n},vàng\n" for n in range(1, 9)
)
DROP = """([name, text]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([text], name));
    const place = document.querySelector(".drop");
    for (const kind of ["dragover", "drop"]) {
        place.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
    }
}"""


@pytest.mark.parametrize(
    ("language", "theme", "size"), [("vi", "light", WIDE), ("en", "dark", PHONE)]
)
def test_a_file_comes_in(
    opened: Opened, server: Demo, language: str, theme: str, size: tuple[int, int]
) -> None:
    """Dropped or chosen, looked at, given another column, imported; its rejected row is there to download."""
    say = words(language)
    watched = opened(language, theme, size)
    page = go(watched, server, "/import")
    name = f"Khách hàng {language}.csv"
    table = TABLE.replace("nhap", f"nhap-{language}")
    if language == "vi":
        page.evaluate(DROP, [name, table])
    else:
        file = FilePayload(name=name, mimeType="text/csv", buffer=table.encode())
        page.locator("[data-file]").set_input_files([file])
    page.wait_for_selector(f"h1:has-text({json.dumps(name, ensure_ascii=False)})")
    page.wait_for_selector(f"td:has-text('nhap-{language}-1')")
    sound(watched)
    page.get_by_label(say["import.field.city"], exact=True).select_option("Hạng")
    start = page.get_by_role("button", name=say["import.start"])
    page.wait_for_function(READY)
    page.wait_for_selector("[role=status][aria-busy=false]")
    sound(watched)
    start.click()
    page.get_by_role("button", name=say["import.cancel"]).wait_for()
    subprocess.run(
        [sys.executable, "-m", "duyen", "import", "uploaded"],
        env=server.environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    page.wait_for_selector(f"text={say['import.state_done']}")
    with page.expect_download() as got:
        page.get_by_role("link", name=say["import.rejects"]).click()
    told = Path(got.value.path()).read_text(encoding="utf-8-sig")
    assert told.startswith("row,line,reasons,content")
    page.wait_for_function(READY)
    sound(watched)
    with server.owner() as owner:
        person = owner.get(f"/v1/profiles/user_id:nhap-{language}-1").json()
    assert {t["name"]: t["value"] for t in person["traits"]}["city"] == "vàng"
    go(watched, server, "/import")
    assert page.locator("tbody tr").first.inner_text().startswith(name)
    page.locator("tbody a").first.click()
    page.get_by_role("button", name=say["import.forget"]).click()
    page.wait_for_function("() => location.pathname === '/import'")
    sound(watched)
