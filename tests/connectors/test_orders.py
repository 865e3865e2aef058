"""Orders: each row is counted once, totals are exact, ids are permanent, a restart goes on the same."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.connectors.guess import guess_mapping
from duyen.connectors.mapping import Mapping, from_yaml
from duyen.connectors.orders import Orders
from duyen.connectors.report import Distinct, RejectsFile, Report
from duyen.connectors.shipped import shipped
from duyen.connectors.tables import Table, open_table
from duyen.model.errors import InvalidInput
from duyen.model.event import Collected, Rejected
from duyen.model.log import decode_entries, encode_entry
from duyen.model.times import parse_time

Result = tuple[list[Collected | Rejected], Report]
NOW = parse_time("2026-11-22T00:00:00Z")
MAPPING = from_yaml("""
kind: orders
source: shop
columns: {order_id: order, product_id: sku, name: what, quantity: qty, price: price, time: at, customer_id: who}
timezone: Asia/Ho_Chi_Minh
currency: VND
order_prefixes: {C: refund, A: adjustment}
product_case: upper
codes: {BAD: adjustment}
""")
COLUMNS = ["order", "sku", "what", "qty", "price", "at", "who"]


def _table(tmp_path: Path, rows: list[list[str]]) -> Table:
    path = tmp_path / "orders.csv"
    lines = [COLUMNS, *rows]
    path.write_text("".join(",".join(row) + "\n" for row in lines), encoding="utf-8")
    return open_table(path)


def _convert(
    tmp_path: Path, rows: list[list[str]], mapping: Mapping = MAPPING, **more: Any
) -> Result:
    conversion = Orders(_table(tmp_path, rows), mapping, now=NOW, **more)
    results = list(conversion)
    return [one.entry for one in results], conversion.report


def _told(entry: Collected | Rejected) -> dict[str, Any]:
    assert isinstance(entry, Collected)
    told: dict[str, Any] = json.loads(bytes(entry.properties))
    return told


def _row(
    order: str,
    sku: str,
    qty: str = "1",
    price: str = "10",
    who: str = "k1",
    at: str = "2026-05-01 09:00",
) -> list[str]:
    return [order, sku, f"name {sku}", qty, price, at, who]


def test_an_order_is_one_event(tmp_path: Path) -> None:
    """Lines of one order come together, with exact totals, the customer told before."""
    rows = [_row("1", "a", "3", "0.1"), _row("1", "b", "1", "0.2"), _row("2", "a", who="k2")]
    entries, report = _convert(tmp_path, rows)
    first, second = (entry.id for entry in entries[1::2])
    assert [entry.id for entry in entries[::2]] == [f"{first}:identify", f"{second}:identify"]
    assert first.startswith("shop:orders:")
    assert first != second
    order = entries[1]
    assert isinstance(order, Collected)
    assert (order.name, order.user_id, order.imported, order.trusted) == (
        "Order Completed",
        "k1",
        True,
        True,
    )
    assert order.time == parse_time("2026-05-01T09:00:00+07:00")
    assert _told(order) == {
        "order_id": "1",
        "total": "0.50",
        "currency": "VND",
        "products": [
            {"product_id": "A", "name": "name a", "price": "0.10", "quantity": 3},
            {"product_id": "B", "name": "name b", "price": "0.20", "quantity": 1},
        ],
        "rows": [[0, 1]],
    }
    assert report.total == "10.50"
    assert (report.orders, report.customers, report.items, report.codes) == (2, 2, 2, 2)


def test_entries_survive_the_log(tmp_path: Path) -> None:
    """What a conversion gives can be written to the log and read back."""
    rows = [_row("1", "a"), _row("1", "b", "x"), _row("2", "c", who="")]
    entries, _ = _convert(tmp_path, rows)
    blob = b"[" + b",".join(encode_entry(entry) for entry in entries) + b"]"
    back = [e for e in decode_entries(blob) if isinstance(e, Collected | Rejected)]
    assert [entry.id for entry in back] == [entry.id for entry in entries]
    assert [
        _told(entry) for entry in back if isinstance(entry, Collected) and entry.type == "track"
    ]


def test_lines_of_an_order_may_stand_apart(tmp_path: Path) -> None:
    """Other rows between an order's lines do not tear it, up to the stated gap."""
    rows = [_row("1", "a"), _row("2", "b"), _row("1", "c")]
    entries, report = _convert(tmp_path, rows)
    told = [_told(e) for e in entries if isinstance(e, Collected) and e.type == "track"]
    assert [(t["order_id"], t["rows"]) for t in told] == [("2", [[1, 1]]), ("1", [[0, 0], [2, 2]])]
    assert report.split_orders == 0
    rows = [_row("1", "a"), *[_row(f"x{n}", "b") for n in range(5)], _row("1", "c")]
    entries, report = _convert(tmp_path, rows, gap=3)
    parts = [_told(e) for e in entries if isinstance(e, Collected) and e.type == "track"]
    assert [t.get("continues") for t in parts if t["order_id"] == "1"] == [None, True]
    assert (report.orders, report.split_orders) == (6, 1)


