"""POST /v1/hooks/{source}: what shops and other systems tell by themselves, answered once it is durable.

Only what cannot be a delivery of the source is refused (a wrong signature, no JSON, too much at once). What is
understood and wrong is kept as rejected and answered 200, because sending it again would not mend it, and shops close
an address that answers with errors.
"""

from __future__ import annotations

import asyncio
import hmac
import re
import time
from contextlib import suppress
from urllib.parse import parse_qs

from duyen.api.http import Request, Send, answer, answer_json, wrong_method
from duyen.api.limits import Limits
from duyen.connectors.delivery import Delivery, Told, Unreadable
from duyen.connectors.kinds import KINDS, auth_of
from duyen.connectors.signature import proved
from duyen.model.errors import DuyenError, NotAllowed, Unavailable
from duyen.model.event import Collected
from duyen.model.log import Entry, Lane, encode_entry
from duyen.model.source import Source
from duyen.model.times import Millis, format_duration
from duyen.runtime import receive
from duyen.runtime.group_commit import GroupCommit
from duyen.runtime.heard import Hearing
from duyen.runtime.house import House
from duyen.runtime.sources import Sources, verify_token

HOOKS = "/v1/hooks/"
MOST_BYTES = 2 * 1024 * 1024
EVERY = 1.0
"""Seconds after which what was heard is told to the log."""
MOST_PARAMETERS = 20
_PING = re.compile(rb"webhook_id=\d{1,20}")
_CHALLENGE = re.compile(r"[\w.\-]{1,200}")


class Hooks:
    """Deliveries of shops into the log."""

    def __init__(self, house: House, commits: GroupCommit) -> None:
        self._house, self._commits = house, commits
        self._sources = Sources(house)
        self._limits = Limits()
        self._key = house.secrets.derive(receive.GUESTS)
        self._hearing = Hearing()
        self._telling: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Tell what was heard last."""
        heard: list[Entry] = [*self._hearing.take()]
        if heard:
            self._house.tell(Lane.LIVE, heard)

    async def __call__(self, request: Request, send: Send) -> None:
        """Serve one delivery."""
        if request.method not in ("GET", "POST"):
            raise wrong_method(request.path, "POST")
        source = self._sources.find(request.path.removeprefix(HOOKS))
        if request.method == "GET" and source.kind == "haravan":
            await self._handshake(source, request, send)
            return
        if request.method != "POST":
            raise wrong_method(request.path, "POST")
        now = self._house.clock.now()
        try:
            body = await request.body(MOST_BYTES)
            if source.kind == "woocommerce" and _PING.fullmatch(body):
                await answer_json(send, _told(0, 0, "WooCommerce asks whether somebody is here."))
                return
            shown = await self._delivered(source, request, body, now)
        except DuyenError as error:
            self._heard(source, now, error.message, deliveries=1, refused=1)
            raise
        await answer_json(send, shown)

    async def _handshake(self, source: Source, request: Request, send: Send) -> None:
        """Haravan asks whether an address is ours before it sends to it."""
        few = request.query.decode("latin-1").split("&")[:MOST_PARAMETERS]
        asked = parse_qs("&".join(few))
        token = asked.get("hub.verify_token", [""])[0].encode("utf-8", "replace")
        expected = verify_token(self._house.secrets, source.id).encode()
        challenge = asked.get("hub.challenge", [""])[0]
        if not hmac.compare_digest(token, expected) or not _CHALLENGE.fullmatch(challenge):
            raise NotAllowed(
                "source.verify_token",
                "The verify token is not this source's; copy it from the sources' list.",
            )
        await answer(send, 200, challenge.encode(), [(b"content-type", b"text/plain")])

    async def _delivered(
        self, source: Source, request: Request, body: bytes, now: Millis
    ) -> dict[str, object]:
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in request.headers.items()
        }
        auth = auth_of(source)
        if not proved(auth, self._sources.secret(source), headers, body):
            raise NotAllowed(
                "source.signature",
                f"“{auth.header}” does not prove this body by the source's secret; "
                "compare the secret with the one at the sender.",
            )
        self._limits.take(source.id, 1, self._house.settings.server_rate, time.monotonic())
        currency = self._house.program().settings.currency
        delivery = Delivery(source, headers, receive.parsed(body), now, self._key, currency)
        try:
            told = KINDS[source.kind].read(delivery)
        except Unreadable as error:
            told = Told(faults=[str(error)])
        return await self._keep(source, told, body, now)

    async def _keep(
        self, source: Source, told: Told, body: bytes, now: Millis
    ) -> dict[str, object]:
        """Make it durable; the answer says what became of it."""
        if told.ignored:
            self._heard(source, now, deliveries=1, ignored=1)
            return _told(0, 0, told.ignored)
        judged = receive.judged(source, told, now)
        if told.faults:
            judged.append(receive.unread(source, body, tuple(told.faults), now))
        wrong = [
            reason for one in judged if not isinstance(one, Collected) for reason in one.reasons
        ]
        accepted = sum(isinstance(one, Collected) for one in judged)
        rejected, items = len(judged) - accepted, 0
        if told.items or told.gone:
            change, faults = receive.changed(source, told, self._house.state, now)
            wrong, rejected = wrong + faults, rejected + len(faults)
            if change is not None:
                items = len(change.items)
                await self._commits.append(Lane.CONTROL, [encode_entry(change)])
        if judged:
            await self._commits.append(Lane.LIVE, [encode_entry(one) for one in judged])
        trouble = wrong[0] if wrong else ""
        if not trouble and (ahead := receive.ahead(told, now)):
            trouble = (
                f"Its clock is ahead by {format_duration(ahead // 60_000 * 60_000)}: what it says of the future "
                "is dated at its arrival."
            )
        self._heard(
            source, now, trouble, deliveries=1, accepted=accepted, rejected=rejected, items=items
        )
        return _told(accepted + items, rejected, "", tuple(wrong))

    # -- what was heard

    def _heard(self, source: Source, now: Millis, trouble: str = "", **counts: int) -> None:
        """Count it, and tell the log soon: many deliveries together."""
        self._hearing.note(source.id, now, trouble, **counts)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        await asyncio.sleep(EVERY)
        heard = [encode_entry(each) for each in self._hearing.take()]
        with suppress(Unavailable):  # a full disk: the counts are the least that is lost then
            await self._commits.append(Lane.LIVE, heard)


def _told(
    accepted: int, rejected: int, ignored: str, reasons: tuple[str, ...] = ()
) -> dict[str, object]:
    return {
        "success": True,
        "accepted": accepted,
        "rejected": rejected,
        "ignored": ignored,
        "reasons": list(reasons),
    }
