"""Mappings: which column of a foreign table is what, guessed from names and values, kept as YAML.

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
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map
from datetime import UTC
from importlib import resources
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from duyen.connectors.cells import DateOrder, DecimalMark, read_email, read_number, read_time
from duyen.model.codes import KINDS, LineKind
from duyen.model.consent import DEFAULT_BRAND
from duyen.model.errors import InvalidRule
from duyen.model.times import Millis, parse_time
from duyen.model.values import MICRO, fold

Kind = Literal["orders", "products"]
OrderKind = Literal["refund", "adjustment"]

ORDER_FIELDS = (
    "order_id",
    "product_id",
    "name",
    "quantity",
    "price",
    "amount",
    "time",
    "customer_id",
    "email",
    "phone",
    "country",
    "currency",
)
PRODUCT_FIELDS = (
    "id",
    "name",
    "price",
    "currency",
    "category",
    "url",
    "image",
    "brand",
    "stock",
    "tags",
    "description",
)
FIELDS: dict[Kind, tuple[str, ...]] = {"orders": ORDER_FIELDS, "products": PRODUCT_FIELDS}

ALIASES: dict[str, tuple[str, ...]] = {
    "order_id": (
        "order id",
        "order no",
        "order number",
        "order code",
        "order",
        "order ref",
        "invoice",
        "invoice no",
        "invoice id",
        "invoice number",
        "transaction id",
        "basket id",
        "receipt no",
        "receipt id",
        "bill no",
        "ma don hang",
        "ma don",
        "so don hang",
        "ma hoa don",
        "so hoa don",
        "don hang",
        "hoa don",
        "so chung tu",
    ),
    "product_id": (
        "product id",
        "product code",
        "product sku",
        "item id",
        "item code",
        "sku",
        "stock code",
        "lineitem sku",
        "variant sku",
        "article",
        "barcode",
        "ma san pham",
        "ma sp",
        "ma hang",
        "ma hang hoa",
        "ma vach",
        "ma sku",
        "item sku",
        "sku san pham",
        "ma sku san pham",
        "sku phan loai hang",
    ),
    "name": (
        "description",
        "product name",
        "item name",
        "product",
        "item",
        "title",
        "product title",
        "lineitem name",
        "ten san pham",
        "ten sp",
        "ten hang",
        "ten hang hoa",
        "mat hang",
        "san pham",
    ),
    "quantity": (
        "quantity",
        "qty",
        "units",
        "count",
        "order quantity",
        "lineitem quantity",
        "item quantity",
        "so luong",
        "sl",
    ),
    "price": (
        "unit price",
        "price",
        "item price",
        "product price",
        "lineitem price",
        "price each",
        "sale price",
        "don gia",
        "gia ban",
        "gia",
        "gia san pham",
        "gia uu dai",
        "gia sau giam",
        "item cost",
    ),
    "amount": (
        "amount",
        "line total",
        "sales value",
        "sales",
        "total",
        "revenue",
        "subtotal",
        "total price",
        "thanh tien",
        "tong tien",
        "doanh thu",
        "tong gia ban",
        "tong gia ban san pham",
        "order line total",
        "thanh toan",
    ),
    "time": (
        "time",
        "date",
        "order date",
        "order time",
        "invoice date",
        "created at",
        "purchase date",
        "order purchase timestamp",
        "transaction timestamp",
        "transaction date",
        "timestamp",
        "date created",
        "paid at",
        "datetime",
        "ngay",
        "ngay dat",
        "ngay dat hang",
        "ngay mua",
        "ngay tao",
        "ngay ban",
        "ngay hoa don",
        "thoi gian",
        "thoi gian dat hang",
    ),
    "customer_id": (
        "customer id",
        "customer",
        "customer no",
        "customer number",
        "customer code",
        "cust id",
        "client id",
        "buyer id",
        "user id",
        "member id",
        "household id",
        "ma khach hang",
        "ma kh",
        "khach hang",
        "nguoi mua",
        "household key",
        "customer user id",
    ),
    "email": (
        "email",
        "e mail",
        "email address",
        "customer email",
        "billing email",
        "buyer email",
        "contact email",
        "dia chi email",
        "thu dien tu",
    ),
    "phone": (
        "phone",
        "phone number",
        "mobile",
        "telephone",
        "billing phone",
        "customer phone",
        "sdt",
        "dien thoai",
        "so dien thoai",
    ),
    "country": (
        "country",
        "shipping country",
        "billing country",
        "country code",
        "quoc gia",
        "nuoc",
    ),
    "currency": ("currency", "currency code", "tien te", "loai tien"),
}
"""Folded names by which shops, accounting programs and public data call a column."""

PRODUCT_ALIASES: dict[str, tuple[str, ...]] = {
    "id": ("id", "handle", *ALIASES["product_id"]),
    "name": ("name", "ten", *ALIASES["name"][1:]),
    "price": (*ALIASES["price"], "price vnd", "variant price"),
    "currency": ALIASES["currency"],
    "category": (
        "category",
        "product category",
        "category name",
        "product category name",
        "type",
        "product type",
        "department",
        "danh muc",
        "nhom hang",
        "loai",
        "loai hang",
        "nganh hang",
    ),
    "url": ("url", "link", "product url", "permalink", "lien ket", "duong dan"),
    "image": (
        "image",
        "image url",
        "image link",
        "image src",
        "picture",
        "images",
        "thumbnail",
        "hinh anh",
        "anh",
    ),
    "brand": ("brand", "vendor", "manufacturer", "thuong hieu", "hang", "nhan hieu"),
    "stock": (
        "stock",
        "inventory",
        "stock quantity",
        "quantity",
        "qty",
        "in stock",
        "variant inventory qty",
        "ton kho",
        "so luong ton",
        "so luong",
    ),
    "tags": ("tags", "tag", "keywords", "genres", "nhan", "tu khoa", "the loai"),
    "description": (
        "description",
        "body",
        "body html",
        "short description",
        "mo ta",
        "noi dung",
    ),
}

_NEEDED: dict[Kind, tuple[tuple[str, ...], ...]] = {
    "orders": (("time",), ("price", "amount")),
    "products": (("id",), ("name",)),
}


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


class Guess(msgspec.Struct, frozen=True):
    """One line of the table that is shown: a field, its column (or none), how sure, why, an example."""

    field: str
    column: str
    confidence: float
    why: str
    example: str = ""


class Guessed(msgspec.Struct, frozen=True):
    """A guessed mapping with its reasons. `questions` are what a person should look at.

    `missing` are what an import cannot do without and no column fits, as words. `shipped` names a mapping
    of ours made for exactly these columns, or is empty.
    """

    mapping: Mapping
    guesses: tuple[Guess, ...]
    unused: tuple[str, ...]
    questions: tuple[str, ...]
    shipped: str = ""
    missing: tuple[str, ...] = ()


# Guessing


def guess_mapping(
    columns: Sequence[str],
    sample: Map[str, Sequence[Any]],
    *,
    kind: Kind = "orders",
    source: str = "import",
    told: Map[str, str] | None = None,
    dates: DateOrder | None = None,
) -> Guessed:
    """Guess which column is what from names (English, Vietnamese, shop exports) and from values.

    `told` are fields with their columns ("" for none) and `dates` an order of day and month that are known.
    """
    shapes = {name: _shape(sample.get(name, ())) for name in columns}
    mark = _decimal_mark(sample)
    chosen = _assign(columns, shapes, kind, told or {})
    mapped = {guess.field: guess.column for guess in chosen}
    guessed_dates, unsure = _date_order(sample.get(mapped.get("time", ""), ()))
    dates, unsure = dates or guessed_dates, unsure and dates is None
    guesses = tuple(
        msgspec.structs.replace(guess, example=_example(sample.get(guess.column, ())))
        for guess in chosen
    )
    mapping = Mapping(
        kind=kind,
        source=slug(source),
        columns=mapped,
        dates=dates,
        decimal=mark,
        order_prefixes=_prefixes(sample, mapped) if kind == "orders" else {},
        product_case=_case(sample.get(mapped.get("product_id", ""), ())),
    )
    none = tuple(Guess(f, "", 0.0, "no column fits") for f in FIELDS[kind] if f not in mapped)
    unused = tuple(name for name in columns if name not in mapped.values())
    missing = tuple(
        " or the ".join(choice)
        for choice in _NEEDED[kind]
        if not any(field in mapped for field in choice)
    )
    questions = (
        *_about_the_header(columns, mapped),
        *(f"Which column is the {choice}?" for choice in missing),
        *_questions(mapping, guesses, unsure),
        *_about_the_amounts(sample, mapping),
    )
    return Guessed(
        mapping, guesses + none, unused, questions, _shipped_for(columns, sample), missing
    )


def slug(text: str) -> str:
    """Letters, digits, dashes and underscores of a name: `Đơn hàng 2026.csv` -> `don-hang-2026-csv`."""
    return re.sub(r"[^a-z0-9_]+", "-", fold(text)).strip("-") or "import"


def _words(name: str) -> str:
    """A column name as folded words: `InvoiceNo` -> `invoice no`, `Mã_Đơn` -> `ma don`."""
    outside = re.sub(r"\([^()]*\)", " ", name)
    name = outside if outside.strip() else name
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[^a-z0-9]+", " ", fold(split)).strip()


def _assign(
    columns: Sequence[str], shapes: Map[str, _Shape], kind: Kind, told: Map[str, str]
) -> list[Guess]:
    """Give each field the column it was told, or the free column that fits it best, the surest first."""
    aliases = ALIASES if kind == "orders" else PRODUCT_ALIASES
    offers = [
        guess
        for field in FIELDS[kind]
        for column in columns
        if (guess := _score(field, column, aliases[field], shapes[column])).confidence >= 0.4
    ]
    order = {field: number for number, field in enumerate(FIELDS[kind])}
    offers.sort(key=lambda guess: (-guess.confidence, order[guess.field]))
    taken = {f: Guess(f, column, 1.0, "as told") for f, column in told.items() if column}
    used = set(told.values())
    for guess in offers:
        if guess.field not in taken and guess.field not in told and guess.column not in used:
            taken[guess.field] = guess
            used.add(guess.column)
    described = taken.get("description")
    if (
        kind == "products"
        and described
        and described.confidence < 1.0
        and "name" not in {*taken, *told}
    ):
        # A list of goods calls the name "description" where nothing else names them.
        del taken["description"]
        taken["name"] = Guess("name", described.column, 0.6, "no other column holds the name")
    order.update({field: len(order) for field in told if field not in order})
    return sorted(taken.values(), key=lambda guess: order[guess.field])


_BARE_NAME = {
    "order_id": ("hashed", 0.8, "its values are numbers of orders"),
    "name": ("text", 0.6, "it may name the product, or the customer"),
}
"""What a column that is only called "name" may be in a table of orders: the test of its values, how sure, why."""


def _score(field: str, column: str, aliases: Sequence[str], shape: _Shape) -> Guess:
    others = _NOT_THE_CUSTOMER if field == "customer_id" else _OF_SOMETHING_ELSE
    name, why = _name_score(_words(column), aliases, others)
    fit = shape.fit(field)
    if name:
        sure = round(name * (0.4 + 0.6 * fit), 2)
        reason = why if fit >= 0.8 else f"{why}, but only {fit:.0%} of its values fit"
        reason = reason if shape.known else f"{why}; {_NO_VALUE}"
        return Guess(field, column, sure, reason)
    if _words(column) in ("name", "ten") and field in _BARE_NAME:
        test, sure, reason = _BARE_NAME[field]
        if getattr(shape, test) >= 0.9:
            return Guess(field, column, sure, reason)
    alone = {"email": 0.8, "time": 0.5}.get(field, 0.0)
    if alone and fit >= 0.9:
        return Guess(field, column, alone, f"by its values: {fit:.0%} fit")
    return Guess(field, column, 0.0, "")


_NO_VALUE = "none of the first rows has a value"
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


class _Shape(msgspec.Struct, frozen=True):
    """What share of a column's values look like a number, a time, an address, ..."""

    number: float
    whole: float
    time: float
    email: float
    currency: float
    text: float
    hashed: float
    web: float
    known: bool

    def fit(self, field: str) -> float:
        """How well the values fit a field, from 0 to 1; an empty column fits anything by half."""
        if not self.known:
            return 0.5
        if field in ("price", "amount"):
            return self.number
        if field in ("quantity", "stock"):
            return self.number * (0.7 + 0.3 * self.whole)
        if field == "time":
            return self.time
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


