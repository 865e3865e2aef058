"""Erasing a thousand people: from the state, the log and the lake, all of them in one walk.

DUYEN_BENCH_PEOPLE=1000000 python -m bench erase     the size of the design's aim; without it 20,000 people

Whoever is not asked for costs a look at the bytes of their commit. So the time goes with the length of the log
and of the lake, not with the number of people who are erased; the figures are entries a second.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from itertools import islice
from pathlib import Path

from bench.crowd import call, populate, programme
from bench.figures import Figure
from duyen import collect
from duyen.identity import person_id
from duyen.model.event import Collected
from duyen.model.log import Entry, Lane, decode_entries, encode_entry
from duyen.model.times import Millis
from duyen.runtime.engine import Engine
from duyen.runtime.erasure import asked, carry_through
from duyen.runtime.house import House
from duyen.runtime.identify import evidence_key
from duyen.runtime.lakework import flush
from duyen.runtime.settings import load
from duyen.stores.lake import Lake
from duyen.stores.lake_rows import EventRow

PEOPLE = int(os.environ.get("DUYEN_BENCH_PEOPLE", "20000"))
EVENTS = 50
ERASED = 1_000
COMMIT = 500
"""Events of one commit of the log."""
SAMPLE = 20
"""Commits that the baseline reads."""


def fill(house: House, now: Millis) -> int:
    """Put so many people into the state, and what was told of them into log and lake; returns how many events."""
    programme(house, 10)
    populate(house, PEOPLE, EVENTS, now)
    rng, lake, told = random.Random(1), Lake(house.folder / "lake"), 0
    rows: list[EventRow] = []
    for turn in range(EVENTS):
        people = iter(rng.sample(range(PEOPLE), PEOPLE))
        while some := list(islice(people, COMMIT)):
            events = [call(rng, who, f"{turn}-{who}", now - turn, now) for who in some]
            seq = house.log.append(Lane.BULK, [encode_entry(event) for event in events], now)
            for index, (who, event) in enumerate(zip(some, events, strict=True)):
                names = (("user_id", f"u{who}"),)
                whole = collect.normalise(event)
                key = evidence_key(names, True)
                rows.append(EventRow(person_id(names[0]), whole, seq, index, key))
            told += len(some)
            if len(rows) >= 100_000:
                lake.append_events(rows, Lane.BULK.name, seq)
                rows = []
    if rows:
        lake.append_events(rows, Lane.BULK.name, rows[-1].seq)
    with house.state.writing():
        house.state.set_position(Lane.BULK, house.log.newest())
    lake.compact()
    flush(house)
    return told


def plainly(house: House, gone: set[str]) -> float:
    """Entries a second where each is decoded, read and asked whose it is."""
    began, seen = time.perf_counter(), 0
    for _, body in house.log.bodies(0, house.log.newest(), SAMPLE):
        for entry in decode_entries(body):
            event = collect.normalise(entry) if isinstance(entry, Collected) else None
            _ = event is not None and any(value in gone for _, value in event.identifiers)
            seen += 1
    return seen / (time.perf_counter() - began)


def run() -> list[Figure]:
    """Every figure."""
    with tempfile.TemporaryDirectory(prefix="duyen-bench-") as folder:
        house = House(load(str(Path(folder))), engine=True)
        now = house.clock.now()
        events = fill(house, now)
        engine = Engine(house)
        engine.drain()
        gone = random.Random(2).sample(range(PEOPLE), ERASED)
        baseline = plainly(house, {f"u{n}" for n in gone})
        began = time.perf_counter()
        persons = [person_id(("user_id", f"u{n}")) for n in gone]
        house.tell(Lane.CONTROL, list(asked(persons, "bench", now + 1)))
        engine.drain()
        state = time.perf_counter() - began
        reached: dict[str, float] = {}

        def tell(lane: Lane, entries: list[Entry]) -> bool:
            house.tell(lane, entries)
            engine.drain()
            return True

        def note(what: str, how_far: int) -> None:
            reached[what] = time.perf_counter()

        walk = time.perf_counter()
        done = carry_through(house, tell, note)
        whole = time.perf_counter() - began
        if (done.people, done.log_entries) != (ERASED, ERASED * EVENTS):
            raise AssertionError(f"erased {done.people} people, {done.log_entries} entries")
        engine.close()
        house.close()
    log = reached["lake"] - walk
    lake = reached["files"] - reached["lake"]
    size = f"of {PEOPLE:,} people with {EVENTS} events"
    aim = f"{events / 50_000_000 * 600:,.1f}"
    return [
        Figure(f"erase {ERASED:,} {size}: whole", whole, "s", None, "", f"{aim} (10 min for 50 M)"),
        Figure("the same: state, in one transaction", state, "s", None, ""),
        Figure("the same: walk through the log", events / log, "entries/s", baseline, "read each"),
        Figure("the same: lake", events / lake, "rows/s", None, ""),
    ]
