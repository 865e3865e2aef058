"""What an import did, counted exactly; and the file of its rejected rows."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from duyen.connectors.cells import decimal_text
from duyen.model.times import NEVER, Millis, format_time

_BUFFER = 50_000
_RECENT = 20_000
"""Texts that are known without a look at their hashes: the same few thousand come again and again."""


class RejectedRow(msgspec.Struct, frozen=True):
    """A row that was not taken: its position from 0, its line in the file, why, and its cells as text."""

    position: int
    line: int
    reasons: tuple[str, ...]
    text: str


class Report(msgspec.Struct):
    """Counts of one import. rows = accepted + rejected + dropped; amounts are exact (10^-12 units)."""

    kind: str
    source: str
    file: str
    rows: int = 0
    accepted: int = 0
    rejected: int = 0
    dropped: int = 0
    duplicates: int = 0
    duplicates_choice: str = "keep"
    reasons: dict[str, int] = {}
    events: dict[str, int] = {}
    amounts: dict[str, int] = {}
    orders: int = 0
    split_orders: int = 0
    customers: int = 0
    items: int = 0
    codes: int = 0
    items_only_rows: int = 0
    other_lines: dict[str, int] = {}
    notes: dict[str, int] = {}
    quality: dict[str, int] = {}
    first: Millis = NEVER
    last: Millis = 0
    rejects: str = ""

    @property
    def total(self) -> str:
        """What was sold, less what was refunded, plus corrections: the sum over all accepted rows."""
        return decimal_text(sum(self.amounts.values()), 12)

    def as_data(self) -> dict[str, Any]:
        """The report as one JSON object."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        data["amounts"] = {name: decimal_text(sum_, 12) for name, sum_ in self.amounts.items()}
        data["total"] = self.total
        data["first"] = format_time(self.first) if self.last else None
        data["last"] = format_time(self.last) if self.last else None
        return data


def count(counts: dict[str, int], name: str, by: int = 1) -> None:
    """Add to one of a report's counters."""
    counts[name] = counts.get(name, 0) + by


class RejectsFile:
    """The CSV of rejected rows: made when the first one comes, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, row: RejectedRow) -> None:
        """Write one row: row number from 1, line in the file, reasons, what stood there."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8-sig", newline="")
            self._writer = csv.writer(self._file)
            self._writer.writerow(["row", "line", "reasons", "content"])
        self._writer.writerow(
            [row.position + 1, row.line, "; ".join(row.reasons), safe_cell(row.text)]
        )


def safe_cell(text: str) -> str:
    """A cell that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


class Distinct:
    """Counts distinct texts exactly but for hash collisions (64 bits), in 8 bytes each."""

    def __init__(self) -> None:
        self._recent: set[str] = set()
        self._fresh: set[int] = set()
        self._kept = np.empty(0, dtype=np.uint64)

    def add(self, text: str) -> bool:
        """Whether the text is new."""
        if text in self._recent:
            return False
        if len(self._recent) >= _RECENT:
            self._recent.clear()
        self._recent.add(text)
        digest = hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest()
        return self.add_hash(digest)

    def add_hash(self, digest: bytes) -> bool:
        """Whether what has this hash, whose first eight bytes count, is new."""
        number = int.from_bytes(digest[:8], "big")
        if number in self._fresh or self._holds(number):
            return False
        self._fresh.add(number)
        if len(self._fresh) >= _BUFFER:
            fresh = np.fromiter(self._fresh, dtype=np.uint64, count=len(self._fresh))
            self._kept = np.union1d(self._kept, fresh)
            self._fresh.clear()
        return True

    def _holds(self, number: int) -> bool:
        if not len(self._kept):
            return False
        wanted = np.uint64(number)
        place = int(np.searchsorted(self._kept, wanted))
        return place < len(self._kept) and bool(self._kept[place] == wanted)

    def __len__(self) -> int:
        return len(self._fresh) + len(self._kept)
