"""Cells of columns that are kept as they are: each becomes a value of the type its column was given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, tzinfo
from typing import Any

from duyen.connectors.cells import (
    NO,
    YES,
    DateOrder,
    DecimalMark,
    read_number,
    read_time,
    read_yes_no,
)
from duyen.connectors.mapping import ValueType
from duyen.model.times import format_time
from duyen.model.values import MICRO, fold

_PLAIN_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14})([.,]\d{1,9})?")
_PLAIN_DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}")

Reader = Callable[[Any], Any]


def reader_of(type: ValueType, mark: DecimalMark, dates: DateOrder, zone: tzinfo) -> Reader:
    """Reads cells into values of a type; None where a cell is none of it, so that its text is kept."""
    if type == "number":
        return lambda cell: _number(cell, mark)
    if type == "boolean":
        return read_yes_no
    if type == "date":
        return lambda cell: _date(cell, dates, zone)
    if type == "time":
        return lambda cell: _time(cell, dates, zone)
    return _text


def type_of(values: Sequence[Any]) -> ValueType:
    """The type that all of a column's values have; text where they differ, or where a figure is a code (007)."""
    told = [value for value in values[:1_000] if value is not None]
    if not told:
        return "text"
    if all(isinstance(v, int | float) or _PLAIN_NUMBER.fullmatch(str(v)) for v in told):
        return "number"
    if all(_is_date(value) for value in told):
        return "date"
    if all(isinstance(value, datetime) for value in told):
        return "time"
    words = {fold(str(value)) for value in told}
    if words <= YES | NO and len(words) <= 4:
        return "boolean"
    return "text"


def _is_date(value: Any) -> bool:
    if isinstance(value, date):
        return not isinstance(value, datetime)
    return isinstance(value, str) and _PLAIN_DATE.fullmatch(value) is not None


def _text(cell: Any) -> Any:
    """Text, or a number or truth that the file itself holds as one."""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return cell if isinstance(cell, bool | int | float) else str(cell)


def _number(cell: Any, mark: DecimalMark) -> int | float | None:
    if isinstance(cell, int | float):
        return cell
    micros = read_number(cell, mark)
    if micros is None:
        return None
    return micros / MICRO if micros % MICRO else micros // MICRO


def _date(cell: Any, dates: DateOrder, zone: tzinfo) -> str | None:
    moment = read_time(cell, dates, zone)
    if moment is None and isinstance(cell, date):
        return cell.isoformat()  # before 1970
    if moment is None:
        return None
    return datetime.fromtimestamp(moment / 1000, zone).date().isoformat()


def _time(cell: Any, dates: DateOrder, zone: tzinfo) -> str | None:
    moment = read_time(cell, dates, zone)
    return None if moment is None else format_time(moment)
