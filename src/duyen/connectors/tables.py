"""Tables in files, read as a stream of batches in which every row keeps its absolute position.

    Parquet             by row groups
    CSV, TSV, ...       encoding and delimiter are guessed and can be told
    JSON lines          one object a line; inner objects become dotted columns
    XLSX                the first sheet that has cells, see `sheets`
    access logs         the common and combined formats of web servers, see `requests`

Text files may be compressed with gzip. Lines above the names of the columns (a report's title, `sep=;`) are
no rows. A row that cannot be read (a torn line, bytes of another encoding) is kept with its reason and its
position; the rows after it keep theirs.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import re
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import msgspec

from duyen.connectors import requests, sheets
from duyen.connectors.headings import Headings
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.times import Millis

Format = Literal["parquet", "csv", "jsonl", "xlsx", "log"]

BATCH_ROWS = 10_000
SAMPLE_ROWS = 5_000
MAX_COLUMNS = 1_000
DELIMITERS = ",;\t|"
_GUESS_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"
_LINES_FOR_DELIMITER = 50
_LONGEST_LINE = 1 << 20


class Unreadable(msgspec.Struct, frozen=True):
    """A row that could not be read: where it stands, why, and what stood there."""

    position: int
    line: int
    reason: str
    text: str


class Batch(msgspec.Struct, frozen=True):
    """Some consecutive rows as columns of plain values (None = empty).

    `positions` are the rows' places among the file's data rows from 0; `lines` their lines in the file
    from 1 (in Parquet: position + 1). `done` is the share of the file read so far, from 0 to 1.
    """

    columns: dict[str, list[Any]]
    positions: Sequence[int]
    lines: Sequence[int]
    unreadable: tuple[Unreadable, ...] = ()
    done: float = 0.0


class Table(msgspec.Struct, frozen=True):
    """A table in a file: how it is read, and the names of its columns. `rows` is None where unknown.

    `above` are the lines (in a sheet: rows) with something in them that stand above the names of the columns.
    """

    path: Path
    format: Format
    columns: tuple[str, ...]
    encoding: str = ""
    delimiter: str = ""
    rows: int | None = None
    above: int = 0

    @property
    def name(self) -> str:
        """The file's name without its endings: `orders-2024` of `orders-2024.csv.gz`."""
        return self.path.with_suffix("").stem if self.path.suffix == ".gz" else self.path.stem

    @property
    def series(self) -> str:
        """What exports of the same list have in common: `orders` of `orders-2024-05 (2).csv`."""
        words = re.split(r"[\W_]+", self.name)
        kept = [word for word in words if not re.fullmatch(r"\d+|copy|final|v\d+", word, re.I)]
        return "-".join(word for word in kept if word) or self.name

    def batches(self, size: int = BATCH_ROWS) -> Iterator[Batch]:
        """Stream the rows, at most `size` at a time."""
        if self.format == "parquet":
            return _parquet_batches(self, size)
        rows = {
            "jsonl": _jsonl_rows,
            "csv": _csv_rows,
            "xlsx": _sheet_rows,
            "log": _log_rows,
        }[self.format]
        return _grouped(self, rows(self), size)

    def sample(self, rows: int = SAMPLE_ROWS) -> dict[str, list[Any]]:
        """The first rows as columns, for guessing."""
        batch = next(self.batches(rows), None)
        return batch.columns if batch else {name: [] for name in self.columns}

    def changed(self) -> Millis:
        """When the file was last changed."""
        return int(self.path.stat().st_mtime * 1000)

    def fingerprint(self) -> str:
        """Size and a digest of both ends: tells whether a checkpoint belongs to this file."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            digest = hashlib.blake2b(file.read(_GUESS_BYTES), digest_size=12)
            file.seek(max(0, size - _GUESS_BYTES))
            digest.update(file.read(_GUESS_BYTES))
        return f"{size}-{digest.hexdigest()}"


def open_table(
    path: Path, *, format: Format | None = None, encoding: str = "", delimiter: str = ""
) -> Table:
    """Look at a file and say how it will be read; what is told is not guessed."""
    if path.is_dir():
        raise InvalidInput("import.no_file", f"{path} is a folder; name one file in it.")
    if not path.is_file():
        raise NotFound("import.no_file", f"There is no file {path}; check the path.")
    if path.stat().st_size == 0:
        raise InvalidInput("import.empty", f"{path.name} is empty: nothing to import.")
    format = format or _guess_format(path)
    if format == "parquet":
        return _open_parquet(path)
    if format == "xlsx":
        return _open_sheet(path)
    try:
        encoding = _known_encoding(encoding) if encoding else guess_encoding(path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidInput(
            "import.format", f"{path.name} is no whole gzip file ({error}); fetch it again."
        ) from None
    if format == "jsonl":
        return _open_jsonl(path, encoding)
    if format == "log":
        return Table(path, "log", requests.COLUMNS, encoding)
    return _open_csv(path, encoding, delimiter)


def parts_of(paths: Sequence[Path], encoding: str = "") -> list[Table]:
    """Files as parts of one table; raises InvalidInput where one has other columns."""
    tables = [open_table(path, encoding=encoding) for path in paths]
    other = next((table for table in tables if table.columns != tables[0].columns), None)
    if other is not None:
        raise InvalidInput(
            "import.folder",
            f"{other.path.name} has other columns than {tables[0].path.name}; name one file, or join them with --sql.",
        )
    return tables


def _guess_format(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04":
        return _format_of_zip(path)
    if head[:4] == b"\xd0\xcf\x11\xe0":
        raise InvalidInput(
            "import.format",
            f"{path.name} is a spreadsheet of the old kind; save it as XLSX or CSV (UTF-8) and import that.",
        )
    if head[:2] == _GZIP:
        head = _start_of_gzip(path)
    suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
    if suffix in (".jsonl", ".ndjson", ".json"):
        if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
            raise InvalidInput(
                "import.format", f"{path.name} is one JSON array; write one object a line (JSONL)."
            )
        return "jsonl"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return "jsonl"
    return "log" if requests.looks_so(head.decode("utf-8", "replace")) else "csv"


def _format_of_zip(path: Path) -> Format:
    """XLSX is a ZIP with a workbook; any other ZIP is refused."""
    try:
        with zipfile.ZipFile(path) as archive:
            if "xl/workbook.xml" in archive.namelist():
                return "xlsx"
    except zipfile.BadZipFile:
        raise InvalidInput(
            "import.format", f"{path.name} is no whole spreadsheet or ZIP; fetch it again."
        ) from None
    raise InvalidInput(
        "import.format",
        f"{path.name} is a ZIP inside a ZIP or a folder; unpack it first, and import the tables that are in it.",
    )


def _start_of_gzip(path: Path) -> bytes:
    """The first bytes that are compressed in a file; a table in Parquet compresses itself."""
    try:
        with gzip.open(path) as file:
            head = file.read(4096)
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidInput(
            "import.format", f"{path.name} is no whole gzip file ({error}); fetch it again."
        ) from None
    if head[:4] in (b"PAR1", b"PK\x03\x04") or b"ustar" in head[256:265]:
        raise InvalidInput("import.format", f"{path.name} is compressed; unpack it (gunzip) first.")
    if not head:
        raise InvalidInput("import.empty", f"{path.name} is empty: nothing to import.")
    return head


def _bytes(path: Path) -> BinaryIO:
    """A text file's bytes, uncompressed."""
    with path.open("rb") as file:
        packed = file.read(2) == _GZIP
    return cast("BinaryIO", gzip.open(path)) if packed else path.open("rb")


