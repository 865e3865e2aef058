"""Which answers are remembered by Idempotency-Key, and that nobody can push out somebody else's."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from duyen.api import guard
from duyen.api.guard import Guard
from duyen.api.http import Message, Receive, Scope, Send


class Application:
    """Counts what it is asked; knows a caller by the authorization header, refuses what is in `refused`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.refused: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = dict(scope["headers"])[b"idempotency-key"].decode()
        self.asked.append(named)
        if b"authorization" in dict(scope["headers"]):
            scope["state"]["caller"] = "an"
        if named in self.held:
            await self.held[named].wait()
        status = 400 if named in self.refused else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


async def post(door: Guard, named: str, *, known: bool = True) -> int:
    """One POST; its status."""
    headers = [(b"idempotency-key", named.encode())]
    if known:
        headers.append((b"authorization", b"Bearer sk_1"))
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/x",
        "query_string": b"",
        "headers": headers,
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await door(scope, receive, send)
    return int(sent[0]["status"])


def test_strangers_push_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_KEPT", 3)

    async def story() -> list[str]:
        application = Application()
        door = Guard(application)
        await post(door, "mine")
        for number in range(10):
            await post(door, f"stranger-{number}", known=False)
        await post(door, "mine")
        return application.asked

    assert asyncio.run(story()).count("mine") == 1


def test_the_oldest_go_but_never_one_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_KEPT", 3)

    async def story() -> tuple[list[str], int]:
        application = Application()
        application.held["slow"] = asyncio.Event()
        door = Guard(application)
        slow = asyncio.create_task(post(door, "slow"))
        await asyncio.sleep(0)
        for number in range(5):
            await post(door, f"n{number}")
        again = await post(door, "slow")
        application.held["slow"].set()
        await slow
        await post(door, "n4")
        await post(door, "n0")
        return application.asked, again

    asked, again = asyncio.run(story())
    assert again == 409
    assert [asked.count(name) for name in ("slow", "n4", "n0")] == [1, 1, 2]


def test_what_was_refused_may_be_tried_again() -> None:
    async def story() -> list[int]:
        application = Application()
        door = Guard(application)
        application.refused.add("k")
        first = await post(door, "k")
        application.refused.clear()
        return [first, await post(door, "k"), await post(door, "k"), len(application.asked)]

    assert asyncio.run(story()) == [400, 200, 200, 2]
