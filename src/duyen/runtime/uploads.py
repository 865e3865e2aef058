"""Files that were uploaded to be imported: each in a folder of its own, with a note of how far it is.

    imports/<id>/note.json    what it is, what was chosen, how far it is, what came of it
    imports/<id>/files/       the tables, until they are imported, cancelled or forgotten
    rejects/import-<id>.csv   the rows that could not be taken

Doors take files in and note what is wanted; one process imports, one file after another (`duyen import uploaded`).
Notes are changed under a lock of the operating system, so that none of them overwrites another's word.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from duyen.connectors.fields import Kind
from duyen.connectors.mapping import Mapping
from duyen.model.errors import Conflict, NotFound
from duyen.model.times import DAY, Millis

State = Literal["uploaded", "waiting", "running", "done", "cancelled", "failed"]
UNDER_WAY = ("waiting", "running")
_WISHED = "wished"
KEPT: Millis = DAY
"""How long a file waits to be started; the note of one that never was goes with it."""


class Upload(msgspec.Struct, omit_defaults=True):
    """One upload. `part` is the share of it that is imported, `error` (code, message) why it failed."""

    id: str
    name: str
    size: int
    created: Millis
    author: str
    state: State = "uploaded"
    encoding: str = ""
    kind: Kind | None = None
    mapping: Mapping | None = None
    started: Millis | None = None
    ended: Millis | None = None
    part: float = 0.0
    report: dict[str, Any] = {}
    lane: int = 0
    offset: int = 0
    """Up to where the engine has to come until all of it counts."""
    error: tuple[str, str] | None = None
    cancelled: bool = False
    """Whether somebody wants it to end."""


_encode = msgspec.json.encode
_decode = msgspec.json.Decoder(Upload).decode


class Uploads:
    """The uploads of a data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "imports"
        self._rejects = folder / "rejects"

    def files(self, id: str) -> Path:
        """The folder of an upload's tables."""
        return self._folder / id / "files"

    def rejects(self, id: str) -> Path:
        """Where its rejected rows are."""
        return self._rejects / f"import-{id}.csv"

    def new(self, name: str, author: str, now: Millis) -> Upload:
        """A place for a file that is about to come."""
        id = f"{now:013d}-{secrets.token_hex(4)}"
        self.files(id).mkdir(parents=True, mode=0o700)
        return Upload(id, name, 0, now, author)

    def put(self, upload: Upload) -> Upload:
        """Write a note, whole or not at all."""
        place = self._folder / upload.id / "note.json"
        beside = place.with_suffix(".new")
        beside.write_bytes(_encode(upload))
        os.replace(beside, place)
        return upload

    def find(self, id: str) -> Upload:
        """One upload; raises NotFound."""
        if id.replace("-", "").isalnum():
            found = self._read(self._folder / id)
            if found is not None:
                return found
        raise NotFound("import.unknown", f"There is no import “{id[:80]}”.", at="id")

    def all(self) -> list[Upload]:
        """Every upload, the oldest first."""
        if not self._folder.is_dir():
            return []
        found = (self._read(place) for place in sorted(self._folder.iterdir()))
        return [upload for upload in found if upload is not None]

    def under_way(self) -> list[Upload]:
        """Those that are to be imported, in the order in which they were wished for."""
        found = [self._read(self._folder / id) for id in self.wished()]
        wished = [upload for upload in found if upload and upload.state in UNDER_WAY]
        return sorted(wished, key=lambda upload: (upload.started or 0, upload.id))

    def wished(self) -> list[str]:
        """Ids of what somebody wants imported: told without reading any note."""
        return sorted(mark.parent.name for mark in self._folder.glob(f"*/{_WISHED}"))

    def unwish(self, id: str) -> None:
        """It has come to its end."""
        (self._folder / id / _WISHED).unlink(missing_ok=True)

    @contextmanager
    def changing(self, id: str) -> Iterator[Upload]:
        """Read a note, and write it again when the block ends without an error; one at a time."""
        with self._locked("lock"):
            upload = self.find(id)
            yield upload
            self.put(upload)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """One process imports at a time; another one waits until that has ended."""
        with self._locked("running"):
            yield

    def start(self, id: str, mapping: Mapping, now: Millis) -> Upload:
        """Have it imported; raises Conflict where that is not to be changed any more."""
        with self.changing(id) as upload:
            if upload.state not in ("uploaded", "failed"):
                raise Conflict("import.started", f"This import is {upload.state} already.")
            if not self.files(id).is_dir():
                raise Conflict("import.gone", "Its file is gone; upload it again.")
            upload.state, upload.kind, upload.mapping = "waiting", mapping.kind, mapping
            upload.started, upload.ended, upload.error = now, None, None
            upload.part, upload.report, upload.cancelled = 0.0, {}, False
        (self._folder / id / _WISHED).touch()
        return upload

    def cancel(self, id: str, now: Millis) -> Upload:
        """Import no more of it; what is in the log stays. The file goes."""
        with self.changing(id) as upload:
            if upload.state == "running":
                upload.cancelled = True  # whoever imports it notices
            elif upload.state in ("uploaded", "waiting", "failed"):
                upload.state, upload.ended = "cancelled", now
        if upload.state == "cancelled":
            self.unwish(id)
            self.drop_files(id)
        return upload

    def remove(self, id: str) -> None:
        """Forget an import that is not under way: its note, its file, its rejected rows."""
        with self._locked("lock"):
            upload = self.find(id)
            if upload.state in UNDER_WAY:
                raise Conflict("import.running", "It is under way; cancel it first.")
            shutil.rmtree(self._folder / id, ignore_errors=True)
            self.rejects(id).unlink(missing_ok=True)

    def discard(self, id: str) -> None:
        """A file did not come whole, or cannot be read: nothing stays of it."""
        shutil.rmtree(self._folder / id, ignore_errors=True)

    def drop_files(self, id: str) -> None:
        """The file is of no more use."""
        shutil.rmtree(self.files(id), ignore_errors=True)

    def tidy(self, now: Millis) -> None:
        """Take away files that nobody has started, and what a broken upload left."""
        if not self._folder.is_dir():
            return
        for place in sorted(path for path in self._folder.iterdir() if path.is_dir()):
            upload = self._read(place)
            if upload is None:
                since = int(place.stat().st_mtime * 1000)
                if now - since > KEPT:
                    shutil.rmtree(place, ignore_errors=True)
            elif upload.state == "uploaded" and now - upload.created > KEPT:
                self.remove(upload.id)
            elif upload.state == "failed" and now - (upload.ended or 0) > KEPT:
                self.drop_files(upload.id)

    def _read(self, place: Path) -> Upload | None:
        try:
            return _decode((place / "note.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError):
            return None

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / f".{name}").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
