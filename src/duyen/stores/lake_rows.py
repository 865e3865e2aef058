"""What lies in the lake: the columns of its tables, and rows as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa

from duyen.model.catalogue import Item
from duyen.model.event import Event
from duyen.model.group import group_name
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.rules.columns import twins
from duyen.stores.delta_files import PART, file_schema

GONE = "gone"
_TEXT, _INT, _BOOL = pa.string(), pa.int64(), pa.bool_()
EVENTS = pa.schema(
    [
        ("person", _TEXT),
        ("id", _TEXT),
        ("name", _TEXT),
        ("type", _TEXT),
        ("time", _INT),
        ("received", _INT),
        ("source", _TEXT),
        ("imported", _BOOL),
        ("trusted", _BOOL),
        ("quality", _TEXT),
        ("properties", _TEXT),
        ("folded", _TEXT),
        ("numbers", _TEXT),
        ("instants", _TEXT),
        ("traits", _TEXT),
        ("identifiers", _TEXT),
        ("context", _TEXT),
        ("evidence", _TEXT),
        ("seq", _INT),
        ("idx", pa.int32()),
        (PART, pa.int32()),
    ]
)
FACTS = pa.schema(
    [
        ("person", _TEXT),
        ("time", _INT),
        ("name", _TEXT),
        ("properties", _TEXT),
        ("seq", _INT),
        (PART, pa.int32()),
    ]
)
PEOPLE = pa.schema(
    [
        ("person", _TEXT),
        ("traits", _TEXT),
        ("folded", _TEXT),
        ("numbers", _TEXT),
        ("instants", _TEXT),
        ("consent", _TEXT),
        ("identifiers", _TEXT),
        ("groups", _TEXT),
        ("first", _INT),
        ("last", _INT),
        ("events", _INT),
        (GONE, _BOOL),
        (PART, pa.int32()),
    ]
)
OWNERS = pa.schema(
    [("kind", _TEXT), ("key", _TEXT), ("person", _TEXT), (GONE, _BOOL), (PART, pa.int32())]
)
ITEMS = pa.schema(
    [
        ("id", _TEXT),
        ("name", _TEXT),
        ("price", _TEXT),
        ("currency", _TEXT),
        ("category", _TEXT),
        ("brand", _TEXT),
        ("stock", _INT),
        ("sellable", _BOOL),
        ("url", _TEXT),
        ("image", _TEXT),
        ("tags", _TEXT),
        ("attributes", _TEXT),
    ]
)
GROUPS = pa.schema(
    [(name, _TEXT) for name in ("id", "name", "traits", "folded", "numbers", "instants")]
)
SCHEMAS: Mapping[str, pa.Schema] = {
    "events": EVENTS,
    "facts": FACTS,
    "people": PEOPLE,
    "owners": OWNERS,
    "items": ITEMS,
    "groups": GROUPS,
}
LOGS = ("events", "facts")
"""Tables that are appended to, in runs."""
KEYED: Mapping[str, tuple[str, ...]] = {"people": ("person",), "owners": ("kind", "key")}
"""Tables of one row a key: run 0, and later runs of what has changed since; `gone` takes a row away."""
_json = msgspec.json.Encoder().encode


class EventRow(NamedTuple):
    """An event as told by the log at (`seq`, `idx`), and the person it was found to be of, by which evidence."""

    person: str
    event: Event
    seq: int
    idx: int
    evidence: str = ""


class OwnerRow(NamedTuple):
    """Who has what changed hands; None where nothing needs to be said any more.

    `kind`: a `person` who lives on as another; the `evidence` that some events rest on; a `fact`, by its seq.
    """

    kind: Literal["person", "evidence", "fact"]
    key: str
    person: str | None


class FactRow(NamedTuple):
    """A fact of one person; `seq` is its place in the state's table of facts."""

    person: str
    time: Millis
    name: str
    properties: Mapping[str, Any]
    seq: int


def text(value: Any) -> str:
    """A value as JSON text."""
    return _json(value).decode()


