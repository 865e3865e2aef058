"""An engine at work for a long time: does its memory stay, and does its speed?

    python -m bench.soak [EVENTS [PEOPLE]]

A process of its own is the engine of `duyen engine`; this one writes events of 100 thousand people to the log, never
more than a few batches ahead, and looks at the engine's memory (PSS: what it shares with others counts once) and
processor time every 500 thousand events. Baseline: the first such stretch after a warm-up of two.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

import msgspec

from bench.crowd import call, programme
from bench.figures import Figure
from duyen.model.log import Lane
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

EVENTS = 2_000_000
PEOPLE = 100_000
SEGMENTS = 100
STRETCH = 500_000
WARM = 2
AHEAD = 60_000
AT_ONCE = 500
KINDS = 4_000
"""Events that differ; each is told of many people."""
TICKS = os.sysconf("SC_CLK_TCK")


class Look(NamedTuple):
    """The engine as it is after so many events."""

    events: int
    wall: float
    cpu: float
    pss: float
    rss: float


def engine_of(folder: str) -> None:
    """The other process."""
    house = House(load(folder), engine=True)
    Engine(house).run(lambda: False)


def look(pid: int, events: int) -> Look:
    """How the engine is doing: memory in MB, processor time in seconds."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    sizes = {line.split(":")[0]: line.split()[1] for line in rollup.splitlines() if "kB" in line}
    stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    cpu = (int(stat[11]) + int(stat[12])) / TICKS
    return Look(
        events, time.perf_counter(), cpu, int(sizes["Pss"]) / 1024, int(sizes["Rss"]) / 1024
    )


def soak(events: int, people: int) -> list[Look]:
    """What was seen every stretch."""
    rng, looks = random.Random(1), []
    with tempfile.TemporaryDirectory() as folder:
        house = House(load(folder), engine=True)
        programme(house, SEGMENTS)
        kinds = [call(rng, 0, "x", 0, 0) for _ in range(KINDS)]
        process = multiprocessing.get_context("spawn").Process(
            target=engine_of, args=(folder,), daemon=True
        )
        process.start()
        try:
            told, ends = 0, []
            for goal in range(STRETCH, events + 1, STRETCH):
                while told < goal:
                    now = house.clock.now()
                    some = [
                        msgspec.structs.replace(
                            rng.choice(kinds),
                            id=f"{told + n}-{rng.getrandbits(64):x}",
                            user_id=f"u{rng.randrange(people)}",
                            time=now,
                            received=now,
                        )
                        for n in range(AT_ONCE)
                    ]
                    ends.append(house.tell(Lane.LIVE, list(some)))
                    told += AT_ONCE
                    while len(ends) > AHEAD // AT_ONCE:
                        _wait(house, process.pid or 0, ends.pop(0))
                _wait(house, process.pid or 0, ends[-1])
                looks.append(look(process.pid or 0, told))
                print(_line(looks), flush=True)
        finally:
            process.kill()
            process.join()
            house.close()
    return looks


def _wait(house: House, pid: int, offset: int) -> None:
    while not house.applied(Lane.LIVE, offset):
        os.kill(pid, 0)  # an engine that has died is no engine to wait for
        time.sleep(0.01)


def _line(looks: list[Look]) -> str:
    """One stretch in words."""
    last = looks[-1]
    text = f"{last.events:>12,} events: {last.pss:,.0f} MB PSS, {last.rss:,.0f} MB RSS"
    if len(looks) > 1:
        rate, micros = _pace(looks[-2], last)
        text += f", {rate:,.0f} events/s, {micros:.1f} µs CPU an event"
    return text


def _pace(before: Look, after: Look) -> tuple[float, float]:
    """Events a second, and microseconds of processor time for an event, from one look to the next."""
    events = after.events - before.events
    return events / (after.wall - before.wall), (after.cpu - before.cpu) / events * 1e6


def run(events: int = EVENTS, people: int = PEOPLE) -> list[Figure]:
    """Speed of the last stretch, and growth of memory, after the warm-up."""
    looks = soak(events, people)[WARM - 1 :]
    first, last = _pace(looks[0], looks[1]), _pace(looks[-2], looks[-1])
    slope = linear_regression([each.events / 1e6 for each in looks], [each.pss for each in looks])
    name = f"engine: {events / 1e6:g} M events of {people:,} people"
    return [
        Figure(
            f"{name}, speed at the end", last[0], "events/s", first[0], "at the start", "15 K/s"
        ),
        Figure(f"{name}, cost at the end", last[1], "µs CPU", first[1], "at the start", "flat"),
        Figure(
            f"{name}, memory at the end", looks[-1].pss, "MB PSS", looks[0].pss, "at 1 M", "flat"
        ),
        Figure(f"{name}, growth of memory", slope.slope, "MB a million", None, "", "flat"),
    ]


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:3])):
        print(figure)
