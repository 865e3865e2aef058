"""A lake in a folder of its own, and events to put into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from duyen.stores.lake import Lake
from duyen.stores.query import Query


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "data of ours" / "lake")


@pytest.fixture
def query(lake: Lake) -> Iterator[Query]:
    found = Query(lake.folder)
    yield found
    found.close()
