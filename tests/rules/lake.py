"""A lake in memory: DuckDB through Ibis, on the columns that `to_query` asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
import ibis
import msgspec
import pyarrow as pa

from duyen.model.rule import Rule
from duyen.rules import twins
from duyen.rules.query import to_query
from tests.rules.strategies import Life

_TWINS = ("folded", "numbers", "instants")
EVENTS = pa.schema(
    [("person", pa.string()), ("id", pa.string()), ("name", pa.string()), ("time", pa.int64())]
    + [(column, pa.string()) for column in ("quality", "properties", *_TWINS)]
)
PEOPLE = pa.schema([(column, pa.string()) for column in ("person", "traits", "consent", *_TWINS)])

GROUPS = pa.schema([(column, pa.string()) for column in ("person", "traits", *_TWINS)])


@contextmanager
def lake(crowd: list[Life]) -> Iterator[Callable[[Rule, int], list[str]]]:
    """Ask DuckDB who a rule holds for at an instant; the persons are p0, p1, ..."""
    connection = duckdb.connect()
    for name, rows, schema in (
        ("events", event_rows(crowd), EVENTS),
        ("people", people_rows(crowd), PEOPLE),
        ("groups", group_rows(crowd), GROUPS),
    ):
        connection.register(name, pa.Table.from_pylist(rows, schema=schema))
    backend = ibis.duckdb.from_connection(connection)

    def ask(rule: Rule, as_of: int) -> list[str]:
        events, people, groups = map(backend.table, ("events", "people", "groups"))
        query = to_query(rule, events, people, as_of, groups=groups)
        assert query.columns == ("person",)
        found = query.to_pyarrow()["person"].to_pylist()
        assert len(found) == len(set(found))
        return sorted(found)

    yield ask
    connection.close()


def event_rows(crowd: list[Life]) -> list[dict[str, Any]]:
    return [
        {
            "person": f"p{p}",
            "id": f"m{p}.{e}",
            "name": name,
            "time": time,
            "quality": "",
            "properties": msgspec.json.encode(told).decode(),
            **twins(told)._asdict(),
        }
        for p, life in enumerate(crowd)
        for e, (name, time, told) in enumerate(life.history)
    ]


def people_rows(crowd: list[Life]) -> list[dict[str, Any]]:
    return [
        {
            "person": f"p{p}",
            "traits": msgspec.json.encode(life.traits).decode(),
            "consent": msgspec.json.encode({k: s.state for k, s in life.consent.items()}).decode(),
            **twins(life.traits)._asdict(),
        }
        for p, life in enumerate(crowd)
    ]


def group_rows(crowd: list[Life]) -> list[dict[str, Any]]:
    return [
        {
            "person": f"p{p}",
            "traits": msgspec.json.encode(values).decode(),
            **twins(values)._asdict(),
        }
        for p, life in enumerate(crowd)
        for values in life.groups.values()
    ]
