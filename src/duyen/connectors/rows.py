"""What every conversion of a table into entries of the log shares: the sequence, its report, what is rejected.

The sequence of results depends on nothing but file and mapping. A checkpoint is the `number` of results
that are durable, together with `Table.fingerprint()`; `start=number` reads the file again from the top
(the report is always of the whole file) and gives the rest of the same sequence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from duyen.connectors.lasting import Lasting
from duyen.connectors.mapping import Mapping, check, zone
from duyen.connectors.report import RejectedRow, Report, count
from duyen.connectors.tables import BATCH_ROWS, Batch, Table, Unreadable
from duyen.model.errors import InvalidInput
from duyen.model.event import IDENTIFIED, PAGE_VIEWED, Collected, Rejected
from duyen.model.times import Millis

HOPELESS = 1_000
"""So many rejected rows at the top of a file, and none accepted, end the import."""
LONGEST_ID = 200
_MEMO = 200_000

_NAMES = {"identify": IDENTIFIED, "page": PAGE_VIEWED}

encode = msgspec.json.Encoder(decimal_format="string").encode
Result = tuple[Collected | Rejected, RejectedRow | None]


class Converted(msgspec.Struct, frozen=True):
    """One result: its number in the sequence, the entry for the log, and how much of the file is read.

    `rejected` is set beside a Rejected entry, for the file of rejected rows.
    """

    number: int
    entry: Collected | Rejected
    done: float
    rejected: RejectedRow | None = None


class Memo(dict[Any, Any]):
    """Reads each distinct cell once."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, cell: Any) -> Any:
        value = self[cell] = self._read(cell)
        return value

    def all(self, cells: list[Any]) -> list[Any]:
        """The values of a column's cells."""
        if len(self) > _MEMO:
            self.clear()
        return list(map(self.__getitem__, cells))


class Conversion(ABC):
    """Turns a table into log entries; `report` grows with it and is whole at the end.

    `now` is the arrival of the import; `timezone` and `currency` are the workspace's, used where the
    mapping says none; results before `start` are counted but not given again.
    """

    def __init__(
        self,
        table: Table,
        mapping: Mapping,
        *,
        now: Millis,
        timezone: str = "UTC",
        currency: str = "",
        start: int = 0,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        check(mapping, table.columns)
        self.table, self.mapping, self.now, self.start = table, mapping, now, start
        self.batch_rows = batch_rows
        self.currency = mapping.currency or currency
        self.report = Report(
            mapping.kind, mapping.source, str(table.path), duplicates_choice=mapping.duplicates
        )
        self.lasting = Lasting(f"{mapping.source}:{mapping.kind}")
        self._rejects = Lasting(f"{mapping.source}:{mapping.kind}:rejected")
        self.zone = zone(mapping.timezone or timezone)
        self._done = 0.0

    def __iter__(self) -> Iterator[Converted]:
        for number, (entry, rejected) in enumerate(self._results()):
            if number >= self.start:
                yield Converted(number, entry, self._done, rejected)

    def _results(self) -> Iterator[Result]:
        for batch in self.table.batches(self.batch_rows):
            self._done = batch.done
            yield from self._take(batch)

    @abstractmethod
    def _take(self, batch: Batch) -> Iterator[Result]:
        """The results of some consecutive rows."""

    def _reject(
        self, position: int, line: int, reasons: tuple[str, ...], batch: Batch, raw: tuple[Any, ...]
    ) -> Result:
        cells = {name: shown(value) for name, value in zip(batch.columns, raw, strict=True)}
        return self._rejected(position, line, reasons, encode(cells).decode())

    def _unreadable(self, row: Unreadable) -> Result:
        self.report.rows += 1
        return self._rejected(row.position, row.line, (row.reason,), row.text)

    def _rejected(self, position: int, line: int, reasons: tuple[str, ...], text: str) -> Result:
        self.report.rejected += 1
        for reason in reasons:
            count(self.report.reasons, _kind_of_reason(reason))
        id = self._rejects.id(text.encode("utf-8", "replace"))
        entry = Rejected(id, self.now, self.mapping.source, reasons, text)
        return entry, RejectedRow(position, line, reasons, text)

    def _check_hope(self) -> None:
        """Refuse a file of which nothing fits, before a wrong mapping floods the log with its rows."""
        report = self.report
        if report.rejected >= HOPELESS and report.accepted + report.dropped == 0:
            reason = max(report.reasons, key=lambda one: report.reasons[one])
            raise InvalidInput(
                "import.nothing_fits",
                f"None of the first {HOPELESS} rows of {self.table.path.name} can be taken; most often {reason}."
                " Look at the mapping, and at the clock where it is simulated.",
            )

    def _noted(self, event: Collected) -> Collected:
        """Count an event into the report."""
        report = self.report
        count(report.events, event.name or _NAMES[event.type])
        report.first, report.last = min(report.first, event.time), max(report.last, event.time)
        return event


def said(cells: Iterable[Any]) -> bytes:
    """What a row says, for its id: all its cells as text, whatever file they stand in."""
    texts = ["" if cell is None else str(cell) for cell in cells]
    return "\x1f".join(texts).encode("utf-8", "replace")


def unread(field: str, cell: Any) -> str:
    """The sentence for a cell that is empty, or no such thing."""
    return (
        f"the {field} is empty" if cell is None else f"the {field} “{shown(cell)}” cannot be read"
    )


def shown(cell: Any) -> str | None:
    """A cell as it is shown."""
    return None if cell is None else str(cell)[:200]


def _kind_of_reason(reason: str) -> str:
    """A reason without the cell it quotes, for counting."""
    before, quote, after = reason.partition("“")
    return before.rstrip() + after.partition("”")[2] if quote else reason