def event_batch(rows: Sequence[EventRow]) -> pa.RecordBatch:
    """Rows of events as columns of EVENTS, without the run."""
    events = [row.event for row in rows]
    derived = [twins(e.properties) for e in events]
    columns: list[Sequence[Any]] = [
        [row.person for row in rows],
        [e.id for e in events],
        [e.name for e in events],
        [e.type for e in events],
        [e.time for e in events],
        [e.received for e in events],
        [e.source for e in events],
        [e.imported for e in events],
        [e.trusted for e in events],
        [e.quality for e in events],
        [text(e.properties) for e in events],
        [one.folded for one in derived],
        [one.numbers for one in derived],
        [one.instants for one in derived],
        [text(e.traits) for e in events],
        [text(e.identifiers) for e in events],
        [text(e.context) for e in events],
        [row.evidence for row in rows],
        [row.seq for row in rows],
        [row.idx for row in rows],
    ]
    return _batch(file_schema(EVENTS), columns)


def fact_batch(rows: Sequence[FactRow]) -> pa.RecordBatch:
    """Rows of facts as columns of FACTS, without the run."""
    columns: list[Sequence[Any]] = [
        [row.person for row in rows],
        [row.time for row in rows],
        [row.name for row in rows],
        [text(row.properties) for row in rows],
        [row.seq for row in rows],
    ]
    return _batch(file_schema(FACTS), columns)


def people_batch(people: Sequence[Person], gone: Sequence[str] = ()) -> pa.RecordBatch:
    """Heads of documents as columns of PEOPLE, without the run; `gone` are ids that have no document any more.

    Traits are {name: value}, consent is {key: state}, groups are {id: since when}.
    """
    traits = [{name: trait.value for name, trait in p.traits.items()} for p in people]
    derived = [twins(one) for one in traits]
    columns: list[Sequence[Any]] = [
        [p.id for p in people],
        [text(one) for one in traits],
        [one.folded for one in derived],
        [one.numbers for one in derived],
        [one.instants for one in derived],
        [text({key: said.state for key, said in p.consent.items()}) for p in people],
        [text({ns: sorted(values) for ns, values in p.identifiers.items()}) for p in people],
        [text(p.groups) for p in people],
        [p.first for p in people],
        [p.last for p in people],
        [p.events for p in people],
        [False for _ in people],
    ]
    there = _batch(file_schema(PEOPLE), columns)
    if not gone:
        return there
    nothing: list[Sequence[Any]] = [[None] * len(gone) for _ in columns[1:-1]]
    taken = _batch(file_schema(PEOPLE), [gone, *nothing, [True] * len(gone)])
    return pa.concat_batches([there, taken])


def owner_batch(rows: Sequence[OwnerRow]) -> pa.RecordBatch:
    """Rows of OWNERS, without the run."""
    columns: list[Sequence[Any]] = [
        [row.kind for row in rows],
        [row.key for row in rows],
        [row.person for row in rows],
        [row.person is None for row in rows],
    ]
    return _batch(file_schema(OWNERS), columns)


def redirect_batch(redirects: Mapping[str, str]) -> pa.RecordBatch:
    """Losing person ids with the person who lives on, chains followed to their end, as rows of OWNERS."""
    return owner_batch([OwnerRow("person", one, _survivor(one, redirects)) for one in redirects])


def item_batch(items: Sequence[Item]) -> pa.RecordBatch:
    """Items of the catalogue as columns of ITEMS."""
    columns: list[Sequence[Any]] = [
        [i.id for i in items],
        [i.name for i in items],
        [i.price for i in items],
        [i.currency for i in items],
        [i.category for i in items],
        [i.brand for i in items],
        [i.stock for i in items],
        [i.sellable for i in items],
        [i.url for i in items],
        [i.image for i in items],
        [text(i.tags) for i in items],
        [text(i.attributes) for i in items],
    ]
    return _batch(ITEMS, columns)


def group_batch(groups: Sequence[tuple[str, Mapping[str, Any]]]) -> pa.RecordBatch:
    """Groups, each with what rules read of it, as columns of GROUPS."""
    derived = [twins(values) for _, values in groups]
    columns: list[Sequence[Any]] = [
        [id for id, _ in groups],
        [group_name(id, values) for id, values in groups],
        [text(values) for _, values in groups],
        [one.folded for one in derived],
        [one.numbers for one in derived],
        [one.instants for one in derived],
    ]
    return _batch(GROUPS, columns)


def _batch(schema: pa.Schema, columns: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Columns of Python values as one Arrow batch."""
    arrays = [
        pa.array(column, type=field.type) for column, field in zip(columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _survivor(person: str, redirects: Mapping[str, str]) -> str:
    """Where a chain of redirects ends; a circle ends where it closes."""
    seen = {person}
    while person in redirects and redirects[person] not in seen:
        person = redirects[person]
        seen.add(person)
    return person