def _shape(values: Sequence[Any]) -> _Shape:
    told = [value for value in values[:1000] if value is not None]
    if not told:
        return _Shape(0, 0, 0, 0, 0, 0, 0, 0, False)

    def share(test: Any) -> float:
        return sum(1 for value in told if test(value)) / len(told)

    def number(value: Any) -> bool:
        return read_number(value) is not None or read_number(value, ",") is not None

    return _Shape(
        number=share(number),
        whole=share(lambda value: re.fullmatch(r"[+-]?\d+(\.0+)?", str(value))),
        time=share(lambda value: any(read_time(value, o, UTC) is not None for o in _ORDERS)),
        email=share(read_email),
        currency=share(lambda value: re.fullmatch(r"[A-Za-z]{3}", str(value))),
        text=share(lambda value: isinstance(value, str) and any(c.isalpha() for c in value)),
        hashed=share(lambda value: re.fullmatch(r"#\s?[A-Za-z]{0,6}-?\d+", str(value))),
        web=share(lambda value: re.match(r"https?://|/", str(value))),
        known=True,
    )


_ORDERS: tuple[DateOrder, ...] = ("ymd", "dmy", "mdy")


_FIGURES_ONLY = re.compile(r"\d[-/.]\d{1,2}[-/.]\d|^\s*\d{8}")


