"""The composition root: what a process of ours has open, chosen once from the settings."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from duyen.model.errors import Conflict
from duyen.model.log import Entry, Lane, encode_entry
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.runtime import definitions
from duyen.runtime.clock import Clock, SimulatedClock, WallClock
from duyen.runtime.secrets import Secrets
from duyen.runtime.settings import Settings
from duyen.step import Plan
from duyen.stores.interface import Claim, Stores, open_stores
from duyen.stores.state import State

APPLY_TIMEOUT = 5.0
STANDBY_SECONDS = 0.5


class House:
    """Log, state, secrets and clock of one installation.

    `engine=True` opens the state for writing; `fresh=True` opens an empty one beside it, for a rebuild. `stores` are
    those that this process has a role in already.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        engine: bool = False,
        fresh: bool = False,
        stores: Stores | None = None,
    ) -> None:
        self.settings = settings
        self.folder: Path = settings.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secrets = Secrets.open(self.folder)
        self.stores = stores or open_stores(settings.store_url, self.folder)
        self.stores.belong(self.secrets.derive("stores").hex()[:32])
        self.log = self.stores.log()
        self.state: State = (
            self.stores.fresh_state() if fresh else self.stores.state(writing=engine)
        )
        self.clock: Clock = (
            SimulatedClock(self.state) if settings.clock == "simulated" else WallClock()
        )
        self._program = Program()
        self._plan = Plan(self._program)
        self._seen = ""

    def close(self) -> None:
        """Close the stores."""
        self.log.close()
        self.state.close()

    def plan(self) -> Plan:
        """The current program, made ready to step by."""
        program = self.program()
        if self._plan.program is not program:
            self._plan = Plan(program)
        return self._plan

    def program(self) -> Program:
        """The current program; read again only after it has changed."""
        version = self.state.meta("program", "0")
        if version != self._seen:
            self._program = definitions.build(self.state.resources(), int(version))
            self._seen = version
        return self._program

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


def claimed(house: House, role: str, stopping: Callable[[], bool] = lambda: False) -> Claim:
    """Become the only one in a role.

    Where another process is: on one machine that is a mistake and raises Conflict; where many machines meet, this one
    stands by until the other one ends or dies. Raises Conflict too where it is told to stop before.
    """
    while True:
        try:
            return house.stores.claim(role)
        except Conflict:
            if not house.stores.shared or stopping():
                raise
        time.sleep(STANDBY_SECONDS)


def day_start(now: Millis, timezone: str) -> Millis:
    """The instant at which the workspace's present day began."""
    from datetime import UTC, datetime

    from duyen.rules.quiet import zone_named

    local = datetime.fromtimestamp(now / 1000, zone_named(timezone) or UTC)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)
