"""What comes over the wire that no client of ours sends: packed, cut, slow, endless or twice; the door goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from duyen.api import http
from duyen.api.patience import Patience
from duyen.model.errors import DuyenError
from tests.api.server import ORIGIN, Server, problem

CALL = {"type": "track", "event": "Seen", "userId": "wire"}
BATCH = json.dumps({"batch": [CALL]}).encode()
CLIENT = httpx.Client(timeout=60)
COLLECT = ("/v1/track", "/v1/batch", "/v1/import", "/v1/t", "/v1/b")


def post(server: Server, path: str, body: bytes, **headers: str) -> httpx.Response:
    """One call with the server's key."""
    return CLIENT.post(
        server.url + path, content=body, auth=(server.server_key, ""), headers=headers
    )


@contextmanager
def wire(server: Server) -> Iterator[socket.socket]:
    """A connection on which anything may be written."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as line:
        yield line


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """The beginning of a request."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode("latin-1")


def answered(line: socket.socket) -> int:
    """The status of what comes back; 0 where the connection is closed without an answer."""
    told = b""
    while b"\r\n" not in told:
        try:
            more = line.recv(4096)
        except ConnectionError:
            return 0
        if not more:
            return 0
        told += more
    return int(told.split()[1])


def goes_on(server: Server) -> None:
    """Somebody else is served."""
    assert post(server, "/v1/batch", BATCH).json()["accepted"] == 1


# -- packed


def test_a_body_gzipped_in_pieces_is_read_to_its_end(server: Server) -> None:
    pieces = [gzip.compress(BATCH[:9]), gzip.compress(BATCH[9:]), gzip.compress(b"")]
    answer = post(server, "/v1/batch", b"".join(pieces), **{"content-encoding": "GZip"})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/login"])
@pytest.mark.parametrize("packing", ["br", "zstd", "deflate", "gzip, gzip", "x" * 5_000])
def test_other_packings_are_named(server: Server, path: str, packing: str) -> None:
    answer = post(server, path, zlib.compress(BATCH), **{"content-encoding": packing})
    assert problem(answer, 415, "request.encoding")["at"] == "Content-Encoding"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (gzip.compress(BATCH)[:-3], 400),
        (gzip.compress(BATCH) + b"and more", 400),
        (BATCH, 400),
        (b"", 400),
        (b"".join(gzip.compress(b" " * 400_000) for _ in range(3)), 413),
        (gzip.compress(gzip.compress(b" " * 60_000_000)), 400),
    ],
    ids=["cut off", "more behind it", "not packed", "nothing", "a bomb in pieces", "packed twice"],
)
def test_broken_packings_are_refused(server: Server, body: bytes, status: int) -> None:
    problem(post(server, "/v1/batch", body, **{"content-encoding": "gzip"}), status)
    goes_on(server)


# -- JSON that two readers may read in two ways


def test_of_a_name_that_comes_twice_the_last_counts(server: Server, owner: httpx.Client) -> None:
    body = (
        b'{"type":"identify","userId":"wire-first","userId":"wire-twice",'
        b'"traits":{"city":"Vinh","city":"Hu\xe1\xba\xbf"}}'
    )
    answer = post(server, "/v1/identify", body)
    server.applied(int(answer.json()["offset"]))
    [city] = [
        trait
        for trait in owner.get("/v1/profiles/user_id:wire-twice").json()["traits"]
        if trait["name"] == "city"
    ]
    assert city["value"] == "Huế"
    assert owner.get("/v1/profiles/user_id:wire-first").status_code == 404


@pytest.mark.parametrize("path", COLLECT)
@pytest.mark.parametrize(
    "part",
    [b"NaN", b"-Infinity", b'"\\ud800"', b'{"\\udfff": 1}', b"1e400", b"9" * 400, b"\xed\xa0\x80"],
    ids=["NaN", "endless", "half a pair", "half a name", "too large", "400 figures", "no UTF-8"],
)
def test_a_part_that_is_no_json_costs_its_own_call_only(
    server: Server, path: str, part: bytes
) -> None:
    call = b'{"type":"track","event":"Seen","userId":"wire","properties":{"a":' + part + b"}}"
    batched = path in ("/v1/batch", "/v1/import", "/v1/b")
    good = json.dumps(CALL).encode()
    body = b'{"batch":[' + call + b"," + good + b"]}" if batched else call
    answer = post(server, path, body)
    if batched:
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["accepted"] + len(told["rejected"]) == 2
        assert [row["index"] for row in told["rejected"]] in ([], [0])
    elif answer.status_code != 200:
        problem(answer, 400)


@pytest.mark.parametrize(
    "told",
    [
        "1969-12-31T23:59:59Z",
        "-0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "-1",
        "1e99",
    ],
)
def test_odd_times_are_judged(server: Server, told: str) -> None:
    for stamp in (told, {"sentAt": told}):
        more: Any = stamp if isinstance(stamp, dict) else {"timestamp": stamp}
        answer = post(server, "/v1/batch", json.dumps({"batch": [CALL | more, CALL]}).encode())
        assert answer.status_code == 200
        assert {row["index"] for row in answer.json()["rejected"]} <= {0}


# -- addresses and headers