# Encodings


_VOWELS = rb"[AEIOUYaeiouy\xc2\xe2\xca\xea\xd4\xf4\xd5\xf5\xdd\xfd\xc3\xe3]"
_MARKED = re.compile(_VOWELS + rb"[\xcc\xd2\xde\xec\xf2]")
_MARKS = re.compile(rb"[\xcc\xd2\xde\xec\xf2]")
_C1 = re.compile(rb"[\x80-\x9f]")


def guess_encoding(path: Path) -> str:
    """The encoding of a text file: by its byte order mark, by being valid, by what its bytes mean.

    Returns one of utf-8-sig, utf-16, utf-16-le, utf-16-be, utf-8, cp1258, cp1252, latin-1.
    """
    with _bytes(path) as file:
        head = file.read(_GUESS_BYTES)
        if head.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if head.count(0) > len(head) // 4:
            return "utf-16-le" if head[1::2].count(0) >= head[0::2].count(0) else "utf-16-be"
        file.seek(0)
        good, bad, odd = _utf8_counts(file)
    if bad == 0 or good > 20 * bad:
        return "utf-8"
    return _guess_single_byte(odd)


def _utf8_counts(file: BinaryIO) -> tuple[int, int, bytes]:
    """Lines with valid, and with invalid, UTF-8 beyond ASCII; and up to a megabyte of the invalid ones."""
    good = bad = 0
    odd: list[bytes] = []
    kept, torn = 0, b""
    while piece := file.readline(_LONGEST_LINE):
        line, torn = _before_tear(torn + piece)
        if line.isascii():
            continue
        try:
            line.decode()
            good += 1
        except UnicodeDecodeError:
            bad += 1
            if kept < _GUESS_BYTES:
                odd.append(line)
                kept += len(line)
    if torn and not good:  # a file that was cut off in a letter is what its whole letters are
        bad += 1
        odd.append(torn)
    return good, bad, b"".join(odd)