def test_cancellations_and_corrections(tmp_path: Path) -> None:
    """Refunds are positive amounts that went back; corrections and stock-taking are not sales."""
    rows = [
        _row("C1", "a", "-2", "10"),
        _row("A2", "bad", "1", "-7.5", who=""),
        _row("3", "a", "-5", "0", who=""),
        _row("4", "a", "-1", "4"),
        _row("5", "a", "1", "0"),
    ]
    entries, report = _convert(tmp_path, rows)
    orders = [e for e in entries if isinstance(e, Collected) and e.type == "track"]
    assert [order.name for order in orders] == [
        "Order Refunded", "Account Adjusted", "Stock Adjusted", "Order Refunded", "Order Completed",
    ]  # fmt: skip
    assert _told(orders[0])["total"] == "20.00"
    assert _told(orders[0])["products"][0]["quantity"] == 2
    assert _told(orders[1])["products"][0]["kind"] == "adjustment"
    assert [_told(order).get("items_only") for order in orders] == [None, True, True, None, None]
    assert report.total == "-31.50"


def test_rows_without_a_customer_are_nobodys(tmp_path: Path) -> None:
    """They carry no identifier and are marked; nobody is introduced."""
    entries, report = _convert(tmp_path, [_row("1", "a", who=""), _row("1", "b", who="")])
    (order,) = entries
    assert isinstance(order, Collected)
    assert (order.user_id, order.anonymous_id, _told(order)["items_only"]) == ("", "", True)
    assert (report.items_only_rows, report.customers) == (2, 0)


@pytest.mark.parametrize(
    ("choice", "total", "accepted"), [("keep", "20.00", 2), ("drop", "10.00", 1)]
)
def test_exact_copies_are_a_choice(tmp_path: Path, choice: str, total: str, accepted: int) -> None:
    """Copies are found and counted either way."""
    mapping = from_yaml(f"kind: orders\nsource: s\nduplicates: {choice}\ncolumns: {{order_id: order, "
                        "product_id: sku, quantity: qty, price: price, time: at}")  # fmt: skip
    rows = [_row("1", "a"), _row("1", "a")]
    _, report = _convert(tmp_path, rows, mapping)
    assert (report.rows, report.accepted, report.duplicates, report.total) == (
        2,
        accepted,
        1,
        total,
    )
    assert report.dropped == 2 - accepted


def test_every_fault_of_a_row_is_told(tmp_path: Path) -> None:
    """A rejected row names all that is wrong; the rest of its order is taken."""
    rows = [
        _row("1", "a"),
        _row("1", "b", "two", "cheap"),
        ["", "", "", "1", "1", "31/31/2026", "k"],
        _row("2", "c", at="2027-01-01"),
        ["3", "d"],
    ]
    entries, report = _convert(tmp_path, rows)
    bad = [entry for entry in entries if isinstance(entry, Rejected)]
    assert [one.reasons for one in bad] == [
        ("the quantity “two” cannot be read", "the price “cheap” cannot be read"),
        ("the time “31/31/2026” cannot be read", "the order_id is empty", "the product_id is empty"),
        ("the time lies in the future; look at the time zone and the date order",),
        ("it has 2 cells where the header has 7; look for a stray separator or quote",),
    ]  # fmt: skip
    assert len({one.id for one in bad}) == 4
    assert all(one.id.startswith("shop:orders:rejected:") for one in bad)
    assert json.loads(bad[0].payload)["qty"] == "two"
    assert (report.rows, report.accepted, report.rejected) == (5, 1, 4)
    assert report.reasons["the price cannot be read"] == 1


