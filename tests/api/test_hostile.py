"""What no client of ours would send: answered in the one shape, with a sentence, and never with a fault of ours."""

from __future__ import annotations

import httpx
import pytest

from tests.api.server import problem

DEEP = b'{"rule":' + b'{"not":' * 5_000 + b'{"did":"x"}' + b"}" * 5_001
BODIES = {
    "a lone surrogate": b'{"name": "\\ud800", "rule": {"did": "x"}}',
    "a lone surrogate as a key": b'{"\\ud800": 1, "rule": {"did": "x"}}',
    "not a number": b'{"name": NaN, "rule": {"did": "x"}}',
    "an endless number": b'{"name": "x", "rule": {"did": "x", "at_least": Infinity}}',
    "a huge number": b'{"name": "x", "rule": {"trait": "a", "gt": ' + b"9" * 5_000 + b"}}",
    "a big number": b'{"name": 1' + b"0" * 30 + b', "rule": {"did": "x"}}',
    "too deep": DEEP,
    "a list": b"[1]",
    "a word": b'"x"',
    "nothing": b"",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "a zero byte": b'{"name": "a\\u0000b", "rule": {"did": "x"}}',
}
PATHS = (
    "/%00",
    "/v1/%00",
    "/assets/%00",
    "/" + "a" * 5_000,
    "/assets/" + "a" * 5_000 + ".js",
    "/..%2f..%2fetc%2fpasswd",
    "/assets/..%2f..%2f..%2fsecret.key",
    "/%ff%fe",
    "/v1/profiles/email:%00",
    "/v1/profiles/id:" + "x" * 500,
    "/v1/profiles/:",
    "/v1/profiles?query=%00",
    "/v1/profiles?query=%22%22%20OR%20*",
    "/v1/profiles?cursor=%ff",
    "/v1/profiles?cursor=AAAA",
    "/v1/profiles?limit=0",
    "/v1/profiles?segment=%00",
    "/v1/mail?query=%25_%00",
    "/v1/mail/999999999999999999",
    "/v1/mail?cursor=WzldCg",
    "/v1/rejected?cursor=WzEsMl0",
    "/v1/segments/..",
    "/v1/decisions/%00",
    "/v1/messages/nothing/preview?profile=%00",
    "/t/c/%00",
    "/t/u/" + "A" * 6_000,
    "/t/o/x.gif",
)


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/v1/segments/hostile"),
        ("PUT", "/v1/messages/hostile"),
        ("PUT", "/v1/placements/hostile"),
        ("PUT", "/v1/settings"),
        ("PUT", "/v1/catalog/items/hostile"),
        ("POST", "/v1/segments/preview"),
        ("POST", "/v1/login"),
        ("POST", "/v1/track"),
        ("POST", "/v1/decide"),
    ],
)
def test_bodies(owner: httpx.Client, name: str, method: str, path: str) -> None:
    answer = owner.request(method, path, content=BODIES[name])
    if answer.status_code >= 300:
        assert answer.status_code < 500, (name, path, answer.text)
        problem(answer, answer.status_code)


@pytest.mark.parametrize("path", PATHS)
def test_paths(owner: httpx.Client, path: str) -> None:
    answer = owner.get(path)
    assert answer.status_code < 500 or answer.status_code == 503, (path, answer.text)
    assert b"root:" not in answer.content
