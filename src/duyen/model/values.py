"""Values as they are kept: text in NFC, numbers exact, so that every engine reads the same.

Rules compare text exactly (NFC) or *folded* (lower case, no diacritics, đ as d); numbers as micros:
whole millionths, an int. A number that does not fit (|x| >= 1e12, not finite) is no number to a rule.
"""

from __future__ import annotations

import math
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

MICRO = 1_000_000
_SIX_PLACES = Decimal("0.000001")
_LARGEST = Decimal(10) ** 12
MAX_DEPTH = 8


def fold(text: str) -> str:
    """Lower case without diacritics: `Nguyễn Đức` -> `nguyen duc`; for search and `contains`."""
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    bare = "".join(c for c in spread if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", bare.casefold())


def to_micros(value: object) -> int | None:
    """The number in whole millionths, or None where the value is no number a rule can use.

    Accepts int, float, Decimal and decimal text (`"19.90"`, as shops send money); never bool.
    """
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value * MICRO if abs(value) < 10**12 else None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        text = repr(value)
        if (micros := _plain_micros(text)) is not None:
            return micros
        number = Decimal(text)
    elif isinstance(value, Decimal):
        number = value
    elif isinstance(value, str) and 0 < len(value) <= 40:
        return _text_micros(value)
    else:
        return None
    return _decimal_micros(number)


@lru_cache(maxsize=16_384)
def _text_micros(text: str) -> int | None:
    """The millionths of decimal text; remembered, because one price is compared by many rules and told many times."""
    if (micros := _plain_micros(text)) is not None:
        return micros
    try:
        return _decimal_micros(Decimal(text))
    except InvalidOperation:
        return None


def _decimal_micros(number: Decimal) -> int | None:
    # copy_abs, because abs() rounds, and fails at an exponent that only a hostile text has.
    if not number.is_finite() or number.copy_abs() >= _LARGEST:
        return None
    return int(number.quantize(_SIX_PLACES, ROUND_HALF_EVEN).scaleb(6))


def _plain_micros(text: str) -> int | None:
    """The millionths of a small number written with at most six places, as nearly all are; else None."""
    whole, _, places = text.partition(".")
    if len(whole) > 12 or len(places) > 6 or not text.isascii():
        return None
    if not whole.removeprefix("-").isdigit() or (places and not places.isdigit()):
        return None
    return int(f"{whole}{places:0<6}")


def from_micros(micros: int) -> Decimal:
    """The exact decimal of a number of millionths, without trailing zeros below two places."""
    number = Decimal(micros).scaleb(-6)
    trimmed = number.normalize()
    exponent = trimmed.as_tuple().exponent
    return (
        number.quantize(Decimal("0.01")) if isinstance(exponent, int) and exponent > -2 else trimmed
    )


def canonical(value: Any, depth: int = 0) -> Any:
    """A JSON value as it is kept: NFC text, floats to six places, depth at most MAX_DEPTH."""
    kind = type(value)
    if kind is int or kind is bool or value is None:
        return value
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return round(value, 6)
    if isinstance(value, dict):
        if depth >= MAX_DEPTH:
            return None
        deeper = depth + 1
        return {
            k if type(k) is str and k.isascii() else canonical(k): canonical(v, deeper)
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        if depth >= MAX_DEPTH:
            return None
        return [canonical(v, depth + 1) for v in value]
    return value
