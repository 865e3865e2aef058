"""`duyen serve --demo`: one command, and a living shop; nothing stays behind when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from duyen.cli.demo import read
from tests.conftest import find_free_port

PATIENCE = 120.0


def until(look: Callable[[], bool]) -> None:
    """Look again and again; the machine may be busy with something else."""
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    """The demo as a newcomer starts it."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DUYEN_")}
    command = [sys.executable, "-m", "duyen", "serve", "--demo"]
    return subprocess.Popen(
        [*command, "--data", str(folder), "--port", str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def answers(url: str) -> bool:
    """Whether a door is open."""
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in told.split()]


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes as Linux shows them")
def test_a_demo_lives_and_ends_without_leaving_anything(tmp_path: Path) -> None:
    folder, port = tmp_path / "demo", find_free_port()
    url = f"http://127.0.0.1:{port}"
    serving = start(folder, port)
    try:
        until(lambda: answers(url))
        demo = read(folder)
        owner = {"authorization": f"Bearer {demo.secret_key}"}

        def people() -> int:
            overview = httpx.get(f"{url}/v1/reports/overview", headers=owner, timeout=60).json()
            return int(overview["people"]["total"])

        until(lambda: people() >= 100)
        assert httpx.get(f"{url}/shop").status_code == 200
        held = children(serving.pid)
        assert len(held) == 5
        serving.send_signal(signal.SIGTERM)
        told, _ = serving.communicate(timeout=60)
        assert serving.returncode == 0, told
        assert demo.password in told
        assert "Traceback" not in told
        assert all(gone(pid) for pid in held)
        assert not answers(url)

        # Killed without a chance to tidy up: its children end too, and the next start finds the port free.
        serving = start(folder, port)
        until(lambda: answers(url))
        held = children(serving.pid)
        serving.kill()
        serving.communicate(timeout=60)
        until(lambda: all(gone(pid) for pid in held))
        assert read(folder) == demo
    finally:
        serving.kill()
        serving.communicate(timeout=60)


def test_the_demo_keeps_out_of_a_companys_own_folder(tmp_path: Path) -> None:
    made = [sys.executable, "-m", "duyen", "init", str(tmp_path / "own")]
    subprocess.run(made, check=True, capture_output=True)
    serving = start(tmp_path / "own", find_free_port())
    told, _ = serving.communicate(timeout=120)
    assert serving.returncode == 1
    assert "--data" in told
    assert "Traceback" not in told
