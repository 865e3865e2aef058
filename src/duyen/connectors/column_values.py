"""What the values of a column tell: numbers or times, which decimal mark, day or month first."""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from collections.abc import Sequence
from datetime import UTC
from typing import Any, Literal

import msgspec

from duyen.connectors.cells import (
    DateOrder,
    DecimalMark,
    read_email,
    read_number,
    read_phone,
    read_time,
    read_yes_no,
)
from duyen.connectors.mapping import OrderKind


class Shape(msgspec.Struct, frozen=True):
    """What share of a column's values look like a number, a time, an address, ..."""

    number: float
    whole: float
    time: float
    email: float
    currency: float
    text: float
    hashed: float
    web: float
    yes_no: float
    phone: float
    known: bool

    def fit(self, field: str) -> float:
        """How well the values fit a field, from 0 to 1; an empty column fits anything by half."""
        if not self.known:
            return 0.5
        if field in ("price", "amount"):
            return self.number
        if field in ("quantity", "stock"):
            return self.number * (0.7 + 0.3 * self.whole)
        if field in ("time", "created_at", "consent_time", "birthday"):
            return self.time
        if field == "rating":
            return self.number
        if field in ("accepts_email", "accepts_sms"):
            return self.yes_no
        if field in ("first_name", "last_name", "city", "gender"):
            return self.text
        if field == "phone":
            return self.phone
        if field == "email":
            return self.email
        if field == "currency":
            return self.currency
        if field in ("url", "image"):
            return self.web
        if field == "category":
            return max(0.6, self.text) * (1.0 - self.time)
        if field in ("name", "country"):
            return max(0.0, self.text - self.time)
        if field in ("order_id", "product_id", "customer_id"):
            return 1.0 - max(self.email, 0.0 if self.whole else self.time)
        return 1.0


def shape_of(values: Sequence[Any]) -> Shape:
    told = [value for value in values[:1000] if value is not None]
    if not told:
        return Shape(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, False)

    def share(test: Any) -> float:
        return sum(1 for value in told if test(value)) / len(told)

    def number(value: Any) -> bool:
        return read_number(value) is not None or read_number(value, ",") is not None

    return Shape(
        number=share(number),
        whole=share(lambda value: re.fullmatch(r"[+-]?\d+(\.0+)?", str(value))),
        time=share(lambda value: any(read_time(value, o, UTC) is not None for o in _DATE_ORDERS)),
        email=share(read_email),
        currency=share(lambda value: re.fullmatch(r"[A-Za-z]{3}", str(value))),
        text=share(lambda value: isinstance(value, str) and any(c.isalpha() for c in value)),
        hashed=share(lambda value: re.fullmatch(r"#\s?[A-Za-z]{0,6}-?\d+", str(value))),
        web=share(lambda value: re.match(r"https?://|/", str(value))),
        yes_no=share(lambda value: read_yes_no(value) is not None),
        phone=share(read_phone),
        known=True,
    )


_DATE_ORDERS: tuple[DateOrder, ...] = ("ymd", "dmy", "mdy")

_FIGURES_ONLY = re.compile(r"\d[-/.]\d{1,2}[-/.]\d|^\s*\d{8}")


def date_order(values: Sequence[Any]) -> tuple[DateOrder, bool]:
    """The order of day and month, and whether the sample leaves it open."""
    told = [v for v in values if isinstance(v, str) and _FIGURES_ONLY.search(v)]
    if not told:
        return "ymd", False
    fits = {o: sum(1 for v in told if read_time(v, o, UTC) is not None) for o in _DATE_ORDERS}
    if all(re.match(r"\s*(\d{4}\D|\d{8}|\d{10})", value) for value in told):
        return "ymd", False
    if fits["dmy"] == fits["mdy"]:
        return "dmy", True
    return ("dmy", False) if fits["dmy"] > fits["mdy"] else ("mdy", False)


_COMMA_DECIMAL = re.compile(r"\d,\d{1,2}(?!\d)|\d\.\d{3},|^\D*\d{1,3}(\.\d{3})+\D*$")

_POINT_DECIMAL = re.compile(r"\d\.\d{1,2}(?!\d)|\d,\d{3}\.|^\D*\d{1,3}(,\d{3})+\D*$")


def decimal_mark(sample: Map[str, Sequence[Any]]) -> DecimalMark:
    """Whether numbers are written 1,234.50 or 1.234,50 (only text can tell)."""
    comma = point = 0
    for values in sample.values():
        texts = [v for v in values[:500] if isinstance(v, str) and any(c in v for c in ".,")]
        for text in texts:
            if read_number(text) is None and read_number(text, ",") is None:
                continue
            comma += bool(_COMMA_DECIMAL.search(text))
            point += bool(_POINT_DECIMAL.search(text))
    return "," if comma > point else "."


def order_prefixes(sample: Map[str, Sequence[Any]], mapped: Map[str, str]) -> dict[str, OrderKind]:
    """Letters before an order's number that go with negative quantities: cancellations."""
    ids = sample.get(mapped.get("order_id", ""), ())
    quantities = sample.get(mapped.get("quantity", ""), ())
    signs: dict[str, list[bool]] = {}
    for order, quantity in zip(ids, quantities, strict=False):
        found = re.match(r"([A-Za-z]{1,3})(?=-?\d)", str(order or ""))
        micros = read_number(quantity)
        if micros is not None:
            signs.setdefault(found[1] if found else "", []).append(micros < 0)
    others = [sign for prefix, values in signs.items() if not prefix for sign in values]
    if not others or sum(others) > 0.2 * len(others):
        return {}
    return {
        prefix: "refund"
        for prefix, values in signs.items()
        if prefix and len(values) >= 2 and sum(values) >= 0.9 * len(values)
    }


def case_of_codes(values: Sequence[Any]) -> Literal["upper", "keep"]:
    """upper where the same code is written in two cases."""
    texts = {value for value in values if isinstance(value, str)}
    return "upper" if len({text.upper() for text in texts}) < len(texts) else "keep"
