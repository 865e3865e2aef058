"""A real Mosquitto for tests, on a port of its own, that can be stopped and started again."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import find_free_port

USER, PASSWORD = "till", "pw-till"


class Mosquitto:
    """A broker whose clients need a password."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("mosquitto") or shutil.which("/usr/sbin/mosquitto")
        maker = shutil.which("mosquitto_passwd")
        if program is None or maker is None:
            pytest.skip("no Mosquitto on this machine (Debian: apt-get install mosquitto)")
        self.port = find_free_port()
        self._program, self._file = program, folder / "mosquitto.conf"
        passwords = folder / "passwords"
        subprocess.run([maker, "-b", "-c", passwords, USER, PASSWORD], check=True)
        for path in (folder, passwords):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self._file.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\n"
            "user root\nmax_queued_messages 100000\nset_tcp_nodelay true\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            [self._program, "-c", self._file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 30
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, "Mosquitto ended"
            assert time.monotonic() < deadline, "Mosquitto does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it; what it kept for its clients is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


@contextmanager
def running(folder: Path) -> Iterator[Mosquitto]:
    """A broker for the length of a block."""
    folder.mkdir(parents=True, exist_ok=True)
    broker = Mosquitto(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
