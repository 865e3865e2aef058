"""An uploaded file: what is in it, what would come of it, and its import."""

from __future__ import annotations

import time
from collections.abc import Mapping as Map
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from duyen.connectors.cells import DateOrder
from duyen.connectors.fields import FIELDS, Kind
from duyen.connectors.guess import Guessed, guess_mapping
from duyen.connectors.mapping import Mapping, check
from duyen.connectors.products import Items
from duyen.connectors.rows import shown
from duyen.connectors.shipped import shipped
from duyen.connectors.tables import Table, parts_of
from duyen.connectors.unpack import is_archive, unpack
from duyen.model.errors import Conflict, DuyenError, InvalidInput
from duyen.model.times import Millis
from duyen.runtime.house import House
from duyen.runtime.importing import CONVERSIONS, Imported, import_events, import_products
from duyen.runtime.uploads import Upload, Uploads

TRIED = 5_000
"""Results of the first rows that a trial makes, and rows that a guess looks at."""
SHOWN = 8
TELL_EVERY = 0.5
"""Seconds between two words on how far an import is."""
ANY: tuple[Kind, ...] = ("orders", "events", "products", "people")
"""What a table may be, where it is no log; of two that fit as well the first."""
SURE = 0.7
_COUNTED = ("rows", "accepted", "rejected", "orders", "customers", "items")


class Choice(NamedTuple):
    """What somebody says of a file; what is None or empty is guessed."""

    kind: Kind | None = None
    columns: Map[str, str] = {}
    dates: DateOrder | None = None
    source: str = ""
    event: str = ""
    ids: Map[str, str] = {}


class Trial(NamedTuple):
    """What came of the first rows; `problem` (code, message) where nothing could."""

    report: dict[str, Any] | None
    problem: tuple[str, str] | None
    whole: bool
    """Whether these were all rows."""


class Cancelled(Exception):
    """Somebody wants an import to end."""


def settle(uploads: Uploads, upload: Upload, most: int) -> Upload:
    """A file has come: unpack it where it is a ZIP, and see that it can be read."""
    folder = uploads.files(upload.id)
    (path,) = folder.iterdir()
    if is_archive(path):
        unpack(path, folder, most)
        path.unlink()
    tables = tables_of(uploads, upload)
    upload.encoding = tables[0].encoding if len(tables) == 1 else ""
    return uploads.put(upload)


def tables_of(uploads: Uploads, upload: Upload) -> list[Table]:
    """The tables of an upload; several have the same columns."""
    folder = uploads.files(upload.id)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    if not paths:
        raise Conflict("import.gone", "Its file is gone; upload it again.")
    return parts_of(paths, upload.encoding)


def guess(table: Table, choice: Choice) -> Guessed:
    """Which column is what; the kind of the table too, where nobody says it."""
    sample = table.sample(TRIED)
    if choice.kind is not None:
        return _guess(table, sample, choice, choice.kind)
    if table.format == "log":
        return _guess(table, sample, choice, "log")
    return max((_guess(table, sample, choice, kind) for kind in ANY), key=_fit)


def _guess(table: Table, sample: Map[str, Sequence[Any]], choice: Choice, kind: Kind) -> Guessed:
    for field, column in choice.columns.items():
        if field not in FIELDS[kind] or (column and column not in table.columns):
            raise InvalidInput(
                "import.column",
                f"“{field}” cannot be “{column}”: name fields of {kind}, and columns of the file.",
                at="columns",
            )
    guessed = guess_mapping(
        table.columns,
        sample,
        kind=kind,
        source=choice.source or table.series,
        told=choice.columns,
        dates=choice.dates,
        event=choice.event,
        ids=choice.ids,
    )
    if guessed.shipped and kind == "orders" and not choice.columns:
        known = shipped(guessed.shipped)
        known = msgspec.structs.replace(known, source=choice.source or known.source)
        return msgspec.structs.replace(guessed, mapping=known, missing=(), questions=())
    return guessed


def _fit(guessed: Guessed) -> tuple[bool, float]:
    sure = [guess.confidence for guess in guessed.guesses if guess.confidence >= SURE]
    return not guessed.missing, sum(sure)


def first_rows(table: Table, most: int = SHOWN) -> list[list[str]]:
    """The first rows as text."""
    columns = table.sample(most)
    cells = zip(*(columns[name] for name in table.columns), strict=True)
    return [[shown(cell) or "" for cell in row] for row in cells]


