"""Many callers, one disk: what arrives while a commit is under way goes into the next one together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from duyen.model.errors import Unavailable
from duyen.model.log import Lane
from duyen.runtime.clock import Clock
from duyen.stores.log import Log

MOST_WAITING = 200_000
"""Entries that may wait for the disk; whoever comes when there are more is told to come again."""


class _Waiting(NamedTuple):
    """Entries on their way to the disk, and who waits for them."""

    lane: Lane
    pieces: Sequence[bytes]
    entries: int
    future: asyncio.Future[int]


class GroupCommit:
    """Appends entries to the log from coroutines; each `append` returns once its entries are durable.

    The event loop's thread alone counts what waits, so that nothing is locked between it and the committing one.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log, self._clock = log, clock
        self._queue: SimpleQueue[list[_Waiting] | None] = SimpleQueue()
        self._gathered: list[_Waiting] = []
        self._count = 0
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.acknowledged: dict[Lane, int] = {}
        """The last offset of each lane that was told to a caller here."""
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)

    def start(self) -> None:
        """Begin to commit; call from the event loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits and end."""
        self._closing = True
        self._hand_over()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    async def append(self, lane: Lane, entries: Sequence[bytes]) -> int:
        """Make encoded entries durable and return their offset; raises Unavailable where the disk refuses."""
        return await self.append_joined(lane, entries, len(entries))

    async def append_joined(self, lane: Lane, pieces: Sequence[bytes], count: int) -> int:
        """The same for pieces that each hold entries joined by commas, `count` of them altogether."""
        if self._loop is None:
            raise RuntimeError("start() first")
        if self._closing or self._count > MOST_WAITING:
            raise Unavailable(
                "log.busy", "Too much is waiting to be stored; send this again shortly."
            )
        future: asyncio.Future[int] = self._loop.create_future()
        self._count += count
        self._gathered.append(_Waiting(lane, pieces, count, future))
        if len(self._gathered) == 1:
            # Once all that is ready now has been served: waking the other thread for each would cost more.
            self._loop.call_soon(self._hand_over)
        return await future

    def _hand_over(self) -> None:
        if self._gathered:
            gathered, self._gathered = self._gathered, []
            self._queue.put(gathered)

    def _work(self) -> None:
        while batch := self._taken():
            self._commit(batch)

    def _taken(self) -> list[_Waiting]:
        """Wait for work and take all there is; nothing once the end was told and everything before it is done."""
        first = self._queue.get()
        batch = first or []
        try:
            while first is not None:
                following = self._queue.get_nowait()
                if following is None:
                    self._queue.put(None)
                    break
                batch += following
        except Empty:
            pass
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        groups: dict[Lane, tuple[list[bytes], int]] = {}
        for waiting in batch:
            pieces, count = groups.get(waiting.lane, ([], 0))
            pieces.extend(waiting.pieces)
            groups[waiting.lane] = (pieces, count + waiting.entries)
        rows = [(lane, pieces, count) for lane, (pieces, count) in groups.items()]
        try:
            offsets = dict(zip(groups, self._log.append_many(rows, self._clock.now()), strict=True))
        except Exception as error:  # noqa: BLE001 - each caller gets it; the thread must live on
            self._answer(batch, error)
        else:
            self._answer(batch, offsets)

    def _answer(self, batch: list[_Waiting], outcome: dict[Lane, int] | Exception) -> None:
        def deliver() -> None:
            if not isinstance(outcome, Exception):
                self.acknowledged |= outcome
            for waiting in batch:
                self._count -= waiting.entries
                if waiting.future.done():
                    continue
                if isinstance(outcome, Exception):
                    waiting.future.set_exception(outcome)
                else:
                    waiting.future.set_result(outcome[waiting.lane])

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)
