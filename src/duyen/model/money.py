"""Amounts of money as shops write them: `1.234.000 ₫`, `$12.50`, `12,50 €`, read exactly or not at all.

What has two readings has none here: `1,234` may be one thousand or one and a bit, unless its currency has no
smaller unit. A plain decimal (`"129000.00"`) is never touched.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from duyen.model.values import to_micros

WHOLE = frozenset(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()  # noqa: SIM905
)
"""Currencies without a smaller unit (ISO 4217): three digits behind a mark are thousands."""
_SIGNS = {
    "₫": "VND",
    "đ": "VND",
    "vnđ": "VND",
    "đồng": "VND",
    "€": "EUR",
    "£": "GBP",
    "₩": "KRW",
    "฿": "THB",
    "₹": "INR",
    "₱": "PHP",
}
_DOLLARS = frozenset(
    ["USD", "SGD", "AUD", "CAD", "HKD", "NZD", "TWD", "MXN", "BRL", "ARS", "CLP", "COP"]
)
_LONGEST = 40
_PARTS = re.compile(r"(?P<before>[^0-9\-+.,]*)(?P<number>-?[0-9][0-9.,\s'’]*)(?P<after>[^0-9]*)")
_SPACES = re.compile(r"[\s'’]")
_THOUSANDS = re.compile(r"-?[0-9]{1,3}(?:[.,][0-9]{3})+")
_DECIMAL = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,2})?")


class Amount(NamedTuple):
    """`text`: a plain decimal. `currency`: what the sign beside it says; "" where none stands there."""

    text: str
    currency: str = ""


def is_plain(text: str) -> bool:
    """Whether a text is a decimal with one reading in every currency, as most are."""
    return _DECIMAL.fullmatch(text) is not None


def read_amount(value: object, currency: str) -> Amount | None:
    """The amount that a text states, in an event whose currency is this; None where it cannot be read for sure."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        return None
    parts = _PARTS.fullmatch(value.strip())
    if parts is None:
        return None
    said = _currency(parts["before"], parts["after"], currency)
    if said is None:
        return None
    number = _plain(_SPACES.sub("", parts["number"]), said or currency)
    return None if number is None or to_micros(number) is None else Amount(number, said)


def _currency(before: str, after: str, currency: str) -> str | None:
    """What stands beside the number, as a code; "" for nothing, None for what is no currency."""
    signs = [sign for sign in (before.strip(), after.strip()) if sign]
    if not signs:
        return ""
    if len(signs) > 1:
        return None
    sign = signs[0].casefold()
    if sign == "$":
        return currency if currency in _DOLLARS else None
    if sign in _SIGNS:
        return _SIGNS[sign]
    return sign.upper() if len(sign) == 3 and sign.isascii() and sign.isalpha() else None


def _plain(number: str, currency: str) -> str | None:
    """The number with its thousands set together and a full stop before its smaller unit."""
    marks = [mark for mark in number if mark in ".,"]
    if not marks:
        return number
    if (
        len(set(marks)) == 1
        and (len(marks) > 1 or currency in WHOLE)
        and _THOUSANDS.fullmatch(number)
    ):
        return re.sub(r"[.,]", "", number)
    whole, _, smaller = number.rpartition(marks[-1])
    if len(marks) > 1:
        if marks[-1] in marks[:-1] or not 1 <= len(smaller) <= 2 or not _THOUSANDS.fullmatch(whole):
            return None
        if len(set(marks[:-1])) > 1:
            return None
        whole = re.sub(r"[.,]", "", whole)
    elif marks == [","] and len(smaller) not in (1, 2):
        return None
    return f"{whole}.{smaller}" if smaller.isdigit() else None