def _date_order(values: Sequence[Any]) -> tuple[DateOrder, bool]:
    """The order of day and month, and whether the sample leaves it open."""
    told = [v for v in values if isinstance(v, str) and _FIGURES_ONLY.search(v)]
    if not told:
        return "ymd", False
    fits = {o: sum(1 for v in told if read_time(v, o, UTC) is not None) for o in _ORDERS}
    if all(re.match(r"\s*(\d{4}\D|\d{8}|\d{10})", value) for value in told):
        return "ymd", False
    if fits["dmy"] == fits["mdy"]:
        return "dmy", True
    return ("dmy", False) if fits["dmy"] > fits["mdy"] else ("mdy", False)


_COMMA_DECIMAL = re.compile(r"\d,\d{1,2}(?!\d)|\d\.\d{3},|^\D*\d{1,3}(\.\d{3})+\D*$")
_POINT_DECIMAL = re.compile(r"\d\.\d{1,2}(?!\d)|\d,\d{3}\.|^\D*\d{1,3}(,\d{3})+\D*$")


def _decimal_mark(sample: Map[str, Sequence[Any]]) -> DecimalMark:
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


def _prefixes(sample: Map[str, Sequence[Any]], mapped: Map[str, str]) -> dict[str, OrderKind]:
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


def _case(values: Sequence[Any]) -> Literal["upper", "keep"]:
    """upper where the same code is written in two cases."""
    texts = {value for value in values if isinstance(value, str)}
    return "upper" if len({text.upper() for text in texts}) < len(texts) else "keep"


