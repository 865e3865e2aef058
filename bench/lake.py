"""How fast the lake takes events in, sorts them, finds among them and forgets them.

    python -m bench.lake [EVENTS]

Baselines of the same run: writing the same columns as plain Parquet (append); the same question before the runs were
sorted (question); the whole table read and written once (erasure).
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bench.figures import Figure
from duyen.model.event import Event
from duyen.model.person import Person, Trait
from duyen.model.rule import Did
from duyen.model.times import DAY
from duyen.stores.lake import Lake
from duyen.stores.lake_rows import EventRow, event_batch, people_batch
from duyen.stores.query import Query

EVENTS = 500_000
BATCH = 10_000
PEOPLE = 20_000
MANY_PEOPLE = 200_000
NAMES = ["Page Viewed"] * 12 + ["Product Viewed"] * 5 + ["Cart Viewed"] * 2 + ["Order Completed"]
START = 1_750_000_000_000
SPAN = 90 * DAY


def make_row(chance: random.Random, seq: int, idx: int, number: int, of: int) -> EventRow:
    """An event of a shop; they arrive in order of time."""
    moment = START + SPAN * number // of
    person = f"p{chance.randrange(PEOPLE)}"
    properties = {
        "path": f"/c/{chance.randrange(500)}",
        "product_id": f"i{chance.randrange(3_000)}",
        "total": f"{chance.randrange(100, 90_000) / 100:.2f}",
    }
    event = Event(
        f"m{number:012d}", "track", chance.choice(NAMES), moment, moment, "web", True,
        (("user_id", person),), properties, {}, {},
    )  # fmt: skip
    return EventRow(person, event, seq, idx)


def seconds(work: Callable[..., object], *args: object) -> float:
    """How long one piece of work took."""
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def peak() -> int:
    """The most memory this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def write_plain(batch: list[EventRow], path: Path) -> None:
    """The baseline of an append: no table, no duplicates looked for, nothing synced."""
    pq.write_table(pa.Table.from_batches([event_batch(batch)]), path, compression="zstd")


def rewrite(lake: Lake, path: Path) -> None:
    """The baseline of an erasure: the whole table read and written once."""
    tables = [pq.ParquetFile(file).read() for file in lake.files("events")[1]]
    pq.write_table(pa.concat_tables(tables), path, compression="zstd")


def append(lake: Lake, events: int, plain_path: Path) -> dict[str, Any]:
    """Append everything in batches; every tenth is written as plain Parquet too."""
    chance = random.Random(1)
    took, plain = [], []
    for seq in range(events // BATCH):
        batch = [make_row(chance, seq, n, seq * BATCH + n, events) for n in range(BATCH)]
        took.append(seconds(lake.append_events, batch, "live", seq))
        if seq % 10 == 0:
            plain.append(seconds(write_plain, batch, plain_path))
    return {
        "name": f"lake: append, batches of {BATCH:,}",
        "events_per_second": round(BATCH / statistics.median(took)),
        "baseline": "the same columns as plain Parquet: no table, duplicates stay, not synced",
        "baseline_events_per_second": round(BATCH / statistics.median(plain)),
    }


def question(query: Query) -> tuple[float, list[str]]:
    """Milliseconds of a windowed segment, and its members."""
    rule = Did("Order Completed", within=30 * DAY, at_least=2)
    found = query.members(rule, START + SPAN)
    took = [seconds(query.members, rule, START + SPAN) for _ in range(9)]
    return statistics.median(took) * 1_000, found


def sort_and_ask(lake: Lake, query: Query, events: int) -> list[dict[str, Any]]:
    """Compaction, and what it does to a question."""
    before, members = question(query)
    sorting = seconds(lake.compact)
    after, same = question(query)
    return [
        {
            "name": "lake: compaction",
            "events_per_second": round(events / sorting),
            "files": len(lake.files("events")[1]),
            "peak_megabytes": peak(),
        },
        {
            "name": "lake: ordered twice in 30 days",
            "milliseconds": round(after, 1),
            "baseline": "before compaction",
            "baseline_milliseconds": round(before, 1),
            "members": len(same),
            "disagreements": len({*members} ^ {*same}),
        },
    ]


def erase(lake: Lake, path: Path) -> dict[str, Any]:
    """One person out of every table and off the disk."""
    again = seconds(rewrite, lake, path)
    return {
        "name": "lake: erase one person, files vacuumed",
        "seconds": round(seconds(lake.delete_person, "p7"), 3),
        "baseline": "the table read and written once",
        "baseline_seconds": round(again, 3),
    }


def people(folder: Path) -> dict[str, Any]:
    """A flush after which few of many people have changed."""
    lake, few = Lake(folder), 1_000
    whole = seconds(lake.write_snapshot, "people", documents(range(MANY_PEOPLE)), {"live": 0})
    took = []
    for turn in range(1, 10):
        changed = [(number * 7_919 + turn) % MANY_PEOPLE for number in range(few)]
        took.append(seconds(lake.change, "people", documents(changed), {"live": turn}))
    return {
        "name": f"lake: {few:,} of {MANY_PEOPLE:,} people changed",
        "milliseconds": round(statistics.median(took) * 1_000, 1),
        "baseline": "all people written again",
        "baseline_milliseconds": round(whole * 1_000, 1),
    }


def documents(numbers: Sequence[int]) -> Iterator[pa.RecordBatch]:
    """People with three traits and an identifier each."""
    for start in range(0, len(numbers), 2_000):
        yield people_batch(
            [
                Person(
                    f"p{n:07d}",
                    traits={
                        "city": Trait("Hà Nội", START, "m"),
                        "age": Trait(n % 90, START, "m"),
                        "name": Trait(f"Nguyễn {n}", START, "m"),
                    },
                    identifiers={"user_id": {f"u{n}": START}},
                )
                for n in numbers[start : start + 2_000]
            ]
        )


def measure(events: int = EVENTS) -> list[dict[str, Any]]:
    """The rows of the table."""
    with tempfile.TemporaryDirectory() as folder:
        lake, plain = Lake(Path(folder) / "lake"), Path(folder) / "plain.parquet"
        told = [append(lake, events, plain)]
        lake.write_snapshot("people", people_batch([Person(id=f"p{n}") for n in range(PEOPLE)]))
        query = Query(lake.folder)
        told += sort_and_ask(lake, query, events)
        told.append(erase(lake, plain))
        told.append(people(Path(folder) / "people"))
        query.close()
        return told


def run() -> list[Figure]:
    """Figures with a baseline of their own."""
    found = []
    for row in measure(EVENTS // 2):
        for unit in ("events_per_second", "milliseconds", "seconds"):
            if unit in row:
                base = row.get(f"baseline_{unit}")
                shown = (
                    unit.replace("_per_", "/")
                    .replace("/second", "/s")
                    .replace("milliseconds", "ms")
                )
                found.append(Figure(row["name"], row[unit], shown, base, row.get("baseline", "")))
    return found


def main(events: int) -> None:
    """Print the table."""
    for row in measure(events):
        print("  ".join(f"{name}: {value}" for name, value in row.items()))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS)
