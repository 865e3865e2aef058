"""One real server with a small living shop in it, which the tests of this folder have for themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.server import running
from tests.conftest import find_free_port
from tests.contract.seed import Seed


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep these tests on one worker, so that one server serves them all."""
    for item in items:
        if "tests/contract/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("contract"))


@pytest.fixture(scope="session")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seed]:
    """Door, engine and sender with the catcher, and something of every kind."""
    folder = tmp_path_factory.mktemp("contract")
    with running(folder, find_free_port(), "engine", "sender", "door") as server:
        yield Seed(server)
