"""Cells: text and numbers as people export them, read into exact values or a plain reason."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from duyen.model.times import Millis
from duyen.model.values import fold, to_micros

DateOrder = Literal["ymd", "dmy", "mdy"]
DecimalMark = Literal[".", ","]

_MONEY = re.compile(
    r"[\s\u00a0\u202f₫€£¥₩₹฿₱]|r?\$|(?:vnd|vnđ|đồng|đ|usd|eur|gbp)(?=[\s\d.,-]*$)"
    r"|^(?:vnd|vnđ|usd|eur|gbp)",
    re.I,
)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,2})?")
_DATE = re.compile(
    r"(\d{1,4})[-/.](\d{1,2})[-/.](\d{1,4})"
    r"(?:[T ,]+(\d{1,2})[:hH](\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp]\.?[Mm]\.?|SA|CH)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+", re.I)
_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[\s/.-]*([a-z]{3,9})[\s/.,-]*(\d{4}|\d{2})\b", re.I
)
_MONTH_FIRST = re.compile(r"([a-z]{3,9})\.?[\s/-]+(\d{1,2})(?:st|nd|rd|th)?[\s,/-]+(\d{4})\b", re.I)
_IN_VIETNAMESE = re.compile(
    r"(?:ngày\s+)?(\d{1,2})\s+(?:tháng|thg)\.?\s+(\d{1,2})\s*,?\s*(?:năm\s+)?(\d{4})", re.I
)
_TIME_FIRST = re.compile(
    r"(\d{1,2}[:hH]\d{2}(?::\d{2})?(?:\s*(?:[AaPp]\.?[Mm]\.?|SA|CH))?)[\s,]+(\S+)"
)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?)?")
_EMAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]{1,190}\.[^@\s<>\"',;.]{2,24}")
_PHONE = re.compile(r"(\+|00)[1-9]\d{7,14}|0\d{9,10}|84\d{9,10}")
_FLOAT_ID = re.compile(r"(\d+)\.0+")
YES = frozenset(
    ("yes", "y", "true", "t", "1", "on", "x", "subscribed", "active", "granted", "opted in", "confirmed",
     "co", "dong y", "dung", "dang ky")
)  # fmt: skip
NO = frozenset(
    ("no", "n", "false", "f", "0", "off", "unsubscribed", "inactive", "denied", "opted out", "cleaned", "bounced",
     "khong", "tu choi", "sai", "huy dang ky", "huy")
)  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_number(value: Any, mark: DecimalMark = ".") -> int | None:
    """A number in millionths, or None where it is none: `1,234.50`, `£2.55`, `120.000 ₫` (mark ",")."""
    if not isinstance(value, str):
        return to_micros(value)
    text = value.strip()
    negative = text.startswith("(") and text.endswith(")")
    text = _MONEY.sub("", text.strip("()") if negative else text)
    group = "," if mark == "." else "."
    if group in text:
        whole, _, fraction = text.partition(mark)
        groups = whole.lstrip("+-").split(group)
        if (
            group in fraction
            or not 1 <= len(groups[0]) <= 3
            or any(len(g) != 3 for g in groups[1:])
        ):
            return None
        text = whole.replace(group, "") + (mark + fraction if fraction else "")
    text = text.replace(mark, ".")
    if not _NUMBER.fullmatch(text):
        return None
    micros = to_micros(text)
    return -micros if negative and micros is not None else micros


@lru_cache(maxsize=16_384)
def decimal_text(scaled: int, places: int) -> str:
    """The exact decimal text of a whole number of 10^-places, with two places or as many as it needs."""
    number = Decimal(scaled).scaleb(-places)
    trimmed = number.normalize()
    exponent = trimmed.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -2:
        return format(number.quantize(Decimal("0.01")), "f")
    return format(trimmed, "f")


def read_time(value: Any, order: DateOrder, zone: tzinfo) -> Millis | None:
    """An instant, or None where the value is none. A time without an offset is local time in `zone`.

    Reads dates and times as written by exports, seconds or milliseconds since 1970, and typed values.
    Of a local time that a clock change repeats, the first is meant.
    """
    moment = _moment(value, order)
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    gone = moment - _EPOCH
    millis = (gone.days * 86_400 + gone.seconds) * 1000 + gone.microseconds // 1000
    return millis if millis >= 0 else None


def _moment(value: Any, order: DateOrder) -> datetime | None:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 (local time, see read_time)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _since_epoch(float(value))
    if not isinstance(value, str):
        return None
    text = value.strip()
    found = _DATE.fullmatch(text)
    if found:
        return _from_parts(found, order)
    plain = _in_figures(text)
    if plain != text:
        found = _DATE.fullmatch(plain)
        return _from_parts(found, order) if found else None
    compact = _COMPACT.fullmatch(text)
    if compact and 1970 <= int(compact[1]) <= 2100 and int(compact[2]) <= 12:
        return _built([int(part or 0) for part in compact.groups()])
    if text.isdigit() and len(text) in (10, 13):
        return _since_epoch(float(text))
    return None


def _in_figures(text: str) -> str:
    """A date with its month's name as year-month-day, and a time that stands first put behind its date."""
    text = _WEEKDAY.sub("", text, count=1)
    if found := _TIME_FIRST.fullmatch(text):
        return f"{found[2]} {found[1]}"
    for pattern, (day, month) in (
        (_IN_VIETNAMESE, (1, 2)),
        (_DAY_FIRST, (1, 2)),
        (_MONTH_FIRST, (2, 1)),
    ):
        if found := pattern.match(text):
            return _with_month(found[day], found[month], found[3]) + text[found.end() :]
    return text


