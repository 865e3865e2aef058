"""The runtime on every database: the stories of these files are told on PostgreSQL too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from duyen.runtime import house, rebuild
from duyen.stores.interface import Stores, open_stores
from tests import postgres

BOTH = (
    "test_erasure",
    "test_groups",
    "test_forget",
    "test_identify",
    "test_merges",
    "test_poison",
    "test_replay",
    "test_sender",
    "test_sweep",
    "test_unmerge",
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tell each story of these files once for each database."""
    stored = "tmp_path_factory" in metafunc.fixturenames
    if stored and metafunc.module.__name__.rpartition(".")[2] in BOTH:
        on_postgres = pytest.param("postgres", marks=pytest.mark.postgres)
        metafunc.parametrize("database", ["sqlite", on_postgres], indirect=True)


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every data folder that is opened here has its stores on this database, apart from all others."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield
        return
    with ExitStack() as stack:
        urls: dict[Path, str] = {}

        def opened(url: str, folder: Path) -> Stores:
            if folder not in urls:
                urls[folder] = stack.enter_context(postgres.schema())
            return open_stores(urls[folder], folder)

        monkeypatch.setattr(house, "open_stores", opened)
        monkeypatch.setattr(rebuild, "open_stores", opened)
        yield
        assert urls, "the story was not told on this database"
