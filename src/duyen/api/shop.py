"""The demo's storefront: a small shop with the tag in it, served only from a demo's folder."""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from typing_extensions import TypedDict

from duyen.api.office import Of, Office, reply
from duyen.collect import clean_email
from duyen.model.catalogue import Item
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import CONSENT_UPDATED, CallType, Collected
from duyen.model.log import Lane
from duyen.model.values import to_micros

router = APIRouter(include_in_schema=False)

PACKAGE = Path(str(files("duyen")))
FILES = PACKAGE / "api" / "storefront"
PICTURES = PACKAGE / "simulate" / "pictures"
POLICY = (
    "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'self'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
MARK = (
    '<svg width="28" height="28" viewBox="0 0 32 32" fill="none" stroke="currentColor" stroke-width="3" '
    'stroke-linecap="round" aria-hidden="true"><path d="M4 8c0 9 5 15 12 16"/><path d="M28 8c0 9-5 15-12 16"/></svg>'
)
MOST_SHOWN = 60


class Account(TypedDict):
    """What somebody writes at the checkout."""

    name: str
    email: str
    agree: bool


class Shop:
    """The pages, in Vietnamese first."""

    def __init__(self, office: Office) -> None:
        if not office.demo:
            raise NotFound(
                "shop.demo_only", "There is a shop only in the demo: `duyen serve --demo`."
            )
        self._office = office
        self.settings = office.program().settings
        self.key = _write_key(
            office.house.folder, (office.house.folder / "demo.json").stat().st_mtime
        )
        found = (msgspec.convert(raw, Item) for raw in office.state.items().values())
        self.items = {item.id: item for item in found if item.sellable}
        self.categories = {
            item.category: item.tags[0] if item.tags else item.category
            for item in self.items.values()
            if item.category
        }

    def home(self, category: str) -> str:
        """The grid of goods, of one category or of all."""
        chosen = [item for item in self.items.values() if category in ("", item.category)]
        title = self.categories.get(category, "Tất cả sản phẩm")
        hero = (
            '<div class="hero" data-duyen-placement="home-hero"><template data-duyen-template>'
            '<a data-duyen-link><div><h2 data-duyen-field="title"></h2><p data-duyen-field="body"></p>'
            '<span class="button" data-duyen-field="cta"></span></div>'
            '<img alt="" data-duyen-field="image"></a></template>'
            "<div><div><h2>Chào mừng đến cửa hàng</h2><p>Đồ thủ công và đặc sản Việt Nam.</p></div></div></div>"
        )
        cards = "".join(
            f"<li>{self._card(item)}</li>" for item in _spread(chosen, category)[:MOST_SHOWN]
        )
        empty = '<p class="note">Chưa có sản phẩm nào ở đây.</p>' if not cards else ""
        return self._page(
            title, f'{hero}<h1>{escape(title)}</h1><ul class="grid">{cards}</ul>{empty}', category
        )

    def product(self, id: str) -> str:
        """One product, with what goes with it."""
        item = self.items.get(id)
        if item is None:
            raise NotFound("item.unknown", f"There is no item “{id}” in the shop.")
        told = {
            "product_id": item.id,
            "name": item.name,
            "price": item.price,
            "currency": item.currency or self.settings.currency,
            "category": item.category,
        }
        data = escape(msgspec.json.encode(told).decode(), quote=True)
        about = escape(msgspec.json.encode({"product": told}).decode(), quote=True)
        body = (
            f'<div class="product" data-product="{data}" data-duyen-context="{about}">'
            f'<img src="{_picture(item)}" alt="">'
            f"<div><h1>{escape(item.name)}</h1><p class='note'>{escape(self.categories.get(item.category, ''))}</p>"
            f'<p class="price">{_money(item.price)}</p>'
            '<button data-add data-added="Đã thêm vào giỏ">Thêm vào giỏ</button></div></div>'
            '<aside><h2>Hợp với món này</h2><div data-duyen-placement="product-side">'
            '<template data-duyen-template><a class="card" data-duyen-link><img alt="" data-duyen-field="image">'
            '<span data-duyen-field="title"></span><strong data-duyen-field="price"></strong></a></template>'
            "</div></aside>"
        )
        return self._page(item.name, body, item.category)

    def basket(self) -> str:
        """The basket and the checkout."""
        body = (
            "<h1>Giỏ hàng</h1><p data-empty>Giỏ hàng đang trống. <a href='/shop'>Xem sản phẩm</a></p>"
            '<table data-basket data-remove="Bỏ" hidden><thead><tr><th>Sản phẩm</th><th>Số lượng</th><th>Tiền</th></tr>'
            "</thead><tbody></tbody><tfoot><tr><th colspan='2'>Tổng cộng</th><th data-total></th></tr></tfoot></table>"
            '<form hidden data-done="Cảm ơn bạn, đơn hàng đã được ghi nhận. Đây là cửa hàng mẫu: không giao hàng.">'
            '<label>Tên<input type="text" name="name" autocomplete="name" required maxlength="100"></label>'
            '<label>E-mail<input type="email" name="email" autocomplete="email" required maxlength="200" '
            'placeholder="ban@example.test"></label>'
            '<label class="line"><input type="checkbox" name="agree">'
            "<span>Tôi muốn nhận thư về sản phẩm và ưu đãi. Tôi có thể dừng bất cứ lúc nào.</span></label>"
            "<button>Đặt hàng</button></form><p data-result role='status'></p>"
            '<p class="note">Cửa hàng mẫu chỉ gửi thư đến địa chỉ @example.test; thư hiện trong bảng điều khiển.</p>'
        )
        return self._page("Giỏ hàng", body, None)

    def _card(self, item: Item) -> str:
        return (
            f'<a class="card" href="/shop/p/{escape(item.id, quote=True)}"><img src="{_picture(item)}" alt="" '
            f'loading="lazy"><span>{escape(item.name)}</span><strong>{_money(item.price)}</strong></a>'
        )

    def _page(self, title: str, body: str, category: str | None) -> str:
        name = escape(self.settings.name)
        links = [("", "Tất cả"), *self.categories.items()]
        nav = "".join(
            f'<a href="/shop{f"?category={escape(id)}" if id else ""}"'
            f"{' aria-current=page' if id == category else ''}>{escape(words)}</a>"
            for id, words in links
        )
        return (
            f'<!doctype html><html lang="{escape(self.settings.language)}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f"<title>{escape(title)} · {name}</title><link rel='icon' href='/mark.svg'>"
            '<link rel="stylesheet" href="/shop/shop.css">'
            f'<script src="/tag.js" data-write-key="{escape(self.key, quote=True)}"></script></head><body>'
            f'<header><div class="wide"><a class="brand" href="/shop">{MARK}{name}</a><nav>{nav}</nav>'
            '<a class="basket" href="/shop/basket">Giỏ hàng (<span data-count>0</span>)</a></div></header>'
            f'<main class="wide">{body}</main><footer><div class="wide">Đây là cửa hàng mẫu của Duyên. '
            'Khách hàng ở đây là mô phỏng, trừ bạn. · <span lang="en">A demo shop; its customers are simulated, '
            'except you.</span></div></footer><script src="/shop/shop.js"></script></body></html>'
        )


def _spread(items: list[Item], category: str) -> list[Item]:
    """One of each category after the other, so that the first look shows the whole shop."""
    if category:
        return items
    by: dict[str, list[Item]] = {}
    for item in items:
        by.setdefault(item.category, []).append(item)
    longest = max(map(len, by.values()), default=0)
    return [of[n] for n in range(longest) for of in by.values() if n < len(of)]


def _picture(item: Item) -> str:
    return f"/shop/img/{escape(item.category or 'item', quote=True)}.svg"


def _money(price: str) -> str:
    micros = to_micros(price) or 0
    return f"{micros // 1_000_000:,}".replace(",", ".") + " ₫"


@cache
def _write_key(folder: Path, changed: float) -> str:
    found: str = msgspec.json.decode((folder / "demo.json").read_bytes())["write_key"]
    return found


def _html(page: str) -> Response:
    return HTMLResponse(
        page, headers={"content-security-policy": POLICY, "cache-control": "no-cache"}
    )


@router.get("/shop")
def home(
    office: Of,
    category: Annotated[str, Query(max_length=100)] = "",
    item: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """The shop's front page."""
    shop = Shop(office)
    return _html(shop.product(item) if item else shop.home(category))


@router.get("/shop/p/{id}")
def product(id: str, office: Of) -> Response:
    """One product."""
    return _html(Shop(office).product(id))


@router.get("/shop/basket")
def basket(office: Of) -> Response:
    """The basket."""
    return _html(Shop(office).basket())


@router.get("/shop/{name}.{kind}")
def asset(name: str, kind: str, request: Request) -> Response:
    """The shop's own style and script."""
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
    if name != "shop" or kind not in kinds:
        raise NotFound("request.unknown_path", f"There is nothing at {request.url.path}.")
    content = (FILES / f"shop.{kind}").read_bytes()
    return Response(content, media_type=kinds[kind], headers={"cache-control": "no-cache"})


@router.get("/shop/img/{category}.svg")
def picture(category: str) -> Response:
    """The drawing of a category; a plain one where nobody drew it."""
    path = PICTURES / f"{category}.svg"
    known = path.parent == PICTURES and category.replace("-", "").isalnum() and path.is_file()
    content = path.read_bytes() if known else _drawn(category)
    headers = {
        "cache-control": "public, max-age=3600",
        "content-security-policy": "default-src 'none'",
    }
    return Response(content, media_type="image/svg+xml", headers=headers)


def _drawn(category: str) -> bytes:
    """Two arcs in a colour that follows from the name."""
    hue = int.from_bytes(blake2b(category.encode(), digest_size=2).digest()) % 360
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 90" fill="none" stroke-width="6" '
        f'stroke-linecap="round"><g stroke="hsl({hue} 45% 50%)"><path d="M24 22c0 26 14 44 36 46"/>'
        '<path d="M96 22c0 26-14 44-36 46"/></g></svg>'
    ).encode()


@router.post("/shop/account")
async def account(body: Account, office: Of) -> Response:
    """What the shop's own server says: who this customer is. Its answer lets the page speak as them."""
    if not office.demo:
        raise NotFound("shop.demo_only", "There is a shop only in the demo: `duyen serve --demo`.")
    email = clean_email(body["email"])
    if not email:
        raise InvalidInput("shop.email", "E-mail chưa đúng; bạn kiểm tra lại giúp.", at="email")
    user = "shop-" + blake2b(email.encode(), digest_size=6).hexdigest()
    name = " ".join(body["name"].split())[:100]
    traits: dict[str, Any] = {"email": email, "name": name, "first_name": name.split(" ")[-1]}
    told = [_call(office, user, "identify", "", traits, {})]
    if body["agree"]:
        said = {
            "purpose": "marketing",
            "channel": "email",
            "state": "granted",
            "proof": "shop checkout",
        }
        told.append(_call(office, user, "track", CONSENT_UPDATED, {}, said))
    await office.write(Lane.LIVE, told)
    return reply({"userId": user, "hash": office.house.secrets.identity_hash(user)})


def _call(
    office: Office,
    user: str,
    kind: CallType,
    name: str,
    traits: dict[str, Any],
    properties: dict[str, Any],
) -> Collected:
    now = office.house.clock.now()
    free = {"traits": traits, "properties": properties}
    raw = {field: msgspec.Raw(msgspec.json.encode(part)) for field, part in free.items() if part}
    call = Collected(
        id=uuid4().hex,
        type=kind,
        time=now,
        received=now,
        source="shop",
        trusted=True,
        name=name,
        user_id=user,
    )
    return msgspec.structs.replace(call, **raw)
