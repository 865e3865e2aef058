"""Signing in to the console."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from duyen.api.session import MOST_FAILURES, Failures
from duyen.model.errors import TooMany
from tests.api.server import EMAIL, PASSWORD, Server, problem

CONSOLE = {"x-duyen": "1"}


@pytest.fixture
def console(server: Server) -> Iterator[httpx.Client]:
    """A browser that has signed in."""
    with server.client(**CONSOLE) as client:
        answer = client.post("/v1/login", json={"email": EMAIL.upper(), "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield client


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(server: Server) -> None:
    answer = httpx.post(server.url + "/v1/login", json={"email": EMAIL, "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()
    assert cookie.startswith("duyen_session=")
    for part in ("httponly", "samesite=strict", "path=/", "max-age="):
        assert part in cookie
    assert answer.json()["workspace"]["currency"]
    assert PASSWORD not in answer.text


def test_a_session_reads_and_writes(console: httpx.Client) -> None:
    assert console.get("/v1/me").json()["email"] == EMAIL
    answer = console.put("/v1/segments/of-the-console", json={"rule": {"did": "X"}})
    assert answer.json()["author"] == EMAIL


def test_a_write_without_the_consoles_header_is_refused(
    server: Server, console: httpx.Client
) -> None:
    with server.client() as other:
        other.cookies = console.cookies
        assert other.get("/v1/me").status_code == 200
        for method, path in (
            ("POST", "/v1/pause"),
            ("PUT", "/v1/settings"),
            ("DELETE", "/v1/offers/x"),
        ):
            problem(other.request(method, path, json={}), 403, "session.header")


def test_wrong_passwords_and_unknown_people_look_alike(server: Server) -> None:
    answers = [
        httpx.post(server.url + "/v1/login", json={"email": email, "password": "wrong"})
        for email in (EMAIL, "nobody@example.test")
    ]
    known, unknown = (problem(answer, 401, "session.wrong") for answer in answers)
    assert known == unknown
    assert all("set-cookie" not in answer.headers for answer in answers)


def test_a_forged_or_altered_session_is_none(server: Server, console: httpx.Client) -> None:
    cookie = console.cookies["duyen_session"]
    body, mac = cookie.split(".")
    for forged in (
        f"{body}.",
        f"{body}.{mac[:-2]}AA",
        f"x{body}.{mac}",
        "nonsense",
        f".{mac}",
        "é.é",
    ):
        answer = httpx.get(
            server.url + "/v1/me", headers={b"cookie": f"duyen_session={forged}".encode()}
        )
        problem(answer, 401, "session.missing")


def test_signing_out_takes_the_cookie_away(server: Server, console: httpx.Client) -> None:
    copied = {"cookie": f"duyen_session={console.cookies['duyen_session']}"}
    assert httpx.get(server.url + "/v1/me", headers=copied).status_code == 200
    answer = console.post("/v1/logout")
    assert answer.status_code == 204
    assert 'duyen_session=""' in answer.headers["set-cookie"]
    problem(httpx.get(server.url + "/v1/me", headers=copied), 401, "session.missing")


def test_a_guesser_has_to_wait() -> None:
    failures = Failures()
    for _ in range(MOST_FAILURES):
        failures.check("192.0.2.1")
        failures.note("192.0.2.1")
    with pytest.raises(TooMany):
        failures.check("192.0.2.1")
    failures.check("192.0.2.2")


def test_a_secret_key_needs_no_header(owner: httpx.Client) -> None:
    assert owner.get("/v1/me").json()["email"] == ""
    assert owner.put("/v1/settings", json={}).status_code == 200
