"""The API as the simulated customers' browsers, mail readers and shop server use it: one HTTP client."""

from __future__ import annotations

import asyncio
import email
import email.policy
import html
import re
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from duyen.model.errors import Unavailable

TRIES = 8
LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=4)
_TRACKED = re.compile(r"https?://[^\s\"'<>]+/t/([cou])/[^\s\"'<>]+")
Sleep = Callable[[float], Awaitable[None]]


class Mail(NamedTuple):
    """A mail as its reader has it: its text, and its real links (open pixel, clicks, unsubscribe)."""

    id: str
    to: str
    subject: str
    text: str
    opens: tuple[str, ...]
    clicks: tuple[str, ...]
    unsubscribes: tuple[str, ...]


class Refused(Exception):
    """The server answered with an error: its status, code and sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code = status, code


class Api:
    """Calls of the real API. `write_key` is the shop page's (a browser's), `secret_key` the shop server's.

    A call that finds no server, or one that says "later", is repeated a few times with growing pauses.
    """

    def __init__(
        self,
        base_url: str,
        write_key: str,
        secret_key: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._write_key = write_key
        self._secret = {"authorization": f"Bearer {secret_key}"}
        self._page = {"origin": self.base_url}
        self._sleep = sleep
        self.http = httpx.AsyncClient(
            base_url=self.base_url,
            timeout=30,
            limits=LIMITS,
            transport=transport,
            # Certificates cost memory; without TLS there is nothing to verify.
            verify=self.base_url.startswith("https:"),
            follow_redirects=False,
            headers={"user-agent": "duyen-simulate"},
        )

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    # What a browser does

    async def visitor(self, token: str = "") -> tuple[str, str]:
        """(visitor token, anonymous id) of this browser; a token that is handed in is renewed."""
        told = await self._post(
            "/v1/visitor", {"writeKey": self._write_key, "token": token}, self._page
        )
        return str(told["token"]), str(told["anonymousId"])

    async def say(self, calls: list[dict[str, Any]]) -> str:
        """What the page's tag reports; returns the offset."""
        body = {"writeKey": self._write_key, "batch": calls}
        return str((await self._post("/v1/batch", body, self._page))["offset"])

    async def decide(
        self, token: str, placements: list[str], context: dict[str, Any], after: str = ""
    ) -> tuple[list[dict[str, Any]], bool]:
        """The decisions for the places of a page, and whether they may be older than `after`."""
        body = {
            "writeKey": self._write_key,
            "visitor": token,
            "placements": placements,
            "context": context,
            "after": after,
        }
        told = await self._post("/v1/decide", body, self._page)
        return told["decisions"], bool(told.get("stale"))

    # What the shop's server does

    async def tell(self, calls: list[dict[str, Any]]) -> str:
        """What the shop's server knows for certain: sign-ups, orders, history; returns the offset."""
        return str((await self._post("/v1/batch", {"batch": calls}, self._secret))["offset"])

    async def put(self, path: str, body: Any) -> None:
        """Put a definition or items."""
        await self._call("PUT", path, body, self._secret)

    async def knows(self, path: str) -> bool:
        """Whether there is something at a path of the API."""
        try:
            await self._call("GET", path, None, self._secret)
        except Refused as refused:
            if refused.status == 404:
                return False
            raise
        return True

    async def set_clock(self, now: str) -> None:
        """Move simulated time, until everything that is due by then is done."""
        for _ in range(TRIES):
            told = await self._post("/v1/clock", {"now": now}, self._secret)
            if told.get("settled", True):
                return

    # What a mail reader does

    async def mails_since(self, last: str, most: int = 20_000) -> list[tuple[str, str]]:
        """(id, address) of the newest mails that were caught after the mail `last`, oldest first."""
        found: list[tuple[str, str]] = []
        cursor = ""
        while len(found) < most:
            path = f"/v1/mail?limit={min(most, 200)}" + (
                f"&cursor={quote(cursor)}" if cursor else ""
            )
            told = await self._call("GET", path, None, self._secret)
            for row in told["data"]:
                if row["id"] == last:
                    return found[::-1]
                found.append((str(row["id"]), str(row["to"])))
            cursor = told.get("next") or ""
            if not cursor:
                break
        return found[::-1]

    async def mail(self, id: str) -> Mail:
        """One mail as it came to its reader."""
        answer = await self._send("GET", f"/v1/mail/{quote(id)}/raw", None, self._secret)
        return read_mail(id, answer.content)

    async def follow(self, url: str, *, post: bool = False) -> str:
        """Open a tracked link of a mail on the server we speak to; returns where it leads, or nothing."""
        path = url[url.index("/t/") :]
        form = {"List-Unsubscribe": "One-Click"} if post else None
        answer = await self.http.request("POST" if post else "GET", path, data=form)
        location: str = answer.headers.get("location", "")
        return location

    # Below

    async def _post(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        return await self._call("POST", path, body, headers)

    async def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> Any:
        answer = await self._send(method, path, body, headers)
        return answer.json() if answer.content else {}

    async def _send(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        pause = 0.2
        for attempt in range(1, TRIES + 1):
            try:
                answer = await self.http.request(method, path, json=body, headers=headers)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise Unavailable(
                        "simulate.no_server",
                        f"No server answers at {self.base_url} ({error}); start it with `duyen serve`.",
                    ) from error
            else:
                if answer.status_code < 400:
                    return answer
                if answer.status_code not in (429, 502, 503, 504) or attempt == TRIES:
                    raise _refused(answer)
            await self._sleep(pause)
            pause = min(pause * 2, 5.0)
        raise AssertionError("unreachable")


def _refused(answer: httpx.Response) -> Refused:
    try:
        error = answer.json()["error"]
        return Refused(answer.status_code, str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return Refused(answer.status_code, "unknown", answer.text[:200])


def read_mail(id: str, raw: bytes) -> Mail:
    """A mail of RFC 5322 bytes: its text part, and the tracked links of all its parts and headers."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
    text = str(plain.get_content()) if plain else ""
    source = html.unescape(str(page.get_content())) if page else text
    found: dict[str, list[str]] = {"o": [], "c": [], "u": []}
    for link in _TRACKED.finditer(source + "\n" + str(mail.get("List-Unsubscribe", ""))):
        if link[0] not in found[link[1]]:
            found[link[1]].append(link[0])
    return Mail(
        id,
        str(mail.get("To", "")),
        str(mail.get("Subject", "")),
        text or source,
        tuple(found["o"]),
        tuple(found["c"]),
        tuple(found["u"]),
    )