def test_rejected_rows_go_to_a_file(tmp_path: Path) -> None:
    """Row, line, reasons, content; a formula in a cell stays text; no rejects, no file."""
    conversion = Orders(
        _table(tmp_path, [_row("1", "a"), _row("=1+1", "b", "x")]), MAPPING, now=NOW
    )
    with RejectsFile(tmp_path / "out" / "rejected.csv") as file:
        for one in conversion:
            if one.rejected:
                file.add(one.rejected)
    lines = file.path.read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "row,line,reasons,content"
    assert lines[1].startswith("2,3,the quantity “x” cannot be read,")
    with RejectsFile(tmp_path / "none.csv"):
        pass
    assert not (tmp_path / "none.csv").exists()


def test_a_file_of_which_nothing_fits_is_refused_early(tmp_path: Path) -> None:
    """A wrong mapping does not flood the log: one sentence, with the most frequent reason."""
    with pytest.raises(InvalidInput, match=r"first 1000 rows.*price cannot be read") as caught:
        _convert(tmp_path, [_row(str(n), "a", price="?") for n in range(1_200)])
    assert caught.value.code == "import.nothing_fits"
    rows = [_row("0", "a"), *[_row(str(n), "a", price="?") for n in range(1_200)]]
    assert _convert(tmp_path, rows)[1].rejected == 1_200


def test_what_exports_leave_out_is_filled_in(tmp_path: Path) -> None:
    """Later lines of an order without time or customer belong to it; a name stands in for a code."""
    rows = [_row("1", "a"), ["1", "", "Nameless", "1", "5", "", ""]]
    entries, report = _convert(tmp_path, rows)
    assert [p["product_id"] for p in _told(entries[1])["products"]] == ["A", "Nameless"]
    assert (report.rejected, report.items) == (0, 2)


def test_one_order_number_of_two_customers_is_two_events(tmp_path: Path) -> None:
    """Nobody gets somebody else's lines."""
    entries, _ = _convert(tmp_path, [_row("1", "a", who="k1"), _row("1", "b", who="k2")])
    owners = [e.user_id for e in entries if isinstance(e, Collected) and e.type == "track"]
    assert owners == ["k1", "k2"]


def test_without_an_order_column_customer_and_time_make_the_order(tmp_path: Path) -> None:
    """A ledger of amounts: its rows of one customer at one time are one order."""
    mapping = from_yaml(
        "kind: orders\nsource: s\ncolumns: {amount: price, time: at, customer_id: who}"
    )
    rows = [_row("", "a"), _row("", "b"), _row("", "c", who="k2")]
    entries, report = _convert(tmp_path, rows, mapping)
    told = [_told(e) for e in entries if isinstance(e, Collected) and e.type == "track"]
    assert [t["total"] for t in told] == ["20.00", "10.00"]
    assert len({t["order_id"] for t in told}) == 2
    assert report.total == "30.00"


def test_derived_addresses_come_with_their_consent(tmp_path: Path) -> None:
    """Once per customer, with ids that stay the same."""
    derive = {
        "email": "{customer_id}@example.test",
        "consent": {"purpose": "marketing", "channel": "email"},
    }
    text = json.dumps({"kind": "orders", "source": "s", "derive": derive,
                       "columns": {"price": "price", "time": "at", "customer_id": "who"}})  # fmt: skip
    entries, report = _convert(tmp_path, [_row("1", "a"), _row("2", "a")], from_yaml(text))
    identify, consent = entries[0], entries[1]
    assert isinstance(identify, Collected)
    assert json.loads(bytes(identify.traits)) == {"email": "k1@example.test"}
    assert _told(consent) == {
        "purpose": "marketing", "channel": "email", "brand": "default", "state": "granted",
        "proof": "import s, row 1",
    }  # fmt: skip
    order = entries[2].id
    assert [entry.id for entry in entries[:2]] == [f"{order}:identify", f"{order}:consent"]
    assert report.events["Consent Updated"] == 1


