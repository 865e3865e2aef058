"""`duyen serve`: door, engine, sender and scheduler as children; one that dies is started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType

from duyen.model.errors import Conflict
from duyen.runtime.settings import Settings

SHORTEST_LIFE = 5.0
"""Seconds; a child that lived shorter is started again more slowly each time."""
LONGEST_PAUSE = 30.0
PATIENCE = 12.0
"""Seconds that children get to end by themselves."""
HASTE = 1.0
"""Seconds for those who have nothing to finish."""


@dataclass
class Child:
    """One process under care."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause: float = 0.0
    due: float = 0.0
    patience: float = PATIENCE


class Supervisor:
    """Starts the processes of one machine and keeps them running until told to stop."""

    def __init__(
        self,
        settings: Settings,
        roles: Mapping[str, Sequence[str]],
        say: Callable[[str], None],
        hasty: Collection[str] = (),
    ) -> None:
        """`roles`: name of each child -> the arguments of `duyen` that make it; `hasty` ones are not waited for."""
        self._say = say
        self._stopping = False
        self._environment = {**os.environ, **_environment(settings)}
        self.children = [
            Child(
                name,
                [sys.executable, "-m", "duyen", *arguments],
                patience=HASTE if name in hasty else PATIENCE,
            )
            for name, arguments in roles.items()
        ]

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, self._stop)
        for child in self.children:
            self._start(child)
        while not self._stopping:
            time.sleep(0.2)
            for child in self.children:
                self._look_after(child)
        self._end()

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            child.command, env=self._environment, preexec_fn=end_with_parent
        )
        child.started = time.monotonic()

    def _look_after(self, child: Child) -> None:
        if child.process is not None and child.process.poll() is not None:
            lived = time.monotonic() - child.started
            child.pause = (
                0.5 if lived > SHORTEST_LIFE else min(LONGEST_PAUSE, 0.5 + 2 * child.pause)
            )
            child.due = time.monotonic() + child.pause
            self._say(
                f"{child.name} ended with code {child.process.returncode}; "
                f"it starts again in {child.pause:.1f} s."
            )
            child.process = None
        elif child.process is None and time.monotonic() >= child.due:
            self._start(child)

    def _stop(self, sign: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        """Ask all to end, and wait for each as long as it may take."""
        for child in self.children:
            if child.process is not None and child.process.poll() is None:
                child.process.terminate()
        asked = time.monotonic()
        for child in self.children:
            if child.process is None:
                continue
            try:
                child.process.wait(max(0.1, asked + child.patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()


def end_with_parent() -> None:
    """In a new child: on Linux it ends when its parent is killed, so that no port and no lock stays held."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _environment(settings: Settings) -> dict[str, str]:
    """The same settings for every child."""
    fields = settings.__struct_fields__
    values = {f"DUYEN_{name.upper()}": str(getattr(settings, name)) for name in fields}
    # One thread for each numeric library: many small steps, none of them wants a thread pool. Few memory
    # arenas: each thread's own would be kept for the peak of a moment.
    return values | {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }


def need_port(host: str, port: int) -> None:
    """Raise Conflict with what to do where the port is taken."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Conflict(
                "port.taken",
                f"Port {port} on {host} cannot be used ({error.strerror}); "
                f"stop what uses it, or choose another with --port.",
            ) from error
