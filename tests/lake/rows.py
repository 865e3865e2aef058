"""Rows for the lake, as the log would tell them."""

from typing import Any

from duyen.model.event import Event
from duyen.stores.lake_rows import EventRow, FactRow

NOON = 1_700_000_000_000


def event(id: str, name: str = "Page Viewed", time: int = NOON, **properties: Any) -> Event:
    identifiers = (("user_id", f"user of {id}"),)
    return Event(id, "track", name, time, time, "web", True, identifiers, properties, {}, {})


def row(
    seq: int, idx: int = 0, person: str = "p1", id: str = "", name: str = "Page Viewed", **more: Any
) -> EventRow:
    """An event row; without an id its place in the log is its id."""
    return EventRow(person, event(id or f"m{seq}.{idx}", name, **more), seq, idx)


def fact(seq: int, person: str = "p1", name: str = "Journey Entered") -> FactRow:
    return FactRow(person, NOON, name, {"journey": "welcome"}, seq)
