"""The door over real HTTP: batches and single events, durable before the answer; decisions at a steady rate.

    python -m bench.door

Baseline of collecting: the common way, FastAPI with Pydantic models and one SQLite row per event, as durable.
The load generator shares the cores with what it measures; how much it could ask of an application that answers at
once, without looking, is a figure of its own.
"""

import asyncio
import json
import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import Figure, percentile
from duyen.model.event import ORDER_COMPLETED, Collected
from duyen.model.log import Lane
from duyen.model.program import CatalogueChange, ResourceChange
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.secrets import digest_key
from duyen.runtime.settings import load
from duyen.runtime.training import train

KEY, SECRET = "wk_bench", "sk_bench"
CONNECTIONS = 64
"""A site's pages and servers at once: whoever waits for the disk at the same time shares a commit."""
SECONDS = 5.0
OFFERS = 1_000
RATE = 300
LOOKS = 50
"""Profiles read in a second."""
PEOPLE = 1_000


def body(calls: int, prefix: str, wrap: bool) -> bytes:
    """The JSON of one request."""
    rng = random.Random(prefix)
    made = []
    for n in range(calls):
        made.append(
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"{prefix}-{n}",
                "userId": f"u{rng.randrange(100_000)}",
                "timestamp": "2026-11-01T10:00:00.000Z",
                "properties": {
                    "product_id": f"p{rng.randrange(5_000)}",
                    "price": 129000,
                    "currency": "VND",
                },
                "context": {"page": {"url": "https://shop.example/p/1"}, "locale": "vi-VN"},
            }
        )
    return json.dumps({"batch": made} if wrap else made[0]).encode()


def request(port: int, path: str, content: bytes = b"", key: str = "") -> bytes:
    """The bytes of one keep-alive request; without content it is a GET."""
    auth = f"authorization: Bearer {key}\r\n" if key else "authorization: Basic d2tfYmVuY2g6\r\n"
    verb = "POST" if content else "GET"
    head = f"{verb} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n{auth}content-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n".encode() + content


