"""A real server for tests: the processes of `duyen`, on a free port, in a folder of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from duyen.model.log import Entry, Lane
from duyen.runtime.access import admin_change, key_change
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

T = TypeVar("T")
EMAIL, PASSWORD = "an@example.test", "một mật khẩu dài"
ORIGIN = "https://shop.example.test"
PATIENCE = 60.0


def until(look: Callable[[], T], patience: float = PATIENCE) -> T:
    """Look again and again until there is something; the machine may be busy with something else."""
    deadline = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


class Server:
    """A data folder with keys and an administrator, and the processes that run on it."""

    def __init__(self, folder: Path, port: int, **settings: Any) -> None:
        self.folder, self.port = folder, port
        self.url = f"http://127.0.0.1:{port}"
        self.environment = {
            **os.environ,
            "DUYEN_DATA": str(folder),
            "DUYEN_PORT": str(port),
            **{f"DUYEN_{name.upper()}": str(value) for name, value in settings.items()},
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.settings = load(str(folder), {}, port=port, **settings)
        self._prepare()

    def _prepare(self) -> None:
        house = House(self.settings, engine=True)
        engine = Engine(house)
        server = key_change("write", (), "server", "test", 0)
        browser = key_change("write", (ORIGIN, self.url), "browser", "test", 0)
        secret = key_change("secret", (), "secret", "test", 0)
        self.server_key, self.browser_key, self.secret_key = server.key, browser.key, secret.key
        admin = admin_change(EMAIL, PASSWORD, "test", 0)
        entries: list[Entry] = [server.change, browser.change, secret.change, admin]
        house.tell(Lane.CONTROL, entries)
        engine.drain()
        engine.close()
        house.close()

    def start(self, *roles: str, **how: Any) -> None:
        """Start processes, and wait for the door where it is among them."""
        for role in roles:
            command = [sys.executable, "-m", "duyen", role]
            self.processes[role] = subprocess.Popen(command, env=self.environment, **how)
        if "door" in roles:
            until(self._answers)

    def _answers(self) -> bool:
        code = self.processes["door"].poll()
        assert code is None, f"the door ended with code {code}"
        try:
            return httpx.get(f"{self.url}/readyz", timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self, *roles: str) -> None:
        """End processes, all of them where none is named."""
        for role in roles or list(self.processes):
            process = self.processes.pop(role, None)
            if process is None:
                continue
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    # Callers

    def client(self, **headers: str) -> httpx.Client:
        """A client that says what its headers say."""
        return httpx.Client(base_url=self.url, headers=headers, timeout=60)

    def owner(self) -> httpx.Client:
        """A client with the secret key."""
        return self.client(authorization=f"Bearer {self.secret_key}")

    def tell(self, *calls: dict[str, Any]) -> dict[str, Any]:
        """Events from the company's server, applied when this returns."""
        answer = httpx.post(
            f"{self.url}/v1/batch",
            json={"batch": list(calls)},
            auth=(self.server_key, ""),
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        self.applied(int(told["offset"]))
        return told

    def applied(self, offset: int) -> None:
        """Wait until the engine has applied a live offset."""
        house = House(self.settings)
        try:
            until(lambda: house.applied(Lane.LIVE, offset))
        finally:
            house.close()


@contextmanager
def running(folder: Path, port: int, *roles: str, **settings: Any) -> Iterator[Server]:
    """A server for the length of a block."""
    server = Server(folder, port, **settings)
    try:
        server.start(*roles)
        yield server
    finally:
        server.stop()


def problem(answer: httpx.Response, status: int, code: str = "") -> dict[str, Any]:
    """The error of an answer, which has the one shape and no trace in it."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert list(body) == ["error"], body
    error: dict[str, Any] = body["error"]
    assert set(error) <= {"code", "message", "at", "docs"}, error
    assert {"code", "message", "docs"} <= set(error), error
    assert error["docs"] == f"/docs/errors#{error['code']}"
    assert error["message"].endswith((".", "?")), error["message"]
    assert "Traceback" not in answer.text
    if code:
        assert error["code"] == code, error
    return error
