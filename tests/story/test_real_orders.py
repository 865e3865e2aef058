"""A real file of a year's orders, from the first command to the mails and the hold-out report (docs/real-orders.md).

Everything is done as a person would do it: commands and HTTP, the real processes, one `kill -9` in the import and
one in the sending. What comes out is held against the file itself.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pyarrow.parquet as pq
import pytest

FILE = Path("online_retail") / "online_retail_2010_2011.parquet"
AS_OF = datetime(2011, 12, 9, 13, 0, tzinfo=UTC)
PROGRAM = {
    "settings.yaml": """
name: Gift shop
timezone: Europe/London
currency: GBP
language: en
hold_out: 0.1
sender: Gift shop <hello@shop.example>
postal_address: 1 High Street, London
""",
    "segments/lapsing.yaml": """
name: Bought twice in 90 days, nothing in the last 30
rule:
  all:
    - {did: Order Completed, at_least: 2, within: 90d}
    - {did_not: Order Completed, within: 30d}
""",
    "messages/we-miss-you.yaml": """
name: We miss you
language: en
subject: "{{ recommendations[0].name }} and more, chosen for you"
recommend: {recommender: bought_together, limit: 4}
body: |
  <mjml><mj-body><mj-section><mj-column>
    <mj-text>Often bought with what you have:</mj-text>
    {% for item in recommendations %}
    <mj-text><a href="https://shop.example/{{ item.id }}">{{ item.name }}</a> {{ item.price }}</mj-text>
    {% endfor %}
  </mj-column></mj-section></mj-body></mjml>
""",
}
JOURNEY = """
name: Win back
entry: {segment: lapsing, include_existing: true}
steps:
  - send: we-miss-you
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shop"


class Shop:
    """A data folder, its commands and its processes."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.environment = {**os.environ, "DUYEN_CLOCK": "simulated", "DUYEN_DATA": str(folder)}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "duyen", *arguments]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=500,
        )
        assert done.returncode == 0, (arguments, done.stderr, done.stdout)
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").strip().splitlines()[-1])

    def start(self, *roles: str) -> None:
        for role in roles:
            more = ["--port", str(self.port)] if role == "door" else []
            log = (self.folder / f"{role}.txt").open("ab")
            self.processes[role] = subprocess.Popen(
                self.command(role, *more), env=self.environment, stdout=log, stderr=log
            )

    def kill(self, role: str) -> None:
        process = self.processes.pop(role)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(30)

    def until(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it took too long"
            time.sleep(0.1)


@contextmanager
def opened(folder: Path, port: int) -> Iterator[Shop]:
    shop = Shop(folder, port)
    try:
        yield shop
    finally:
        shop.stop()


def lapsing_in_the_file(path: Path) -> set[str]:
    """The segment, computed from the file's own rows without any of our code."""
    columns = ["InvoiceNo", "InvoiceDate", "CustomerID", "Quantity"]
    rows = pq.read_table(path, columns=columns).to_pylist()
    local = ZoneInfo("Europe/London")
    bought: dict[str, dict[str, datetime]] = {}
    positive: set[str] = set()
    for row in rows:
        invoice = str(row["InvoiceNo"])
        if row["CustomerID"] is None or not invoice.isdigit():
            continue
        moment = row["InvoiceDate"].replace(tzinfo=local).astimezone(UTC)
        bought.setdefault(str(row["CustomerID"]), {}).setdefault(invoice, moment)
        if row["Quantity"] > 0:
            positive.add(invoice)
    found = set()
    for customer, invoices in bought.items():
        times = [moment for invoice, moment in invoices.items() if invoice in positive]
        lately = [t for t in times if AS_OF - timedelta(days=90) < t <= AS_OF]
        if len(lately) >= 2 and not any(t > AS_OF - timedelta(days=30) for t in times):
            found.add(customer)
    return found