def _questions(mapping: Mapping, guesses: Sequence[Guess], unsure_date: bool) -> tuple[str, ...]:
    asked = [
        f"Is “{guess.column}” really the {guess.field}? ({guess.why})"
        for guess in guesses
        if guess.confidence < 0.7 and not guess.why.endswith(_NO_VALUE)
    ]
    if unsure_date:
        asked.append("Is the day or the month written first? We read the day first (dates: dmy).")
    known = ("customer_id", "email", "phone")
    if mapping.kind == "orders" and not any(field in mapping.columns for field in known):
        asked.append("No column names the customer: the orders will count for items only.")
    return tuple(asked)


def _about_the_header(columns: Sequence[str], mapped: Map[str, str]) -> list[str]:
    """Whether the first line names columns at all, and whether a name that is used stands there twice."""
    figures = [
        name
        for name in columns
        if read_number(name) is not None
        or read_email(name)
        or read_time(name, "ymd", UTC) is not None
    ]
    if len(figures) * 3 > len(columns):
        shown = ", ".join(figures[:3])
        return [
            f"Does the first line name the columns ({shown})? Data needs a line of names above it."
        ]
    return [
        f"Which of the columns called “{name}” is the {field}? We take the first."
        for field, name in mapped.items()
        if any(re.fullmatch(re.escape(name) + r" \(\d+\)", other) for other in columns)
    ]


