"""Everything in files of the data folder: nothing to start, one machine."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

from duyen.model.errors import Unavailable
from duyen.model.times import Millis
from duyen.stores.interface import Share, Whole, Working, taken
from duyen.stores.log import Log
from duyen.stores.shards import ALL
from duyen.stores.sqlite.attempts import SqliteAttempts
from duyen.stores.sqlite.connect import connect
from duyen.stores.sqlite.log import SqliteLog
from duyen.stores.sqlite.mail import SqliteMail
from duyen.stores.sqlite.schema import made
from duyen.stores.sqlite.snapshot import snapshot
from duyen.stores.sqlite.state import TABLES, SqliteState

STATE, FRESH = "state.db", "state.rebuild.db"
ATTEMPTS_FILE, MAIL_FILE, LOG_FILE = "attempts.db", "mail.db", "log.db"
TRIES, PAUSE = 20, 0.25
"""Whoever reads holds a journal open; how often, and after how many seconds, it is tried again."""
IN_ORDER = (STATE, ATTEMPTS_FILE, MAIL_FILE, LOG_FILE)
"""The log is copied last: whatever the state has applied is in it."""


class Files:
    """log.db, state.db, attempts.db and mail.db of one folder."""

    shared = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def belong(self, secret: str) -> None:
        """The secret lies in the same folder."""

    def log(self) -> Log:
        """The log, for appending and reading."""
        return SqliteLog(self.folder / LOG_FILE)

    def state(self, *, writing: bool = False) -> SqliteState:
        """The state; `writing` is the engine's."""
        path = self.folder / STATE
        if not writing and not (path.exists() and made(path, TABLES)):
            SqliteState(path).close()
        return SqliteState(path, read_only=not writing)

    def attempts(self) -> SqliteAttempts:
        """The senders' attempts."""
        return SqliteAttempts(self.folder / ATTEMPTS_FILE)

    def mails(self, now: Callable[[], Millis] = lambda: 0) -> SqliteMail:
        """What the mail catcher holds."""
        return SqliteMail(self.folder / MAIL_FILE, now)

    def claim(self, role: str) -> IO[str]:
        """Hold the role's lock as long as this process lives, or until it is closed."""
        handle = (self.folder / f"{role}.lock").open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise taken(role, str(self.folder)) from error
        return handle

    def share(self) -> Share:
        """An engine's part of the work: all of it, for one alone."""
        return Whole(self.claim("engine"))

    def engines(self) -> list[Working]:
        """The engine that works, if one does."""
        return [Working("this machine", ALL)] if self.running("engine") else []

    def running(self, role: str) -> bool:
        """Whether some process holds a role."""
        with (self.folder / f"{role}.lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return True
        return False

    def fresh_state(self) -> SqliteState:
        """An empty state beside the present one; it is brought to the disk when it is put in place."""
        for suffix in ("", "-wal", "-shm"):
            (self.folder / f"{FRESH}{suffix}").unlink(missing_ok=True)
        return SqliteState(self.folder / FRESH, durable=False)

    def put_in_place(self, keep_old: bool) -> None:
        """Put the fresh file in the place of the old one: at every moment one of the two lies there whole."""
        current, fresh = self.folder / STATE, self.folder / FRESH
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
        _sync(self.folder)

    def scrub(self) -> None:
        """Bring all that lies in journals into the files, which overwrite what is deleted, and empty the journals."""
        (self.folder / f"{STATE}.before-rebuild").unlink(missing_ok=True)
        for path in self._present():
            for _ in range(TRIES):
                with closing(connect(path, durable=True)) as connection:
                    busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                if not busy:
                    break
                time.sleep(PAUSE)

    def bytes(self) -> int:
        """Room that the copies need."""
        return sum(path.stat().st_size for path in self._present())

    def copies(self, folder: Path) -> Iterator[Path]:
        """Each file as it is at one moment, copied into a folder; the log last."""
        for path in self._present():
            snapshot(path, folder / path.name)
            yield folder / path.name

    def _present(self) -> list[Path]:
        return [path for name in IN_ORDER if (path := self.folder / name).exists()]

    def need_empty(self) -> None:
        """A folder is looked at by whoever puts files into it."""

    def adopt(self, folder: Path) -> None:
        """Files are at home where they lie."""


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
