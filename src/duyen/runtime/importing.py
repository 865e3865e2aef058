"""Files into the log: streamed, durable in slices, resumable after a kill, and never twice.

Each slice and the mark that says how far it reaches are one commit of the log, so that the log itself is the
checkpoint. Ids are permanent; should a slice come twice all the same, the engine knows its events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from duyen import collect
from duyen.catalog import Learned, completed, to_data
from duyen.connectors.events import Events
from duyen.connectors.fields import Kind
from duyen.connectors.mapping import Mapping, to_yaml
from duyen.connectors.orders import Orders
from duyen.connectors.people import People
from duyen.connectors.products import Items
from duyen.connectors.report import RejectsFile, Report, count
from duyen.connectors.rows import Conversion, Converted
from duyen.connectors.tables import Table
from duyen.connectors.weblog import Visits
from duyen.model.catalogue import Item
from duyen.model.event import Collected
from duyen.model.log import Entry, ImportMark, Lane
from duyen.model.meaning import ORDERS, known_as
from duyen.model.program import CatalogueChange, WorkspaceSettings
from duyen.model.values import fold
from duyen.runtime.house import House

SLICE = 2_000
ITEMS = 1_000
CONVERSIONS: dict[Kind, type[Conversion]] = {
    "orders": Orders,
    "people": People,
    "events": Events,
    "log": Visits,
}
_T = TypeVar("_T")
Progress = Callable[[float], None]


@dataclass
class Imported:
    """What an import did: its report, the last offset it wrote, and how many results an earlier try had stored."""

    report: Report
    offset: int
    lane: Lane
    resumed_at: int

    def as_data(self) -> dict[str, Any]:
        """One JSON object."""
        return self.report.as_data() | {"offset": self.offset, "resumed_at": self.resumed_at}


def import_events(
    house: House, table: Table, mapping: Mapping, rejects: Path, progress: Progress | None = None
) -> Imported:
    """Append a file of orders, events or people to the bulk lane, and what it says of items to the catalogue."""
    settings = house.program().settings
    name = mark_of(table, mapping)
    done = stored(house, name)
    conversion = CONVERSIONS[mapping.kind](
        table,
        mapping,
        now=house.clock.now(),
        timezone=settings.timezone,
        currency=settings.currency,
    )
    if isinstance(conversion, Visits):
        conversion.secret = house.secrets.derive("visitors")
    learned = Learned(codes={fold(code): kind for code, kind in mapping.codes.items()})
    offset = house.log.newest(Lane.BULK)
    with RejectsFile(rejects) as bad:
        for part in _slices(iter(conversion), SLICE):
            for converted in part:
                _learn(learned, conversion.report, converted, settings)
                if converted.rejected is not None:
                    bad.add(converted.rejected)
            fresh: list[Entry] = [c.entry for c in part if c.number >= done]
            if fresh:
                fresh.append(ImportMark(name, part[-1].number + 1))
                offset = house.tell(Lane.BULK, fresh)
            if progress is not None:
                progress(part[-1].done)
    report = conversion.report
    report.rejects = str(rejects) if report.rejected else ""
    if report.rows:
        _teach(house, learned)
    return Imported(report, offset, Lane.BULK, done)


def import_products(
    house: House, table: Table, mapping: Mapping, rejects: Path, progress: Progress | None = None
) -> Imported:
    """Put a file of products into the catalogue; the same file again changes nothing."""
    conversion = Items(table, mapping, currency=house.program().settings.currency)
    offset = house.log.newest(Lane.CONTROL)
    with RejectsFile(rejects) as bad:
        for part in _slices(iter(conversion), ITEMS):
            found = [converted.item for converted in part if converted.item is not None]
            for converted in part:
                if converted.rejected is not None:
                    bad.add(converted.rejected)
            if found:
                offset = _put(house, found)
            if progress is not None:
                progress(part[-1].done)
    report = conversion.report
    report.rejects = str(rejects) if report.rejected else ""
    return Imported(report, offset, Lane.CONTROL, 0)


def mark_of(table: Table, mapping: Mapping) -> str:
    """Names one file read with one mapping: a checkpoint belongs to both."""
    read = blake2b(to_yaml(mapping).encode(), digest_size=8).hexdigest()
    return f"{table.fingerprint()}-{read}"


def stored(house: House, name: str) -> int:
    """How many results of an import are durable already, whether or not the engine has applied them."""
    reached = int(house.state.meta(f"import:{name}", "0"))
    for block in house.log.read(Lane.BULK, house.state.position(Lane.BULK), most=2**40):
        for entry in block.entries:
            if isinstance(entry, ImportMark) and entry.name == name:
                reached = max(reached, entry.reached)
    return reached


def _learn(
    learned: Learned, report: Report, converted: Converted, settings: WorkspaceSettings
) -> None:
    """What an entry says of items, and whether a person made it."""
    entry = converted.entry
    if not isinstance(entry, Collected) or entry.type not in ("track", "page"):
        return
    if (
        entry.context or known_as(entry.name) in ORDERS
    ):  # others say nothing of items, or of who made them
        event = collect.normalise(entry, settings)
        learned.tell(event)
        if event.quality:
            count(report.quality, event.quality)


def _teach(house: House, learned: Learned) -> None:
    """Items that only order lines know enter the catalogue; what the company sent itself counts."""
    for items in _slices(learned.items(), ITEMS):
        known = house.state.items([item.id for item in items])
        changed = []
        for item in items:
            before = known.get(item.id)
            after = item if before is None else completed(msgspec.convert(before, Item), item)
            if before is None or to_data(after) != before:
                changed.append(to_data(after))
        if changed:
            _put(house, changed)


def _put(house: House, items: list[dict[str, Any]]) -> int:
    change = CatalogueChange(tuple(items), house.clock.now(), "import")
    return house.tell(Lane.CONTROL, [change])


def _slices(results: Iterator[_T], size: int) -> Iterator[list[_T]]:
    while part := list(islice(results, size)):
        yield part
