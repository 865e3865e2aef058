"""Questions: the views, the limits, the sentences of errors, and that a question only reads."""

from pathlib import Path

import pytest

from duyen.model.errors import InvalidInput, Unavailable
from duyen.model.person import Person, Trait
from duyen.model.rule import All, Did, Not, TraitIs
from duyen.model.rule import Test as Comparison
from duyen.model.times import DAY
from duyen.stores.lake import Lake
from duyen.stores.lake_rows import EventRow, people_batch, redirect_batch
from duyen.stores.query import VIEWS, Query
from tests.lake.rows import NOON, event, row

PRODUCTS = [
    {"product_id": "A", "name": "Đèn", "price": "2.55", "quantity": 6},
    {"sku": "B", "price": 1.5},
    {"product_id": "POST", "price": "n/a", "quantity": "2"},
]


@pytest.fixture
def shop(lake: Lake, query: Query) -> Query:
    """Two orders, a refund, an order without lines, one nobody's."""
    orders = [
        (
            "p1",
            event("o1", "Order Completed", NOON, order_id="1", currency="GBP", products=PRODUCTS),
        ),
        ("p2", event("o2", "Order Completed", NOON + DAY, products=[{"product_id": "A"}])),
        ("p1", event("o3", "Order Refunded", NOON + DAY, order_id="1", products=PRODUCTS[:1])),
        ("p1", event("o4", "Order Completed", NOON + DAY, products="none")),
        ("", event("o5", "Order Completed", NOON + DAY, order_id="5", products=PRODUCTS[:2])),
    ]
    lake.append_events(
        [EventRow(person, one, 1, n) for n, (person, one) in enumerate(orders)], "x", 1
    )
    return query


def test_every_view_answers_when_the_lake_is_empty(query: Query) -> None:
    for view in VIEWS:
        assert query.sql(f"SELECT * FROM {view}").rows == []


def test_a_new_commit_is_seen_at_once(lake: Lake, query: Query) -> None:
    for seq in range(3):
        lake.append_events([row(seq)], "live", seq)
        assert query.sql("SELECT count(*) FROM events").rows == [(seq + 1,)]


def test_a_person_is_the_one_who_lives_on(lake: Lake, query: Query) -> None:
    lake.append_events([row(1, person="a"), row(2, person="b"), row(3, person="c")], "live", 3)
    lake.write_snapshot("owners", redirect_batch({"a": "b", "b": "c"}))
    rows = query.sql("SELECT person, person_then FROM events ORDER BY seq").rows
    assert rows == [("c", "a"), ("c", "b"), ("c", "c")]


def test_order_lines_are_exact(shop: Query) -> None:
    columns = "person, event, order_id, line, item, item_name, quantity, price, amount, currency, refunded"
    rows = shop.sql(f"SELECT {columns} FROM order_lines ORDER BY event, line").rows
    lamp = ("A", "Đèn", "6.000000", "2.550000", "15.300000")
    assert rows[:5] == [
        ("p1", "o1", "1", 1, *lamp, "GBP", False),
        ("p1", "o1", "1", 2, "B", None, "1.000000", "1.500000", "1.500000", "GBP", False),
        ("p1", "o1", "1", 3, "POST", None, "2.000000", None, None, "GBP", False),
        ("p2", "o2", None, 1, "A", None, "1.000000", None, None, None, False),
        ("p1", "o3", "1", 1, *lamp, None, True),
    ]
    assert len(rows) == 7


def test_recommenders_learn_from_what_was_sold(shop: Query) -> None:
    found = shop.purchases().sort_by([("basket", "ascending"), ("item", "ascending")]).to_pylist()
    assert [(r["person"], r["basket"], r["item"], r["quantity"]) for r in found] == [
        ("p1", "1", "A", 6.0),
        ("p1", "1", "B", 1.0),
        ("p1", "1", "POST", 2.0),
        (None, "5", "A", 6.0),
        (None, "5", "B", 1.0),
        ("p2", "o2", "A", 1.0),
    ]
    assert shop.purchases(since=NOON + 2 * DAY).num_rows == 0


