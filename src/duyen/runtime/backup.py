"""Back everything up while it runs, and put it back without sending anything twice.

A backup has one form, whatever database it was made of: a data folder with its files. So it moves as well.

What is copied first may be older than what is copied later, never the other way round: lake, then state, then the log.
So whatever the copied state or lake has applied is in the copied log, and the rest of the log is applied once more.

Between the backup and the restore the company may have gone on: contacts that waited may have left, timers may have
fired. Nobody can know any more, so all of that is taken as done. What waited is cancelled, and what time or the rest of
the log brings on until the instant of the restore makes no contact (`WorkspaceSettings.restored_at`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from duyen import __version__
from duyen.model.errors import Conflict, InvalidInput
from duyen.model.log import Delivered, Entry, Lane
from duyen.model.times import Millis
from duyen.runtime import archive, operations
from duyen.runtime.archive import Contents, Progress, Source, Writer
from duyen.runtime.clock import StandingClock
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.scheduler import due_ticks
from duyen.runtime.secrets import Secrets
from duyen.runtime.settings import Settings, keep_store_url, load
from duyen.runtime.space import need_space
from duyen.stores.attempts import AttemptRow
from duyen.stores.interface import Stores, open_stores
from duyen.stores.lake import Lake
from duyen.stores.sqlite.attempts import SqliteAttempts
from duyen.stores.sqlite.files import IN_ORDER

LEFT_OUT = (".lock", "-wal", "-shm", "-journal", ".part", ".before-rebuild", "state.rebuild.db")
AUTHOR = "restore"
FILES = "sqlite:"


class BackedUp(NamedTuple):
    """A finished backup: its file, how many files it holds, their bytes, and its own."""

    file: str
    files: int
    bytes: int
    archive_bytes: int


class Restored(NamedTuple):
    """A finished restore: the instant it brings back, people, and waiting contacts by what became of them."""

    made: Millis
    people: int
    cancelled: int
    sent: int


def backup(settings: Settings, place: Path, progress: Progress = lambda done: None) -> BackedUp:
    """Write everything of a data folder into one file; doors, engine and sender may go on meanwhile."""
    if place.exists():
        raise Conflict("backup.exists", f"{place} is there already; name another file.")
    house = House(settings)
    made = house.clock.now()
    house.close()
    place.parent.mkdir(parents=True, exist_ok=True)
    need_space(place.parent, 2 * house.stores.bytes())
    writer = Writer(place, __version__, made, progress)
    try:
        _write(settings.folder, house.stores, place.parent, writer)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    contents = archive.unpack(place, None, lambda done: None)
    size = sum(member.size for member in contents.members)
    return BackedUp(str(place), len(contents.members), size, place.stat().st_size)


def _write(folder: Path, stores: Stores, beside: Path, writer: Writer) -> None:
    """Put everything in, the older parts before those they are made of."""
    if (folder / "lake").is_dir():
        with Lake(folder / "lake").still():
            writer.add(_files(folder / "lake", folder))
    with tempfile.TemporaryDirectory(prefix=".duyen-backup-", dir=beside) as scratch:
        for copy in stores.copies(Path(scratch)):
            writer.add([Source(copy.name, copy)])
            copy.unlink()
    rest = _files(folder, folder, besides=folder / "lake")
    writer.add(source for source in rest if source.path not in IN_ORDER)


def _files(folder: Path, root: Path, besides: Path | None = None) -> Iterator[Source]:
    """Every file of a folder that is no trace of a running process."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if Path(place) / f != besides)
        for name in sorted(names):
            path = Path(place) / name
            if not name.endswith(LEFT_OUT) and path.is_file() and not path.is_symlink():
                yield Source(path.relative_to(root).as_posix(), path)


def check(place: Path, progress: Progress = lambda done: None) -> Contents:
    """Read a whole backup and compare it with its list of contents."""
    return archive.unpack(_there(place), None, progress)


def restore(
    place: Path, folder: Path, progress: Progress = lambda done: None, store_url: str = FILES
) -> Restored:
    """Put a backup into a new or empty folder, its stores into `store_url`; after this it can be served.

    Nothing is sent that may have been. Raises Conflict where something is there already.
    """
    _there(place)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict("restore.not_empty", f"{folder} is not empty; restore into a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    stores = open_stores(store_url, folder)
    stores.need_empty()
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        contents = archive.unpack(place, fresh, progress)
        keep_store_url(fresh, store_url)
        cancelled, sent, people = _take_as_done(load(str(fresh), {}, store_url=FILES))
        stores.belong(Secrets.open(fresh).derive("stores").hex()[:32])
        stores.adopt(fresh)
        if folder.exists():
            folder.rmdir()
        os.replace(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return Restored(contents.made, people, cancelled, sent)


def _there(place: Path) -> Path:
    if not place.is_file():
        raise InvalidInput("backup.missing", f"There is no backup at {place}.")
    return place


def _take_as_done(settings: Settings) -> tuple[int, int, int]:
    """Let the past be past; returns how many contacts were cancelled, were sent, and how many people there are."""
    house = House(settings, engine=True)
    try:
        house.clock = StandingClock(house.clock.now())
        now = house.clock.now()
        part = {"restored_at": now}
        control: list[Entry] = [
            *operations.settings_change(house.state, house.program(), part, AUTHOR, now),
            *due_ticks(house),
        ]
        receipts = list(_fates(house, now))
        house.tell(Lane.CONTROL, control)
        if receipts:
            house.tell(Lane.LIVE, list(receipts))
        with closing(Engine(house)) as engine:
            engine.drain()
            while late := list(_fates(house, now)):  # what the rest of the log had put there
                house.tell(Lane.LIVE, list(late))
                receipts += late
                engine.drain()
        sent = sum(receipt.state == "sent" for receipt in receipts)
        return len(receipts) - sent, sent, house.state.count_people()
    finally:
        house.close()


def _fates(house: House, now: Millis) -> Iterator[Delivered]:
    """What is to be taken as the fate of each waiting contact: sent where an attempt says so, else cancelled."""
    waiting = [row.enqueue for row in house.state.outbox_all() if row.state == "waiting"]
    attempts = SqliteAttempts(house.folder / "attempts.db")
    try:
        tried: Mapping[str, Sequence[AttemptRow]] = attempts.of([e.key for e in waiting])
    finally:
        attempts.close()
    for enqueue in waiting:
        left = any(attempt.fate == "sent" for attempt in tried.get(enqueue.key, ()))
        state, reason = ("sent", "") if left else ("cancelled", "restored")
        yield Delivered(enqueue.key, enqueue.person, enqueue.message, state, now, reason)
