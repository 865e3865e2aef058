"""What stands before the administration: bodies within limits, and answers remembered by Idempotency-Key.

An Idempotency-Key is remembered by the process that answered, for 24 hours and at most the newest 1,000: a
repeated POST with the same key, caller, path and body gets the same answer and changes nothing again. Only what was
done for a caller we know is remembered, so that nobody else can push out an administrator's answers.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from duyen.api.http import Message, Receive, Request, Scope, Send, answer_error
from duyen.model.errors import Conflict, DuyenError, InvalidInput

BODY = 8 * 1024 * 1024
STREAMED = "/v1/imports"
"""Where a body is a file: it goes to the disk piece by piece, within a limit of its own."""
KEPT_SECONDS = 24 * 3600.0
MOST_KEPT = 1_000
LARGEST_KEPT = 256 * 1024


class Answered(NamedTuple):
    """What was answered to a POST, and to which body; no messages while it is under way."""

    body: bytes
    at: float
    messages: list[Message]


class Guard:
    """Reads the body before the application does, and repeats remembered answers."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._answers: OrderedDict[bytes, Answered] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        if request.path == STREAMED:  # it looks at who asks before it reads
            await self._application(scope, receive, send)
            return
        try:
            body = b"" if request.method in ("GET", "HEAD") else await request.body(BODY)
            if request.path.startswith(("/v1/", "/shop/")):
                _as_json(scope, body)
        except DuyenError as error:
            await answer_error(send, error)
            return
        named = request.header(b"idempotency-key")
        if request.method == "POST" and named:
            await self._once(request, named, body, send)
        else:
            await self._application(scope, _replayed(body), send)

    async def _once(self, request: Request, named: str, body: bytes, send: Send) -> None:
        digest = sha256(body).digest()
        key = _key(request, named)
        self._forget()
        known = self._answers.get(key)
        if known is not None:
            await self._again(known, digest, send)
            return
        messages: list[Message] = []
        self._answers[key] = Answered(digest, time.monotonic(), messages)
        told: list[Message] = []

        async def remembered(message: Message) -> None:
            told.append(message)
            await send(message)

        noted: dict[str, Any] = dict(request.scope.get("state") or {})
        request.scope["state"] = noted
        try:
            await self._application(request.scope, _replayed(body), remembered)
        finally:
            # What was refused or failed changed nothing and may be tried again under the same key.
            done = bool(told) and told[0].get("status", 500) < 400
            if done and noted.get("caller") is not None and _size(told) <= LARGEST_KEPT:
                messages.extend(told)
            else:
                self._answers.pop(key, None)

    async def _again(self, known: Answered, digest: bytes, send: Send) -> None:
        if known.body != digest:
            await answer_error(
                send,
                InvalidInput(
                    "request.idempotency_key",
                    "This Idempotency-Key came with another body before; use a new one for a new request.",
                    status=422,
                ),
            )
        elif not known.messages:
            await answer_error(
                send,
                Conflict(
                    "request.under_way", "The first request with this key is still under way."
                ),
            )
        else:
            for message in known.messages:
                await send(message)

    def _forget(self) -> None:
        """Let the oldest answers go; those under way are nobody's to forget."""
        oldest = time.monotonic() - KEPT_SECONDS
        finished = [key for key, answered in self._answers.items() if answered.messages]
        excess = len(finished) - MOST_KEPT + 1
        for place, key in enumerate(finished):
            if place >= excess and self._answers[key].at > oldest:
                return
            del self._answers[key]


def _as_json(scope: Scope, body: bytes) -> None:
    """Every body of the API is JSON, whatever a command-line client calls it by default.

    Python's own reader lets NaN and half a surrogate pair through, which the log could not take in.
    """
    try:
        if body:
            msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput("request.malformed", f"The body is not valid JSON: {error}.") from error
    others = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
    scope["headers"] = [*others, (b"content-type", b"application/json")]


def _key(request: Request, named: str) -> bytes:
    """One caller's key never answers another's."""
    who = request.header(b"authorization") + "\n" + request.header(b"cookie")
    return sha256("\n".join((who, request.path, named)).encode()).digest()


def _size(messages: list[Message]) -> int:
    return sum(len(message.get("body", b"")) for message in messages)


def _replayed(body: bytes) -> Receive:
    """A receive that gives the body that was read already, then says that nothing more comes."""
    given = False

    async def receive() -> Message:
        nonlocal given
        if given:
            return {"type": "http.disconnect"}
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