def test_members_of_a_rule(lake: Lake, query: Query) -> None:
    lake.append_events([row(1, person="a"), row(2, person="loser"), row(3, person="c")], "live", 3)
    lake.write_snapshot("owners", redirect_batch({"loser": "b"}))
    people = [Person(id=id, traits={"city": Trait(id, NOON, "m")}) for id in ("a", "b", "c", "d")]
    lake.write_snapshot("people", people_batch(people))
    viewed = Did("Page Viewed", within=DAY)
    assert query.members(viewed, NOON) == ["a", "b", "c"]
    assert query.members(viewed, NOON + 2 * DAY) == []
    assert query.members(All((viewed, Not(TraitIs("city", Comparison("is", "a"))))), NOON) == [
        "b",
        "c",
    ]
    assert query.members(Not(viewed), NOON) == ["d"]


def test_the_limit_says_that_there_is_more(lake: Lake, query: Query) -> None:
    lake.append_events([row(1, n) for n in range(5)], "live", 1)
    question = "SELECT idx FROM events ORDER BY idx DESC"
    assert query.sql(question, limit=2)[2:] == ([(4,), (3,)], True)
    assert query.sql(question, limit=5).more is False
    assert query.sql("SELECT * FROM range(1000000000)", limit=1).rows == [(0,)]


def test_values_are_plain(query: Query) -> None:
    answer = query.sql(
        "SELECT TIMESTAMP '2026-11-22 01:02:03.5' AS t, DATE '2026-11-22' AS d, 1.50::DECIMAL(9,2) AS m,"
        " [1, 2] AS l, {'a': DATE '2026-01-01'} AS s, 'ab'::BLOB AS b, NULL AS n"
    )
    assert answer.rows == [
        (
            "2026-11-22T01:02:03.500000Z",
            "2026-11-22",
            "1.50",
            [1, 2],
            {"a": "2026-01-01"},
            "6162",
            None,
        )
    ]
    assert answer.columns == ["t", "d", "m", "l", "s", "b", "n"]


ERRORS = [
    ("", "sql.one_statement", "one question"),
    ("SELECT 1; SELECT 2", "sql.one_statement", "one question"),
    ("SELEC 1", "sql.syntax", "SELEC"),
    ("SELECT nme FROM events", "sql.invalid", '"name"'),
    ("SELECT * FROM orders", "sql.unknown_table", "order_lines"),
    ("SELECT sume(time) FROM events", "sql.invalid", "sume"),
    ("SELECT 1 WHERE 'a' ~ '('", "sql.invalid", "missing )"),
    ("x" * 100_001, "sql.too_long", "100000"),
]


