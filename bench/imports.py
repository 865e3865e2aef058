"""Rows into the log: read, checked, made into orders or events, durable; and what live calls feel of it meanwhile.

    python -m bench.imports

Baseline of reading: the same file read with pyarrow and written as one JSON row per line into SQLite, a thousand a
commit. Baseline of live calls: the same calls while nothing is imported.
"""

from __future__ import annotations

import json
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq

from bench.door import body, prepare, request, serving, steadily
from bench.figures import Figure, median_rate, percentile
from duyen.connectors.fields import Kind
from duyen.connectors.guess import guess_mapping
from duyen.connectors.tables import open_table
from duyen.runtime.house import House
from duyen.runtime.importing import import_events
from duyen.runtime.settings import load

ROWS = 100_000
MANY = 1_000_000
"""Rows of the file that is imported beside live calls."""
CALLS = 200
"""Live calls a second."""
SECONDS = 6.0
START = datetime(2025, 1, 1, 8)  # noqa: DTZ001 - files of shops carry local times
Read = Callable[[Path], pa.Table]


def orders(rows: int) -> pa.Table:
    """Order lines, some twenty an order."""
    rng = random.Random(5)
    order, customer, moment = 10_000, 1, START
    lines = []
    for _ in range(rows):
        if rng.random() < 0.05:
            order, customer = order + 1, rng.randrange(5_000)
            moment += timedelta(seconds=rng.randrange(300))
        product = rng.randrange(4_000)
        lines.append(
            {
                "InvoiceNo": str(order),
                "StockCode": f"P{product}",
                "Description": f"Product number {product}",
                "Quantity": rng.randrange(1, 24),
                "InvoiceDate": moment,
                "UnitPrice": rng.randrange(50, 5_000) / 100,
                "CustomerID": customer,
            }
        )
    return pa.Table.from_pylist(lines)


def events(rows: int) -> pa.Table:
    """What visitors of a shop did, a line each."""
    rng = random.Random(6)
    moment = START
    lines = []
    for _ in range(rows):
        moment += timedelta(seconds=rng.randrange(20))
        lines.append(
            {
                "user_id": f"u{rng.randrange(5_000)}",
                "event": rng.choice(("Product Viewed", "Product Added", "Order Completed")),
                "timestamp": moment,
                "product_id": f"P{rng.randrange(4_000)}",
                "price": rng.randrange(50, 5_000) / 100,
            }
        )
    return pa.Table.from_pylist(lines)


def run() -> list[Figure]:
    """Rows a second of four files; latencies of live calls."""
    figures = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shapes: tuple[tuple[Kind, str, pa.Table], ...] = (
            ("orders", "order lines", orders(ROWS)),
            ("events", "events", events(ROWS)),
        )
        for kind, what, made in shapes:
            files: dict[str, tuple[Path, Read, str]] = {
                "Parquet": (folder / f"{what}.parquet", pq.read_table, "50 K/s"),
                "CSV": (folder / f"{what}.csv", pv.read_csv, "30 K/s"),
            }
            pq.write_table(made, files["Parquet"][0])
            pv.write_csv(made, files["CSV"][0])
            for form, (file, read, target) in files.items():
                figures.append(
                    Figure(
                        f"import: {what} from {form}, durable in the log",
                        median_rate(lambda file=file, kind=kind: ours(kind, file, folder)),  # type: ignore[misc]
                        "rows/s",
                        median_rate(lambda file=file, read=read: plain(file, read, folder)),  # type: ignore[misc]
                        "pyarrow and one JSON row per line",
                        target,
                    )
                )
        pq.write_table(orders(MANY), folder / "many.parquet")
        figures += beside(folder / "many.parquet")
    return figures


def ours(kind: Kind, file: Path, folder: Path) -> int:
    """Rows that a new folder has taken in."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        house = House(load(data), engine=True)
        table = open_table(file)
        mapping = guess_mapping(table.columns, table.sample(), kind=kind, source="bench").mapping
        done = import_events(house, table, mapping, Path(data) / "rejects.csv")
        house.close()
    return done.report.accepted


def plain(file: Path, read: Read, folder: Path) -> int:
    """The same rows as JSON in one table."""
    with tempfile.TemporaryDirectory(dir=folder) as data:
        database = sqlite3.connect(Path(data) / "plain.db")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE lines (body TEXT)")
        rows: list[dict[str, Any]] = read(file).to_pylist()
        for start in range(0, len(rows), 1_000):
            part = [(json.dumps(row, default=str),) for row in rows[start : start + 1_000]]
            database.executemany("INSERT INTO lines VALUES (?)", part)
            database.commit()
        database.close()
    return len(rows)


def beside(file: Path) -> list[Figure]:
    """Live calls at a steady rate, without and with an import and its application beside them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        with serving(folder, "door", "engine") as port:
            asks = [request(port, "/v1/track", body(1, f"live{n}", wrap=False)) for n in range(200)]
            steadily(port, asks, 1.0, CALLS)
            calm = steadily(port, asks, SECONDS, CALLS)
            command = ["-m", "duyen", "import", "orders", str(file), "--data", str(folder), "--yes"]
            import_ = subprocess.Popen(
                [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            time.sleep(2)  # until it reads
            busy = steadily(port, asks, SECONDS, CALLS)
            if import_.poll() is not None:
                raise RuntimeError("the import was over before the calls")
            import_.kill()
            import_.wait()
    name = f"import of {MANY:,} order lines beside {CALLS} live calls a second"
    return [
        Figure(
            f"{name}: {part} of the calls",
            percentile(busy, share),
            "ms",
            percentile(calm, share),
            "without the import",
            "at most 2x",
        )
        for part, share in (("median", 0.5), ("p99", 0.99))
    ]


if __name__ == "__main__":
    for figure in run():
        print(figure)
