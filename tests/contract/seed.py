"""A small living shop: something of every kind that addresses name, so that calls reach what lies behind."""

from __future__ import annotations

import email
import email.policy
import re
import time
from base64 import b64encode
from typing import Any

import httpx
import requests
from msgspec import structs

from duyen.api.form_ticket import Ticket, Tickets
from duyen.messages.links import Links
from duyen.runtime.secrets import Secrets
from tests.api.server import EMAIL, ORIGIN, PASSWORD, Server, until

COMPANY = "an-phat"
CUSTOMER, LEAVER = "user_id:an", "user_id:leaver"
"""Who stays, and who is erased whenever a call asks for it."""
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Chào {{ person.name }}</mj-text>
<mj-button href="https://shop.example.test/tea">Xem trà</mj-button>
</mj-column></mj-section></mj-body></mjml>"""

SETTINGS: dict[str, Any] = {
    "name": "Trà Việt",
    "quiet_from": "00:00",
    "quiet_to": "00:00",
    "hold_out": 0,
    "caps": [],
    "paused": False,
    "identity": {},
    "blocked": [],
}
ITEMS: list[dict[str, Any]] = [
    {"id": "tea", "name": "Trà sen", "price": "129000", "category": "tea", "tags": ["lotus"]},
    {"id": "cup", "name": "Chén sứ", "price": "59000", "category": "ware", "stock": 3},
]
TABLE = b"user id,mail\nimported,imported@example.test\n"
MAPPING = {"kind": "people", "source": "crm", "columns": {"customer_id": "user id"}}
PROGRAM: dict[str, dict[str, Any]] = {
    "traits/orders": {"name": "Orders", "count": "Order Completed"},
    "segments/buyers": {"name": "Buyers", "rule": {"did": "Order Completed"}},
    "messages/letter": {"name": "A letter", "subject": "Chào {{ person.name }}", "body": BODY},
    "journeys/letters": {
        "name": "Letters",
        "entry": {"event": "Wants A Letter"},
        "reentry": "always",
        "steps": [{"send": "letter"}],
    },
    "placements/hero": {"name": "Hero", "fallback": {"title": "Chào"}},
    "forms/sign-up": {
        "name": "Sign up",
        "fields": [{"trait": "email", "type": "email", "required": True}, {"trait": "name"}],
        "consent": [{}],
        "download": "guide.txt",
    },
    "offers/lotus": {"name": "Lotus", "placements": ["hero"], "content": {"title": "Sen"}},
}
"""Definitions as `duyen apply` sends them, each after what it names."""
SOURCE: dict[str, Any] = {
    "kind": "shopify",
    "name": "Trà Việt",
    "secret": "what-the-shop-signs-with",
}


class Seed:
    """The names of what there is; `put_back` makes good what a call has changed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.upload = ""
        self.owner = server.owner()
        self.session = requests.Session()
        self.owner_headers = {"authorization": f"Bearer {server.secret_key}"}
        self.put_back()
        self._customer()
        self.veto = self._veto()
        self.decision = self._decision()
        self.erasure = self._erasure()
        self.mail, links = self._mail()
        self.tokens = {kind: links[kind] for kind in "ocu"} | self._other_links(links["u"])
        self.download = self._download()
        self.rejected = self._rejected()
        self.visitor = self._visitor()
        self.bodies = self._bodies()
        self.strangers = self._strangers()

    def names(self, path: str, method: str = "") -> dict[str, str]:
        """What stands in the holes of a path, so that something is there."""
        start = path.split("/")[2]
        if (method, path) == ("DELETE", "/v1/profiles/{key}"):
            return {"key": LEAVER}
        if "{key}" in path:
            return {"key": CUSTOMER, "veto": self.veto}
        if "{address}" in path:
            return {"address": "never@example.test"}
        if "{writeKey}" in path:
            return {"writeKey": self.server.browser_key}
        if start == "{id}":
            return {"id": "sign-up", "token": self.download}
        if "{token}" in path:
            return {"token": self.tokens[path.split("/")[2]]}
        if "{id}" not in path:
            return {}
        if start == "groups":
            return {"id": COMPANY}
        known = {"decisions": self.decision, "mail": self.mail, "catalog": ITEMS[0]["id"]}
        known |= {"erasures": self.erasure, "imports": self.upload}
        known |= dict(place.split("/") for place in PROGRAM)
        known |= {"sources": "shop", "hooks": "shop"}
        return {"id": known[start]}

    def put_back(self) -> None:
        """Everything is there as at first, each definition with a version before the present one."""
        _ok(self.owner.put("/v1/settings", json=SETTINGS))
        _ok(self.owner.put("/v1/catalog/items", json=ITEMS))
        _ok(self.owner.put("/v1/sources/shop", json=SOURCE))
        for place, body in PROGRAM.items():
            path = f"/v1/{place}"
            versions = self.owner.get(f"{path}/versions")
            if versions.status_code == 404 or versions.json()["data"][0]["definition"] is None:
                _ok(self.owner.put(path, json={**body, "name": "As it was before"}))
            _ok(self.owner.put(path, json=body))
        self.server.tell({"type": "identify", "userId": "leaver"})
        known = self.owner.get(f"/v1/imports/{self.upload}") if self.upload else None
        if known is None or known.status_code == 404 or known.json()["state"] != "uploaded":
            self.upload = str(_ok(self.owner.post("/v1/imports", content=TABLE))["id"])

    def _erasure(self) -> str:
        """An erasure that was asked for."""
        made = _ok(self.owner.post("/v1/erasures", json={"profiles": [LEAVER]}))
        self.put_back()
        return str(made["erasures"][0])

    def _veto(self) -> str:
        """A decision that the customer is not one with somebody, which may be taken back."""
        path = f"/v1/profiles/{CUSTOMER}"
        _ok(self.owner.post(f"{path}/unmerge", json={"apart": ["anonymous_id:a1"]}))
        return str(_ok(self.owner.get(f"{path}/vetoes"))["data"][0]["id"])

    def _customer(self) -> None:
        said = {"purpose": "marketing", "channel": "email", "state": "granted"}
        products = [{"product_id": "tea", "name": "Trà sen", "price": 129000, "quantity": 2}]
        order = {"order_id": "o1", "total": 258000, "currency": "VND", "products": products}
        traits = {"email": "an@example.test", "name": "An", "city": "Huế"}
        self.server.tell(
            {"type": "identify", "userId": "an", "anonymousId": "a1", "traits": traits},
            {"type": "group", "userId": "an", "groupId": COMPANY, "traits": {"name": "An Phát"}},
            _track("Consent Updated", said),
            _track("Product Viewed", products[0]),
            _track("Order Completed", order),
            _track("Wants A Letter", {}),
        )

    def _decision(self) -> str:
        ask = {"profile": CUSTOMER, "placements": ["hero"]}
        made: str = _ok(self.owner.post("/v1/decide", json=ask))["decisions"][0]["id"]
        until(lambda: self.owner.get(f"/v1/decisions/{made}").status_code == 200)
        return made

    def _mail(self) -> tuple[str, dict[str, str]]:
        def caught() -> Any:
            return _ok(self.owner.get("/v1/mail"))["data"]

        mail: str = until(caught)[-1]["id"]
        raw = email.message_from_bytes(
            self.owner.get(f"/v1/mail/{mail}/raw").content, policy=email.policy.default
        )
        page = raw.get_body(("html",))
        assert page is not None
        links = re.finditer(r"/t/([ocu])/([\w\-]+)", page.get_content() + raw["List-Unsubscribe"])
        return mail, {found[1]: found[2] for found in links}

    def _other_links(self, out: str) -> dict[str, str]:
        """What other mails would have: the preference centre, and a yes to confirm that nobody waits for."""
        links = Links(Secrets.open(self.server.folder).links, self.server.url)
        payload = links.verify(out)
        assert payload is not None
        kinds: tuple[Any, ...] = ("p", "k")
        return {kind: links.token(structs.replace(payload, kind=kind)) for kind in kinds}

    def _download(self) -> str:
        """A link to the file of the form, as whoever has filled it in has it."""
        folder = self.server.folder / "downloads"
        folder.mkdir(exist_ok=True)
        (folder / "guide.txt").write_text("Pha trà sen\n", encoding="utf-8")
        tickets = Tickets(Secrets.open(self.server.folder), "sign-up", "download")
        return tickets.seal(Ticket.fresh("reader", (), int(time.time() * 1000)))

    def _rejected(self) -> str:
        call = {"type": "track", "userId": "an"}
        httpx.post(
            f"{self.server.url}/v1/batch", json={"batch": [call]}, auth=(self.server.server_key, "")
        )

        def kept() -> Any:
            return _ok(self.owner.get("/v1/rejected"))["data"]

        found: str = until(kept)[0]["id"]
        return found

    def _visitor(self) -> str:
        ask = {"writeKey": self.server.browser_key}
        page = {"origin": ORIGIN}
        token: str = _ok(httpx.post(f"{self.server.url}/v1/visitor", json=ask, headers=page))[
            "token"
        ]
        return token

    def _bodies(self) -> dict[str, Any]:
        """A good body for each call that takes one."""
        did = {"userId": "binh", "timestamp": "2026-11-01T10:00:00Z"}
        batch = {"batch": [{"type": "track", "event": "Came", **did}]}
        put = {f"PUT /v1/{place.partition('/')[0]}/{{id}}": body for place, body in PROGRAM.items()}
        return put | {
            "POST /v1/track": {"event": "Came", "properties": {"why": "tea"}, **did},
            "POST /v1/identify": {"traits": {"city": "Huế"}, **did},
            "POST /v1/page": {"name": "Home", **did},
            "POST /v1/screen": {"name": "Home", **did},
            "POST /v1/group": {"groupId": "g1", **did},
            "POST /v1/alias": {"previousId": "b1", **did},
            "POST /v1/batch": batch,
            "POST /v1/b": batch,
            "POST /v1/import": batch,
            "POST /v1/visitor": {"writeKey": self.server.server_key},
            "POST /v1/decide": {"profile": CUSTOMER, "placements": ["hero"]},
            "POST /v1/recommend": {"profile": CUSTOMER, "items": ["tea"]},
            "POST /v1/login": {"email": EMAIL, "password": PASSWORD},
            "POST /v1/profiles/{key}/unmerge": {"apart": ["anonymous_id:a1"]},
            "POST /v1/erasures": {"profiles": [LEAVER]},
            "POST /v1/suppressions": {"addresses": ["never@example.test"], "reason": "asked"},
            "POST /v1/imports": TABLE,
            "POST /v1/imports/{id}/preview": {"kind": "people", "columns": {"email": "mail"}},
            "POST /v1/imports/{id}/start": {"mapping": MAPPING},
            "POST /v1/segments/preview": {"rule": {"did": "Order Completed"}},
            "POST /v1/traits/preview": {"id": "orders", "definition": PROGRAM["traits/orders"]},
            "PUT /v1/catalog/items": ITEMS,
            "PUT /v1/catalog/items/{id}": ITEMS[0],
            "PUT /v1/sources/{id}": SOURCE,
            "POST /v1/sources/preview": {
                "definition": {"kind": "webhook", "calls": [{"event": "'Came'", "userId": "who"}]},
                "body": {"who": "an"},
            },
            "POST /v1/hooks/{id}": {"id": 1},
            "POST /v1/rejected/replay": {"ids": [self.rejected]},
            "POST /v1/settings/preview": {"identity": {"user_id": {"limit": 2}}},
            "PUT /v1/settings": SETTINGS,
            "POST /v1/clock": {"now": "2026-11-22T00:00:00Z"},
        }

    def _strangers(self) -> dict[str, dict[str, str]]:
        """Who may ask besides, with what their requests say."""
        server = b64encode(f"{self.server.server_key}:".encode()).decode()
        page = b64encode(f"{self.server.browser_key}:".encode()).decode()
        return {
            "nobody": {},
            "a server that collects": {"authorization": f"Basic {server}"},
            "a page": {"authorization": f"Basic {page}", "origin": ORIGIN},
            "a page elsewhere": {
                "authorization": f"Basic {page}",
                "origin": "https://elsewhere.test",
            },
            "a visitor": {"origin": ORIGIN},
            "somebody with another secret": {"authorization": "Bearer sk_another"},
            "somebody with no key at all": {"authorization": "Bearer \u00ff"},
        }


def _track(event: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "track", "userId": "an", "event": event, "properties": properties}


def _ok(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 202), f"{answer.request.method} {answer.url}: {answer.text}"
    return answer.json()
