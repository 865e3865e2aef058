"""The engine: from the log to identified, de-duplicated, stepped and committed, with live segments and 10 journeys.

    python -m bench.path [EVENTS]

Baseline: the same events, one at a time, as one JSON document per person and one transaction
per hundred events, with every rule evaluated on the person it happened to.
"""

from __future__ import annotations

import json
import random
import resource
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from bench.figures import Figure
from duyen import collect, profiles
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.rules import evaluate
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.step import Plan

EVENTS = 100_000
PEOPLE = 20_000
JOURNEYS = 10
NAMES = ["Page Viewed"] * 6 + ["Product Viewed"] * 3 + ["Order Completed"]


def segment(n: int) -> dict[str, Any]:
    """Rule number n: windows, sums, traits and their combinations."""
    kinds: list[dict[str, Any]] = [
        {"did": "Product Viewed", "at_least": n % 7 + 1, "within": f"{n % 60 + 1}d"},
        {
            "all": [
                {"did": "Order Completed", "within": "90d"},
                {"did_not": "Product Viewed", "within": f"{n % 9 + 1}d"},
            ]
        },
        {"sum": "Order Completed", "of": "total", "within": f"{n % 80 + 10}d", "gte": str(100 * n)},
        {"trait": "city", "is": f"c{n % 40}"},
    ]
    return kinds[n % 4]


def journey(n: int) -> dict[str, Any]:
    """Journey number n: every other one begins with an order, the others on entering a segment."""
    entry = {"event": "Order Completed"} if n % 2 else {"segment": f"s{n}"}
    ordered = {"if": {"did": "Order Completed", "within": "1d"}, "then": [{"exit": True}]}
    steps = [{"wait": f"{n + 1}h"}, ordered]
    return {"name": f"j{n}", "entry": entry, "reentry": "1d", "steps": steps}


def calls(count: int, seed: int) -> list[Collected]:
    """Events of a shop, as collected."""
    rng = random.Random(seed)
    now = time.time_ns() // 1_000_000
    told = []
    for n in range(count):
        person, name = rng.randrange(PEOPLE), rng.choice(NAMES)
        who = {"userId": f"u{person}"} if rng.random() < 0.7 else {"anonymousId": f"a{person}"}
        call = {
            "messageId": f"{seed}-{n}",
            **who,
            "event": name,
            "properties": {
                "product_id": f"p{rng.randrange(3_000)}",
                "total": f"{rng.randrange(900)}.00",
            },
            "context": {"page": {"url": "https://shop.example/p"}, "locale": "vi-VN"},
        }
        judged = collect.validate(
            call, "track", received=now, source="bench", trusted=True, new_id=lambda: "x"
        )
        if isinstance(judged, Collected):
            told.append(judged)
    return told


def ours(segments: int, events: int) -> float:
    """Events a second through the engine."""
    with tempfile.TemporaryDirectory() as name:
        house = House(load(name), engine=True)
        changes = [
            ResourceChange("segment", f"s{n}", {"rule": segment(n)}, "bench", 0)
            for n in range(segments)
        ]
        changes += [
            ResourceChange("journey", f"j{n}", journey(n), "bench", 0) for n in range(JOURNEYS)
        ]
        house.tell(Lane.CONTROL, list(changes))
        engine = Engine(house)
        engine.drain()
        for seed, count in ((1, events // 4), (2, events)):
            told = calls(count, seed)
            for start in range(0, len(told), 500):
                house.tell(Lane.LIVE, list(told[start : start + 500]))
            began = time.perf_counter()
            engine.drain()
            rate = count / (time.perf_counter() - began)
        engine.close()
        house.close()
    return rate


def one_at_a_time(segments: int, events: int) -> float:
    """The plain way, on a sample of the events."""
    program = {f"s{n}": segment(n) for n in range(segments)}
    from duyen.model.program import Program, Segment
    from duyen.rules import parse_rule

    plan = Plan(
        Program(segments={id: Segment(id, id, parse_rule(raw)) for id, raw in program.items()})
    )
    with tempfile.TemporaryDirectory() as name:
        database = sqlite3.connect(Path(name) / "plain.db", isolation_level=None)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE people (id TEXT PRIMARY KEY, body TEXT, segments TEXT)")
        told = calls(events, 3)
        began = time.perf_counter()
        for start in range(0, len(told), 100):
            database.execute("BEGIN")
            for collected in told[start : start + 100]:
                event = collect.normalise(collected)
                id = event.identifiers[0][1]
                row = database.execute("SELECT body FROM people WHERE id = ?", (id,)).fetchone()
                person = msgspec.json.decode(row[0], type=Person) if row else Person(id)
                profiles.absorb(person, event, plan.specs)
                member = [
                    s
                    for s, rule in plan.rules.items()
                    if evaluate(rule, person, event.received).truth
                ]
                database.execute(
                    "INSERT OR REPLACE INTO people VALUES (?, ?, ?)",
                    (id, msgspec.json.encode(person).decode(), json.dumps(member)),
                )
            database.execute("COMMIT")
        return len(told) / (time.perf_counter() - began)


def run(events: int = EVENTS) -> list[Figure]:
    """Figures with 10, 100 and 1,000 segments."""
    found = []
    for segments, target in ((10, ""), (100, "15 K/s"), (1_000, "at most 2x the cost of 10")):
        plain = one_at_a_time(segments, 5_000)
        rate = ours(segments, events)
        name = f"engine: events stepped with {segments:,} live segments"
        found.append(
            Figure(name, rate, "events/s", plain, "a document per event, rule by rule", target)
        )
    return found


if __name__ == "__main__":
    for figure in run(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS):
        print(figure)
    print("peak memory MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
