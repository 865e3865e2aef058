"""The composition root: what a process of ours has open, chosen once from the settings."""

from __future__ import annotations

import time
from pathlib import Path

from duyen.model.log import Entry, Lane, encode_entry
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.runtime import definitions
from duyen.runtime.clock import Clock, SimulatedClock, WallClock
from duyen.runtime.secrets import Secrets
from duyen.runtime.settings import Settings
from duyen.step import Plan
from duyen.stores.sqlite.log import SqliteLog
from duyen.stores.sqlite.state import SqliteState

APPLY_TIMEOUT = 5.0


class House:
    """Log, state, secrets and clock of one data folder.

    `engine=True` opens the state for writing; `state` names another state file than the folder's own.
    """

    def __init__(
        self, settings: Settings, *, engine: bool = False, state: Path | None = None
    ) -> None:
        self.settings = settings
        self.folder: Path = settings.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = Secrets.open(self.folder)
        self.log = SqliteLog(self.folder / "log.db")
        path = state or self.folder / "state.db"
        if not engine and not path.exists():
            SqliteState(path).close()
        # A file that is being made anew is brought to the disk as a whole before it is used.
        self.state = SqliteState(path, read_only=not engine, durable=state is None)
        self.clock: Clock = (
            SimulatedClock(self.state) if settings.clock == "simulated" else WallClock()
        )
        self._plan = Plan(Program())
        self._seen = ""

    def close(self) -> None:
        """Close the files."""
        self.log.close()
        self.state.close()

    def plan(self) -> Plan:
        """The current program, made ready; read again only after it has changed."""
        version = self.state.meta("program", "0")
        if version != self._seen:
            program = definitions.build(self.state.resources(), int(version))
            self._plan, self._seen = Plan(program), version
        return self._plan

    def program(self) -> Program:
        """The current program."""
        return self.plan().program

    def tell(self, lane: Lane, entries: list[Entry]) -> int:
        """Append entries to the log; durable when it returns."""
        return self.log.append(lane, [encode_entry(e) for e in entries], self.clock.now())

    def applied(self, lane: Lane, offset: int) -> bool:
        """Whether the engine has applied this offset."""
        return self.state.position(lane) >= offset

    def wait_applied(self, lane: Lane, offset: int, timeout: float = APPLY_TIMEOUT) -> bool:
        """Wait until the engine has applied an offset; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while not self.applied(lane, offset):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.004)
        return True


def day_start(now: Millis, timezone: str) -> Millis:
    """The instant at which the workspace's present day began."""
    from datetime import datetime
    from zoneinfo import ZoneInfo

    local = datetime.fromtimestamp(now / 1000, ZoneInfo(timezone))
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