def _before_tear(line: bytes) -> tuple[bytes, bytes]:
    """A piece of text without, and the beginning of, a letter that the end of the piece tears apart."""
    for width in range(1, min(4, len(line) + 1)):
        lead = line[-width]
        if lead >= 0xC0:
            whole = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return (line[:-width], line[-width:]) if width < whole else (line, b"")
        if lead < 0x80:
            break
    return line, b""


def _guess_single_byte(text: bytes) -> str:
    """Vietnamese Windows-1258 writes tone marks as bytes of their own, right after a vowel."""
    marked, marks = len(_MARKED.findall(text)), len(_MARKS.findall(text))
    high = sum(1 for byte in text if byte >= 0x80)
    if marked >= 2 and marked * 4 >= marks * 3 and marked * 10 >= high:
        return "cp1258"
    if not _C1.search(text):
        return "latin-1"
    try:
        text.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _known_encoding(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise InvalidInput(
            "import.encoding",
            f"“{name}” is no known encoding; name for example utf-8, utf-16, cp1258 or latin-1.",
        ) from None


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    """The file as text; bytes that are none stay recognisable and fail their row only."""
    errors = "replace" if encoding.startswith("utf-16") else "surrogateescape"
    return io.TextIOWrapper(_bytes(path), encoding=encoding, errors=errors, newline="")


def _told(file: io.TextIOWrapper) -> int:
    """How many bytes have been taken from the file (rounded up to its buffer)."""
    taken = file.buffer
    return cast("BinaryIO", taken.fileobj if isinstance(taken, gzip.GzipFile) else taken).tell()


# CSV


def _open_csv(path: Path, encoding: str, delimiter: str) -> Table:
    if len(delimiter) > 1:
        raise InvalidInput("import.delimiter", f"A delimiter is one character, not “{delimiter}”.")
    with _text(path, encoding) as file:
        lines = [file.readline(_LONGEST_LINE) for _ in range(_LINES_FOR_DELIMITER)]
    said = re.fullmatch(r"\ufeff?sep=(.)\s*", lines[0])
    delimiter = delimiter or (said[1] if said else guess_delimiter(lines))
    rows = [row for row in _readable(csv.reader(lines, delimiter=delimiter)) if row]
    if said:
        rows[0] = []
    above = header_place(rows)
    header = rows[above] if rows else []
    return Table(path, "csv", _header(path, header), encoding, delimiter, above=above)


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Rows without those that the reader refuses, such as one with a cell of megabytes."""
    while True:
        try:
            yield next(rows)
        except StopIteration:
            return
        except csv.Error:
            continue


def guess_delimiter(lines: Sequence[str]) -> str:
    """The separator that cuts the first lines into the most, and the same number of, cells."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        try:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:  # a cell of megabytes, or an open quote: what can be read tells
            widths = [len(r) for r in _readable(csv.reader(lines, delimiter=delimiter)) if r]
        width, same = _usual(widths)
        if width < 2:
            continue
        share = same / len(widths)
        score = share * share * width
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _usual(widths: Sequence[int]) -> tuple[int, int]:
    """The most frequent width, the first of equals, and how many have it."""
    return Counter(widths).most_common(1)[0] if widths else (0, 0)


def header_place(rows: Sequence[Sequence[Any]]) -> int:
    """Which of the first rows names the columns: the first that fills more than half of the usual width.

    Rows above it (a title, a date of export) fill a cell or two. Without such a row it is the first one.
    """
    width, _ = _usual([len(row) for row in rows])
    for place, row in enumerate(rows):
        named = sum(1 for cell in row if cell is not None and str(cell).strip())
        if named * 2 > width:
            return place
    return 0


def _header(path: Path, cells: Sequence[str]) -> tuple[str, ...]:
    """Column names, trimmed; a nameless or doubled one gets its number."""
    if not any(cell.strip() for cell in cells):
        raise InvalidInput("import.header", f"{path.name} has no header line with column names.")
    if len(cells) > MAX_COLUMNS:
        raise InvalidInput(
            "import.header",
            f"{path.name} has {len(cells)} columns; at most {MAX_COLUMNS} are read.",
        )
    names: list[str] = []
    for number, cell in enumerate(cells, 1):
        name = unicodedata.normalize("NFC", cell.strip().lstrip("\ufeff")) or f"column {number}"
        names.append(f"{name} ({number})" if name in names else name)
    return tuple(names)


Row = tuple[int, Sequence[Any] | Unreadable, float]
"""Line in the file, cells or why there are none, share of the file read."""


def _csv_rows(table: Table) -> Iterator[Row]:
    """The data rows of a CSV file; blank lines are no rows."""
    size = table.path.stat().st_size
    width = len(table.columns)
    with _text(table.path, table.encoding) as file:
        reader = csv.reader(_pieces(file), delimiter=table.delimiter)
        above = table.above + 1
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, Unreadable(0, line, f"it cannot be read as CSV: {error}", ""), 0.0
                continue
            if not cells:
                continue
            if above:
                above -= 1
                continue
            if len(cells) > width and not any(map(str.strip, cells[width:])):
                cells = cells[:width]
            done = _told(file) / size
            reason = "" if len(cells) == width else _wrong_width(len(cells), width)
            joined = "".join(cells)
            if not joined.isascii():
                reason = reason or _wrong_bytes(joined, table.encoding)
                cells = [unicodedata.normalize("NFC", cell) for cell in cells]
            elif "\0" in joined:
                reason = reason or "it contains a NUL character"
            if reason:
                text = table.delimiter.join(cells)[:1000].encode("utf-8", "replace").decode()
                yield line, Unreadable(0, line, reason, text), done
            else:
                yield line, [cell.strip() or None for cell in cells], done


def _log_rows(table: Table) -> Iterator[Row]:
    """The requests of an access log, a line each."""
    size = table.path.stat().st_size
    with _text(table.path, table.encoding) as file:
        for line, text in enumerate(_pieces(file), 1):
            told = text.rstrip("\r\n")
            if not told:
                continue
            done = _told(file) / size
            cells = requests.read(told)
            if cells is None or not _encodes(told):
                shown = told[:1000].encode("utf-8", "replace").decode()
                yield line, Unreadable(0, line, "it is no line of an access log", shown), done
            else:
                yield line, cells, done


def _pieces(file: io.TextIOWrapper) -> Iterator[str]:
    """The file's lines; one without an end comes in pieces."""
    while line := file.readline(_LONGEST_LINE):
        yield line


def _wrong_width(cells: int, width: int) -> str:
    return f"it has {cells} cells where the header has {width}; look for a stray separator or quote"


def _wrong_bytes(text: str, encoding: str) -> str:
    if "\0" in text:
        return "it contains a NUL character"
    bad = "\ufffd" in text if encoding.startswith("utf-16") else not _encodes(text)
    return f"it contains bytes that are not {encoding}" if bad else ""


def _encodes(text: str) -> bool:
    """Whether text holds no byte that failed to decode."""
    return not any("\udc80" <= letter <= "\udcff" for letter in text)


# JSON lines


def _open_jsonl(path: Path, encoding: str) -> Table:
    table = Table(path, "jsonl", (), encoding)
    columns: dict[str, None] = {}
    for count, (_, cells, _) in enumerate(_jsonl_objects(table)):
        if isinstance(cells, dict):
            columns.update(dict.fromkeys(cells))
        if count >= 1000 or len(columns) > MAX_COLUMNS:
            break
    if not columns:
        raise InvalidInput("import.header", f"{path.name} has no line with a JSON object.")
    return Table(path, "jsonl", tuple(columns)[:MAX_COLUMNS], encoding)


def _jsonl_rows(table: Table) -> Iterator[Row]:
    for line, cells, done in _jsonl_objects(table):
        if isinstance(cells, dict):
            yield line, [cells.get(name) for name in table.columns], done
        else:
            yield line, cells, done


def _jsonl_objects(table: Table) -> Iterator[tuple[int, dict[str, Any] | Unreadable, float]]:
    size = table.path.stat().st_size
    with _text(table.path, table.encoding) as file:
        line = 0
        while text := file.readline(_LONGEST_LINE):
            line += 1
            if not text.strip():
                continue
            done = _told(file) / size
            found = _json_object(text)
            if isinstance(found, str):
                shown = text.strip()[:1000].encode("utf-8", "replace").decode()
                yield line, Unreadable(0, line, found, shown), done
            else:
                yield line, found, done


def _json_object(text: str) -> dict[str, Any] | str:
    """The flattened object of a line, or why there is none."""
    try:
        value = msgspec.json.decode(text)
    except UnicodeEncodeError:
        return "it contains bytes of another encoding"
    except msgspec.DecodeError as error:
        return f"it is no JSON: {error}"
    if not isinstance(value, dict):
        return "it is no JSON object"
    return _flat(value)


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        if isinstance(inner, dict) and depth < 4:
            flat.update(_flat(inner, f"{prefix}{key}.", depth + 1))
        else:
            flat[f"{prefix}{key}"] = _json_cell(inner)
    return flat


def _json_cell(value: Any) -> Any:
    """Text trimmed and in NFC, booleans and lists as their JSON text, numbers as they are."""
    if isinstance(value, str):
        trimmed = value.strip()
        return (trimmed if trimmed.isascii() else unicodedata.normalize("NFC", trimmed)) or None
    if isinstance(value, bool | list | dict):
        return msgspec.json.encode(value).decode()
    return value


# Spreadsheets


def _open_sheet(path: Path) -> Table:
    first: list[list[Any]] = []
    for _, cells in sheets.rows(path):
        first.append(cells)
        if len(first) == _LINES_FOR_DELIMITER:
            break
    if not first:
        raise InvalidInput("import.empty", f"{path.name} has no cells: nothing to import.")
    width = max(len(row) for row in first)
    above = header_place([[*row, *[None] * (width - len(row))] for row in first])
    names = _header(path, ["" if cell is None else str(cell) for cell in first[above]])
    return Table(path, "xlsx", names, above=above)


def _sheet_rows(table: Table) -> Iterator[Row]:
    """The rows of a sheet with something in them; cells beside the table are left out."""
    width = len(table.columns)
    for count, (line, cells) in enumerate(sheets.rows(table.path)):
        if count > table.above:
            padded = [*cells[:width], *[None] * (width - len(cells))]
            if any(cell is not None for cell in padded):
                yield line, [_json_cell(cell) for cell in padded], 0.0


def _grouped(table: Table, rows: Iterator[Row], size: int) -> Iterator[Batch]:
    """Rows into batches of columns."""
    cells: list[Sequence[Any]] = []
    positions: list[int] = []
    lines: list[int] = []
    unreadable: list[Unreadable] = []
    done = 0.0
    names = Headings(table.columns)
    for position, (line, row, share) in enumerate(rows):
        if not isinstance(row, Unreadable) and names.again(row):
            text = ", ".join(str(cell) for cell in row if cell is not None)[:1000]
            row = Unreadable(position, line, "it names the columns once more", text)
        if isinstance(row, Unreadable):
            unreadable.append(Unreadable(position, line, row.reason, row.text))
        else:
            cells.append(row)
            positions.append(position)
            lines.append(line)
        done = max(done, share)
        if len(cells) + len(unreadable) >= size:
            yield _batch(table, cells, positions, lines, unreadable, done)
            cells, positions, lines, unreadable = [], [], [], []
    if cells or unreadable:
        yield _batch(table, cells, positions, lines, unreadable, 1.0)


def _batch(
    table: Table,
    cells: list[Sequence[Any]],
    positions: list[int],
    lines: list[int],
    unreadable: list[Unreadable],
    done: float,
) -> Batch:
    turned = zip(*cells, strict=True) if cells else ((),) * len(table.columns)
    columns = {name: list(values) for name, values in zip(table.columns, turned, strict=True)}
    return Batch(columns, positions, lines, tuple(unreadable), min(done, 1.0))


# Parquet


def _open_parquet(path: Path) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            return Table(path, "parquet", names, rows=file.metadata.num_rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise InvalidInput(
            "import.format",
            f"{path.name} cannot be read as Parquet ({str(error).splitlines()[0].rstrip('.')}); fetch it again.",
        ) from None


def _parquet_batches(table: Table, size: int) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    position = 0
    total = max(table.rows or 0, 1)
    with pq.ParquetFile(table.path) as file:
        for records in file.iter_batches(batch_size=size, use_threads=False):
            count = records.num_rows
            columns = {
                name: _parquet_column(column)
                for name, column in zip(table.columns, records.columns, strict=True)
            }
            first, position = position, position + count
            yield Batch(
                columns,
                range(first, position),
                range(first + 1, position + 1),
                done=position / total,
            )


def _parquet_column(column: Any) -> list[Any]:
    """Plain Python values; text trimmed and in NFC, nested values as JSON text."""
    import pyarrow.types as types

    kind = column.type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_dictionary(kind):
        coded = column.dictionary_encode() if not types.is_dictionary(kind) else column
        words = [_json_cell(word) for word in coded.dictionary.to_pylist()]
        return [None if code is None else words[code] for code in coded.indices.to_pylist()]
    values: list[Any] = column.to_pylist()
    if types.is_nested(kind) or types.is_boolean(kind) or types.is_binary(kind):
        return [None if value is None else _json_cell(_plain(value)) for value in values]
    if types.is_floating(kind):
        return [None if value != value else value for value in values]
    return values


def _plain(value: Any) -> Any:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
