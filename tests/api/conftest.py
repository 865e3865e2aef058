"""One real server for all tests of the API; each test uses people and definitions of its own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.api.server import Server, running
from tests.conftest import find_free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, so that one server serves them all."""
    for item in items:
        if "tests/api/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("api"))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Door, engine and sender with the catcher."""
    folder = tmp_path_factory.mktemp("server")
    with running(folder, find_free_port(), "engine", "sender", "door") as found:
        yield found


@pytest.fixture(scope="session")
def owner(server: Server) -> Iterator[httpx.Client]:
    """A caller with the secret key."""
    with server.owner() as client:
        yield client


@pytest.fixture(scope="session")
def anybody(server: Server) -> Iterator[httpx.Client]:
    """A caller without any key."""
    with server.client() as client:
        yield client