async def _one(port: int, payloads: list[bytes], until: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    turn = 0
    while time.perf_counter() < until:
        began = time.perf_counter()
        writer.write(payloads[turn % len(payloads)])
        await _answer(reader)
        took.append(time.perf_counter() - began)
        turn += 1
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    length = next(
        line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    return await reader.readexactly(int(length.split(b":")[1]))


def hammer(port: int, path: str, calls: int, wrap: bool) -> float:
    """Events a second, as fast as CONNECTIONS clients can push."""
    payloads = [request(port, path, body(calls, f"{n}", wrap)) for n in range(40)]

    async def all_of_them() -> list[float]:
        took: list[float] = []
        until = time.perf_counter() + SECONDS
        await asyncio.gather(*(_one(port, payloads, until, took) for _ in range(CONNECTIONS)))
        return took

    return len(asyncio.run(all_of_them())) * calls / SECONDS


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, *roles: str) -> Iterator[int]:
    """Processes of a data folder, one door or several among them; gives the doors' port."""
    port = free_port()
    started = []
    for role in roles:
        more = ["--port", str(port)] if role == "door" else []
        if role == "door" and roles.count("door") > 1:
            more.append("--join")
        command = [sys.executable, "-m", "duyen", role, "--data", str(folder), *more]
        started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
    try:
        wait_for(port)
        if roles.count("door") > 1:
            time.sleep(2)  # until all listen, so that the connections are shared among them
        yield port
    finally:
        for process in started:
            process.send_signal(signal.SIGTERM)
        for process in started:
            process.wait(20)


def wait_for(port: int) -> None:
    """Wait until something listens."""
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the server did not start")


def prepare(folder: Path) -> None:
    """Keys, a thousand offers at three placements, and their items."""
    house = House(load(str(folder)), engine=True)
    now = house.clock.now()
    changes: list[Any] = [
        ("key", "write", {"kind": "write", "digest": digest_key(KEY), "origins": []}),
        ("key", "secret", {"kind": "secret", "digest": digest_key(SECRET)}),
    ]
    places = ["home", "side", "cart"]
    changes += [("placement", name, {"name": name}) for name in places]
    for n in range(OFFERS):
        rule = {
            "any": [
                {"trait": "city", "is": f"c{n % 50}"},
                {"did": "Product Viewed", "within": "30d"},
            ]
        }
        offer = {
            "name": f"o{n}",
            "placements": places,
            "content": {"title": f"o{n}"},
            "eligible": rule,
        }
        changes.append(("offer", f"o{n}", offer))
    house.tell(
        Lane.CONTROL, [ResourceChange(kind, id, raw, "bench", now) for kind, id, raw in changes]
    )
    items = tuple({"id": f"p{n}", "name": f"Item {n}", "price": "100"} for n in range(1_000))
    house.tell(Lane.CONTROL, [CatalogueChange(items, now, "bench")])
    house.tell(Lane.BULK, [*_orders(now)])
    engine = Engine(house)
    engine.drain()
    engine.close()
    train(house)
    house.close()


def _orders(now: int) -> Iterator[Collected]:
    """Three orders of each of those whom decisions and recommendations are for."""
    rng = random.Random(3)
    for n in range(3 * PEOPLE):
        lines = [{"product_id": f"p{rng.randrange(1_000)}", "quantity": 1} for _ in range(3)]
        told = json.dumps({"order_id": f"o{n}", "total": "300", "products": lines}).encode()
        yield Collected(
            id=f"o{n}",
            type="track",
            time=now - rng.randrange(10**9),
            received=now,
            source="bench",
            trusted=True,
            name=ORDER_COMPLETED,
            user_id=f"u{n % PEOPLE}",
            properties=msgspec.Raw(told),
        )


def common_way(port: int, path: str) -> None:
    """Pydantic models, one row per event, a durable commit per request."""
    from fastapi import FastAPI
    from granian.constants import Interfaces
    from granian.server.embed import Server
    from pydantic import BaseModel

    class Call(BaseModel):
        type: str
        event: str
        messageId: str
        userId: str
        timestamp: str
        properties: dict[str, Any]
        context: dict[str, Any]

    class Batch(BaseModel):
        batch: list[Call]

    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE events (id TEXT, body TEXT)")
    app = FastAPI()

    def keep(calls: list[Call]) -> dict[str, bool]:
        database.execute("BEGIN IMMEDIATE")
        rows = [(call.messageId, call.model_dump_json()) for call in calls]
        database.executemany("INSERT INTO events VALUES (?, ?)", rows)
        database.execute("COMMIT")
        return {"success": True}

    @app.post("/v1/batch")
    async def batch(told: Batch) -> dict[str, bool]:
        return keep(told.batch)

    @app.post("/v1/track")
    async def track(told: Call) -> dict[str, bool]:
        return keep([told])

    server = Server(app, "127.0.0.1", port, interface=Interfaces.ASGI, log_enabled=False)
    asyncio.run(server.serve())


async def _at_once(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads the body and answers."""
    if scope["type"] != "http":
        return
    await receive()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"{}"})


def nothing(port: int, _: str) -> None:
    """The door's own server around an application that does nothing."""
    import uvloop
    from granian.constants import HTTPModes, Interfaces
    from granian.server.embed import Server

    server = Server(
        _at_once,
        "127.0.0.1",
        port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        websockets=False,
        log_enabled=False,
    )
    uvloop.run(server.serve())


@contextmanager
def serving_other(target: Callable[[int, str], None], folder: Path) -> Iterator[int]:
    """A baseline as a process of its own."""
    port = free_port()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=target, args=(port, str(folder / "common.db")), daemon=True)
    process.start()
    try:
        wait_for(port)
        yield port
    finally:
        process.kill()
        process.join()


def decide(port: int, seconds: float) -> list[float]:
    """Latencies of decisions for three placements at a steady RATE."""
    asked = [
        {"profile": f"user_id:u{n}", "placements": ["home", "side", "cart"]} for n in range(PEOPLE)
    ]
    asks = [request(port, "/v1/decide", json.dumps(body).encode(), SECRET) for body in asked]
    return steadily(port, asks, seconds, RATE)


def recommend(port: int, seconds: float) -> list[float]:
    """Latencies of what goes with the items that a person dealt with last."""
    asked = [{"profile": f"user_id:u{n}", "recommender": "bought_together"} for n in range(PEOPLE)]
    asks = [request(port, "/v1/recommend", json.dumps(body).encode(), SECRET) for body in asked]
    return steadily(port, asks, seconds, RATE)


def profiles(port: int, seconds: float) -> list[float]:
    """Latencies of reading a profile."""
    paths = [f"/v1/profiles/user_id:u{n}" for n in range(PEOPLE)]
    asks = [request(port, path, key=SECRET) for path in paths]
    steadily(port, asks[:1], 1 / LOOKS, LOOKS)  # a door builds its administration at the first call
    return steadily(port, asks, seconds, LOOKS)


def steadily(port: int, asks: list[bytes], seconds: float, rate: int) -> list[float]:
    """Latencies in ms of requests at a steady rate, from the instant each was due."""

    async def steady() -> list[float]:
        took: list[float] = []
        free: asyncio.Queue[Any] = asyncio.Queue()
        for _ in range(32):
            free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
        began = time.perf_counter()

        async def ask(n: int, due: float) -> None:
            reader, writer = await free.get()
            writer.write(asks[n % len(asks)])
            await _answer(reader)
            took.append((time.perf_counter() - due) * 1e3)
            free.put_nowait((reader, writer))

        running = []
        for n in range(int(seconds * rate)):
            due = began + n / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            running.append(asyncio.ensure_future(ask(n, due)))
        await asyncio.gather(*running)
        return took

    return asyncio.run(steady())


def feed(port: int, rate: int, until: float) -> None:
    """Background load for the engine: `rate` events a second in batches of 100."""
    payloads = [request(port, "/v1/batch", body(100, f"feed{n}", wrap=True)) for n in range(200)]

    async def steady() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        began, turn = time.perf_counter(), 0
        while time.perf_counter() < until:
            due = began + turn * 100 / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(payloads[turn % len(payloads)])
            await _answer(reader)
            turn += 1

    asyncio.run(steady())


def run() -> list[Figure]:
    """All figures of the door."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with serving_other(nothing, folder) as port:
            ceiling = hammer(port, "/v1/track", 1, wrap=False)
        with serving_other(common_way, folder) as port:
            common = (
                hammer(port, "/v1/batch", 100, wrap=True),
                hammer(port, "/v1/track", 1, wrap=False),
            )
        with serving(folder, "door") as port:
            ours = (
                hammer(port, "/v1/batch", 100, wrap=True),
                hammer(port, "/v1/track", 1, wrap=False),
            )
        with serving(folder, "door", "door") as port:
            two = (
                hammer(port, "/v1/batch", 100, wrap=True),
                hammer(port, "/v1/track", 1, wrap=False),
            )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with serving(folder, "door", "engine") as port:
            calm = decide(port, SECONDS)
            load_ = threading.Thread(
                target=feed, args=(port, 5_000, time.perf_counter() + 3 * SECONDS + 3)
            )
            load_.start()
            time.sleep(1)
            busy = decide(port, SECONDS)
            others = {
                f"recommend, {RATE}/s": recommend(port, SECONDS),
                f"a profile read, {LOOKS}/s": profiles(port, SECONDS),
            }
            load_.join()
    against = "FastAPI + Pydantic, a row per event"
    return [
        Figure(
            "door: events in batches of 100, durable",
            ours[0],
            "events/s",
            common[0],
            against,
            "200 K/s",
        ),
        Figure("door: single events, durable", ours[1], "events/s", common[1], against, "12 K/s"),
        Figure(
            "two doors (`doors = 2`): batches of 100, durable",
            two[0],
            "events/s",
            ours[0],
            "one door",
            "200 K/s",
        ),
        Figure(
            "two doors (`doors = 2`): single events, durable",
            two[1],
            "events/s",
            ours[1],
            "one door",
            "12 K/s",
        ),
        Figure(
            "door: requests of this load generator",
            ceiling,
            "requests/s",
            None,
            "an application that does nothing; the door has to stay below",
        ),
        Figure(
            f"decide p50: {OFFERS} offers, 3 placements, {RATE}/s",
            statistics.median(busy),
            "ms",
            statistics.median(calm),
            "the same without the engine's 5 K events/s",
        ),
        Figure(
            f"decide p99: {OFFERS} offers, 3 placements, {RATE}/s",
            percentile(busy, 0.99),
            "ms",
            percentile(calm, 0.99),
            "the same without the engine's 5 K events/s",
            "10 ms",
        ),
        *(
            Figure(
                f"{what}, beside 5 K events/s: p99",
                percentile(took, 0.99),
                "ms",
                statistics.median(took),
                "its median",
            )
            for what, took in others.items()
        ),
    ]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    for figure in run():
        print(figure)
