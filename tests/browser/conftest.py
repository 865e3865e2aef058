"""A real Chromium before real servers: the web parts built, one browser, pages that tell what went wrong."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

import hatch_build
from duyen.runtime.house import House
from duyen.runtime.training import train
from tests.api.server import Server
from tests.browser.visits import open_server, orders, set_up, tag_line
from tests.conftest import ROOT

DIST = ROOT / "src" / "duyen" / "web_dist"
LANGUAGE = "vi-VN"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of these need a browser; each file has one server of its own."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


def build(part: str, output: Path) -> Path:
    """An output of the web build, made where it is missing or older than its sources."""
    sources = [path for path in (hatch_build.WEB / part).rglob("*") if path.is_file()]
    newest = max(p.stat().st_mtime for p in sources if "node_modules" not in p.parts)
    with (Path(gettempdir()) / "duyen-web-build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.is_file() or output.stat().st_mtime < newest:
            hatch_build.install()
            hatch_build.npm("exec", "--", "vite", "build", part)
    return output


@pytest.fixture(scope="session")
def tag_file() -> Path:
    """The built tag."""
    return build("tag", DIST / "tag" / "tag.js")


@pytest.fixture(scope="session")
def console_file() -> Path:
    """The built console's page."""
    return build("console", DIST / "console" / "index.html")


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One Chromium for the tests of a file; no longer, because its event loop stays in the way of other tests."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()


class Watched:
    """A page, and everything that went wrong in it: errors, and what its policy forbade."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.troubles: list[str] = []
        page.on("pageerror", lambda error: self.troubles.append(f"uncaught: {error}"))
        page.on("console", self._said)

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.troubles.append(f"{message.text} ({message.location.get('url')})")


Visit = Callable[..., Watched]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A function that gives a page of a fresh visitor; `scripts` run before the page's own."""
    contexts: list[BrowserContext] = []

    def fresh(*scripts: str, **options: Any) -> Watched:
        context = browser.new_context(**{"locale": LANGUAGE, **options})
        context.set_default_timeout(30_000)
        contexts.append(context)
        for script in scripts:
            context.add_init_script(script)
        return Watched(context.new_page())

    yield fresh
    for context in contexts:
        context.close()


class Site:
    """A company's own pages, served from another site than Duyên's server: `localhost`, another port."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[bytes, dict[str, str]]] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = site.pages.get(self.path.partition("?")[0])
                self.send_response(200 if found else 404)
                body, headers = found or (b"", {})
                for name, value in {"content-type": "text/html; charset=utf-8", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])
        self.origin = f"http://localhost:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def put(self, path: str, head: str, body: str, **headers: str) -> str:
        """Serve a page; returns its address."""
        page = (
            f"<!doctype html><html lang=vi><head><meta charset=utf-8><title>Trang {path}</title>"
            f"<link rel=icon href=data:,>{head}</head><body>{body}</body></html>"
        )
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[path] = (page.encode(), more)
        return self.origin + path

    def file(self, path: str, content: bytes, kind: str) -> str:
        """Serve a file; returns its address."""
        self.pages[path] = (content, {"content-type": kind})
        return self.origin + path

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """A company's site."""
    found = Site()
    yield found
    found.close()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, site: Site, tag_file: Path
) -> Iterator[Server]:
    """Door and engine with placements, offers, two goods that were bought, and a key for the site."""
    del tag_file
    found = open_server(tmp_path_factory.mktemp("tag"), site.origin)
    try:
        found.start("engine", "door")
        with found.owner() as owner:
            set_up(owner)
        found.tell(*orders())
        house = House(found.settings)
        train(house)
        house.close()
        yield found
    finally:
        found.stop()


@pytest.fixture(scope="session")
def owner(server: Server) -> Iterator[httpx.Client]:
    """A caller with the secret key."""
    with server.owner() as client:
        yield client


@pytest.fixture
def line(server: Server) -> str:
    """The one line that a page needs."""
    return tag_line(server)