def test_a_key_is_found_in_an_address_with_many_words(server: Server) -> None:
    words = "&".join(f"utm_{number}=x" for number in range(40))
    address = f"{server.url}/v1/b?{words}&writeKey={server.browser_key}"
    answer = CLIENT.post(address, content=BATCH, headers={"origin": ORIGIN})
    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    "query", ["a" * 60_000, "&" * 50_000, "writeKey=%00%ff", "writeKey[]=x", "%", "=&=;=", "é"]
)
@pytest.mark.parametrize("path", ["/v1/track", "/tag.js", "/shop", "/t/c/x", "/healthz", "/v1/me"])
def test_odd_queries(server: Server, path: str, query: str) -> None:
    address = f"{server.url}{path}?{query}"
    for answer in (CLIENT.get(address), CLIENT.post(address, content=b"{}")):
        assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "content-encoding",
        "content-type",
        "cookie",
        "idempotency-key",
        "origin",
        "user-agent",
        "x-duyen",
    ],
)
@pytest.mark.parametrize("path", ["/v1/batch", "/v1/decide", "/v1/segments/preview", "/t/u/x"])
def test_odd_headers(server: Server, path: str, name: str) -> None:
    for value in (
        b"x" * 30_000,
        b"\xff\xfe",
        b"Basic \xe1",
        b"Basic Og==",
        b"Bearer",
        b"",
        b"a;=,",
    ):
        answer = CLIENT.post(server.url + path, content=BATCH, headers=[(name.encode(), value)])
        assert 400 <= answer.status_code < 500, (value, answer.text)


@pytest.mark.parametrize(
    "request_",
    [
        head("/v1/batch", "Content-Length: -1"),
        head("/v1/batch", "Content-Length: 5", "Content-Length: 6") + b"hello!",
        head("/v1/batch", "Transfer-Encoding: chunked") + b"zz\r\nhello\r\n0\r\n\r\n",
        head("/v1/batch", "Transfer-Encoding: chunked") + b"ffffffffffffffffff\r\n",
        head("/v1/batch", "Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        head("/v1/batch", "X: " + "x" * 600_000),
        head("/v1/batch", *(f"X-{number}: x" for number in range(2_000))),
        head("/v1/batch", "X: a\x00b"),
        head("/%", method="G\x00T"),
        b"\x16\x03\x01\x02\x00" * 200,
        b"\r\n" * 5_000 + b"GET",
    ],
    ids=["a negative length", "two lengths", "no chunk", "an endless chunk", "chunks in gzip", "a long header",
         "2,000 headers", "a zero byte", "no method", "TLS", "empty lines"],
)  # fmt: skip
def test_what_is_no_http_is_refused_or_cut(server: Server, request_: bytes) -> None:
    with wire(server) as line:
        try:
            line.sendall(request_)
            line.shutdown(socket.SHUT_WR)
        except OSError:  # refused before it was all told
            pass
        status = answered(line)
        assert status == 0 or 400 <= status < 500
    goes_on(server)


def test_a_body_in_chunks_is_read(server: Server) -> None:
    pieces = (BATCH[start : start + 7] for start in range(0, len(BATCH), 7))
    address = f"{server.url}/v1/batch"
    answer = CLIENT.post(address, content=pieces, auth=(server.server_key, ""))
    assert answer.json()["accepted"] == 1


# -- slow


def test_whoever_waits_with_a_body_holds_up_nobody(server: Server) -> None:
    lines = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(150)]
    try:
        for number, line in enumerate(lines):
            path = "/v1/batch" if number % 2 else "/v1/segments/preview"
            line.sendall(head(path, "Content-Length: 400000") + b'{"batch":')
        for _ in range(20):
            goes_on(server)
    finally:
        for line in lines:
            line.close()
    goes_on(server)


def test_a_body_cut_off_is_nobodys_fault(server: Server) -> None:
    for path in ("/v1/batch", "/v1/decide", "/v1/login"):
        with wire(server) as line:
            line.sendall(head(path, "Content-Length: 100") + b'{"batch":')
            line.shutdown(socket.SHUT_WR)
            assert answered(line) in (0, 400)
    goes_on(server)


async def _read(pieces: list[bytes], pause: float) -> bytes:
    coming = iter(pieces)

    async def receive() -> Any:
        await asyncio.sleep(pause)
        piece = next(coming)
        return {"type": "http.request", "body": piece, "more_body": piece != pieces[-1]}

    scope = {"method": "POST", "path": "/v1/batch", "headers": []}
    return await http.Request(scope, receive).body(10_000_000)


async def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_patience", Patience(seconds=0, look=0.01))
    with pytest.raises(DuyenError) as refused:
        await _read([b"x"] * 1_000_000 + [b"y"], 0.001)
    assert (refused.value.code, refused.value.status) == ("request.too_slow", 408)
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling(), "whoever was answered goes on"


async def test_a_large_body_has_the_time_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_patience", Patience(seconds=0.5, look=0.001))
    large = [b"x" * 1_000_000] * 5 + [b"y"]
    assert len(await _read(large, 0.002)) == 5_000_001


async def test_whoever_ends_a_reading_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another's cancelling is no slow body."""
    monkeypatch.setattr(http, "_patience", Patience(seconds=60))
    reading = asyncio.create_task(_read([b"x", b"y"], 60))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
