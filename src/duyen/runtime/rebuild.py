"""Fold everything again from the log and arrive at the same people.

The engine recorded what each batch was made of; a rebuild takes the very same steps into a new state file. Sends are
facts: a contact that the old state did not have is not made now, one that it had keeps its fate.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple

import msgspec

from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.profiles import knowledge
from duyen.runtime import grouping, sweep
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import Settings
from duyen.stores.interface import Claim, Stores, Whole, open_stores
from duyen.stores.state import State
from duyen.stores.state.process import Recorded

WHOLE = 2**40


class Rebuilt(NamedTuple):
    """What a rebuild found: people who came out the same, and those who did not, by id."""

    people: int
    same: int
    different: list[str]
    batches: int
    contacts_kept: int
    contacts_dropped: int


def rebuild(
    settings: Settings, progress: Callable[[int], None] | None = None, keep_old: bool = False
) -> Rebuilt:
    """Make the state anew from the log; engine and sender must not be running.

    Doors that run notice the new state by themselves.
    """
    stores = open_stores(settings.store_url, settings.folder)
    # What a sender sends meanwhile would be told to the state that goes.
    with closing(stores.claim("engine")) as held, closing(stores.claim("sender")):
        result = _rebuild(settings, stores, held, progress)
        stores.put_in_place(keep_old)
    return result


def _rebuild(
    settings: Settings, stores: Stores, held: Claim, progress: Callable[[int], None] | None
) -> Rebuilt:
    with closing(stores.state()) as old, closing(House(settings, fresh=True, stores=stores)) as new:
        engine = Engine(new, Whole(held))
        batches = 0
        for batch in old.batches():
            _again(engine, batch)
            batches += 1
            if progress is not None:
                progress(batches)
        with new.state.writing():  # the lake compares all it has with a state made anew
            new.state.set_meta("rebuilt", str(int(old.meta("rebuilt", "0")) + 1))
            for order in old.erasures_under_way():  # the log may be rid of whom they name
                new.state.put_erasure(order)
        kept, dropped = _sends_are_facts(old, new.state)
        return _compare(old, new.state)._replace(
            batches=batches, contacts_kept=kept, contacts_dropped=dropped
        )


def _again(engine: Engine, batch: Recorded) -> None:
    """Take one recorded step."""
    if batch.lane == sweep.LANE:
        engine.sweep(int(batch.nudge), batch.now)
    elif batch.lane == grouping.LANE:
        engine.groups(int(batch.nudge), batch.now, batch.shards)
    elif batch.timers:
        engine.timers(batch.timers, batch.now, batch.shards)
    elif batch.nudge:
        engine.nudge(int(batch.nudge), batch.now, batch.shards)
    elif batch.lane == Lane.CONTROL:
        engine.control(batch.upto, batch.now)
    else:
        engine.lane(Lane(batch.lane), WHOLE, batch.upto, batch.now, batch.shards)


def _sends_are_facts(old: State, new: State) -> tuple[int, int]:
    """Make the new outbox say what the old one says; returns (kept, dropped)."""
    before = {row.enqueue.key: row for row in old.outbox_all()}
    after = {row.enqueue.key: row for row in new.outbox_all()}
    dropped = sorted(after.keys() - before.keys())
    with new.writing():
        for key in dropped:
            new.settle_outbox(key, "cancelled", "rebuild", after[key].updated)
        for key in sorted(before.keys() - after.keys()):
            row = before[key]
            new.enqueue([row.enqueue], row.updated)
        for row in before.values():
            if row.state != "waiting":
                new.settle_outbox(row.enqueue.key, row.state, row.reason, row.updated)
    return len(before), len(dropped)


def _compare(old: State, new: State) -> Rebuilt:
    """Hold every person against their former self."""
    people, same, cursor = 0, 0, ""
    different: list[str] = []
    while ids := new.people_after(cursor, 1_000):
        before, after = old.heads(ids), new.heads(ids)
        for id in ids:
            people += 1
            if id in before and _told(old, before[id].person) == _told(new, after[id].person):
                same += 1
            else:
                different.append(id)
        cursor = ids[-1]
    missing = old.count_people() - same - len(different)
    if missing > 0:
        different.append(f"{missing} people are missing")
    return Rebuilt(people, same, different[:100], 0, 0, 0)


def _told(state: State, person: Person) -> bytes:
    found = knowledge(person, state.chunks(person.id))
    return msgspec.json.encode(found, order="deterministic")