@pytest.mark.parametrize(("text", "code", "says"), ERRORS, ids=[code for _, code, _ in ERRORS])
def test_an_error_says_what_to_change(query: Query, text: str, code: str, says: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        query.sql(text)
    assert (caught.value.code, says in caught.value.message) == (code, True), caught.value.message
    assert "!" not in caught.value.message
    assert "LINE 1" not in caught.value.message


def test_a_syntax_error_says_where(query: Query) -> None:
    with pytest.raises(InvalidInput) as caught:
        query.sql("SELECT 1 FRM events")
    assert caught.value.at == "character 14"


def test_a_question_that_takes_too_long_is_stopped(query: Query) -> None:
    with pytest.raises(Unavailable) as caught:
        query.sql("SELECT count(*) FROM range(100000000000) t(a) WHERE a % 7 = 3", seconds=0.05)
    assert caught.value.code == "sql.too_slow"
    assert query.sql("SELECT 1").rows == [(1,)]


WRITES = [
    "DROP VIEW events",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t AS SELECT 1",
    "INSERT INTO items VALUES (1)",
    "UPDATE items SET name = 'x'",
    "DELETE FROM events",
    "ATTACH '{folder}/x.db'",
    "COPY (SELECT 1) TO '{folder}/x.csv'",
    "COPY events FROM '{folder}/secret.csv'",
    "WITH x AS (COPY (SELECT 1) TO '{folder}/x.csv') SELECT * FROM x",
    "SELECT * FROM (WITH x AS (COPY (SELECT 1) TO '{folder}/x.csv') SELECT * FROM x)",
    "SELECT (WITH x AS (COPY (SELECT 1) TO '{folder}/x.csv') SELECT count(*) FROM x)",
    "WITH x AS (DELETE FROM items RETURNING *) SELECT * FROM x",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/x.csv'",
    "EXPORT DATABASE '{folder}/x'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "RESET allowed_directories",
    "PRAGMA enable_profiling",
    "CALL pragma_version()",
    "PREPARE q AS SELECT 1",
    "BEGIN",
    "CHECKPOINT",
]
READS = [
    "SELECT * FROM '{folder}/secret.csv'",
    'SELECT * FROM "{folder}/secret.csv"',
    "SELECT * FROM read_csv('{folder}/secret.csv')",
    "SELECT * FROM read_text('{folder}/secret.csv')",
    "FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "SELECT * FROM sniff_csv('{folder}/secret.csv')",
    "SELECT * FROM parquet_metadata('{folder}/x.parquet')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('events')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM sqlite_master",
    "WITH sqlite_master AS (SELECT 1) SELECT * FROM main.sqlite_master",
    "SELECT (WITH pg_views AS (SELECT 1) SELECT 1), * FROM pg_views",
    "SELECT (WITH DuckDB_Views AS (SELECT 1) SELECT 1), * FROM duckdb_views",
    'SELECT (WITH "{folder}/x.parquet" AS (SELECT 1) SELECT 1), * FROM "{folder}/x.parquet"',
    "SELECT (WITH \"x.csv\" AS (SELECT 1) SELECT 1), * FROM 'x.csv'",
    "SELECT view_definition FROM information_schema.views",
    "SELECT * FROM system.information_schema.tables",
    "SELECT current_setting('temp_directory')",
    "SELECT Write_Log('x')",
    "WITH t AS (SELECT 1) SELECT * FROM t, read_csv('{folder}/secret.csv')",
    "SELECT (SELECT count(*) FROM read_csv('{folder}/secret.csv'))",
    "SELECT 1 UNION ALL SELECT column0 FROM read_csv('{folder}/secret.csv')",
]


@pytest.mark.parametrize("text", WRITES + READS)
def test_a_question_only_reads_the_views(query: Query, tmp_path: Path, text: str) -> None:
    (tmp_path / "secret.csv").write_text("s3cret\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InvalidInput):
        query.sql(text.format(folder=tmp_path))
    with pytest.raises(InvalidInput):
        query.sql(text.format(folder=query.folder))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "text",
    [
        "COPY (SELECT 1) TO '{folder}/x.csv'",
        "SELECT * FROM read_csv('{folder}/secret.csv')",
        "ATTACH '{folder}/x.db'",
    ],
)
def test_behind_the_inspection_stands_a_wall(query: Query, tmp_path: Path, text: str) -> None:
    """Even without our reading of the text the engine reaches nothing outside the lake."""
    (tmp_path / "secret.csv").write_text("s3cret\n")
    with pytest.raises(Exception, match=r"Cannot access|disabled"):
        query._con.cursor().execute(text.format(folder=tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "DESCRIBE events",
        "SHOW TABLES",
        "SUMMARIZE order_lines",
        "-- words\nSELECT 1 /* more */;",
        "WITH a AS (SELECT 1 AS n), b AS (SELECT * FROM a) SELECT * FROM b, range(3)",
        "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT * FROM t",
        "SELECT key FROM events, json_each(properties)",
        "SELECT * FROM main.events e JOIN people USING (person)",
        "SELECT unnest([1, 2]) INTERSECT VALUES (1)",
        "SELECT table_name FROM information_schema.tables",
    ],
)
def test_what_analysts_write_is_answered(query: Query, text: str) -> None:
    assert query.sql(text).columns
