"""The little HTTP that the hot routes need: read a body within limits, answer JSON, name errors."""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

import msgspec

from duyen.api.patience import Patience
from duyen.model.errors import DuyenError, InvalidInput, TooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

encode = msgspec.json.Encoder().encode
JSON = (b"content-type", b"application/json")
_patience = Patience()


class Request:
    """One request of a hot route."""

    __slots__ = ("_receive", "headers", "method", "path", "query", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self._receive = scope, receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope.get("query_string", b"")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    def header(self, name: bytes) -> str:
        """A header's text, or ""."""
        return self.headers.get(name, b"").decode("latin-1")

    def basic_user(self) -> str:
        """The user name of Basic auth, where SDKs put the write key."""
        kind, _, coded = self.header(b"authorization").partition(" ")
        if kind.lower() != "basic":
            return ""
        try:
            return b64decode(coded, validate=True).decode().partition(":")[0]
        except ValueError as error:
            raise InvalidInput(
                "key.unreadable", "The Authorization header is not valid Basic auth."
            ) from error

    def bearer(self) -> str:
        """The Bearer token, or ""."""
        kind, _, token = self.header(b"authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    async def body(self, most: int) -> bytes:
        """The whole body, unpacked where it came gzipped; raises TooLarge beyond `most` bytes."""
        packed = b"content-encoding" in self.headers and self._packed()
        parts: list[bytes] = []
        size, whole_size = 0, self.headers.get(b"content-length")
        task = _patience.begin()
        try:
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    raise InvalidInput(
                        "request.cut_off", "The connection ended before the body did."
                    )
                part = message.get("body", b"")
                size += len(part)
                if size > most:
                    raise _too_large(most)
                parts.append(part)
                # Where the sender said how much it is, asking for the end would be one more turn of the event loop.
                if not message.get("more_body") or whole_size == b"%d" % size:
                    break
                _patience.more(task, len(part))
        except asyncio.CancelledError:
            if _patience.ended(task):
                raise _too_slow() from None
            raise
        finally:
            _patience.end(task)
        whole = b"".join(parts)
        return _unpacked(whole, most) if packed else whole

    def _packed(self) -> bool:
        """Whether the body comes gzipped; raises InvalidInput for what else it may be packed with."""
        packing = self.header(b"content-encoding").strip().lower()
        if packing not in _PACKINGS:
            raise InvalidInput(
                "request.encoding",
                f"A body comes as it is or gzipped, not as “{packing[:80]}”.",
                at="Content-Encoding",
                status=415,
            )
        return _PACKINGS[packing]


_PACKINGS = {"": False, "identity": False, "gzip": True, "x-gzip": True}


def _unpacked(packed: bytes, most: int) -> bytes:
    """What was gzipped, in one piece or, as gzip allows, in several one behind the other."""
    parts: list[bytes] = []
    left = most
    while packed or not parts:
        inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            plain = inflate.decompress(packed, left + 1)
        except zlib.error as error:
            raise InvalidInput("request.gzip", "The body is not valid gzip.") from error
        if len(plain) > left or inflate.unconsumed_tail:
            raise _too_large(most)
        if not inflate.eof:
            raise InvalidInput("request.gzip", "The gzip body is cut off.")
        parts.append(plain)
        left -= len(plain)
        packed = inflate.unused_data
    return b"".join(parts)


def _too_slow() -> InvalidInput:
    return InvalidInput(
        "request.too_slow",
        "The body did not come to its end; send it again over a connection that holds.",
        status=408,
    )


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        "request.too_large", f"The body is larger than {most:,} bytes; send less at once."
    )


def fault() -> DuyenError:
    """A fault of ours, told without its trace."""
    return DuyenError("server.fault", "Something went wrong here; it is in the server's own log.")


async def answer(
    send: Send, status: int, body: bytes, headers: Iterable[tuple[bytes, bytes]] = (JSON,)
) -> None:
    """Send one complete response."""
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})


async def answer_json(
    send: Send, value: Any, status: int = 200, headers: Headers | None = None
) -> None:
    """Send a JSON response."""
    await answer(send, status, encode(value), [JSON, *(headers or [])])


def wrong_method(path: str, allowed: str) -> DuyenError:
    """Another method than those that an address takes."""
    problem = InvalidInput("request.method", f"{path} takes {allowed}.", status=405)
    problem.allowed = allowed
    return problem


def fields_of(body: bytes, most: int) -> dict[str, list[str]] | None:
    """What a page's form sends, by name; None where it is more than anybody fills in."""
    try:
        return parse_qs(body.decode("utf-8", "replace"), max_num_fields=most)
    except ValueError:
        return None


def told_beside(error: DuyenError) -> dict[str, str]:
    """What the headers of an error's answer say."""
    if error.status in (429, 503):
        return {"retry-after": str(error.retry_after)}
    if error.status == 408:  # the rest of the body will not be waited for
        return {"connection": "close"}
    return {"allow": error.allowed} if error.allowed else {}


async def answer_error(send: Send, error: DuyenError, headers: Headers | None = None) -> None:
    """Send an error in the API's one shape."""
    own = [(name.encode(), value.encode()) for name, value in told_beside(error).items()]
    await answer_json(send, error.as_json(), error.status, [*(headers or []), *own])
