"""What a door decides by, kept ready by a thread of its own: whoever asks finds it there and waits for nothing.

Reading thousands of counters, building a program, and working out how probable each offer is take from some
milliseconds to a second; on the event loop all others would wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from typing import NamedTuple

from duyen import decide
from duyen.model.errors import Unavailable
from duyen.model.program import Program
from duyen.runtime import definitions
from duyen.runtime.house import House
from duyen.runtime.view import FRESH_SECONDS, HouseView, Views

AWAKE_SECONDS = 5.0
"""So long after somebody asked the watch goes on; whoever asks later waits for a new look."""
PATIENCE = 10.0
_log = logging.getLogger("duyen")


class Present(NamedTuple):
    """A program and a view of the shared state, ready to decide by; `version` is how the state names the program."""

    program: Program
    view: HouseView
    version: str


class Watch:
    """Gives the present. A change of the program is in effect for whoever asks after it, here as at every door."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._state = house.stores.state()
        self._views = Views(self._state, house.folder / "models", later=house.state)
        self._current: Present | None = None
        self._wake = threading.Event()
        self._asked = 0.0
        self._ending = False
        self.resting = False
        """Nobody asks, so nobody looks."""
        self._lock = threading.Lock()
        self._waiting: list[asyncio.Future[Present]] = []
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)

    async def start(self) -> None:
        """Begin to watch; returns after the first look."""
        self._thread.start()
        try:
            await self._next()
        except Exception:  # noqa: BLE001 - it is looked again for the first who asks, and told to them
            _log.exception("What is decided by cannot be read yet")

    def stop(self) -> None:
        """End."""
        self._ending = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=PATIENCE)
        self._state.close()

    async def present(self) -> Present:
        """What to decide by now; raises what stood in the way of reading it."""
        self._asked = time.monotonic()
        current = self._current
        if current is None or self.resting:
            return await self._next()
        if current.version != self._house.state.meta("program", "0"):
            return await self._next()
        return current

    async def _next(self) -> Present:
        """The result of a look that has not begun yet."""
        future: asyncio.Future[Present] = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append(future)
        self._wake.set()
        try:
            return await asyncio.wait_for(future, PATIENCE)
        except TimeoutError:
            raise Unavailable(
                "storage.busy", "The data folder is busy with another process; try again shortly."
            ) from None

    def look(self) -> Present:
        """The same for a caller without an event loop."""
        version = self._state.meta("program", "0")
        current = self._current
        if current is not None and current.version == version:
            program = current.program
        else:
            program = definitions.build(self._state.resources(), int(version))
        wanted = {offer.item for offer in program.offers.values() if offer.item}
        view = self._views.newest(wanted)
        if current is not None and current.program is program and current.view is view:
            return current
        decide.prepare(program, view)
        if current is None or current.program is not program:
            # A program is large and stays: a full collection would walk all of it while somebody waits.
            gc.freeze()
        self._current = Present(program, view, version)
        return self._current

    def _work(self) -> None:
        while not self._ending:
            self._wake.wait(FRESH_SECONDS)
            self._wake.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, []
            if not waiting and (self.resting or time.monotonic() - self._asked > AWAKE_SECONDS):
                self.resting = True
                continue
            found: Present | Exception
            try:
                found = self.look()
                self.resting = False
            except Exception as error:  # noqa: BLE001 - whoever waits gets it; the thread must live on
                found = error
                self.resting = True
            _answer(waiting, found)


def _answer(waiting: list[asyncio.Future[Present]], found: Present | Exception) -> None:
    def deliver(future: asyncio.Future[Present]) -> None:
        if future.done():
            return
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)

    for future in waiting:
        loop = future.get_loop()
        if not loop.is_closed():
            loop.call_soon_threadsafe(deliver, future)