def test_customers_known_by_address_only(tmp_path: Path) -> None:
    """Their orders carry the address, so that they find their person."""
    mapping = from_yaml("kind: orders\nsource: s\ncolumns: {price: price, time: at, email: who}")
    entries, report = _convert(tmp_path, [_row("1", "a", who="An@Example.vn")], mapping)
    assert isinstance(entries[1], Collected)
    assert json.loads(bytes(entries[1].context)) == {"traits": {"email": "an@example.vn"}}
    assert report.customers == 1


_cells = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["1", "2", "3", "C4", "A5", ""]),
        "sku": st.sampled_from(["a", "A", "b", "POST", ""]),
        "qty": st.sampled_from(["1", "-1", "2", "0.5", "x", "0"]),
        "price": st.sampled_from(["0.1", "2.55", "0", "-3", "1000000", "?"]),
        "at": st.sampled_from(["2026-05-01 09:00", "2026-05-02", "never"]),
        "who": st.sampled_from(["k1", "k2", ""]),
    }
)


def _rows_of(drawn: list[dict[str, str]]) -> list[list[str]]:
    return [
        [d["order"], d["sku"], "n" + d["sku"], d["qty"], d["price"], d["at"], d["who"]]
        for d in drawn
    ]


@settings(max_examples=150)
@given(
    st.lists(_cells, max_size=25),
    st.integers(0, 6),
    st.integers(1, 9),
    st.sampled_from(["keep", "drop"]),
)
def test_each_row_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[dict[str, str]],
    gap: int,
    size: int,
    choice: str,
) -> None:
    """Every position is in exactly one event, rejected, or a dropped copy; the amounts add up exactly."""
    folder = tmp_path_factory.mktemp("orders")
    mapping = from_yaml(to_text(choice))
    rows = _rows_of(drawn)
    conversion = Orders(_table(folder, rows), mapping, now=NOW, gap=gap, batch_rows=size)
    results = list(conversion)
    entries, report = [one.entry for one in results], conversion.report
    events = [e for e in entries if isinstance(e, Collected) and e.type == "track"]
    held = [n for e in events for a, b in _told(e)["rows"] for n in range(a, b + 1)]
    bad = [one.rejected.position for one in results if one.rejected is not None]
    positions = Counter(held + bad)
    assert not positions or max(positions.values()) == 1
    assert len(positions) + report.dropped == report.rows == len(rows)
    signs = {"Order Refunded": -1}
    told = sum((signs.get(e.name, 1) * Decimal(_told(e)["total"]) for e in events), Decimal(0))
    lines = sum((Decimal(rows[n][3]) * Decimal(rows[n][4]) for n in held), Decimal(0))
    assert told == lines == Decimal(report.total)
    for event in events:
        products = sum(
            Decimal(p["price"]) * Decimal(p["quantity"]) for p in _told(event)["products"]
        )
        assert products == Decimal(_told(event)["total"])
    assert len({e.id for e in entries}) == len(entries)


def to_text(choice: str) -> str:
    """The mapping of these tests with a choice about copies."""
    return f"""
kind: orders
source: shop
columns: {{order_id: order, product_id: sku, name: what, quantity: qty, price: price, time: at, customer_id: who}}
order_prefixes: {{C: refund, A: adjustment}}
product_case: upper
duplicates: {choice}
"""


@settings(max_examples=60)
@given(st.lists(_cells, min_size=1, max_size=20), st.integers(0, 6), st.integers(0, 40))
def test_a_restart_goes_on_with_the_same(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[dict[str, str]], gap: int, start: int
) -> None:
    """From any checkpoint, and with any batch size, come the same results, and the same report."""
    folder = tmp_path_factory.mktemp("orders")
    rows = _rows_of(drawn)
    whole, report = _convert(folder, rows, gap=gap)
    rest, again = _convert(folder, rows, gap=gap, start=start, batch_rows=3)
    assert [encode_entry(entry) for entry in rest] == [encode_entry(entry) for entry in whole][
        start:
    ]
    assert again.as_data() == report.as_data()


