"""Event files: each row becomes one event, as if it had been collected at its own time.

    event     the word of the event column by the mapping's `names`, or the mapping's `event` for all rows
    who       user_id, anonymous_id, e-mail, phone and further ids; a row that names nobody is rejected
    what      product_id, price, ... under the names of the Segment protocol, and the columns of `more`

A row that is an order (`Order Completed`) and names one product becomes an order with that one line. Ids are made
of what a row says (see `lasting`): importing again adds nothing, and neither does the part that two exports share.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from duyen.connectors.cells import decimal_text, read_number, read_time
from duyen.connectors.report import Distinct
from duyen.connectors.rows import Memo, Result, encode, said, unread
from duyen.connectors.whose import Who, Whose
from duyen.model.event import ORDER_COMPLETED, ORDER_REFUNDED, Collected
from duyen.model.values import fold

MEANINGS = {
    "Product Viewed": ("pv", "view", "click", "viewed", "product view", "view item", "detail", "xem"),
    "Product Added": ("cart", "add to cart", "addtocart", "add cart", "basket", "them vao gio", "them gio hang"),
    "Product Removed": ("remove from cart", "removefromcart", "uncart", "bo khoi gio"),
    "Product Added to Wishlist": ("fav", "favorite", "favourite", "wishlist", "like", "yeu thich"),
    ORDER_COMPLETED: ("buy", "purchase", "purchased", "order", "transaction", "sale", "mua", "mua hang", "dat hang"),
    ORDER_REFUNDED: ("refund", "refunded", "return", "hoan tien", "tra hang"),
    "Products Searched": ("search", "query", "tim", "tim kiem"),
}  # fmt: skip
"""What the words of foreign event columns are called here."""
_BY_WORD = {word: name for name, words in MEANINGS.items() for word in words}
_PROPERTIES = {"amount": "value"}
"""Fields whose property has another name."""
_ORDERS = (ORDER_COMPLETED, ORDER_REFUNDED)


def named(word: str) -> str:
    """The name of an event that a foreign word means, or "" where it is none of ours."""
    return _BY_WORD.get(" ".join(fold(word).replace("_", " ").replace("-", " ").split()), "")


class Events(Whose):
    """Turns a table of events into log entries."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        columns, dates = self.mapping.columns, self.mapping.dates
        self._names = Memo(self._name)
        self._times = Memo(lambda cell: read_time(cell, dates, self.zone))
        self._numbers = Memo(lambda cell: read_number(cell, self.mapping.decimal))
        self._plain = [
            (_PROPERTIES.get(field, field), columns[field])
            for field in ("product_id", "order_id", "category", "currency", "review", "url")
            if field in columns
        ]
        self._figures = [
            (_PROPERTIES.get(field, field), columns[field], field in ("price", "amount"))
            for field in ("price", "quantity", "amount", "rating")
            if field in columns
        ]
        self._products = Distinct()

    def _name(self, cell: Any) -> str:
        word = "" if cell is None else str(cell).strip()
        return (self.mapping.names.get(word) or word)[:200]

    def _results(self) -> Iterator[Result]:
        yield from super()._results()
        self.report.items = self.report.codes = len(self._products)

    def _row(self, position: int, who: Who, cells: dict[str, Any]) -> list[Collected] | list[str]:
        columns, faults = self.mapping.columns, []
        time = self._times[cells[columns["time"]]]
        name = self._names[cells[columns["event"]]] if "event" in columns else self.mapping.event
        if time is None:
            faults.append(unread("time", cells[columns["time"]]))
        elif time > self.now:
            faults.append("the time lies in the future; look at the time zone and the date order")
        if not name:
            faults.append("the event is empty")
        properties = self._properties(cells, faults)
        if faults or time is None:
            return faults
        if product := properties.get("product_id"):
            self._products.add(str(product))
        if name in _ORDERS and "product_id" in properties:
            properties = self._order(properties)
        fields = who.fields()
        if properties:
            fields["properties"] = msgspec.Raw(encode(properties))
        event = Collected(
            id=self.lasting.id(said(cells.values())),
            type="track",
            time=time,
            received=self.now,
            source=self.mapping.source,
            trusted=True,
            name=name,
            imported=True,
            **fields,
        )
        return [event]

    def _properties(self, cells: dict[str, Any], faults: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, column in self._plain:
            if (cell := cells[column]) is not None:
                found[name] = self.ids[cell] if name.endswith("_id") else str(cell)
        for name, column, money in self._figures:
            cell = cells[column]
            if cell is None:
                continue
            micros = self._numbers[cell]
            if micros is None:
                faults.append(unread(name, cell))
            elif money:
                found[name] = decimal_text(micros, 6)
            else:
                found[name] = (
                    float(decimal_text(micros, 6)) if micros % 1_000_000 else micros // 1_000_000
                )
        if self.currency and ("price" in found or "value" in found):
            found.setdefault("currency", self.currency)
        return found | self.more(cells)

    def _order(self, properties: dict[str, Any]) -> dict[str, Any]:
        """An order of one line: what the spec says of the product goes into the line."""
        line = {
            name: properties.pop(name)
            for name in ("product_id", "category", "price", "quantity")
            if name in properties
        }
        line.setdefault("quantity", 1)
        if "value" in properties:
            properties["total"] = properties.pop("value")
        elif isinstance(line.get("price"), str):
            micros = read_number(line["price"]) or 0
            quantity = read_number(line["quantity"]) or 0
            properties["total"] = decimal_text(micros * quantity, 12)
        return {**properties, "products": [line]}
