"""What the largest people cost: one with 100 thousand events, and one whom 10 thousand identifiers name.

    python -m bench.giants [EVENTS [IDENTIFIERS]]

100 segments and 10 journeys are live. Baselines: the same of a person with a hundred events, and of one with a few
identifiers. Processor time, so that another program on the machine changes it little.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import count

import msgspec

from bench.crowd import call, programme
from bench.figures import Figure
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.times import DAY
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

EVENTS = 100_000
FEW = 100
IDENTIFIERS = 10_000
SEGMENTS = 100
TIMES = 40


class Giants:
    """A house with its engine, to which one person after another is told."""

    def __init__(self, folder: str) -> None:
        self.house = House(load(folder), engine=True)
        programme(self.house, SEGMENTS)
        self.engine = Engine(self.house)
        self.engine.drain()
        self._rng, self._ids = random.Random(1), count()

    def close(self) -> None:
        self.engine.close()
        self.house.close()

    def event(self, who: int, time: int) -> Collected:
        """One event of a shop."""
        return call(self._rng, who, f"g-{next(self._ids)}", time, time)

    def tell(self, events: Sequence[Collected]) -> None:
        """All of them at once, applied."""
        for start in range(0, len(events), 500):
            self.house.tell(Lane.LIVE, list(events[start : start + 500]))
        self.engine.drain()

    def person(self, who: int, events: int) -> None:
        """A past of 30 days."""
        now = self.house.clock.now()
        self.tell([self.event(who, now - 30 * DAY * (events - n) // events) for n in range(events)])

    def one(self, who: int) -> float:
        """Microseconds of processor time for one more event in a batch of its own."""
        return self._cost(lambda: self.event(who, self.house.clock.now()))

    def another_name(self, who: int, *, known: bool) -> float:
        """The same for an event that names the person by one more identifier, or by one that is known."""
        names = iter(range(10**6, 10**6 + TIMES))

        def named() -> Collected:
            name = "a-0" if known else f"a-{next(names)}"
            return self._named(who, name)

        return self._cost(named)

    def _named(self, who: int, name: str) -> Collected:
        event = self.event(who, self.house.clock.now())
        return msgspec.structs.replace(event, anonymous_id=f"{who}-{name}")

    def named(self, who: int, names: int) -> None:
        """A person whom so many identifiers name."""
        self.tell([self._named(who, f"a-{n}") for n in range(names)])

    def _cost(self, made: Callable[[], Collected]) -> float:
        spent = []
        for _ in range(TIMES):
            event = made()
            began = time.process_time()
            self.tell([event])
            spent.append(time.process_time() - began)
        return statistics.median(spent) * 1e6


def run(events: int = EVENTS, identifiers: int = IDENTIFIERS) -> list[Figure]:
    """Each beside the same of somebody small."""
    with tempfile.TemporaryDirectory() as folder:
        giants = Giants(folder)
        giants.person(1, FEW)
        giants.person(2, events)
        giants.named(3, 3)
        giants.named(4, identifiers)
        small, large = giants.one(1), giants.one(2)
        few, many = (giants.another_name(who, known=False) for who in (3, 4))
        few_known, many_known = (giants.another_name(who, known=True) for who in (3, 4))
        giants.close()
    one = "one event in a batch of its own, of a person"
    return [
        Figure(f"{one} with {events:,} events", large, "µs CPU", small, f"with {FEW}", "flat"),
        Figure(
            f"{one} of {identifiers:,} identifiers, naming one more",
            many,
            "µs CPU",
            few,
            "of a few",
        ),
        Figure(
            f"{one} of {identifiers:,} identifiers, naming none that is new",
            many_known,
            "µs CPU",
            few_known,
            "of a few",
            "flat",
        ),
    ]


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:3])):
        print(figure)
