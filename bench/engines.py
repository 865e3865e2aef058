"""Engines on PostgreSQL: how much faster two of them are than one, and how often they get in each other's way.

    DUYEN_BENCH_POSTGRES=postgresql:///database python -m bench.engines [EVENTS]

The database shares the machine's cores with the engines. Baseline: one engine, in the same run.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from bench.figures import Figure
from bench.path import JOURNEYS, calls, journey, segment
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.stores.shards import SHARDS

EVENTS = 60_000
SEGMENTS = 100
BLOCK = 500
URL = os.environ.get("DUYEN_BENCH_POSTGRES", "")


@contextmanager
def folder() -> Iterator[Path]:
    """A data folder whose stores lie in a schema of their own, which goes with it."""
    name = f"bench_{uuid.uuid4().hex[:10]}"
    with tempfile.TemporaryDirectory() as made, psycopg.connect(URL, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        mark = "&" if "?" in URL else "?"
        url = f"{URL}{mark}options=-csearch_path%3D{name}"
        (Path(made) / "duyen.toml").write_text(f'store_url = "{url}"\n')
        try:
            yield Path(made)
        finally:
            for schema in (name, f"{name}_state"):
                drop = sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema))
                admin.execute(drop)


def work(place: Path, go: Any, stop: Any, told: Any) -> None:
    """One engine, in a process of its own; tells how many batches it made and how many it took again."""
    house = House(load(str(place)), engine=True)
    with closing(house), closing(Engine(house, house.stores.share())) as engine:
        go.wait()
        engine.run(stop.is_set)
        told.put((engine.batches, engine.raced))


def measure(engines: int, events: int) -> tuple[float, float]:
    """Events a second, and batches taken again of a thousand."""
    spawn = multiprocessing.get_context("spawn")
    with folder() as place, closing(House(load(str(place)), engine=True)) as house:
        program: list[Any] = [
            ResourceChange("segment", f"s{n}", {"rule": segment(n)}, "bench", 0)
            for n in range(SEGMENTS)
        ]
        program += [
            ResourceChange("journey", f"j{n}", journey(n), "bench", 0) for n in range(JOURNEYS)
        ]
        house.tell(Lane.CONTROL, program)
        with closing(Engine(house)) as alone:
            alone.drain()
        go, stop, told = spawn.Event(), spawn.Event(), spawn.Queue()
        crew = [spawn.Process(target=work, args=(place, go, stop, told)) for _ in range(engines)]
        for process in crew:
            process.start()
        entries = calls(events, 1)
        for start in range(0, len(entries), BLOCK):
            house.tell(Lane.LIVE, list(entries[start : start + BLOCK]))
        while (
            sorted(len(one.shards) for one in house.stores.engines())
            != [SHARDS // engines] * engines
        ):
            time.sleep(0.05)
        newest, began = house.log.newest(Lane.LIVE), time.perf_counter()
        go.set()
        while house.state.position(Lane.LIVE) < newest:
            time.sleep(0.01)
        rate = events / (time.perf_counter() - began)
        stop.set()
        counts = [told.get() for _ in crew]
        for process in crew:
            process.join()
    batches, raced = (sum(column) for column in zip(*counts, strict=True))
    return rate, 1_000 * raced / max(batches, 1)


def run(events: int = EVENTS) -> list[Figure]:
    """One engine, then two."""
    if not URL:
        print("engines: name a database in DUYEN_BENCH_POSTGRES", file=sys.stderr)
        return []
    one, _ = measure(1, events)
    two, again = measure(2, events)
    return [
        Figure("two engines on PostgreSQL: events stepped", two, "events/s", one, "one engine"),
        Figure("two engines: batches taken again", again, "of 1,000", None, ""),
    ]


if __name__ == "__main__":
    for figure in run(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS):
        print(figure)
