"""Every store on every database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from duyen.stores.interface import Stores, open_stores
from duyen.stores.state import State
from tests import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    """The stores of an empty installation, on each database in turn."""
    if request.param == "sqlite":
        yield open_stores("sqlite:", tmp_path)
    else:
        with postgres.schema() as url:
            yield open_stores(url, tmp_path)


@pytest.fixture
def state(stores: Stores) -> Iterator[State]:
    """The engine's state."""
    found = stores.state(writing=True)
    yield found
    found.close()
