"""Bodies that do not come to their end: whoever sends a byte a second holds the door for half a minute at most."""

from __future__ import annotations

import asyncio
from typing import Any, cast

SECONDS = 30.0
"""How long a body may take beside the time that its bytes need at the slowest rate."""
SLOWEST = 8 * 1024
"""Bytes a second that a poor connection still has."""
LOOK = 5.0


class Patience:
    """Looks every few seconds at all bodies being read: a timer for each would cost each request a microsecond."""

    def __init__(self, seconds: float = SECONDS, look: float = LOOK) -> None:
        self._seconds, self._look = seconds, look
        self._begun: dict[asyncio.Task[Any], float] = {}
        self._ended: set[asyncio.Task[Any]] = set()
        self._looking = False

    def begin(self) -> asyncio.Task[Any]:
        """The present task starts to read a body."""
        loop = asyncio.get_running_loop()
        task = cast("asyncio.Task[Any]", asyncio.current_task(loop))
        self._begun[task] = loop.time()
        if not self._looking:
            self._looking = True
            loop.call_later(self._look, self._end_the_slow, loop)
        return task

    def more(self, task: asyncio.Task[Any], size: int) -> None:
        """So many bytes came: they may have taken their time."""
        self._begun[task] += size / SLOWEST

    def end(self, task: asyncio.Task[Any]) -> None:
        """The reading is over."""
        self._begun.pop(task, None)

    def ended(self, task: asyncio.Task[Any]) -> bool:
        """Whether it was we who cancelled a task, which then goes on as if it were not."""
        if task not in self._ended:
            return False
        self._ended.remove(task)
        task.uncancel()
        return True

    def _end_the_slow(self, loop: asyncio.AbstractEventLoop) -> None:
        oldest = loop.time() - self._seconds
        for task in [task for task, begun in self._begun.items() if begun < oldest]:
            del self._begun[task]
            self._ended.add(task)
            task.cancel()
        self._looking = bool(self._begun)
        if self._looking:
            loop.call_later(self._look, self._end_the_slow, loop)