def try_out(house: House, table: Table, mapping: Mapping, now: Millis) -> Trial:
    """What would come of the first rows; nothing is told to anybody."""
    settings = house.program().settings
    try:
        check(mapping, table.columns)
        made: Any
        if mapping.kind == "products":
            made = Items(table, mapping, currency=settings.currency)
        else:
            made = CONVERSIONS[mapping.kind](
                table, mapping, now=now, timezone=settings.timezone, currency=settings.currency
            )
            if mapping.kind == "log":
                made.secret = house.secrets.derive("visitors")
        some = sum(1 for _ in islice(iter(made), TRIED))
    except DuyenError as error:
        return Trial(None, (error.code, error.message), False)
    return Trial(told(made.report.as_data()), None, some < TRIED)


def told(report: dict[str, Any]) -> dict[str, Any]:
    """A report without the places of this machine."""
    return {name: value for name, value in report.items() if name not in ("file", "rejects")}


def run(house: House) -> int:
    """Import all that is wished for, one after another; returns how many came to their end."""
    uploads = Uploads(house.folder)
    uploads.tidy(house.clock.now())
    ended = 0
    with uploads.importing():
        while waiting := uploads.under_way():
            _import(house, uploads, waiting[0])
            ended += 1
    return ended


def _import(house: House, uploads: Uploads, upload: Upload) -> None:
    with uploads.changing(upload.id) as upload:
        upload.state = "running"
    try:
        done = _tables(house, uploads, upload)
        with uploads.changing(upload.id) as upload:
            upload.state, upload.part = "done", 1.0
            upload.report = _sum(done)
            upload.lane, upload.offset = int(done[-1].lane), max(one.offset for one in done)
    except Cancelled:
        with uploads.changing(upload.id) as upload:
            upload.state = "cancelled"
    except DuyenError as error:
        if error.status == 503:
            raise  # a full disk: the next try goes on from here
        with uploads.changing(upload.id) as upload:
            upload.state, upload.error = "failed", (error.code, error.message)
    with uploads.changing(upload.id) as upload:
        upload.ended = house.clock.now()
    uploads.unwish(upload.id)
    if upload.state != "failed":
        uploads.drop_files(upload.id)


def _tables(house: House, uploads: Uploads, upload: Upload) -> list[Imported]:
    tables, mapping = tables_of(uploads, upload), upload.mapping
    if mapping is None or upload.cancelled:
        raise Cancelled
    work = import_products if mapping.kind == "products" else import_events
    rejects = uploads.rejects(upload.id)
    done: list[Imported] = []
    for number, table in enumerate(tables):
        own = rejects if len(tables) == 1 else rejects.with_suffix(f".{number}.csv")
        watch = _Watch(uploads, upload.id, number, len(tables))
        done.append(work(house, table, mapping, own, watch))
    if len(tables) > 1:
        _join([rejects.with_suffix(f".{n}.csv") for n in range(len(tables))], rejects)
    return done


class _Watch:
    """Notes how far an import is, and sees whether it is still wanted."""

    def __init__(self, uploads: Uploads, id: str, number: int, of: int) -> None:
        self._uploads, self._id, self._number, self._of = uploads, id, number, of
        self._told = 0.0

    def __call__(self, share: float) -> None:
        moment = time.monotonic()
        if moment - self._told < TELL_EVERY:
            return
        self._told = moment
        with self._uploads.changing(self._id) as upload:
            upload.part = (self._number + share) / self._of
        if upload.cancelled:
            raise Cancelled


def _sum(done: Sequence[Imported]) -> dict[str, Any]:
    """One report of all tables: counts are added, the rest is that of the first."""
    reports = [told(one.as_data()) for one in done]
    whole = reports[0]
    for other in reports[1:]:
        for name in _COUNTED:
            whole[name] += other[name]
        for name in ("reasons", "events", "notes", "quality"):
            for word, number in other[name].items():
                whole[name][word] = whole[name].get(word, 0) + number
    return whole


def _join(parts: Sequence[Path], target: Path) -> None:
    """The rejected rows of several tables as one file."""
    written = False
    for part in parts:
        if not part.is_file():
            continue
        with part.open("rb") as source, target.open("ab" if written else "wb") as file:
            if written:
                source.readline()  # the names of the columns
            while some := source.read(1 << 20):
                file.write(some)
        written = True
        part.unlink()
