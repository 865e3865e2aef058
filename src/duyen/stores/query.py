"""Questions to the lake: DuckDB in memory over the lake's list of files; nothing else is kept.

    q = Query(folder)                     # the lake's folder
    q.sql("select name, count(*) from events group by all")
    q.tables()["events"]                  # the same views as Ibis tables
    q.members(rule, as_of)                # who a rule holds for

Views: those of VIEWS. `person` is always the person who lives
on after merges; `person_then` is who it was taken for at the time. Beside every `time` (milliseconds)
stands `happened`, a TIMESTAMP in UTC (`at` is a word of DuckDB's own grammar). JSON columns are text:
`properties ->> '$.total'`.

An analyst's text is only ever read: one SELECT, in a read-only transaction, of these views, with no file
but the lake's own within reach, and only for a limited time.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import duckdb
import ibis
import msgspec
import pyarrow as pa

from duyen.model.errors import InvalidInput, Unavailable
from duyen.model.meaning import MEANINGS, ORDERS
from duyen.model.rule import Rule
from duyen.model.times import Millis
from duyen.rules import USUAL, Burst
from duyen.rules.query import to_query
from duyen.stores import lake_views
from duyen.stores.lake import Lake
from duyen.stores.lake_views import Files, quoted

VIEWS = (
    "events",
    "facts",
    "order_lines",
    "people",
    "redirects",
    "items",
    "groups",
    "group_members",
)
MAX_ROWS = 100_000
MAX_TEXT = 100_000
_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_FUNCTIONS = {"unnest", "range", "generate_series", "json_each", "json_tree"}
_TOLD = {"tables", "columns"}
"""What of `information_schema` is shown; its other views name files."""
_OWN = re.compile(r"(?!(?:duckdb|pg|pragma|sqlite)_)[^./\\:*?\[\]]+", re.IGNORECASE)
"""What a WITH may call its parts: never like a file or a table of the engine's own, for where the part is not in
scope, that is what the name would mean."""
_CLOSED = {"current_setting", "write_log"}


def _names(names: Collection[str]) -> str:
    """Names as a list of SQL literals."""
    return ", ".join(map(quoted, sorted(names)))


def _weights() -> str:
    """What each name says of interest, as rows of SQL."""
    return ", ".join(
        f"({quoted(m.name)}, {m.weight}::DOUBLE)" for m in MEANINGS.values() if m.weight
    )


_LINES = """from_json(
               CASE WHEN json_type(properties, '$.products') = 'ARRAY' THEN properties -> '$.products' END,
               '[{"product_id": "VARCHAR", "sku": "VARCHAR", "name": "VARCHAR", "quantity": "VARCHAR",
                  "price": "VARCHAR", "currency": "VARCHAR"}]'
           )"""
_ORDER_LINES = f"""
CREATE OR REPLACE VIEW order_lines AS
WITH told AS (
    SELECT person, id AS event, time, happened, name, properties ->> '$.order_id' AS order_id,
           coalesce(nullif(trim(properties ->> '$.order_id'), ''), id) AS key,
           properties ->> '$.currency' AS order_currency,
           name = 'Order Completed' AND coalesce(properties ->> '$.continues', '') = 'true' AS part,
           {_LINES} AS products
    FROM events
    WHERE name IN ({_names(ORDERS)}) AND type = 'track'
), known AS (
    SELECT *, bool_or(name = 'Order Cancelled') OVER same AS cancelled,
           min(time) FILTER (WHERE name = 'Order Completed') OVER same AS ordered,
           row_number() OVER (
               PARTITION BY person, key, part, name = 'Order Refunded', products IS NULL ORDER BY time DESC, event DESC
           ) AS place
    FROM told
    WINDOW same AS (PARTITION BY person, key)
), orders AS (
    SELECT *, name = 'Order Refunded' AS refunded
    FROM known
    WHERE NOT cancelled AND (
        name = 'Order Refunded' OR (ordered IS NOT NULL AND name <> 'Order Cancelled' AND (part OR place = 1))
    )
), lines AS (
    SELECT * EXCLUDE (products), unnest(products) AS product,
           generate_subscripts(products, 1) AS line
    FROM orders
), read AS (
    SELECT person, event, CASE WHEN refunded THEN time ELSE ordered END AS time, refunded, order_id, line,
           coalesce(product.product_id, product.sku) AS item,
           product.name AS item_name,
           CASE WHEN product.quantity IS NULL THEN 1 ELSE TRY_CAST(product.quantity AS DECIMAL(18, 6)) END AS quantity,
           TRY_CAST(product.price AS DECIMAL(18, 6)) AS price,
           coalesce(product.currency, order_currency) AS currency
    FROM lines
)
SELECT person, event, time, make_timestamp(time * 1000) AS happened, * EXCLUDE (person, event, time),
       CAST(quantity * price AS DECIMAL(38, 6)) AS amount