def killed_import(shop: Shop, file: Path) -> None:
    """Start the import and kill it once some of it is in the log."""
    importing = subprocess.Popen(
        shop.command("import", "orders", str(file), "--yes"),
        env=shop.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    log = shop.folder / "log.db-wal"
    size = log.stat().st_size if log.exists() else 0
    shop.until(lambda: log.exists() and log.stat().st_size > size + 300_000)
    assert importing.poll() is None, "the import was over before it could be killed"
    importing.kill()
    importing.wait()


def test_from_an_order_file_to_mails_and_their_effect(
    folder: Path, shared_data: Path, free_port: Callable[[], int]
) -> None:
    file = shared_data / FILE
    with opened(folder, free_port()) as shop:
        shop.run("init", str(folder))
        for old in (folder / "program").rglob("*.yaml"):
            old.unlink()
        for name, text in PROGRAM.items():
            path = folder / "program" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        secret = shop.run("keys", "create", "--kind", "secret").split()[0]
        shop.start("engine", "door")
        api = httpx.Client(
            base_url=f"http://127.0.0.1:{shop.port}",
            headers={"authorization": f"Bearer {secret}"},
            timeout=60,
        )
        shop.until(lambda: ready(api))
        assert api.post("/v1/clock", json={"now": AS_OF.isoformat()}).status_code == 200
        shop.run("apply", str(folder))

        killed_import(shop, file)
        report = shop.json("import", "orders", str(file), "--yes")
        assert report["resumed_at"] > 0
        assert (report["rows"], report["accepted"], report["rejected"]) == (541_909, 541_909, 0)
        assert report["total"] == "9747747.934"
        assert (report["orders"], report["customers"], report["duplicates"]) == (
            25_900,
            4_372,
            5_268,
        )
        again = shop.json("import", "orders", str(file), "--yes")
        assert again["total"] == report["total"]

        shop.run("recommend", "train")
        totals = shop.json("sql", TOTALS)["rows"][0]
        assert [str(value) for value in totals.values()] == ["9747747.934000", "25900", "4372"]
        expected = lapsing_in_the_file(file)
        assert len(expected) > 100
        assert members(api) == expected

        (folder / "program" / "journeys").mkdir(exist_ok=True)
        (folder / "program" / "journeys" / "win-back.yaml").write_text(JOURNEY, encoding="utf-8")
        shop.run("apply", str(folder))
        shop.start("sender")
        shop.until(lambda: len(mails(api)) > 20)
        shop.kill("sender")
        shop.kill("engine")
        shop.start("engine", "sender")
        lift = settled(shop, api)

        treated, held_out = lift["treated"]["people"], lift["held_out"]["people"]
        assert treated + held_out == len(expected)
        assert 0.05 < held_out / len(expected) < 0.16
        sent = mails(api)
        counted = Counter(mail["to"] for mail in sent)
        assert max(counted.values()) == 1
        assert {address.split("@")[0] for address in counted} <= expected
        uncertain = outcomes(api)["failed"]
        assert len(counted) <= treated <= len(counted) + uncertain
        assert uncertain <= 100  # one batch under way when the sender was killed
        for mail in sent[:5]:
            body = api.get(f"/v1/mail/{mail['id']}").json()
            assert "chosen for you" in body["subject"]
            assert body["text"].count("\n") > 3
            assert "List-Unsubscribe" in {name for name, _ in body["headers"]}
        assert (lift["treated"]["orders"], lift["held_out"]["orders"]) == (0, 0)
        assert shop.run("report", "lift")


TOTALS = """
select sum(case name when 'Order Refunded' then -1 else 1 end
           * cast(properties ->> '$.total' as decimal(18, 6))),
       count(distinct properties ->> '$.order_id'),
       (select count(*) from people)
from events
where name in ('Order Completed', 'Order Refunded', 'Account Adjusted', 'Stock Adjusted')
"""


def ready(api: httpx.Client) -> bool:
    try:
        return api.get("/readyz").status_code == 200
    except httpx.HTTPError:
        return False


def pages(api: httpx.Client, path: str) -> Iterator[dict[str, Any]]:
    cursor: str | None = ""
    while cursor is not None:
        answer = api.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        yield from page["data"]
        cursor = page["next"]


def members(api: httpx.Client) -> set[str]:
    return {person["key"].split(":", 1)[1] for person in pages(api, "/v1/segments/lapsing/members")}


def mails(api: httpx.Client) -> list[dict[str, Any]]:
    return list(pages(api, "/v1/mail"))


def outcomes(api: httpx.Client) -> dict[str, int]:
    rows = api.get("/v1/reports/messages").json()["data"]
    return {"failed": sum(row.get("failed", 0) for row in rows)}


def settled(shop: Shop, api: httpx.Client) -> dict[str, Any]:
    """The lift report once nothing waits in the outbox."""
    shop.until(lambda: api.get("/v1/reports/overview").json()["mails"]["waiting"] == 0)
    lift: dict[str, Any] = api.get("/v1/reports/lift").json()
    return lift
