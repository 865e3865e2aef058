"""A real server, and a road to it on which a test may lose what it likes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.server import Server
from tests.clients.road import Road
from tests.conftest import find_free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, so that one server serves them all."""
    for item in items:
        if "tests/clients/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("clients"))


@pytest.fixture(scope="session")
def road() -> Iterator[Road]:
    """The road to the server's door."""
    found = Road(find_free_port())
    yield found
    found.close()


@pytest.fixture(scope="session")
def server(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Door and engine, known to the world by the road's address."""
    found = Server(tmp_path_factory.mktemp("clients"), road.door, public_url=road.url)
    try:
        found.start("engine", "door")
        yield found
    finally:
        found.stop()


@pytest.fixture
def owner(server: Server) -> Iterator[httpx.Client]:
    """A caller with the secret key."""
    with server.owner() as client:
        yield client


def events_of(owner: httpx.Client, key: str) -> list[dict[str, Any]]:
    """The events of a person; none while nobody is known by that key."""
    answer = owner.get(f"/v1/profiles/{key}/events", params={"limit": 200})
    rows: list[dict[str, Any]] = answer.json()["data"] if answer.status_code == 200 else []
    return rows