FROM read
"""  # noqa: S608
"""Each order's lines as they were told last, at the time it was completed; a cancelled order has none."""
_GROUP_MEMBERS = """
CREATE OR REPLACE VIEW group_members AS
SELECT person, belongs.key AS group_id, CAST(belongs.value AS BIGINT) AS since,
       make_timestamp(CAST(belongs.value AS BIGINT) * 1000) AS happened
FROM people, json_each(people.groups) AS belongs
"""
"""Who is in which group, as their documents say."""
_INTERESTS = f"""
SELECT nullif(person, '') AS person, id AS basket, item, time, weight
FROM (
    SELECT events.person, events.id, events.time, told.weight,
           unnest(CASE WHEN products IS NULL
                       THEN [coalesce(properties ->> '$.product_id', properties ->> '$.sku')]
                       ELSE [coalesce(each.product_id, each.sku) FOR each IN products] END) AS item
    FROM (SELECT *, {_LINES} AS products FROM events WHERE quality = '' AND type = 'track' AND time >= ?) AS events
    JOIN (VALUES {_weights()}) AS told(name, weight) USING (name)
)
WHERE item IS NOT NULL
"""  # noqa: S608
_PURCHASES = """
SELECT nullif(person, '') AS person, coalesce(order_id, event) AS basket, item, time,
       CAST(quantity AS DOUBLE) AS quantity
FROM order_lines
WHERE NOT refunded AND item IS NOT NULL AND quantity > 0 AND time >= ?
"""
_T = TypeVar("_T")


