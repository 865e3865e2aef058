"""Public data sets as a newcomer imports them: one command each, no mapping, totals held against the files."""

from __future__ import annotations

import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from duyen.cli import app
from duyen.model.event import Event
from duyen.runtime.house import House
from duyen.runtime.settings import load

PLAIN_BROWSER = re.compile(r"mozilla/5\.0 \([^()]*\) gecko/\d+ firefox/[\d.]+")
OLIST_ORDERS = """
    select i.order_id, i.product_id, i.price, order_purchase_timestamp as order_date, customer_unique_id as customer_id
    from order_items i join orders using (order_id) join customers using (customer_id)
"""
OLIST_REVIEWS = """
    select r.*, customer_unique_id as customer_id
    from order_reviews r join orders using (order_id) join customers using (customer_id)
"""


def imported(folder: Path, *arguments: str) -> dict[str, Any]:
    """What an import reports; engine and door are not running, the command applies its rows itself."""
    done = CliRunner().invoke(app, ["import", *arguments, "--data", str(folder), "--yes", "--json"])
    assert done.exit_code == 0, done.output
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert told["rows"] == told["accepted"] + told["rejected"] + told["dropped"]
    return told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["init", str(tmp_path / "shop")], catch_exceptions=False)
    return tmp_path / "shop"


def everything(folder: Path) -> list[Event]:
    """All events that the documents of all people hold."""
    house = House(load(str(folder), {}))
    try:
        heads = house.state.heads(house.state.people_after("", 1_000_000))
        return [
            event
            for id, head in heads.items()
            for event in house.state.chunks(id) + list(head.person.recent)
        ]
    finally:
        house.close()


def counted(folder: Path) -> Counter[str]:
    """Events by name."""
    return Counter(event.name for event in everything(folder))


def test_taobao_behaviour(folder: Path, shared_data: Path) -> None:
    file = shared_data / "taobao_user_behavior" / "events.parquet"
    rows = pq.read_table(file).to_pylist()
    told = imported(folder, "events", str(file))
    words = {
        "pv": "Product Viewed",
        "cart": "Product Added",
        "fav": "Product Added to Wishlist",
        "buy": "Order Completed",
    }
    behaviour = Counter(words[row["behavior"]] for row in rows)
    assert told["events"] == dict(behaviour)
    assert (told["accepted"], told["customers"]) == (len(rows), len({r["user_id"] for r in rows}))
    first = min(row["event_time_utc"] for row in rows)
    assert told["first"].startswith(first.strftime("%Y-%m-%dT%H:%M:%S"))
    assert counted(folder) == behaviour
    again = imported(folder, "events", str(file))
    assert again["accepted"] == len(rows)
    assert counted(folder) == behaviour


def test_hasaki_catalogue_and_reviews(folder: Path, shared_data: Path) -> None:
    shop = shared_data / "vn_hasaki_shop"
    assert imported(folder, "products", str(shop / "products.parquet"))["accepted"] == 1_200
    reviews = pq.read_table(shop / "reviews.parquet").to_pylist()
    dated = [row for row in reviews if row["reviewed_at_local"] is not None]
    told = imported(folder, "events", str(shop / "reviews.parquet"))
    assert (told["accepted"], told["rejected"]) == (len(dated), len(reviews) - len(dated))
    assert told["events"] == {"Product Reviewed": len(dated)}
    assert counted(folder) == {"Product Reviewed": len(dated)}


def test_olist_joined_out_of_its_tables(folder: Path, shared_data: Path) -> None:
    tables = str(shared_data / "olist_sample")
    with duckdb.connect() as db:
        total, orders = db.execute(
            f"select sum(price::decimal(12,2)), count(distinct order_id) from '{tables}/order_items.csv'"
        ).fetchone() or (0, 0)
    told = imported(folder, "orders", tables, "--sql", OLIST_ORDERS)
    assert (Decimal(told["total"]), told["orders"]) == (total, orders)
    reviews = imported(folder, "events", tables, "--sql", OLIST_REVIEWS)
    assert reviews["events"] == {"Product Reviewed": 2_993}
    assert counted(folder)["Order Completed"] == orders


def test_dunnhumby_households_and_redemptions(folder: Path, shared_data: Path) -> None:
    tables = shared_data / "dunnhumby_complete_journey"
    people = imported(folder, "people", str(tables / "demographics.parquet"))
    assert (people["accepted"], people["customers"]) == (568, 568)
    redeemed = imported(
        folder, "events", str(tables / "coupon_redemptions.parquet"), "--event", "Coupon Redeemed"
    )
    assert redeemed["events"] == {"Coupon Redeemed": 1_418}
    assert counted(folder)["Coupon Redeemed"] == 1_418


def test_dunnhumby_baskets(folder: Path, shared_data: Path) -> None:
    """A million lines: the sum of their amounts to the cent, each basket one order."""
    file = str(shared_data / "dunnhumby_complete_journey" / "transactions.parquet")
    with duckdb.connect() as db:
        rows, cents, baskets, households = db.execute(
            "select count(*), sum(round(sales_value * 100)::bigint), count(distinct basket_id),"
            f" count(distinct household_id) from '{file}'"
        ).fetchone() or (0, 0, 0, 0)
    told = imported(folder, "orders", file)
    assert (told["rows"], told["accepted"]) == (rows, rows)
    assert Decimal(told["total"]) * 100 == cents
    assert (told["orders"], told["customers"]) == (baskets, households)
    assert Decimal(told["total"]) == Decimal("3245540.21")  # as the publisher of the file says


def test_an_access_log_with_its_machines(folder: Path, shared_data: Path) -> None:
    file = shared_data / "web_access_log" / "apache_combined_first7000.log"
    told = imported(folder, "log", str(file))
    assert told["rows"] == 7_000
    assert told["events"] == {"Page Viewed": told["accepted"]}
    assert told["notes"]["visits"] >= told["customers"] > 0
    seen = [(str(e.context.get("user_agent", "")).lower(), e.quality) for e in everything(folder)]
    assert len(seen) == told["accepted"]
    assert sum(quality == "bot" for _, quality in seen) == told["quality"]["bot"]
    assert not [agent for agent, quality in seen if "bot/" in agent and not quality]
    assert not [agent for agent, quality in seen if PLAIN_BROWSER.fullmatch(agent) and quality]
