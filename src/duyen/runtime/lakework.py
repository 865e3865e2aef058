"""From the log and the state to the lake: what analysts ask and recommenders learn from.

Runs as a job of its own (`duyen lake flush`), so that no process that is always there carries columnar libraries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import msgspec
import pyarrow as pa

from duyen import collect
from duyen.identity import Rules, usable
from duyen.model.catalogue import Item
from duyen.model.event import Collected, Event
from duyen.model.log import Lane
from duyen.runtime.house import House
from duyen.runtime.identify import evidence_key
from duyen.stores.lake import (
    EventRow,
    FactRow,
    Lake,
    item_batch,
    people_batch,
    redirect_batch,
)

ROWS = 20_000
PEOPLE = 2_000


def flush(house: House, progress: Callable[[int], None] | None = None) -> dict[str, int]:
    """Bring the lake up to what the engine has applied; returns rows written by table."""
    lake = Lake(house.folder / "lake")
    written = {"events": 0, "facts": 0}
    for lane in (Lane.LIVE, Lane.BULK):
        for rows, position in _events(house, lane, lake.position("events", lane.name)):
            written["events"] += lake.append_events(rows, lane.name, position)
            if progress is not None:
                progress(len(rows))
    written["facts"] = _facts(house, lake)
    if written["events"] or written["facts"] or lake.position("facts", "STATE") < 0:
        lake.write_snapshot("people", _people(house))
        lake.write_snapshot("redirects", redirect_batch(dict(house.state.redirects())))
        items = [msgspec.convert(item, Item) for item in house.state.items().values()]
        lake.write_snapshot("items", item_batch(items))
    lake.maintain()
    return written


def _events(house: House, lane: Lane, done: int) -> Iterator[tuple[list[EventRow], int]]:
    """Rows of a lane behind `done`, as far as the engine has applied it, each with a position."""
    upto = house.state.position(lane)
    after = max(done, 0)
    while after < upto:
        rows: list[EventRow] = []
        last = after
        found: list[tuple[Event, int, int]] = []
        for block in house.log.read(lane, after, upto=upto, most=ROWS):
            last = block.seq
            for index, entry in enumerate(block.entries):
                if isinstance(entry, Collected):
                    found.append((collect.normalise(entry), block.seq, index))
        if last == after:
            return
        repeated = house.state.duplicates(after, last)
        people = _owners(house, [event for event, _, _ in found])
        for (event, seq, index), person in zip(found, people, strict=True):
            if (seq, index) not in repeated:
                rows.append(EventRow(person, event, seq, index))
        yield rows, last
        after = last


def _owners(house: House, events: list[Event]) -> list[str]:
    """Whose events these are now, by the evidence that the engine has resolved."""
    settings = house.program().settings
    rules = Rules.of(settings.identity, settings.blocked)
    keys = []
    for event in events:
        names = usable(event.identifiers, rules)
        keys.append(evidence_key(names, event.trusted) if names else "")
    rows = house.state.evidence_by_key(sorted(set(keys) - {""}))
    return [rows[key].person if key in rows else "" for key in keys]


def _facts(house: House, lake: Lake) -> int:
    written = 0
    after = max(lake.position("facts", "STATE"), 0)
    while facts := house.state.facts(after, ROWS):
        rows = [FactRow(p, t, name, json.loads(props), seq) for seq, p, t, name, props in facts]
        after = facts[-1][0]
        written += lake.append_facts(rows, "STATE", after)
    return written


def _people(house: House) -> Iterator[pa.RecordBatch]:
    cursor = ""
    while people := house.state.people_after(cursor, PEOPLE):
        heads = house.state.heads(people)
        yield people_batch([heads[p].person for p in people if p in heads])
        cursor = people[-1]
