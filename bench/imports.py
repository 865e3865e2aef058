"""Order lines into the log: read, checked, made into orders, durable; from a Parquet file of a real shop's shape.

    python -m bench.imports

Baseline: the same file read with pyarrow and written as one JSON row per line into SQLite, a thousand a commit.
"""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.figures import Figure, median_rate
from duyen.connectors.guess import guess_mapping
from duyen.connectors.tables import open_table
from duyen.runtime.house import House
from duyen.runtime.importing import import_events
from duyen.runtime.settings import load

ROWS = 100_000
START = datetime(2025, 1, 1, 8)  # noqa: DTZ001 - files of shops carry local times


def write(path: Path) -> None:
    """A file of order lines, some twenty an order."""
    rng = random.Random(5)
    order, customer, moment = 10_000, 1, START
    columns: dict[str, list[object]] = {
        name: []
        for name in (
            "InvoiceNo",
            "StockCode",
            "Description",
            "Quantity",
            "InvoiceDate",
            "UnitPrice",
            "CustomerID",
        )
    }
    for _ in range(ROWS):
        if rng.random() < 0.05:
            order, customer = order + 1, rng.randrange(5_000)
            moment += timedelta(seconds=rng.randrange(300))
        product = rng.randrange(4_000)
        row = (
            str(order), f"P{product}", f"Product number {product}", rng.randrange(1, 24), moment,
            rng.randrange(50, 5_000) / 100, customer,
        )  # fmt: skip
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    pq.write_table(pa.table(columns), path)


def run() -> list[Figure]:
    """Rows a second."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "orders.parquet"
        write(file)
        turn = iter(range(100))

        def ours() -> int:
            house = House(load(str(folder / f"data{next(turn)}")), engine=True)
            table = open_table(file)
            mapping = guess_mapping(table.columns, table.sample(), source="bench").mapping
            done = import_events(house, table, mapping, folder / "rejects.csv")
            house.close()
            return done.report.accepted

        def plain() -> int:
            database = sqlite3.connect(folder / f"plain{next(turn)}.db")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("CREATE TABLE lines (body TEXT)")
            rows = pq.read_table(file).to_pylist()
            for start in range(0, len(rows), 1_000):
                part = [(json.dumps(row, default=str),) for row in rows[start : start + 1_000]]
                database.executemany("INSERT INTO lines VALUES (?)", part)
                database.commit()
            return len(rows)

        against = "pyarrow and one JSON row per line"
        return [
            Figure(
                "import: order lines from Parquet, durable in the log",
                median_rate(ours),
                "rows/s",
                median_rate(plain),
                against,
                "50 K/s",
            )
        ]


if __name__ == "__main__":
    began = time.perf_counter()
    for figure in run():
        print(figure)
