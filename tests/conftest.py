"""What every test may ask for, and what is skipped with a plain reason where a machine lacks it."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
NO_SKIP = os.environ.get("DUYEN_NO_SKIP") == "1"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")

# `make test` gives the same verdict every time; `make test-all` looks for new counterexamples.
# Neither measures time: the machine may be busy with something else.
_UNHURRIED = hypothesis.HealthCheck.too_slow
hypothesis.settings.register_profile(
    "steady", deadline=None, derandomize=True, suppress_health_check=[_UNHURRIED]
)
hypothesis.settings.register_profile(
    "explore", deadline=None, print_blob=True, suppress_health_check=[_UNHURRIED]
)
hypothesis.settings.load_profile("steady")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets, which are too large for the repository."""
    folder = Path(os.environ.get("DUYEN_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real data sets are not at {folder}; name them with DUYEN_SHARED_DATA")
    return folder


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of an installed Chromium, for Playwright's `executable_path`."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    return path


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that names a port of 127.0.0.1 on which nobody listens now."""
    return find_free_port


def find_free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@cache
def find_chromium() -> str | None:
    """The first Chromium on the path, or the one that DUYEN_CHROMIUM names."""
    named = os.environ.get("DUYEN_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


@cache
def postgres_answers() -> bool:
    """Whether a PostgreSQL server answers where its own client looks for it."""
    ready = shutil.which("pg_isready")
    return ready is not None and subprocess.run([ready, "-q"]).returncode == 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not here."""
    if item.get_closest_marker("browser") and find_chromium() is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    if item.get_closest_marker("postgres") and not postgres_answers():
        pytest.skip("no PostgreSQL server answers on this machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one when DUYEN_NO_SKIP=1."""
    report = yield
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, and DUYEN_NO_SKIP=1 forbids it: {_reason(report.longrepr)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turn a skipped file into a failed one when DUYEN_NO_SKIP=1."""
    report = yield
    if NO_SKIP and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"skipped, and DUYEN_NO_SKIP=1 forbids it: {_reason(report.longrepr)}"
    return report


def _reason(longrepr: object) -> str:
    """The sentence of a skip, without its place."""
    return str(longrepr[2]) if isinstance(longrepr, tuple) else str(longrepr)
