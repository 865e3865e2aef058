"""The log as every store gives it: what one commit holds when it is read back, and what a log can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import zstandard

from duyen.model.event import Rejected
from duyen.model.log import Entry, Lane, decode_entries
from duyen.model.times import Millis

Group = tuple[Lane, Sequence[bytes], int]
"""A lane, pieces of one or more encoded entries joined by commas, and how many entries they are."""
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Block(NamedTuple):
    """One group commit as read back."""

    seq: int
    lane: Lane
    arrival: Millis
    entries: list[Entry]


class Log(ABC):
    """Append-only, in lanes; one zstd blob of JSON entries a group commit. Not to be shared between threads."""

    def append(self, lane: Lane, entries: Sequence[bytes], arrival: Millis) -> int:
        """Store encoded entries as one commit; durable when it returns. Returns the offset `seq`."""
        return self.append_many([(lane, entries, len(entries))], arrival)[0]

    @abstractmethod
    def append_many(self, groups: Sequence[Group], arrival: Millis) -> list[int]:
        """Several lanes' entries in one durable commit; returns an offset for each group.

        Whoever sees an offset has seen, or sees when they look, every smaller one.
        """

    @abstractmethod
    def read(
        self, lane: Lane, after: int, *, upto: int | None = None, most: int = 2_000
    ) -> Iterator[Block]:
        """Blocks of a lane behind `after`, oldest first, until `most` entries have been given."""

    @abstractmethod
    def bodies(self, after: int, upto: int, most: int) -> list[tuple[int, bytes]]:
        """(seq, entries as JSON) of the next commits of all lanes behind `after`, at most `most`."""

    @abstractmethod
    def rewrite(self, bodies: Iterable[tuple[int, bytes]]) -> None:
        """Put other entries, as many as there are, in the place of some commits', in one durable commit.

        For erasure alone: whoever has read the log before has read something else.
        """

    @abstractmethod
    def newest(self, lane: Lane | None = None) -> int:
        """The last offset of a lane, or of all."""

    @abstractmethod
    def waiting(self, lane: Lane, after: int) -> int:
        """How many entries of a lane lie behind `after`."""

    def version(self) -> int:
        """A number that differs after somebody else has appended, where that costs nothing to know; else 0."""
        return 0

    @abstractmethod
    def check(self) -> None:
        """Raise Unavailable where the log could not be written now."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""


class Packer:
    """Entries to a blob and back."""

    def __init__(self) -> None:
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._decompress = zstandard.ZstdDecompressor().decompress

    def pack(self, pieces: Sequence[bytes]) -> bytes:
        """Encoded entries, or pieces of them joined by commas, as one blob."""
        return self._compress(b"[" + b",".join(pieces) + b"]")

    def body(self, blob: bytes) -> bytes:
        """The entries of a blob, a JSON array."""
        return self._decompress(blob)

    def repack(self, body: bytes) -> bytes:
        """Such an array as a blob."""
        return self._compress(body)

    def block(self, seq: int, lane: Lane, arrival: Millis, blob: bytes) -> Block:
        """One commit as read back."""
        return Block(seq, lane, arrival, decoded(self._decompress(blob), seq, arrival))


def split(body: bytes) -> list[bytes]:
    """The entries of one commit, each as it was encoded."""
    return [bytes(piece) for piece in _split(body)]


def decoded(body: bytes, seq: int, arrival: Millis) -> list[Entry]:
    """The entries of one commit; what cannot be read is kept as rejected and never stops whoever reads."""
    try:
        return decode_entries(body)
    except (msgspec.DecodeError, RecursionError):
        pass
    try:
        pieces = [bytes(piece) for piece in _split(body)]
    except (msgspec.DecodeError, RecursionError):
        pieces = [body]
    found: list[Entry] = []
    for index, piece in enumerate(pieces):
        try:
            found += decode_entries(b"[" + piece + b"]")
        except (msgspec.DecodeError, RecursionError) as error:
            why = (f"The entry in the log cannot be read: {error}.",)
            payload = piece.decode("utf-8", "replace")
            found.append(Rejected(f"log-{seq}-{index}", arrival, "log", why, payload))
    return found
