"""An archive of a data folder: one compressed file, whole or refused.

A tar stream under zstd. Its last member is the list of all others with their sizes and SHA-256, so that an archive
that was cut off or changed is known as such before anything is made of it.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, NamedTuple

import msgspec
import zstandard

from duyen.model.errors import InvalidInput
from duyen.model.times import Millis

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

CONTENTS = "contents.json"
FORMAT = 1
BLOCK = 1024 * 1024
PIECE = 4096
"""Compressed bytes unpacked at once: what they can swell to stays in memory."""

Progress = Callable[[int], None]
"""Told how many bytes have been worked on so far."""


class Member(msgspec.Struct, frozen=True):
    """One file: its path inside the data folder, its size in bytes, its digest."""

    path: str
    size: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """What an archive holds; `made` is the instant at which its oldest part was read."""

    format: int
    version: str
    made: Millis
    members: tuple[Member, ...]


class Source(NamedTuple):
    """A file to put in, under a path of its own."""

    path: str
    file: Path


class Writer:
    """Writes an archive beside its place and moves it there when it is whole and on the disk."""

    def __init__(self, place: Path, version: str, made: Millis, progress: Progress) -> None:
        self._place, self._part = place, place.with_name(f"{place.name}.part")
        self._version, self._made, self._progress = version, made, progress
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: IO[bytes] = os.fdopen(handle, "wb")
        compressor = zstandard.ZstdCompressor(level=3, threads=-1)
        self._stream = compressor.stream_writer(self._file, closefd=False)
        self._tar = tarfile.TarFile.open(fileobj=self._stream, mode="w|", format=tarfile.PAX_FORMAT)
        self._members: list[Member] = []
        self._done = 0

    def add(self, sources: Iterable[Source]) -> None:
        """Put files in."""
        for source in sources:
            with source.file.open("rb") as content:
                size = os.fstat(content.fileno()).st_size
                reader = _Hashed(content, self._advance)
                self._tar.addfile(_info(source.path, size), reader)
                self._members.append(Member(source.path, size, reader.digest()))

    def _advance(self, count: int) -> None:
        self._done += count
        self._progress(self._done)

    def finish(self) -> None:
        """Close the archive with its list of contents, and put it in its place."""
        told = Contents(FORMAT, self._version, self._made, tuple(self._members))
        body = msgspec.json.encode(told)
        self._tar.addfile(_info(CONTENTS, len(body)), io.BytesIO(body))
        self._tar.close()
        self._stream.flush(zstandard.FLUSH_FRAME)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._part, self._place)

    def discard(self) -> None:
        """Leave nothing behind."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def unpack(archive: Path, folder: Path | None, progress: Progress) -> Contents:
    """Read a whole archive into a new folder, or only check it where that is None.

    Raises InvalidInput for what is no archive of ours, is cut off, or differs from its list of contents.
    """
    found: dict[str, Member] = {}
    contents: Contents | None = None
    try:
        with archive.open("rb") as file:
            stream = io.BufferedReader(_Unpacked(file, progress), BLOCK)
            with tarfile.open(fileobj=stream, mode="r|") as tar:
                for info in tar:
                    content = tar.extractfile(info) if info.isreg() else None
                    if content is None or contents is not None:
                        raise _damaged(archive, f"it holds “{info.name}”")
                    if info.name == CONTENTS:
                        contents = msgspec.json.decode(content.read(64 * BLOCK), type=Contents)
                        continue
                    found[info.name] = _take(archive, info.name, content, folder)
            while stream.read(
                BLOCK
            ):  # to its very end, where alone it shows that nothing was cut off
                pass
    except (tarfile.TarError, zstandard.ZstdError, msgspec.DecodeError, EOFError) as error:
        raise _damaged(archive, str(error)) from error
    if contents is None:
        raise _damaged(archive, "it is cut off")
    if contents.format != FORMAT:
        raise InvalidInput(
            "backup.format",
            f"{archive.name} was made by Duyên {contents.version}, in a form that this version cannot read; "
            f"restore it with that version or a later one.",
        )
    if found != {member.path: member for member in contents.members}:
        raise _damaged(archive, "its files differ from its list of contents")
    return contents


def _take(archive: Path, name: str, content: IO[bytes], folder: Path | None) -> Member:
    """Read one file, into the folder where there is one."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise _damaged(archive, f"it holds “{name}”")
    reader = _Hashed(content, lambda count: None)
    size = 0
    if folder is None:
        while block := reader.read(BLOCK):
            size += len(block)
        return Member(name, size, reader.digest())
    target = folder.joinpath(*path.parts)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while block := reader.read(BLOCK):
            size += file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return Member(name, size, reader.digest())


class _Hashed:
    """A stream whose digest is taken while it is read."""

    def __init__(self, stream: IO[bytes], advance: Callable[[int], None]) -> None:
        self._stream, self._advance = stream, advance
        self._hash = hashlib.sha256()

    def read(self, count: int = BLOCK) -> bytes:
        block = self._stream.read(count)
        self._hash.update(block)
        self._advance(len(block))
        return block

    def digest(self) -> str:
        return self._hash.hexdigest()


class _Unpacked(io.RawIOBase):
    """What a compressed file holds; tells how far it has been read. Raises EOFError where the file ends too early."""

    def __init__(self, file: IO[bytes], progress: Progress) -> None:
        self._file, self._progress, self._done = file, progress, 0
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._held = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        while not self._held and not self._frame.eof:
            block = self._file.read(PIECE)
            if not block:
                raise EOFError("it is cut off")
            self._held = memoryview(self._frame.decompress(block))
            self._done += len(block)
            self._progress(self._done)
        target = memoryview(buffer)
        count = min(len(target), len(self._held))
        target[:count], self._held = self._held[:count], self._held[count:]
        return count


def _info(path: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.size, info.mode = size, 0o600
    return info


def _damaged(archive: Path, why: str) -> InvalidInput:
    return InvalidInput(
        "backup.damaged",
        f"{archive.name} is no whole backup ({why}); nothing was restored. Take another one.",
    )
