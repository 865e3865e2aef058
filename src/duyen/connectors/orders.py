"""Order files: rows become order events, each row counted exactly once.

The rows of one order become **one** event, also where other orders' rows stand between them (up to
GAP_ROWS apart). Its id is made of its number, customer and time (see `lasting`): importing again adds nothing,
and neither does the part that two exports share. Exact copies of a row are not lost unless that is chosen.

    Order Completed    a sale; `total` may be negative where corrections outweigh it
    Order Refunded     a cancellation; `total` and quantities are what went back, positive
    Account Adjusted   a correction of the books (prefix declared in the mapping)
    Stock Adjusted     nobody known and nothing priced: stock-taking, never a sale

    sum of rows = Completed - Refunded + Account Adjusted + Stock Adjusted

Properties: order_id, total, currency, country, products [{product_id, name, price, quantity, kind?}],
rows [[first, last], ...] (positions from 0). `kind` is there only for lines that are no product. An order
without a customer carries `items_only: true` and no identifier: it is nobody's, but counts for items.
Before a customer's first order come one `identify` and, where the mapping grants one, `Consent Updated`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from typing import Any, Literal, NamedTuple

import msgspec

from duyen.connectors.cells import (
    decimal_text,
    read_email,
    read_id,
    read_number,
    read_phone,
    read_time,
)
from duyen.connectors.mapping import Mapping
from duyen.connectors.report import Distinct, count
from duyen.connectors.rows import LONGEST_ID, Conversion, Memo, Result, encode, said, unread
from duyen.connectors.tables import BATCH_ROWS, Batch, Table
from duyen.model.codes import LineKind, kind_of
from duyen.model.event import CONSENT_UPDATED, ORDER_COMPLETED, ORDER_REFUNDED, Collected
from duyen.model.times import Millis
from duyen.model.values import MICRO, fold

ACCOUNT_ADJUSTED = "Account Adjusted"
STOCK_ADJUSTED = "Stock Adjusted"
GAP_ROWS = 10_000
"""An order is whole once this many rows have passed since its last one."""
MAX_LINES = 5_000
"""Lines of one event; a longer order goes on in another event."""


class _Line(msgspec.Struct, frozen=True, array_like=True):
    product: str
    name: str
    price: int
    quantity: int
    amount: int
    """In 10^-12 units: micros times micros, exact."""


class _Order(msgspec.Struct):
    lasting: str
    id: str
    time: Millis
    first: int
    last: int
    customer: str
    email: str
    phone: str
    country: str
    currency: str
    continues: bool
    lines: list[_Line]
    ranges: list[list[int]]
    copies: set[tuple[Any, ...]]

    @property
    def known(self) -> bool:
        return bool(self.customer or self.email or self.phone)


class _Row(NamedTuple):
    """One row read: amounts and quantities in millionths; "" and None where there is nothing."""

    order: str
    product: str
    name: str
    quantity: int | None
    price: int | None
    amount: int | None
    time: Millis | None
    customer: str
    email: str
    phone: str
    country: str
    currency: str


_NUMBERS = ("price", "amount", "time")


class Orders(Conversion):
    """Turns a table of orders into log entries."""

    def __init__(
        self,
        table: Table,
        mapping: Mapping,
        *,
        now: Millis,
        timezone: str = "UTC",
        currency: str = "",
        start: int = 0,
        gap: int = GAP_ROWS,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        super().__init__(
            table,
            mapping,
            now=now,
            timezone=timezone,
            currency=currency,
            start=start,
            batch_rows=batch_rows,
        )
        self.gap = gap
        self._own_codes: dict[str, LineKind] = {fold(c): k for c, k in mapping.codes.items()}
        self._products: set[str] = set()
        self._codes: set[str] = set()
        self._memos = self._make_memos()
        self._kinds = Memo(lambda code: kind_of(code, self._own_codes))
        self._texts = Memo(lambda micros: decimal_text(micros, 6))
        self._open: dict[str, _Order] = {}
        self._orders, self._customers, self._told = Distinct(), Distinct(), Distinct()
        self._current = ""

    def _results(self) -> Iterator[Result]:
        yield from super()._results()
        for key in list(self._open):
            yield from self._close(key)
        self.report.orders, self.report.customers = len(self._orders), len(self._customers)
        self.report.items, self.report.codes = len(self._products), len(self._codes)

    # Rows

    def _take(self, batch: Batch) -> Iterator[Result]:
        bad = list(reversed(batch.unreadable))
        raw_rows = zip(*batch.columns.values(), strict=True)
        where = zip(batch.positions, batch.lines, strict=True)
        for (position, line), row, raw in zip(where, self._rows(batch), raw_rows, strict=True):
            while bad and bad[-1].position < position:
                yield self._unreadable(bad.pop())
            self.report.rows += 1
            key = row.order or _nameless(row)
            order = self._open.get(key)
            if self._faulty(row):
                row = self._mended(row, order, batch, raw)
                reasons = self._reasons(row, batch, raw) if self._faulty(row) else ()
                if reasons:
                    yield self._reject(position, line, reasons, batch, raw)
                    self._check_hope()
                    continue
            if key != self._current or order is None or _is_other(order, row):
                if order is not None and _is_other(order, row):
                    yield from self._close(key)
                    order = None
                yield from self._close_old(position)
                order = self._touch(key, self._open.get(key), row, raw, position)
                self._current = key
            self._add(order, row, raw, position)
        while bad:
            yield self._unreadable(bad.pop())

    def _rows(self, batch: Batch) -> Iterator[_Row]:
        """The rows' cells read into values, columns first: each distinct cell is read once."""
        columns: list[Any] = []
        for field, memo in self._memos.items():
            column = self.mapping.columns.get(field)
            default = MICRO if field == "quantity" else None if field in _NUMBERS else ""
            columns.append(memo.all(batch.columns[column]) if column else repeat(default))
        return map(_Row._make, zip(*columns, strict=False))

    def _make_memos(self) -> dict[str, Memo]:
        """One reader for each field of _Row, in its order."""
        mark, dates = self.mapping.decimal, self.mapping.dates

        def number(cell: Any) -> int | None:
            return read_number(cell, mark)

        def text(cell: Any) -> str:
            return "" if cell is None else str(cell).strip()

        readers: dict[str, Callable[[Any], Any]] = {
            "order_id": read_id,
            "product_id": self._product,
            "name": text,
            "quantity": number,
            "price": number,
            "amount": number,
            "time": lambda cell: read_time(cell, dates, self.zone),
            "customer_id": read_id,
            "email": self._email,
            "phone": read_phone,
            "country": text,
            "currency": lambda cell: text(cell).upper(),
        }
        return {field: Memo(read) for field, read in readers.items()}

    def _product(self, cell: Any) -> str:
        code = read_id(cell)
        if not code:
            return ""
        unified = code.upper() if self.mapping.product_case == "upper" else code
        self._codes.add(code)
        self._products.add(unified)
        return unified

    def _email(self, cell: Any) -> str:
        address = read_email(cell)
        if cell is not None and not address:
            count(self.report.notes, "distinct cells that are no e-mail address")
        return address

    # What is wrong with a row

    def _faulty(self, row: _Row) -> bool:
        columns = self.mapping.columns
        return (
            row.time is None
            or row.time > self.now
            or row.quantity is None
            or (row.price if "price" in columns else row.amount) is None
            or (not row.order and "order_id" in columns)
            or (not row.product and not row.name and "product_id" in columns)
            or len(row.order) > LONGEST_ID
            or len(row.product) > LONGEST_ID
            or len(row.customer) > LONGEST_ID
        )

    def _mended(self, row: _Row, order: _Order | None, batch: Batch, raw: tuple[Any, ...]) -> _Row:
        """What exports leave out on purpose: the time on an order's later lines."""
        if row.time is None and order is not None and self._cell("time", batch, raw) is None:
            row = row._replace(time=order.time)
        return row

    def _reasons(self, row: _Row, batch: Batch, raw: tuple[Any, ...]) -> tuple[str, ...]:
        """One sentence for each fault of a row."""
        found: list[str] = []
        for field in ("time", "quantity", "price", "amount"):
            if field == "amount" and "price" in self.mapping.columns:
                continue
            if field in self.mapping.columns and getattr(row, field) is None:
                found.append(unread(field, self._cell(field, batch, raw)))
        if row.time is not None and row.time > self.now:
            found.append("the time lies in the future; look at the time zone and the date order")
        for field, value in (("order_id", row.order), ("product_id", row.product or row.name)):
            if field in self.mapping.columns and not value:
                found.append(f"the {field} is empty")
        for field, value in (
            ("order_id", row.order),
            ("product_id", row.product),
            ("customer_id", row.customer),
        ):
            if len(value) > LONGEST_ID:
                found.append(f"the {field} is longer than {LONGEST_ID} characters")
        return tuple(found)

    def _cell(self, field: str, batch: Batch, raw: tuple[Any, ...]) -> Any:
        return raw[list(batch.columns).index(self.mapping.columns[field])]

    # Orders

    def _touch(
        self, key: str, order: _Order | None, row: _Row, raw: tuple[Any, ...], position: int
    ) -> _Order:
        """The open order of a row, made the newest; or a new one."""
        if order is not None:
            self._open[key] = self._open.pop(key)
            return order
        whose = (row.order, row.customer, row.email, row.phone, row.time)
        lasting = self.lasting.id(said(whose if row.order else raw))
        id = row.order or lasting
        fresh = self._orders.add(id)
        self.report.split_orders += not fresh
        order = _Order(
            lasting, id, row.time or 0, position, position, row.customer, row.email, row.phone, row.country,
            row.currency, not fresh, [], [], set(),
        )  # fmt: skip
        self._open[key] = order
        return order

    def _add(self, order: _Order, row: _Row, raw: tuple[Any, ...], position: int) -> None:
        """Count a row into its order, unless it is a copy and copies are dropped."""
        order.last = position
        if raw in order.copies:
            self.report.duplicates += 1
            if self.mapping.duplicates == "drop":
                self.report.dropped += 1
                return
        else:
            order.copies.add(raw)
        self.report.accepted += 1
        if row.customer or row.email or row.phone:
            order.customer = order.customer or row.customer
            order.email = order.email or row.email
            order.phone = order.phone or row.phone
        order.lines.append(self._line(row))
        if order.ranges and order.ranges[-1][1] == position - 1:
            order.ranges[-1][1] = position
        else:
            order.ranges.append([position, position])

    def _line(self, row: _Row) -> _Line:
        quantity = row.quantity or 0
        product = row.product or row.name[:LONGEST_ID]
        if product != row.product:
            self._products.add(product)
        if "price" in self.mapping.columns:
            price = row.price or 0
            return _Line(product, row.name, price, quantity, price * quantity)
        amount = (row.amount or 0) * MICRO
        return _Line(product, row.name, amount // (quantity or MICRO), quantity, amount)

    def _close_old(self, position: int) -> Iterator[Result]:
        """Finish the orders whose last row lies too far back."""
        while self._open:
            key, order = next(iter(self._open.items()))
            if order.last >= position - self.gap:
                return
            yield from self._close(key)

    def _close(self, key: str) -> Iterator[Result]:
        order = self._open.pop(key)
        if not order.lines:
            return
        if order.known:
            self._customers.add(order.customer or order.email or order.phone)
            if self._told.add(f"{order.customer}\n{order.email}\n{order.phone}"):
                yield from self._introduce(order)
        yield self._order_event(order), None

    # Events

    def _introduce(self, order: _Order) -> Iterator[Result]:
        """Who the customer is, told once, and the consent the mapping grants."""
        traits = {"email": order.email, "phone": order.phone, "country": order.country}
        derive = self.mapping.derive
        if derive.email and order.customer and not order.email:
            traits["email"] = derive.email.format(customer_id=order.customer)
        traits = {name: value for name, value in traits.items() if value}
        yield self._event(order, ":identify", "identify", traits=traits), None
        if derive.consent:
            statement = {
                "purpose": derive.consent.purpose,
                "channel": derive.consent.channel,
                "brand": derive.consent.brand,
                "state": "granted",
                "proof": f"import {self.mapping.source}, row {order.first + 1}",
            }
            yield self._event(order, ":consent", "track", CONSENT_UPDATED, statement), None

    def _order_event(self, order: _Order) -> Collected:
        name = self._name(order)
        sign = -1 if name == ORDER_REFUNDED else 1
        amount = sum(line.amount for line in order.lines)
        properties: dict[str, Any] = {
            "order_id": order.id,
            "total": decimal_text(sign * amount, 12),
            "currency": order.currency or self.currency,
            "country": order.country,
            "products": [self._product_line(line, sign) for line in order.lines],
            "rows": order.ranges,
        }
        properties = {key: value for key, value in properties.items() if value}
        if not order.known:
            properties["items_only"] = True
            self.report.items_only_rows += len(order.lines)
        if order.continues:
            properties["continues"] = True
        self._note(order, name, amount)
        return self._event(order, "", "track", name, properties)

    def _name(self, order: _Order) -> str:
        for prefix, kind in self.mapping.order_prefixes.items():
            if order.id.startswith(prefix):
                return ORDER_REFUNDED if kind == "refund" else ACCOUNT_ADJUSTED
        if not order.known and not any(line.amount for line in order.lines):
            return STOCK_ADJUSTED
        if all(line.quantity < 0 for line in order.lines):
            return ORDER_REFUNDED
        return ORDER_COMPLETED

    def _product_line(self, line: _Line, sign: int) -> dict[str, Any]:
        whole, part = divmod(line.quantity, MICRO)
        told: dict[str, Any] = {}
        if line.product:
            told["product_id"] = line.product
        if line.name:
            told["name"] = line.name
        told["price"] = self._texts[line.price]
        told["quantity"] = self._texts[sign * line.quantity] if part else sign * whole
        kind = self._kinds[line.product]
        if kind != "product":
            told["kind"] = kind
        return told

    def _event(
        self,
        order: _Order,
        suffix: str,
        type: Literal["track", "identify"],
        name: str = "",
        properties: dict[str, Any] | None = None,
        traits: dict[str, str] | None = None,
    ) -> Collected:
        nameless = {"email": order.email, "phone": order.phone} if not order.customer else {}
        who = {field: value for field, value in nameless.items() if value}
        # An empty part is left out: an empty Raw has no JSON.
        parts = {
            "properties": properties,
            "traits": traits,
            "context": {"traits": who} if who else None,
        }
        event = Collected(
            id=f"{order.lasting}{suffix}",
            type=type,
            time=order.time,
            received=self.now,
            source=self.mapping.source,
            trusted=True,
            name=name,
            user_id=order.customer,
            imported=True,
        )
        told = {part: msgspec.Raw(encode(value)) for part, value in parts.items() if value}
        return self._noted(msgspec.structs.replace(event, **told))

    def _note(self, order: _Order, name: str, amount: int) -> None:
        """Count an order's amounts and lines into the report."""
        count(self.report.amounts, name, amount)
        for line in order.lines:
            kind = self._kinds[line.product]
            if kind != "product":
                count(self.report.other_lines, kind)


def _nameless(row: _Row) -> str:
    """What holds lines together where no column names the order: one customer at one time."""
    return f"{row.customer}\n{row.email}\n{row.phone}\n{row.time}"


def _is_other(order: _Order, row: _Row) -> bool:
    """Whether a row under the same order id is somebody else's (an empty cell is nobody else's)."""
    return len(order.lines) >= MAX_LINES or bool(
        (row.customer and order.customer and row.customer != order.customer)
        or (row.email and order.email and row.email != order.email)
    )