class Answer(NamedTuple):
    """What a question gave. `more` is true where the limit cut rows off."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    more: bool


class Query:
    """One reader of the lake; safe to share between threads. It sees each new commit at once."""

    def __init__(self, folder: Path, memory: str = "512MB") -> None:
        self.folder = folder
        self._lake = Lake(folder)
        self._seen = (-1, -1)
        self._lock = threading.RLock()
        self._con = duckdb.connect(":memory:")
        self._backend = ibis.duckdb.from_connection(self._con)
        for setting, value in {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": quoted(memory),
            "temp_directory": quoted(str(folder / ".spill")),
            "allowed_directories": f"[{quoted(str(folder.resolve()))}]",
            "enable_external_access": "false",
            "lock_configuration": "true",
        }.items():
            self._con.execute(f"SET {setting}={value}")
        self.refresh()

    def close(self) -> None:
        """Give the memory back."""
        self._con.close()

    def refresh(self, *, newest: bool = False) -> None:
        """Look at the newest files that were published; `newest`: at those of the tables themselves."""
        with self._lock:
            seen = self._lake.publication()
            if seen == self._seen and not newest:
                return
            files = self._lake.files_now() if newest else self._lake.published()
            owners = lake_views.newest("owners", files["owners"])
            kinds = self._con.sql(f"SELECT DISTINCT kind FROM {owners}").fetchall()  # noqa: S608
            for statement in _views(files, {kind for (kind,) in kinds}):
                self._con.execute(statement)
            self._seen = (-1, -1) if newest else seen

    def tables(self) -> dict[str, ibis.Table]:
        """The views as Ibis tables, at the newest version."""
        with self._lock:
            self.refresh()
            return {name: self._backend.table(name) for name in VIEWS}

    def members(self, rule: Rule, as_of: Millis, burst: Burst = USUAL) -> list[str]:
        """Ids of the people a rule holds for at `as_of`, sorted."""

        def ask() -> Any:
            tables = self.tables()
            belongs, known = tables["group_members"], tables["groups"]
            groups = belongs.join(known, belongs["group_id"] == known["id"])
            asked = to_query(rule, tables["events"], tables["people"], as_of, burst, groups)
            return asked.select("person").to_pyarrow()

        with self._lock:
            found = self._patiently(ask)
        return sorted(found["person"].to_pylist())

    def purchases(self, since: Millis = 0) -> pa.Table:
        """What recommenders learn from: person, basket, item, time, quantity of the lines sold.

        Refunds, and lines without an item or with nothing sold, are left out. `person` is null where the
        order is nobody's.
        """

        return self._table(_PURCHASES, since)

    def interests(self, since: Millis = 0) -> pa.Table:
        """What people's events say of interest in items: person, basket, item, time, weight (see `model.meaning`)."""
        return self._table(_INTERESTS, since)

    def _table(self, question: str, since: Millis) -> pa.Table:
        def ask() -> Any:
            return self._con.sql(question, params=[since]).to_arrow_table()

        with self._lock:
            return self._patiently(ask)

    def sql(self, text: str, limit: int = 1_000, seconds: float = 60.0) -> Answer:
        """Answer one SELECT with at most `limit` rows; raises InvalidInput with what to change."""
        limit = max(1, min(limit, MAX_ROWS))
        cursor = self._con.cursor()
        try:
            _inspect(cursor, text)
            return self._patiently(lambda: _ask(cursor, text, limit, seconds))
        finally:
            cursor.close()

    def _patiently(self, ask: Callable[[], _T]) -> _T:
        """Ask; once more where a file left between the look at the list and its reading."""
        try:
            try:
                self.refresh()
                return ask()
            except duckdb.IOException:
                self.refresh(newest=True)
                return ask()
        except duckdb.OutOfMemoryException as error:
            raise Unavailable(
                "sql.memory", "The question needs more memory than it may use; ask for less."
            ) from error
        except duckdb.IOException as error:
            raise Unavailable(
                "lake.unreadable",
                f"A file of the lake cannot be read ({_said(error)})."
                " Check that its disk is there and healthy, then ask again.",
            ) from error


def _views(files: Files, kinds: Collection[str]) -> Iterator[str]:
    """The statements that make the views over these files; `kinds` of owners there are."""
    owners = lake_views.newest("owners", files["owners"])
    people = lake_views.newest("people", files["people"])
    yield f"CREATE OR REPLACE VIEW people AS SELECT * EXCLUDE (gone) FROM {people}"  # noqa: S608
    yield f"CREATE OR REPLACE VIEW items AS FROM {lake_views.rows('items', files['items'])}"
    yield f"CREATE OR REPLACE VIEW groups AS FROM {lake_views.rows('groups', files['groups'])}"
    yield _GROUP_MEMBERS
    yield (
        "CREATE OR REPLACE VIEW redirects AS SELECT key AS person, person AS survivor"  # noqa: S608
        f" FROM {owners} WHERE kind = 'person'"
    )
    for name, hidden in (("events", "person, evidence"), ("facts", "person")):
        of = lake_views.owned(name, files["owners"], kinds)
        yield (
            f"CREATE OR REPLACE VIEW {name} AS SELECT {of.person} AS person, t.person AS person_then,"  # noqa: S608
            f" t.* EXCLUDE ({hidden}), make_timestamp(t.time * 1000) AS happened"
            f" FROM {lake_views.rows(name, files[name])} t {of.joins}"
        )
    yield _ORDER_LINES


def _inspect(cursor: duckdb.DuckDBPyConnection, text: str) -> None:
    """Refuse all but one SELECT over the views.

    The text is read by DuckDB's own parser; a WITH may hold a COPY or an INSERT, hence the walk.
    """
    if len(text) > MAX_TEXT:
        raise InvalidInput("sql.too_long", f"A question has at most {MAX_TEXT} characters.")
    row = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [text]).fetchone()
    tree = msgspec.json.decode(row[0] if row else b"{}")
    if tree.get("error"):
        said = str(tree.get("error_message", ""))
        if "Only SELECT" in said:
            raise InvalidInput("sql.only_select", "Only SELECT is answered here; nothing was run.")
        raise InvalidInput("sql.syntax", f"The question cannot be read: {said}.", at=_place(tree))
    if len(tree["statements"]) != 1:
        raise InvalidInput("sql.one_statement", "Ask one question at a time.")
    nodes = list(_nodes(tree["statements"]))
    names = {one["key"].lower() for node in nodes for one in _common(node)}
    for name in names:
        if not _OWN.fullmatch(name):
            raise _unknown(name)
    for node in nodes:
        _check(node, names)


