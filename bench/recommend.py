"""How good the recommenders are on a year of real orders, beside chance and popularity, and how quick.

    python -m bench.recommend [FOLDER OF DATA SETS]

Learned from the first four fifths of the baskets of UCI Online Retail (CC BY 4.0), asked about the last fifth. The
defaults of the recommenders were chosen inside the first four fifths, so that these figures are not tuned.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.figures import Figure
from duyen.model.catalogue import Item
from duyen.model.codes import LineKind, kind_of
from duyen.recommend import Interactions, Snapshot, interactions, recommenders
from duyen.recommend.evaluate import (
    Case,
    RandomChoice,
    after,
    basket_cases,
    before,
    evaluate,
    next_cases,
    split_at,
)

FILE = Path("online_retail") / "online_retail_2010_2011.parquet"
OWN_CODES: dict[str, LineKind] = {
    "amazonfee": "fee",
    "b": "adjustment",
    "bank charges": "fee",
    "c2": "postage",
    "cruk": "fee",
    "d": "discount",
    "dot": "postage",
    "m": "manual",
    "pads": "sample",
    "s": "sample",
}
TRAINED_ON = 0.8
ASKED = 2_000
LIMIT = 10
SEED = 20261122
BASELINES = ("random", "popular")


def online_retail(folder: Path) -> tuple[Interactions, list[Item]]:
    """Lines sold of the file, and its codes as items; codes are read without their case."""
    table = pq.read_table(folder / FILE)
    table = table.filter(
        pc.and_(pc.greater(table["Quantity"], 0), pc.greater(table["UnitPrice"], 0))
    )
    data = interactions(
        person=table["CustomerID"].to_pylist(),
        basket=table["InvoiceNo"].to_pylist(),
        item=pc.utf8_upper(table["StockCode"]).to_pylist(),
        time=table["InvoiceDate"].cast(pa.int64()).to_numpy(),
    )
    codes = [bytes(code).decode() for code in data.item_ids]
    items = [Item(id=c, name=c, sellable=kind_of(c, OWN_CODES) == "product") for c in codes]
    return data, items


def cases(data: Interactions, split: int) -> dict[str, list[Case]]:
    """The questions of both tasks."""
    test = after(data, split)
    return {
        "basket": basket_cases(test, LIMIT, ASKED, SEED),
        "next": next_cases(before(data, split), test, LIMIT, ASKED, SEED),
    }


def measure(data: Interactions, items: Sequence[Item]) -> list[dict[str, Any]]:
    """One row per recommender and task."""
    split = split_at(data, TRAINED_ON)
    train, asked = before(data, split), cases(data, split)
    rows: list[dict[str, Any]] = []
    for name, make in [("random", None), *recommenders().items()]:
        start = time.perf_counter()
        snapshot: Snapshot = (
            make(make.Settings()).fit(train, items) if make else RandomChoice(items, SEED)
        )
        fitted = time.perf_counter() - start
        rows += [
            _row(name, task, snapshot, questions, train.rows, fitted)
            for task, questions in asked.items()
        ]
    for row in rows:
        row |= {
            f"baseline_{other}": one["hit_rate"]
            for one in rows
            for other in BASELINES
            if one["task"] == row["task"] and one["recommender"] == other
        }
    return rows


def _row(
    name: str, task: str, snapshot: Snapshot, questions: list[Case], rows: int, fitted: float
) -> dict[str, Any]:
    """One line of the table."""
    score = evaluate(snapshot, questions)
    took = []
    for case in questions[:500]:
        start = time.perf_counter()
        snapshot.recommend(case.query)
        took.append((time.perf_counter() - start) * 1_000)
    return {
        "name": f"recommend: {name}, {task}",
        "recommender": name,
        "task": task,
        "hit_rate": round(score.hit_rate, 4),
        "ndcg": round(score.ndcg, 4),
        "cases": score.cases,
        "fit_seconds": round(fitted, 2),
        "fit_rows": rows,
        "milliseconds": round(statistics.median(took), 3),
    }


def run() -> list[Figure]:
    """Hit rates beside popularity; nothing where the public file of orders is absent."""
    folder = _folder()
    if not (folder / FILE).is_file():
        return []
    return [
        Figure(
            f"{row['name']}: hit rate at 10",
            row["hit_rate"],
            "share",
            row["baseline_popular"],
            "popular items",
        )
        for row in measure(*online_retail(folder))
        if row["recommender"] == "bought_together"
    ]


def _folder() -> Path:
    at_home = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("DUYEN_SHARED_DATA", at_home))


def main(folder: Path) -> None:
    """Print the table."""
    data, items = online_retail(folder)
    print(
        f"{'recommender':>16} {'task':>7} {'hit@10':>8} {'NDCG@10':>8} {'cases':>6} {'fit s':>6} {'ms':>7}"
    )
    for row in measure(data, items):
        print(
            f"{row['recommender']:>16} {row['task']:>7} {row['hit_rate']:>8.4f} {row['ndcg']:>8.4f}"
            f" {row['cases']:>6,} {row['fit_seconds']:>6} {row['milliseconds']:>7}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _folder())
