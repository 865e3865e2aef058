"""Many callers, one disk: what arrives while a commit is under way goes into the next one together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from duyen.model.errors import Unavailable
from duyen.model.log import Lane
from duyen.runtime.clock import Clock
from duyen.stores.sqlite.log import SqliteLog

MOST_WAITING = 200_000


class GroupCommit:
    """Appends entries to the log from coroutines; each `append` returns once its entries are durable."""

    def __init__(self, log: SqliteLog, clock: Clock) -> None:
        self._log, self._clock = log, clock
        self._waiting: list[tuple[Lane, Sequence[bytes], asyncio.Future[int]]] = []
        self._count = 0
        self._bell = threading.Condition()
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name="group-commit", daemon=True)

    def start(self) -> None:
        """Begin to commit; call from the event loop that will append."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def stop(self) -> None:
        """Commit what waits and end."""
        with self._bell:
            self._closing = True
            self._bell.notify()
        self._thread.join(timeout=10)

    async def append(self, lane: Lane, entries: Sequence[bytes]) -> int:
        """Make entries durable and return their offset; raises Unavailable where the disk refuses."""
        if self._loop is None:
            raise RuntimeError("start() first")
        future: asyncio.Future[int] = self._loop.create_future()
        with self._bell:
            if self._closing or self._count > MOST_WAITING:
                raise Unavailable(
                    "log.busy", "Too much is waiting to be stored; send this again shortly."
                )
            self._waiting.append((lane, entries, future))
            self._count += len(entries)
            self._bell.notify()
        return await future

    def _work(self) -> None:
        while True:
            with self._bell:
                while not self._waiting and not self._closing:
                    self._bell.wait()
                if not self._waiting:
                    return
                batch, self._waiting, self._count = self._waiting, [], 0
            self._commit(batch)

    def _commit(self, batch: list[tuple[Lane, Sequence[bytes], asyncio.Future[int]]]) -> None:
        by_lane: dict[Lane, list[bytes]] = {}
        for lane, entries, _ in batch:
            by_lane.setdefault(lane, []).extend(entries)
        groups = list(by_lane.items())
        try:
            offsets = dict(
                zip(by_lane, self._log.append_many(groups, self._clock.now()), strict=True)
            )
        except Exception as error:  # noqa: BLE001 - each caller gets it; the thread must live on
            self._answer([(future, error) for _, _, future in batch])
        else:
            self._answer([(future, offsets[lane]) for lane, _, future in batch])

    def _answer(self, answers: list[tuple[asyncio.Future[int], int | Exception]]) -> None:
        def deliver() -> None:
            for future, answer in answers:
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)

        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)
