"""Mappings that come with the program, for public data sets."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import UTC
from importlib import resources
from typing import Any

from duyen.connectors.cells import read_time
from duyen.connectors.mapping import Mapping, from_yaml, refuse
from duyen.model.times import Millis, parse_time

_SHIPPED: dict[str, tuple[tuple[str, ...], str, Millis, Millis]] = {
    "online-retail": (
        ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
        "InvoiceDate",
        parse_time("2009-12-01"),
        parse_time("2011-12-11"),
    ),
}  # fmt: skip
"""Name -> columns, the column of times, and the span of time the data set is of."""


def shipped(name: str) -> Mapping:
    """A mapping that comes with the program, by its name."""
    if name not in _SHIPPED:
        ours = ", ".join(_SHIPPED)
        refuse(
            f"there is no file “{name}”, and of our own mappings there is only {ours}", "mapping"
        )
    file = resources.files("duyen.connectors") / "mappings" / f"{name}.yaml"
    return from_yaml(file.read_text(encoding="utf-8"), at=name)


def shipped_for(columns: Sequence[str], sample: Map[str, Sequence[Any]]) -> str:
    """The name of the public data set that this is, by its columns and its years."""
    for name, (theirs, time, first, last) in _SHIPPED.items():
        instants = [read_time(cell, "ymd", UTC) for cell in sample.get(time, ())[:100]]
        known = [instant for instant in instants if instant is not None]
        if set(theirs) == set(columns) and known and first <= min(known) and max(known) < last:
            return name
    return ""
