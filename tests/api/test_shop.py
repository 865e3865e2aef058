"""The demo's storefront, and pages where something is not built."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from duyen.cli.demo import prepare
from duyen.runtime.settings import load
from tests.api.server import Server, problem
from tests.conftest import find_free_port


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A demo's folder with engine and door, without its customers."""
    folder, port = tmp_path_factory.mktemp("demo"), find_free_port()
    prepare(load(str(folder), {}, port=port))
    server = Server(folder, port)
    try:
        server.start("engine", "door")
        yield server
    finally:
        server.stop()


def test_every_page_embeds_the_tag_and_its_placements(shop: Server) -> None:
    front = httpx.get(shop.url + "/shop")
    assert front.status_code == 200
    assert 'data-duyen-placement="home-hero"' in front.text
    assert re.search(r'<script src="/tag.js" data-write-key="wk_[a-z0-9]+"></script>', front.text)
    assert (
        "script-src" not in front.headers["content-security-policy"]
    )  # default-src 'self' covers it
    product = re.search(r"/shop/p/[\w\-]+", front.text)
    assert product is not None
    page = httpx.get(shop.url + product[0])
    assert 'data-duyen-placement="product-side"' in page.text
    assert "data-product=" in page.text
    assert httpx.get(shop.url + "/shop/basket").status_code == 200
    for path in re.findall(r'(?:src|href)="(/shop/(?:img/)?[\w\-]+\.(?:svg|css|js))"', front.text):
        assert httpx.get(shop.url + path).status_code == 200, path


def test_a_category_and_a_product_may_be_named_in_the_address(shop: Server) -> None:
    front = httpx.get(shop.url + "/shop?category=tea").text
    assert "/shop/p/tea-01" in front
    assert "/shop/p/coffee-01" not in front
    assert "data-product=" in httpx.get(shop.url + "/shop?item=tea-01").text
    problem(httpx.get(shop.url + "/shop/p/nothing"), 404, "item.unknown")
    assert httpx.get(shop.url + "/shop/img/never-drawn.svg").status_code == 200


def test_what_is_in_the_catalogue_cannot_break_out_of_the_page(shop: Server) -> None:
    with shop.owner() as owner:
        item = {
            "id": "evil",
            "name": "<script>alert(1)</script>'\"",
            "price": "1",
            "category": "tea",
        }
        assert owner.put("/v1/catalog/items/evil", json=item).status_code == 200
        for path in ("/shop?category=tea", "/shop/p/evil"):
            assert "<script>alert" not in httpx.get(shop.url + path).text
        owner.delete("/v1/catalog/items/evil")


def test_the_shops_server_says_who_its_customer_is(shop: Server) -> None:
    said = {"name": "Nguyễn Thị Ánh Tuyết", "email": "Tuyet@example.test", "agree": True}
    answer = httpx.post(shop.url + "/shop/account", json=said).json()
    with shop.owner() as owner:
        found = owner.get(f"/v1/profiles/user_id:{answer['userId']}").json()
        assert found["email"] == "tuyet@example.test"
        assert found["verified"] is True
        assert [c["state"] for c in found["consent"]] == ["granted"]
    problem(
        httpx.post(shop.url + "/shop/account", json={**said, "email": "none"}), 400, "shop.email"
    )
    problem(httpx.post(shop.url + "/shop/account", json={"name": "x"}), 422)


def test_the_demo_signs_in_with_the_password_it_keeps(shop: Server) -> None:
    from duyen.cli.demo import read

    demo = read(shop.folder)
    assert (shop.folder / "demo.json").stat().st_mode & 0o077 == 0
    body = {"email": demo.email, "password": demo.password}
    answer = httpx.post(shop.url + "/v1/login", json=body)
    assert answer.json()["demo"] is True


def test_an_unbuilt_console_says_how_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from duyen.api import pages
    from duyen.api.app import App

    server = Server(tmp_path / "data", find_free_port())
    monkeypatch.setattr(pages, "DIST", tmp_path / "nothing")
    app = App(server.settings)

    async def ask(path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            return await client.get(path)

    console = asyncio.run(ask("/"))
    assert console.status_code == 503
    assert "make web" in console.text
    problem(asyncio.run(ask("/tag.js")), 503, "tag.unbuilt")
