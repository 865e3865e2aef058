"""What an event costs the engine, by how many people there are and by how long each one's history is.

    python -m bench.curve [PEOPLE ...]

100 segments and 10 journeys are live. The cost is the engine's processor time for an event, threads included, so that
another program on the machine changes it little; commits to the disk are waited for as always. Baseline: the same with
the fewest people, and with the shortest history, so that a flat curve is 1.0x.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

from bench.crowd import calls, populate, programme
from bench.figures import Figure
from duyen.model.log import Lane
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

PEOPLE = (10_000, 100_000, 1_000_000)
HISTORIES = (5, 50, 500)
SEGMENTS = 100
USUAL = 20
"""Events of history of everybody, where people are what is compared."""
FEW = 10_000
"""People, where histories are what is compared."""
EVENTS = 48_000
AT_MOST = 0.8
"""Events of one run, for each of the people: hardly anybody comes twice."""


def cost(people: int, history: int) -> float:
    """Microseconds of processor time for an event, of people who come back one after the other."""
    each = min(EVENTS, int(people * AT_MOST))
    runs = min(2, EVENTS // each)
    return statistics.fmean(_once(people, history, each) for _ in range(runs))


def _once(people: int, history: int, events: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        house = House(load(name), engine=True)
        now = house.clock.now()
        programme(house, SEGMENTS)
        populate(house, people, history, now)
        engine = Engine(house)
        engine.drain()
        told = list(calls(events, people, 1, house.clock.now()))
        for start in range(0, events, 500):
            house.tell(Lane.LIVE, list(told[start : start + 500]))
        began = time.process_time()
        engine.drain()
        spent = time.process_time() - began
        engine.close()
        house.close()
    return spent / events * 1e6


def run(people: tuple[int, ...] = PEOPLE, histories: tuple[int, ...] = HISTORIES) -> list[Figure]:
    """Both curves."""
    found = []
    of_people = {many: cost(many, USUAL) for many in people}
    for many, micros in of_people.items():
        name = f"engine: cost of an event among {many:,} people, {USUAL} events each"
        against, target = f"among {people[0]:,}", "flat" if many != people[0] else ""
        found.append(Figure(name, micros, "µs CPU", of_people[people[0]], against, target))
    of_history = {long: cost(FEW, long) for long in histories}
    for long, micros in of_history.items():
        name = f"engine: cost of an event of people with {long:,} events each"
        against, target = f"with {histories[0]}", "flat" if long != histories[0] else ""
        found.append(Figure(name, micros, "µs CPU", of_history[histories[0]], against, target))
    return found


if __name__ == "__main__":
    for figure in run(tuple(map(int, sys.argv[1:])) or PEOPLE):
        print(figure)
