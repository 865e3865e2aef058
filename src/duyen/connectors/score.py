"""How well a column fits a field, by its name and by its values."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from duyen.connectors.column_values import Shape
from duyen.connectors.fields import Kind
from duyen.model.values import fold

NO_VALUE = "none of the first rows has a value"


class Guess(msgspec.Struct, frozen=True):
    """One line of the table that is shown: a field, its column (or none), how sure, why, an example."""

    field: str
    column: str
    confidence: float
    why: str
    example: str = ""


_BARE_NAME = {
    "order_id": ("hashed", 0.8, "its values are numbers of orders"),
    "name": ("text", 0.6, "it may name the product, or the customer"),
}
"""What a column that is only called "name" may be in a table of orders: the test of its values, how sure, why."""


def score(
    field: str, column: str, aliases: Sequence[str], shape: Shape, kind: Kind = "orders"
) -> Guess:
    """How sure it is that a column is a field, from 0 to 1, and why."""
    others = _NOT_THE_CUSTOMER if field == "customer_id" else _OF_SOMETHING_ELSE
    name, why = _name_score(_words(column), aliases, others)
    fit = shape.fit(field)
    if name:
        sure = round(name * (0.4 + 0.6 * fit), 2)
        reason = why if fit >= 0.8 else f"{why}, but only {fit:.0%} of its values fit"
        reason = reason if shape.known else f"{why}; {NO_VALUE}"
        return Guess(field, column, sure, reason)
    if kind == "orders" and _words(column) in ("name", "ten") and field in _BARE_NAME:
        test, sure, reason = _BARE_NAME[field]
        if getattr(shape, test) >= 0.9:
            return Guess(field, column, sure, reason)
    # A person has many times: only its name tells which one is that of the last change.
    alone = {"email": 0.8, "time": 0.0 if kind == "people" else 0.5}.get(field, 0.0)
    if alone and fit >= 0.9:
        return Guess(field, column, alone, f"by its values: {fit:.0%} fit")
    return Guess(field, column, 0.0, "")


_OF_SOMETHING_ELSE = frozenset(
    ("total", "subtotal", "tong", "discount", "giam", "category", "loai", "nhom", "danh", "length", "lenght",
     "seller", "store", "original", "list", "goc", "old", "cost", "tax", "thue", "shipping", "freight", "cod")
)  # fmt: skip
"""Words that make another thing of a column: a total price is no price, a category's name is no name."""

_NOT_THE_CUSTOMER = frozenset(
    ("phone", "dien", "thoai", "sdt", "email", "name", "ten", "city", "state", "zip", "address", "chi", "group", "nhom")
)  # fmt: skip
"""What may be told of a customer and does not tell one from another."""


def _name_score(words: str, aliases: Sequence[str], others: frozenset[str]) -> tuple[float, str]:
    tight = words.replace(" ", "")
    for number, alias in enumerate(aliases):
        if tight == alias.replace(" ", ""):
            return 0.97 - 0.002 * number, "by its name"
    held = set(words.split())
    for alias in () if held & others else aliases:
        if len(alias.split()) > 1 and set(alias.split()) <= held:
            return 0.75, f"its name has “{alias}”"
    last = words.split()[-1] if words else ""
    if last in aliases:
        return 0.6, f"its name ends in “{last}”"
    return 0.0, ""


def is_utc(column: str) -> bool:
    """Whether a column's name says that its times are those of UTC."""
    return not {"utc", "gmt", "zulu"}.isdisjoint(_words(column).split())


def _words(name: str) -> str:
    """A column name as folded words: `InvoiceNo` -> `invoice no`, `Mã_Đơn` -> `ma don`."""
    outside = re.sub(r"\([^()]*\)", " ", name)
    name = outside if outside.strip() else name
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", fold(split)).strip()
