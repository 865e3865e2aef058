"""Spreadsheets (XLSX, ECMA-376): the first sheet that has cells, row by row, as plain values.

An XLSX is a ZIP of XML files. Rows are streamed; only the table of shared texts is held in memory. Numbers
keep the text they are stored as, which is exact; a number whose format is a date becomes a datetime.
"""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree
from xml.parsers.expat import ExpatError

from duyen.model.errors import InvalidInput

_LINK = re.compile(r"\{http[^}]*/relationships\}id")
MOST_TEXTS = 2_000_000
"""Different texts of one workbook; a longer table is better exported as CSV."""
MOST_TEXT = 512 * 1024 * 1024
"""Bytes of its table of texts, unpacked."""
MOST_COLUMNS = 16_384
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""Built-in formats of dates and times (ECMA-376 part 1, 18.8.30)."""


def rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Row number in the sheet and its cells, of every row that has any; raises InvalidInput."""
    try:
        with zipfile.ZipFile(path) as archive:
            book = _Book(archive)
            for name in book.sheets():
                empty = True
                for row in book.rows(name):
                    empty = False
                    yield row
                if not empty:
                    return
    except (
        zipfile.BadZipFile,
        ElementTree.ParseError,
        ExpatError,
        EOFError,
        KeyError,
        NotImplementedError,
        RuntimeError,  # an encrypted part
    ) as error:
        raise InvalidInput(
            "import.format",
            f"{path.name} cannot be read as a spreadsheet ({error}); save the sheet as CSV (UTF-8) instead.",
        ) from None


class _Book:
    """One workbook: its sheets in order, its texts, and which of its formats are dates."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._names = set(archive.namelist())
        self._first_day = datetime(1899, 12, 30)  # noqa: DTZ001 (sheets hold local times)
        self._texts = self._read_texts()
        self._dates = self._read_date_styles()

    def sheets(self) -> list[str]:
        """The files of the sheets, in the order of their tabs; hidden ones last."""
        links = {
            one.get("Id", ""): posixpath.normpath(posixpath.join("xl", one.get("Target", "")))
            if not one.get("Target", "").startswith("/")
            else one.get("Target", "").lstrip("/")
            for one in self._parsed("xl/_rels/workbook.xml.rels").iter()
            if one.get("Id")
        }
        found: list[tuple[bool, str]] = []
        for one in self._parsed("xl/workbook.xml").iter():
            if _bare(one.tag) == "workbookPr" and one.get("date1904") in ("1", "true"):
                self._first_day = datetime(1904, 1, 1)  # noqa: DTZ001 (sheets hold local times)
            if _bare(one.tag) == "sheet":
                link = next((v for k, v in one.attrib.items() if _LINK.fullmatch(k)), "")
                if links.get(link) in self._names:
                    found.append((one.get("state", "visible") != "visible", links[link]))
        return [name for _, name in sorted(found, key=lambda pair: pair[0])]

    def rows(self, name: str) -> Iterator[tuple[int, list[Any]]]:
        """Row number and cells of one sheet."""
        last = 0
        with self._archive.open(name) as file:
            for element in _closed(file, "row"):
                last = int(element.get("r") or last + 1)
                cells = self._cells(element)
                if any(cell is not None for cell in cells):
                    yield last, cells

    def _cells(self, row: ElementTree.Element) -> list[Any]:
        cells: list[Any] = []
        for element in row:
            if _bare(element.tag) != "c":
                continue
            place = _column(element.get("r", "")) if element.get("r") else len(cells)
            if not len(cells) <= place < MOST_COLUMNS:
                continue
            cells.extend([None] * (place - len(cells)))
            cells.append(self._value(element))
        return cells

    def _value(self, cell: ElementTree.Element) -> Any:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _text(cell) or None
        told = next((part.text for part in cell if _bare(part.tag) == "v"), None)
        if told is None or kind == "e":
            return None
        if kind == "s":
            place = int(told)
            return (self._texts[place] if place < len(self._texts) else "") or None
        if kind == "b":
            return told == "1"
        if kind == "n" and cell.get("s", "0") in self._dates:
            return self._moment(told)
        return _plain_number(told) if kind == "n" else told

    def _moment(self, days: str) -> Any:
        """A date and time to the second from days since the first one; text where it is out of range."""
        try:
            seconds = round(float(days) * 86_400)
            return self._first_day + timedelta(seconds=seconds)
        except (ValueError, OverflowError):
            return days

    def _read_texts(self) -> list[str]:
        name = "xl/sharedStrings.xml"
        if name not in self._names:
            return []
        if self._archive.getinfo(name).file_size > MOST_TEXT:
            raise _too_large()
        texts: list[str] = []
        with self._archive.open(name) as file:
            for element in _closed(file, "si"):
                texts.append(_text(element))
                if len(texts) > MOST_TEXTS:
                    raise _too_large()
        return texts

    def _read_date_styles(self) -> frozenset[str]:
        """The cell styles whose number format is a date's."""
        if "xl/styles.xml" not in self._names:
            return frozenset()
        root = self._parsed("xl/styles.xml")
        own = {
            int(one.get("numFmtId", "0")): _is_date(one.get("formatCode", ""))
            for one in root.iter()
            if _bare(one.tag) == "numFmt"
        }
        styles = next((one for one in root if _bare(one.tag) == "cellXfs"), ())
        numbers = [int(style.get("numFmtId", "0")) for style in styles]
        return frozenset(
            str(place)
            for place, number in enumerate(numbers)
            if own.get(number, number in _DATE_FORMATS)
        )

    def _parsed(self, name: str) -> ElementTree.Element:
        with self._archive.open(name) as file:
            return ElementTree.parse(file).getroot()  # noqa: S314 (expat limits entity expansion)


def _closed(file: IO[bytes], tag: str) -> Iterator[ElementTree.Element]:
    """Each finished element of a name; what has been read is let go."""
    depth: list[ElementTree.Element] = []
    for event, element in ElementTree.iterparse(file, events=("start", "end")):  # noqa: S314 (as above)
        if event == "start":
            depth.append(element)
            continue
        depth.pop()
        if _bare(element.tag) == tag:
            yield element
            if depth:
                depth[-1].remove(element)


def _bare(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def _text(element: ElementTree.Element) -> str:
    """The text of a cell or of a shared text with its formatted runs; spoken hints (rPh) left out."""
    parts: list[str] = []
    for part in element:
        name = _bare(part.tag)
        if name == "t":
            parts.append(part.text or "")
        elif name in ("r", "is"):
            parts.append(_text(part))
    return "".join(parts)


def _column(reference: str) -> int:
    """The place of a cell by its name, from 0: `C7` -> 2."""
    place = 0
    for letter in reference:
        if not "A" <= letter <= "Z":
            break
        place = place * 26 + ord(letter) - 64
    return place - 1


def _plain_number(text: str) -> int | float | str:
    """A stored number as a person typed it: sheets keep 2.55 as 2.5499999999999998."""
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() and abs(number) < 2**53 else float(f"{number:.15g}")


def _is_date(code: str) -> bool:
    """Whether a number format shows a date: day, month, year or hour outside of quotes and brackets."""
    shown = re.sub(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]', "", code.split(";")[0])
    return bool(re.search(r"[dmyh]", shown, re.I)) and not re.search(r"[0#?]", shown)


def _too_large() -> InvalidInput:
    return InvalidInput(
        "import.format",
        "The spreadsheet holds too many texts; save the sheet as CSV (UTF-8) instead.",
    )