def _other_share(lines: Iterable[tuple[Any, list[int | None]]]) -> float:
    """Share of the groups of lines whose first amount is not the sum of quantity times price; 1 without any."""
    sums: dict[Any, int] = {}
    amounts: dict[Any, int] = {}
    for group, (quantity, price, amount) in lines:
        if quantity is not None and price is not None:
            sums[group] = sums.get(group, 0) + quantity * price
        if amount is not None:
            amounts.setdefault(group, amount * MICRO)
    both = sums.keys() & amounts.keys()
    return sum(1 for group in both if sums[group] != amounts[group]) / len(both) if both else 1.0


def _about_the_amounts(sample: Map[str, Sequence[Any]], mapping: Mapping) -> list[str]:
    """Where a price and an amount are there, whether the amount is quantity times price."""
    columns = [mapping.columns.get(field, "") for field in ("quantity", "price", "amount")]
    if mapping.kind == "orders" and columns[1] and not columns[0]:
        return ["No column holds the quantity: each row counts as one piece."]
    if not all(columns):
        return []
    lines = [
        [read_number(cell, mapping.decimal) for cell in row]
        for row in zip(*(sample[column] for column in columns), strict=True)
    ]
    orders = sample.get(mapping.columns.get("order_id", ""), ())
    other = min(_other_share(enumerate(lines)), _other_share(zip(orders, lines, strict=False)))
    if other <= 0.05:
        return []
    quantity, price, amount = columns
    question = (
        f"Is “{quantity}” × “{price}” what was paid? “{amount}” differs in {other:.0%} of the rows;"
        f" leave the price out to count “{amount}”."
    )
    return [question]


def _example(values: Sequence[Any]) -> str:
    return next((str(value)[:60] for value in values if value is not None), "")


# Kept as YAML


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
            _refuse(
                f"“{field}” is no field of {mapping.kind}; they are {allowed}", f"columns.{field}"
            )
        if column not in columns:
            names = ", ".join(columns)
            _refuse(f"the file has no column “{column}”; it has {names}", f"columns.{field}")
    for choice in _NEEDED[mapping.kind]:
        if not any(field in mapping.columns for field in choice):
            _refuse(f"a column for {' or '.join(choice)} is needed", "columns")
    for code, kind in mapping.codes.items():
        if kind not in KINDS:
            _refuse(f"“{kind}” is no kind of line; they are {', '.join(KINDS)}", f"codes.{code}")
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
        _refuse("a derived address looks like “{customer_id}@example.test”", "derive.email")
    if "customer_id" not in mapping.columns:
        _refuse("a derived address needs a column for customer_id", "derive.email")


def zone(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/London."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        _refuse(f"“{name}” is no time zone; write for example Europe/London", "timezone")
        raise AssertionError from None


def _refuse(reason: str, at: str) -> None:
    raise InvalidRule("mapping.invalid", f"The mapping does not fit: {reason}.", at=at)


# Mappings that come with the program, for public data sets

_SHIPPED: dict[str, tuple[tuple[str, ...], str, Millis, Millis]] = {
    "online-retail": (
        ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
        "InvoiceDate",
        parse_time("2009-12-01"),
        parse_time("2011-12-11"),
    ),
}  # fmt: skip
"""Name -> columns, the column of times, and the span of time the data set is of."""


def shipped(name: str) -> Mapping:
    """A mapping that comes with the program, by its name."""
    if name not in _SHIPPED:
        ours = ", ".join(_SHIPPED)
        _refuse(
            f"there is no file “{name}”, and of our own mappings there is only {ours}", "mapping"
        )
    file = resources.files("duyen.connectors") / "mappings" / f"{name}.yaml"
    return from_yaml(file.read_text(encoding="utf-8"), at=name)


def _shipped_for(columns: Sequence[str], sample: Map[str, Sequence[Any]]) -> str:
    """The name of the public data set that this is, by its columns and its years."""
    for name, (theirs, time, first, last) in _SHIPPED.items():
        instants = [read_time(cell, "ymd", UTC) for cell in sample.get(time, ())[:100]]
        known = [instant for instant in instants if instant is not None]
        if set(theirs) == set(columns) and known and first <= min(known) and max(known) < last:
            return name
    return ""
