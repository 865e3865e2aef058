"""The routes that take events in: each answers once what it was told is durable."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import get_args
from urllib.parse import parse_qs
from uuid import uuid4

from duyen import collect
from duyen.api import browser_client
from duyen.api.http import Headers, Request, Send, answer_error, answer_json, wrong_method
from duyen.api.keys import Key, Keyring, check_origin
from duyen.api.limits import Limits
from duyen.api.objections import objections, objects
from duyen.model.errors import InvalidInput, NotAllowed
from duyen.model.event import CallType, Collected, Rejected
from duyen.model.log import Entry, Lane, encode_entry
from duyen.runtime.group_commit import GroupCommit
from duyen.runtime.house import House
from duyen.runtime.proof import proved

Hot = Callable[[Request, Send], Awaitable[None]]
Cors = Callable[[Request], Headers]
PROJECTS, SETTINGS = "/v1/projects/", "/settings"
SHORT: dict[str, CallType] = {
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
"""The names by which the client for browsers calls the routes."""
MOST_PARAMETERS = 50
"""Of an address, among which its write key is looked for."""


class Collecting:
    """Calls and batches of the Segment protocol into the log."""

    def __init__(self, house: House, keys: Keyring, commits: GroupCommit, cors: Cors) -> None:
        self._house, self._keys, self._commits, self._cors = house, keys, commits, cors
        self._limits = Limits()
        self.routes: dict[str, Hot] = {
            f"/v1/{kind}": self._call(kind) for kind in get_args(CallType)
        }
        self.routes |= {f"/v1/{name}": self.routes[f"/v1/{kind}"] for name, kind in SHORT.items()}
        self.routes |= {f"/v1/{name}": self.batch for name in ("batch", "b")}
        self.routes["/v1/import"] = self.history

    def _call(self, kind: CallType) -> Hot:
        async def one(request: Request, send: Send) -> None:
            body = await request.body(collect.MAX_BATCH_BYTES)
            await self._collect(request, send, collect.open_call(body, kind))

        return one

    async def batch(self, request: Request, send: Send) -> None:
        """POST /v1/batch: many calls, answered once all are durable."""
        body = await request.body(collect.MAX_BATCH_BYTES)
        await self._collect(request, send, collect.open_batch(body))

    async def history(self, request: Request, send: Send) -> None:
        """POST /v1/import: a batch of what happened long ago. It is knowledge: nobody is contacted because of it."""
        body = await request.body(collect.MAX_BATCH_BYTES)
        await self._collect(request, send, collect.open_batch(body), imported=True)

    async def project(self, request: Request, send: Send) -> None:
        """GET /v1/projects/{writeKey}/settings: how Segment's client for browsers is to behave."""
        if request.method != "GET":
            raise wrong_method(request.path, "GET")
        write_key = request.path.removeprefix(PROJECTS).removesuffix(SETTINGS)
        key = self._keys.find(write_key, "write")
        check_origin(key, request.header(b"origin"))
        told = browser_client.settings(write_key, self._house.settings.base_url)
        headers = [*self._cors(request), (b"cache-control", b"public, max-age=60")]
        await answer_json(send, told, 200, headers)

    async def _collect(
        self, request: Request, send: Send, opened: collect.Opened, *, imported: bool = False
    ) -> None:
        key, trusted = self._writer(request, opened.write_key)
        if imported and not trusted:
            raise NotAllowed(
                "collect.import_from_page",
                "History comes from a server: use a write key without origins, or a secret key.",
                status=403,
            )
        self._limits.take(key.id, opened.count, self._rate(key), time.monotonic())
        judged = opened.check(
            received=self._house.clock.now(),
            source=key.id,
            trusted=trusted,
            new_id=_new_id,
            imported=imported,
        )
        if key.is_browser:
            judged = [
                proved(self._house.secrets, call) if isinstance(call, Collected) else call
                for call in judged
            ]
        told = judged
        if key.is_browser and objects(request, self._house.settings):
            told = [*judged, *objections(judged)]
        offset = await self._keep(told, Lane.BULK if imported else Lane.LIVE)
        if len(judged) == 1 and isinstance(judged[0], Rejected):
            why = f"{' '.join(judged[0].reasons)} It is kept under rejected events."
            await answer_error(send, InvalidInput("collect.rejected", why), self._cors(request))
            return
        rejected = [
            {"index": index, "reasons": entry.reasons}
            for index, entry in enumerate(judged)
            if isinstance(entry, Rejected)
        ]
        body = {
            "success": True,
            "offset": str(offset),
            "accepted": len(judged) - len(rejected),
            "rejected": rejected,
        }
        await answer_json(send, body, 200, self._cors(request))

    def _rate(self, key: Key) -> int:
        settings = self._house.settings
        return settings.browser_rate if key.is_browser else settings.server_rate

    async def _keep(self, judged: list[Collected | Rejected], lane: Lane) -> int:
        """Make entries durable, encoded as one list; returns their offset."""
        entries: list[Entry] = [*judged]
        joined = encode_entry(entries)[1:-1]
        return await self._commits.append_joined(lane, [joined] if entries else [], len(entries))

    def _writer(self, request: Request, in_body: str) -> tuple[Key, bool]:
        """The key that sent this, and whether what it says about people is a fact."""
        user = request.basic_user()
        secret = user or request.bearer()
        if secret.startswith("sk_"):
            return self._keys.find(secret, "secret"), True
        key = self._keys.find(user or in_body or _in_query(request), "write")
        check_origin(key, request.header(b"origin"))
        return key, not key.is_browser


def _in_query(request: Request) -> str:
    """A write key in the address: a beacon that a page leaves behind can carry no header."""
    if not request.query:
        return ""
    asked = request.query.decode("latin-1").split("&", MOST_PARAMETERS)[:MOST_PARAMETERS]
    return parse_qs("&".join(asked)).get("writeKey", [""])[0]


def _new_id() -> str:
    return uuid4().hex
