"""What docs/lake.md shows is run; the columns it lists are the views' columns."""

import re

import pytest

from duyen.model.catalogue import Item
from duyen.model.consent import Statement
from duyen.model.person import Person, Trait
from duyen.model.times import DAY
from duyen.stores.lake import Lake
from duyen.stores.lake_rows import EventRow, item_batch, people_batch
from duyen.stores.query import VIEWS, Query
from tests.floor_plan import ROOT
from tests.lake.rows import NOON, event

PAGE = (ROOT / "docs" / "lake.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
NOTEBOOK = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def shop(lake: Lake, query: Query) -> Query:
    """Two customers of two cities, who buy, come back, and send something back."""
    lamp = {"product_id": "A", "name": "Lamp", "price": "2.50", "quantity": 2}
    vase = {"product_id": "B", "name": "Vase", "price": "9.00", "quantity": 1}
    told = [
        ("p1", "Order Completed", 0, {"order_id": "1", "products": [lamp, vase]}),
        ("p1", "Order Completed", 40, {"order_id": "2", "products": [lamp, vase]}),
        ("p1", "Order Refunded", 41, {"order_id": "2", "products": [lamp]}),
        ("p2", "Order Completed", 1, {"order_id": "3", "products": [vase]}),
        ("p2", "Page Viewed", 2, {}),
    ]
    rows = [
        EventRow(person, event(f"m{n}", name, NOON + day * DAY, **properties), n, 0)
        for n, (person, name, day, properties) in enumerate(told)
    ]
    lake.append_events(rows, "live", 9)
    said = {"default/marketing/email": Statement("granted", NOON, "m")}
    people = [
        Person(id="p1", traits={"city": Trait("Hà Nội", NOON, "m")}, consent=said),
        Person(id="p2", traits={"city": Trait("HÀ NỘI", NOON, "m")}),
    ]
    lake.write_snapshot("people", people_batch(people))
    lake.write_snapshot("items", item_batch([Item(id="A", name="Red lamp")]))
    return query


EXPECTED: list[list[tuple[object, ...]]] = [
    [
        ("Order Completed", 3, 2, "2023-12-24T22:13:20Z"),
        ("Order Refunded", 1, 1, "2023-12-25T22:13:20Z"),
        ("Page Viewed", 1, 1, "2023-11-16T22:13:20Z"),
    ],
    [
        ("p1", 2, "23.000000", "2023-12-24T22:13:20Z"),
        ("p2", 1, "9.000000", "2023-11-15T22:13:20Z"),
    ],
    [("2023-11-01T00:00:00Z", 0, 2), ("2023-11-01T00:00:00Z", 1, 1)],
    [("Red lamp", "B", 2)],
    [("ha noi", 2, 1)],
]


@pytest.mark.parametrize(("number", "expected"), list(enumerate(EXPECTED)))
def test_a_question_of_the_page(shop: Query, number: int, expected: list[object]) -> None:
    assert len(QUESTIONS) == len(EXPECTED)
    assert [_as_text(row) for row in shop.sql(QUESTIONS[number]).rows] == [
        _as_text(row) for row in expected
    ]


def _as_text(row: object) -> list[str]:
    """A row as text; DuckDB may tell the first of a month as a date or an instant."""
    return [str(value).replace("T00:00:00Z", "") for value in row]  # type: ignore[attr-defined]


def test_the_page_lists_the_columns_of_every_view(query: Query) -> None:
    listed = {
        view: re.findall(r"`(\w+)`", columns)
        for view, columns in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|", PAGE, re.MULTILINE)
    }
    assert list(listed) == list(VIEWS)
    for view in VIEWS:
        assert sorted(listed[view]) == sorted(query.sql(f"SELECT * FROM {view}").columns), view


def test_the_notebook_runs(
    shop: Query, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(NOTEBOOK) == 1
    exec(NOTEBOOK[0].replace('Path("data/lake")', f"Path({str(shop.folder)!r})"), {})
    assert "Order Completed" in capsys.readouterr().out


def test_the_page_of_recommenders_runs() -> None:
    page = (ROOT / "docs" / "recommenders.md").read_text(encoding="utf-8")
    samples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(samples) == 2
    for sample in samples:
        exec(sample, {})


def test_the_numbers_of_the_page_are_the_codes() -> None:
    from duyen.stores import lake, query

    assert f"{query.MAX_ROWS:,} rows" in PAGE
    assert f"grown to {lake.MANY_FILES} files" in PAGE
    assert lake.RUN_ROWS == 4_000_000