def _check(node: dict[str, Any], names: set[str]) -> None:
    """Refuse one node of a question's tree that is more than reading the views."""
    kind = str(node.get("type", ""))
    if kind.endswith("_NODE") and kind not in _NODES:
        raise InvalidInput("sql.only_select", "Only SELECT is answered here; nothing was run.")
    if kind == "TABLE_FUNCTION":
        function = str(node.get("function", {}).get("function_name", "")).lower()
        if function not in _FUNCTIONS:
            raise InvalidInput(
                "sql.function",
                f"The table function “{function}” may not be used here;"
                f" these may: {', '.join(sorted(_FUNCTIONS))}.",
            )
    if str(node.get("function_name", "")).lower() in _CLOSED:
        raise InvalidInput(
            "sql.closed_function",
            f"The function “{node['function_name']}” may not be used here; ask the views.",
        )
    if kind == "BASE_TABLE":
        name, schema = str(node.get("table_name", "")), str(node.get("schema_name", "")).lower()
        known = {"": {*VIEWS, *names}, "main": {*VIEWS}, "information_schema": _TOLD}
        if name.lower() not in known.get(schema, ()) or node.get("catalog_name"):
            raise _unknown(name)


def _unknown(name: str) -> InvalidInput:
    return InvalidInput(
        "sql.unknown_table", f"There is no table “{name}” here; ask one of {', '.join(VIEWS)}."
    )


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every map inside a tree."""
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)


def _common(node: dict[str, Any]) -> list[dict[str, Any]]:
    """The WITH parts of a query node."""
    found = node.get("cte_map")
    return list(found["map"]) if isinstance(found, dict) else []


def _place(tree: dict[str, Any]) -> str:
    """Where a text could not be read, for people: counted from 1."""
    position = str(tree.get("position", ""))
    return f"character {int(position) + 1}" if position.isdigit() else ""


def _ask(cursor: duckdb.DuckDBPyConnection, text: str, limit: int, seconds: float) -> Answer:
    """Run an inspected question in a read-only transaction."""
    timer = threading.Timer(seconds, cursor.interrupt)
    timer.start()
    try:
        cursor.execute("BEGIN TRANSACTION READ ONLY")
        relation = cursor.sql(text)
        rows = relation.limit(limit + 1).fetchall()
        return Answer(
            list(relation.columns),
            [str(kind) for kind in relation.types],
            [tuple(_plain(value) for value in row) for row in rows[:limit]],
            len(rows) > limit,
        )
    except duckdb.InterruptException as error:
        raise Unavailable(
            "sql.too_slow",
            f"No answer within {seconds:g} seconds; ask for less, or a shorter time.",
        ) from error
    except (duckdb.OutOfMemoryException, duckdb.IOException):
        raise
    except duckdb.Error as error:
        raise InvalidInput(
            "sql.invalid", f"The question cannot be answered: {_said(error)}"
        ) from error
    finally:
        timer.cancel()
        _leave(cursor)


def _leave(cursor: duckdb.DuckDBPyConnection) -> None:
    """End the transaction, if an error has not ended it."""
    try:
        cursor.execute("ROLLBACK")
    except duckdb.TransactionException:
        return


def _said(error: duckdb.Error) -> str:
    """DuckDB's sentence without its kind, and with its hint."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kept = [line for line in lines[:4] if not line.startswith(("LINE", "^"))]
    first = kept[0].split(" Error: ", 1)[-1] if kept else "no reason was given"
    return " ".join([first, *kept[1:]]).replace("!", ".")


def _plain(value: Any) -> Any:
    """A value as JSON has it: instants as RFC 3339, exact numbers as text."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID | timedelta):
        return str(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
