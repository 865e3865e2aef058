"""Fold everything again from the log and arrive at the same people.

The engine recorded what each batch was made of; a rebuild takes the very same steps into a new state file. Sends are
facts: a contact that the old state did not have is not made now, one that it had keeps its fate.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from duyen.model.errors import Conflict, Unavailable
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.profiles import knowledge
from duyen.runtime.engine import Engine, lock
from duyen.runtime.house import House
from duyen.runtime.settings import Settings
from duyen.stores.sqlite.connect import connect
from duyen.stores.sqlite.state import SqliteState

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
    """Make `state.db` anew from the log; engine and sender must not be running.

    Doors that run notice the new file by themselves.
    """
    folder = settings.folder
    with closing(lock(folder)) as held, closing(_no_sender(folder)):
        return _rebuild(settings, held, progress, keep_old)


def _rebuild(
    settings: Settings, held: Any, progress: Callable[[int], None] | None, keep_old: bool
) -> Rebuilt:
    folder = settings.folder
    fresh = folder / "state.rebuild.db"
    _remove(fresh)
    old = SqliteState(folder / "state.db", read_only=True)
    house = House(settings, engine=True, state=fresh)
    try:
        engine = Engine(house, locked=held)
        batches = 0
        for now, lane, upto, timers, nudge, _, _ in old.batches():
            _again(engine, now, lane, upto, timers, nudge)
            batches += 1
            if progress is not None:
                progress(batches)
        with house.state.writing():  # the lake compares all it has with a state made anew
            house.state.set_meta("rebuilt", str(int(old.meta("rebuilt", "0")) + 1))
        kept, dropped = _sends_are_facts(old, house.state)
        result = _compare(old, house.state)._replace(
            batches=batches, contacts_kept=kept, contacts_dropped=dropped
        )
    finally:
        house.close()
        old.close()
    _swap(folder / "state.db", fresh, keep_old)
    return result


def _no_sender(folder: Path) -> IO[str]:
    """Hold the sender's lock: what it sends meanwhile would be told to the state that goes."""
    handle = (folder / "sender.lock").open("w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise Conflict(
            "sender.running", f"A sender works on {folder}; stop it, then rebuild."
        ) from error
    return handle


def _again(engine: Engine, now: int, lane: int, upto: int, timers: int, nudge: str) -> None:
    """Take one recorded step."""
    if timers:
        engine.timers(timers, now)
    elif nudge:
        engine.nudge(int(nudge), now)
    elif lane == Lane.CONTROL:
        engine.control(upto, now)
    else:
        engine.lane(Lane(lane), WHOLE, upto, now)


def _sends_are_facts(old: SqliteState, new: SqliteState) -> tuple[int, int]:
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


def _compare(old: SqliteState, new: SqliteState) -> Rebuilt:
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


def _told(state: SqliteState, person: Person) -> bytes:
    found = knowledge(person, state.chunks(person.id))
    return msgspec.json.encode(found, order="deterministic")


def _swap(current: Path, fresh: Path, keep_old: bool) -> None:
    """Put the new file in the place of the old one: at every moment one of the two lies there whole."""
    for path in (current, fresh):
        _settle(path)
    if keep_old:
        kept, beside = Path(f"{current}.before-rebuild"), Path(f"{current}.kept")
        beside.unlink(missing_ok=True)
        os.link(current, beside)
        os.replace(beside, kept)
    # Empty by now. Left behind, they would be taken for the new file's own.
    for suffix in ("-wal", "-shm"):
        Path(f"{current}{suffix}").unlink(missing_ok=True)
    os.replace(fresh, current)
    _sync(current.parent)


def _settle(path: Path) -> None:
    """Bring all that lies in the journal into the file itself, and to the disk."""
    with closing(connect(path, durable=True)) as connection:
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise Unavailable(
            "storage.busy", f"{path.name} is being read; stop the doors and rebuild again."
        )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: os.PathLike[str] | str) -> None:
    for suffix in ("", "-wal", "-shm"):
        try:
            os.unlink(f"{os.fspath(path)}{suffix}")
        except FileNotFoundError:
            continue
