"""Mappings: which column of a foreign table is what, kept as YAML.

kind: orders
source: shop-orders            # part of every imported id: keep it when you import again
columns: {order_id: InvoiceNo, product_id: StockCode, quantity: Quantity, price: UnitPrice,
          time: InvoiceDate, customer_id: CustomerID, name: Description, country: Country}
timezone: Europe/London        # of times without an offset; left out: the workspace's
currency: GBP                  # where no column says it; left out: the workspace's
dates: ymd                     # ymd | dmy | mdy
decimal: "."                   # "." | ","
order_prefixes: {C: refund, A: adjustment}
duplicates: keep               # keep | drop exact copies of a row within its order
product_case: upper            # upper | keep
codes: {post: postage}         # what a product code is, beside the known ones
derive: {email: "{customer_id}@example.test", consent: {purpose: marketing, channel: email}}

People and events have besides:

event: Product Reviewed        # events: what each row is, where no column says it
names: {pv: Product Viewed}    # events: what a word of the event column is called here
ids: {loyalty_card: Card no}   # further identifiers, by namespace
more: {skin_type: Loại da}     # further columns that are kept, as traits or as properties
types: {age: number}           # text | number | boolean | date | time, of those columns; else text
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from duyen.connectors.cells import DateOrder, DecimalMark, read_email
from duyen.connectors.fields import FIELDS, NEEDED, WHO, Kind
from duyen.model.codes import KINDS, LineKind
from duyen.model.consent import DEFAULT_BRAND
from duyen.model.errors import InvalidRule
from duyen.model.values import fold

OrderKind = Literal["refund", "adjustment"]
ValueType = Literal["text", "number", "boolean", "date", "time"]


class DeriveConsent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The consent that goes with a derived address."""

    purpose: str
    channel: str = "email"
    brand: str = DEFAULT_BRAND


class Derive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an import adds to each customer: an address made of the customer's id, a consent."""

    email: str = ""
    consent: DeriveConsent | None = None


class Mapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a table is read; see the module's docstring for its YAML."""

    kind: Kind
    source: str
    columns: dict[str, str]
    timezone: str = ""
    currency: str = ""
    dates: DateOrder = "ymd"
    decimal: DecimalMark = "."
    order_prefixes: dict[str, OrderKind] = {}
    duplicates: Literal["keep", "drop"] = "keep"
    product_case: Literal["upper", "keep"] = "keep"
    codes: dict[str, LineKind] = {}
    derive: Derive = Derive()
    event: str = ""
    names: dict[str, str] = {}
    ids: dict[str, str] = {}
    more: dict[str, str] = {}
    types: dict[str, ValueType] = {}


def slug(text: str) -> str:
    """Letters, digits, dashes and underscores of a name: `Đơn hàng 2026.csv` -> `don-hang-2026-csv`."""
    return re.sub(r"[^a-z0-9_]+", "-", fold(text)).strip("-") or "import"


def to_yaml(mapping: Mapping) -> str:
    """The mapping as its YAML file."""
    data = msgspec.to_builtins(mapping)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def from_yaml(text: str, *, at: str = "mapping") -> Mapping:
    """Read a mapping's YAML; InvalidRule names what is wrong in it."""
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidRule("mapping.yaml", f"The mapping is no YAML: {error}", at=at) from None
    try:
        return msgspec.convert(raw, Mapping)
    except msgspec.ValidationError as error:
        raise InvalidRule("mapping.invalid", f"The mapping does not read: {error}", at=at) from None


def check(mapping: Mapping, columns: Sequence[str]) -> None:
    """Refuse a mapping that does not fit the table, saying what to change."""
    for field, column in mapping.columns.items():
        if field not in FIELDS[mapping.kind]:
            allowed = ", ".join(FIELDS[mapping.kind])
            refuse(
                f"“{field}” is no field of {mapping.kind}; they are {allowed}", f"columns.{field}"
            )
        if column not in columns:
            names = ", ".join(columns)
            refuse(f"the file has no column “{column}”; it has {names}", f"columns.{field}")
    for part in ("ids", "more"):
        for name, column in getattr(mapping, part).items():
            if column not in columns:
                refuse(
                    f"the file has no column “{column}”; it has {', '.join(columns)}",
                    f"{part}.{name}",
                )
    for choice in NEEDED[mapping.kind]:
        if choice == WHO and mapping.ids:
            continue
        if not any(field in mapping.columns for field in choice):
            refuse(f"a column for {' or '.join(choice)} is needed", "columns")
    if mapping.kind == "events" and not (mapping.event or "event" in mapping.columns):
        refuse(
            "a column for the event is needed, or one name for all rows (event: Product Reviewed)",
            "event",
        )
    for name in mapping.types:
        if name not in mapping.more:
            refuse(f"“{name}” is no column that is kept", f"types.{name}")
    for code, kind in mapping.codes.items():
        if kind not in KINDS:
            refuse(f"“{kind}” is no kind of line; they are {', '.join(KINDS)}", f"codes.{code}")
    if mapping.timezone:
        zone(mapping.timezone)
    _check_derive(mapping)


def _check_derive(mapping: Mapping) -> None:
    if not mapping.derive.email:
        return
    try:
        made = mapping.derive.email.format(customer_id="1")
    except (KeyError, IndexError, ValueError):
        made = ""
    if "{customer_id}" not in mapping.derive.email or not read_email(made):
        refuse("a derived address looks like “{customer_id}@example.test”", "derive.email")
    if "customer_id" not in mapping.columns:
        refuse("a derived address needs a column for customer_id", "derive.email")


def zone(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/London."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        refuse(f"“{name}” is no time zone; write for example Europe/London", "timezone")
        raise AssertionError from None


def refuse(reason: str, at: str) -> None:
    """InvalidRule with the reason and the place in the mapping."""
    raise InvalidRule("mapping.invalid", f"The mapping does not fit: {reason}.", at=at)