@settings(max_examples=60)
@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 12))
def test_exports_that_overlap_tell_an_order_once(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], first: int, second: int
) -> None:
    """Whatever part of the orders an export holds, and however it is sorted: the same order, the same id."""
    folder = tmp_path_factory.mktemp("orders")
    orders = [
        [_row(f"{n % 9}", sku, who=f"k{n}", at=f"2026-05-{n + 1:02} 09:00") for sku in "ab"]
        for n in range(12)
    ]
    whole, _ = _convert(folder, [row for one in orders for row in one])

    def told(numbers: list[int]) -> set[str]:
        found, _ = _convert(folder, [row for n in numbers for row in orders[n]])
        return {one.id for one in found if isinstance(one, Collected) and one.type == "track"}

    everything = {one.id for one in whole if isinstance(one, Collected) and one.type == "track"}
    assert len(everything) == 12
    parts = [sorted(order[:first]), order[min(first, second) :]]
    assert told(parts[0]) | told(parts[1]) == everything


def test_distinct_counts_beyond_its_buffer() -> None:
    """The counter of distinct values is right when its buffer has been emptied many times."""
    distinct = Distinct()
    assert sum(distinct.add(str(n % 120_000)) for n in range(200_000)) == 120_000
    assert len(distinct) == 120_000


# The whole file of real orders


@pytest.fixture(scope="module")
def retail(shared_data: Path) -> Result:
    """Everything the conversion of UCI Online Retail gives."""
    table = open_table(shared_data / "online_retail" / "online_retail_2010_2011.parquet")
    conversion = Orders(table, shipped("online-retail"), now=NOW)
    return [one.entry for one in conversion], conversion.report


def test_the_file_is_recognised(shared_data: Path) -> None:
    """Its mapping is guessed from names and values alone, and ours is offered."""
    table = open_table(shared_data / "online_retail" / "online_retail_2010_2011.parquet")
    guessed = guess_mapping(table.columns, table.sample(), source=table.path.stem)
    assert guessed.mapping.columns == shipped("online-retail").columns
    assert guessed.mapping.order_prefixes == {"C": "refund"}
    assert min(guess.confidence for guess in guessed.guesses if guess.column) > 0.9
    assert (guessed.shipped, guessed.questions) == ("online-retail", ())


def test_real_totals_agree(retail: Result) -> None:
    """Rows, invoices, customers, codes, copies and the sum of all lines are those of the data's README."""
    _, report = retail
    assert (report.rows, report.accepted, report.rejected) == (541_909, 541_909, 0)
    assert (report.orders, report.customers, report.codes, report.items) == (
        25_900,
        4_372,
        4_070,
        3_958,
    )
    assert (report.duplicates, report.items_only_rows, report.split_orders) == (5_268, 135_080, 0)
    assert report.total == "9747747.934"
    assert f"{Decimal(report.total):.2f}" == "9747747.93"
    assert report.events["Identified"] == report.events["Consent Updated"] == 4_372


def test_real_cleaning_agrees(retail: Result) -> None:
    """From the events alone: 397,884 lines, 4,338 customers, 18,532 invoices, revenue 8,911,407.90."""
    entries, _ = retail
    lines, revenue = 0, Decimal(0)
    customers: set[str] = set()
    invoices: set[str] = set()
    for entry in entries:
        if isinstance(entry, Collected) and entry.name == "Order Completed" and entry.user_id:
            told = _told(entry)
            for product in told["products"]:
                if product["quantity"] > 0 and Decimal(product["price"]) > 0:
                    lines += 1
                    customers.add(entry.user_id)
                    invoices.add(told["order_id"])
                    revenue += Decimal(product["price"]) * product["quantity"]
    assert (lines, len(customers), len(invoices)) == (397_884, 4_338, 18_532)
    assert f"{revenue:.2f}" == "8911407.90"


def test_real_events_add_up(retail: Result) -> None:
    """Completed less refunded plus corrections is the total; each row is in one event."""
    entries, report = retail
    signs = {"Order Completed": 1, "Order Refunded": -1, "Account Adjusted": 1, "Stock Adjusted": 1}
    total, rows = Decimal(0), 0
    for entry in entries:
        if isinstance(entry, Collected) and entry.name in signs:
            told = _told(entry)
            total += signs[entry.name] * Decimal(told["total"])
            rows += sum(last - first + 1 for first, last in told["rows"])
    assert (str(total), rows) == (report.total, 541_909)
    assert len({entry.id for entry in entries}) == len(entries)