def _with_month(day: str, month: str, year: str) -> str:
    """year-month-day of a month's figure or English name; without a month where the name is none."""
    known = month if month.isdigit() else ""
    for number, name in enumerate(_MONTHS, 1):
        if name.startswith(month.lower()):
            known = str(number)
    return f"{int(year) + 2000 if len(year) == 2 else year}-{known}-{day}"


def _since_epoch(number: float) -> datetime | None:
    """Seconds (since 1973) or milliseconds since 1970; smaller numbers are no times."""
    if 1e8 <= number < 1e10:
        return datetime.fromtimestamp(number, UTC)
    if 1e11 <= number < 1e13:
        return datetime.fromtimestamp(number / 1000, UTC)
    return None


def _from_parts(found: re.Match[str], order: DateOrder) -> datetime | None:
    first, second, third = (int(found[n]) for n in (1, 2, 3))
    if len(found[1]) == 4:
        year, month, day = first, second, third
    elif order == "mdy":
        year, month, day = third, first, second
    elif order == "ymd":
        year, month, day = first, second, third
    else:
        year, month, day = third, second, first
    year += 2000 if year < 100 else 0
    hour, minute, second_ = (int(found[n] or 0) for n in (4, 5, 6))
    half = (found[8] or "").upper().replace(".", "")
    if half:
        hour = hour % 12 + (12 if half in ("PM", "CH") else 0)
    micro = int((found[7] or "0").ljust(6, "0")[:6])
    moment = _built([year, month, day, hour, minute, second_, micro])
    return _with_offset(moment, found[9]) if moment and found[9] else moment


def _built(parts: list[int]) -> datetime | None:
    try:
        return datetime(*parts)  # type: ignore[arg-type] # noqa: DTZ001 (local time, see read_time)
    except ValueError:
        return None


def _with_offset(moment: datetime, offset: str) -> datetime:
    if offset[0] not in "+-":
        return moment.replace(tzinfo=UTC)
    digits = offset.replace(":", "")
    return datetime.fromisoformat(f"{moment.isoformat()}{digits[:3]}:{digits[3:]}")


def read_id(value: Any) -> str:
    """An identifier as text; `17850.0`, which spreadsheets make of 17850, is 17850. Empty where none."""
    if value is None:
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    text = str(value).strip()
    found = _FLOAT_ID.fullmatch(text)
    return found[1] if found else text


def read_email(value: Any) -> str:
    """An e-mail address in lower case, or empty where it is none."""
    text = str(value or "").strip().lower()
    return text if _EMAIL.fullmatch(text) else ""


def read_phone(value: Any) -> str:
    """A telephone number with its country (+84…), or a Vietnamese one (0…, 84…); empty where it is none."""
    digits = re.sub(r"[\s().\-/–]", "", read_id(value))
    return digits if _PHONE.fullmatch(digits) else ""


def read_yes_no(cell: Any) -> bool | None:
    """True, False, or None where the cell says neither, in English or Vietnamese."""
    if isinstance(cell, bool):
        return cell
    word = fold(read_id(cell))
    return True if word in YES else False if word in NO else None
