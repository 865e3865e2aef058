"""Money and dates as people of a language read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache

from duyen.model.times import Millis, parse_time
from duyen.model.values import MICRO, to_micros

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

PLACES = {"VND": 0, "JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "JOD": 3, "TND": 3}
"""Decimal places of currencies that do not have two (ISO 4217)."""
SYMBOLS = {
    "VND": "₫",
    "USD": "$",
    "EUR": "€",
    "GBP": "£",
    "JPY": "¥",
    "KRW": "₩",
    "THB": "฿",
    "INR": "₹",
}


def format_money(amount: object, currency: str, language: str) -> str:
    """`1.234.567 ₫` in Vietnamese, `₫1,234,567` in English; "" for what is no number."""
    if isinstance(amount, str | int | float):
        return _known_money(amount, currency, language)
    return _money(amount, currency, language)


@lru_cache(maxsize=4_096, typed=True)
def _known_money(amount: str | float, currency: str, language: str) -> str:
    """Prices come again in many mails."""
    return _money(amount, currency, language)


def _money(amount: object, currency: str, language: str) -> str:
    micros = to_micros(amount)
    if micros is None:
        return ""
    code = currency.upper()
    number = _grouped(micros, PLACES.get(code, 2))
    symbol = SYMBOLS.get(code, code)
    sign, digits = ("-", number[1:]) if number.startswith("-") else ("", number)
    if language.startswith("vi"):
        return f"{sign}{_vietnamese(digits)} {symbol}".rstrip()
    space = " " if symbol == code and code else ""
    return f"{sign}{symbol}{space}{digits}"


def format_number(amount: object, language: str) -> str:
    """A number with its thousands grouped and no more decimals than it has."""
    micros = to_micros(amount)
    if micros is None:
        return ""
    whole = f"{Decimal(micros) / MICRO:,f}"
    text = whole.rstrip("0").rstrip(".") if "." in whole else whole
    return _vietnamese(text) if language.startswith("vi") else text


def format_date(value: object, zone: tzinfo, language: str, shape: str = "date") -> str:
    """`21/11/2026` in Vietnamese, `21 Nov 2026` in English; "" for what is no time.

    `shape`: date | time (14:05) | datetime | weekday-free strftime text such as `%d.%m.%Y`.
    """
    moment = to_moment(value, zone)
    if moment is None:
        return ""
    if "%" in shape:
        return moment.strftime(shape[:100])
    day = moment.strftime("%d/%m/%Y")
    if not language.startswith("vi"):
        day = f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"
    clock = moment.strftime("%H:%M")
    return {"date": day, "time": clock}.get(shape, f"{day}, {clock}")


def to_moment(value: object, zone: tzinfo) -> datetime | None:
    """An instant on the wall clock of `zone`: from text in ISO 8601, milliseconds or a datetime."""
    if isinstance(value, datetime):
        return value.astimezone(zone)
    try:
        if isinstance(value, str):
            return _moment(parse_time(value.strip()), zone)
        if isinstance(value, int) and not isinstance(value, bool):
            return _moment(value, zone)
    except (ValueError, OverflowError):
        return None
    return None


def _moment(instant: Millis, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(milliseconds=instant)).astimezone(zone)


def _grouped(micros: int, places: int) -> str:
    number = Decimal(micros) / MICRO
    rounded = number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    return f"{rounded + 0:,f}"


def _vietnamese(number: str) -> str:
    """Points between thousands, a comma before decimals."""
    return number.translate({ord(","): ".", ord("."): ","})
