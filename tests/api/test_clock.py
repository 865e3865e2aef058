"""Simulated time over HTTP: it moves by ticks, and everything that is due is done before the answer."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from duyen.model.times import format_time, parse_time
from tests.api.server import Server, problem, running
from tests.conftest import find_free_port

START = parse_time("2026-03-01T09:00:00+07:00")
MINUTE = 60_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose time stands still until it is moved."""
    folder = tmp_path_factory.mktemp("simulated")
    with running(folder, find_free_port(), "engine", "door", clock="simulated") as found:
        yield found


def test_a_wait_is_over_when_time_says_so(simulated: Server) -> None:
    with simulated.owner() as owner:

        def move(minutes: int) -> None:
            told = owner.post("/v1/clock", json={"now": format_time(START + minutes * MINUTE)})
            assert told.json() == {"now": format_time(START + minutes * MINUTE), "settled": True}

        move(0)
        owner.put("/v1/settings", json={"hold_out": 0})
        owner.put("/v1/messages/later", json={"subject": "x", "body": "<mjml><mj-body/></mjml>"})
        steps = {"entry": {"event": "Began"}, "steps": [{"wait": "30m"}, {"send": "later"}]}
        assert owner.put("/v1/journeys/later", json=steps).status_code == 200
        said = {"purpose": "marketing", "channel": "email", "state": "granted"}
        simulated.tell(
            {"type": "identify", "userId": "waits", "traits": {"email": "waits@example.test"}},
            {"type": "track", "userId": "waits", "event": "Consent Updated", "properties": said},
            {"type": "track", "userId": "waits", "event": "Began"},
        )
        place = owner.get("/v1/profiles/user_id:waits").json()["places"][0]
        assert place["next"] == format_time(START + 30 * MINUTE)
        move(29)
        assert owner.get("/v1/profiles/user_id:waits/contacts").json()["data"] == []
        move(30)
        contacts = owner.get("/v1/profiles/user_id:waits/contacts").json()["data"]
        assert [c["state"] for c in contacts] == ["queued"]
        assert contacts[0]["time"] == format_time(START + 30 * MINUTE)


def test_time_never_goes_back(simulated: Server) -> None:
    with simulated.owner() as owner:
        later = owner.post("/v1/clock", json={"now": START + 60 * MINUTE}).json()["now"]
        assert owner.post("/v1/clock", json={"now": START}).json()["now"] == later


def test_what_is_no_instant(simulated: Server) -> None:
    with simulated.owner() as owner:
        for nonsense in ("soon", -1, "2026-13-01"):
            problem(owner.post("/v1/clock", json={"now": nonsense}), 400, "time.unreadable")


def test_the_walls_time_is_not_moved(owner: httpx.Client) -> None:
    problem(owner.post("/v1/clock", json={"now": "2030-01-01T00:00:00Z"}), 409, "clock.real")
