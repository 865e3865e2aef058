"""Product files: rows become items of the catalogue, in the shape of `PUT /v1/catalog/items`.

Columns that are no known field are kept as the item's attributes. A product code that is known to be no
product (postage, a fee) becomes an item that is not sellable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from duyen.connectors.cells import decimal_text, read_id, read_number
from duyen.connectors.mapping import Mapping, check
from duyen.connectors.report import Distinct, RejectedRow, Report, count
from duyen.connectors.tables import Batch, Table
from duyen.model.catalogue import Item
from duyen.model.codes import LineKind, kind_of
from duyen.model.values import MICRO, fold

_LONGEST = 200
_LONGEST_TEXT = 10_000


class ConvertedItem(msgspec.Struct, frozen=True):
    """One row's result: an item as a plain dict, or the rejected row; `done` is the share of the file read."""

    item: dict[str, Any] | None
    rejected: RejectedRow | None
    done: float


class Items:
    """Turns a table of products into items; `report` is whole at the end. A later row wins per id."""

    def __init__(self, table: Table, mapping: Mapping, *, currency: str = "") -> None:
        check(mapping, table.columns)
        self.table, self.mapping = table, mapping
        self.currency = mapping.currency or currency
        self.report = Report("products", mapping.source, str(table.path))
        self._own: dict[str, LineKind] = {fold(c): k for c, k in mapping.codes.items()}
        self._seen = Distinct()

    def __iter__(self) -> Iterator[ConvertedItem]:
        for batch in self.table.batches():
            yield from self._take(batch)
        self.report.items = self.report.codes = len(self._seen)

    def _take(self, batch: Batch) -> Iterator[ConvertedItem]:
        for bad in batch.unreadable:
            row = RejectedRow(bad.position, bad.line, (bad.reason,), bad.text)
            yield self._reject(row, batch.done)
        places = zip(batch.positions, batch.lines, strict=True)
        cells = zip(*batch.columns.values(), strict=True)
        for (position, line), values in zip(places, cells, strict=True):
            told = dict(zip(batch.columns, values, strict=True))
            item = self._item(told)
            if isinstance(item, dict):
                self.report.rows += 1
                self.report.accepted += 1
                self.report.duplicates += not self._seen.add(item["id"])
                yield ConvertedItem(item, None, batch.done)
            else:
                text = msgspec.json.encode({k: _text(v) for k, v in told.items()}).decode()
                yield self._reject(RejectedRow(position, line, item, text[:2000]), batch.done)

    def _reject(self, row: RejectedRow, done: float) -> ConvertedItem:
        self.report.rows += 1
        self.report.rejected += 1
        for reason in row.reasons:
            count(self.report.reasons, reason)
        return ConvertedItem(None, row, done)

    def _item(self, told: dict[str, Any]) -> dict[str, Any] | tuple[str, ...]:
        """The item of a row, or what is wrong with it."""
        columns = self.mapping.columns
        cell = {field: told.get(column) for field, column in columns.items()}
        code, name = read_id(cell.get("id")), _text(cell.get("name"))
        price, stock = self._price(cell.get("price")), _stock(cell.get("stock"))
        faults = [
            (not code, "the id is empty"),
            (len(code) > _LONGEST, f"the id is longer than {_LONGEST} characters"),
            (not name, "the name is empty"),
            (price is None, "the price cannot be read"),
            (stock is False, "the stock is no number"),
        ]
        reasons = tuple(reason for fault, reason in faults if fault)
        if reasons:
            return reasons
        item = Item(
            id=code.upper() if self.mapping.product_case == "upper" else code,
            name=name[:_LONGEST],
            price=price or "",
            currency=(_text(cell.get("currency")).upper() or self.currency) if price else "",
            category=_text(cell.get("category")),
            url=_web(cell.get("url")),
            image=_web(cell.get("image")),
            stock=None if stock is False else stock,
            sellable=kind_of(code, self._own) == "product",
            tags=_tags(cell.get("tags")),
            attributes=self._attributes(told, cell),
        )
        plain: dict[str, Any] = msgspec.to_builtins(item)
        return plain

    def _price(self, cell: Any) -> str | None:
        """Decimal text, empty where no price is told, None where it cannot be read."""
        if cell is None:
            return ""
        micros = read_number(cell, self.mapping.decimal)
        return None if micros is None or micros < 0 else decimal_text(micros, 6)

    def _attributes(self, told: dict[str, Any], cell: dict[str, Any]) -> dict[str, Any]:
        used = set(self.mapping.columns.values())
        kept = {name: _short(value) for name, value in told.items() if name not in used}
        # The item's `brand` is the company's own; the maker's name is an attribute.
        kept |= {field: _short(cell.get(field)) for field in ("brand", "description")}
        return {name: value for name, value in kept.items() if value is not None}


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell).strip()


def _short(cell: Any) -> Any:
    if cell is None or isinstance(cell, int | float):
        return cell
    return str(cell)[:_LONGEST_TEXT]


def _web(cell: Any) -> str:
    """A web address or a path of the site; anything else (javascript:, file:) is left out."""
    first = _text(cell).split()
    address = first[0] if first else ""
    return address if re.match(r"https?://|/(?!/)", address) else ""


def _stock(cell: Any) -> int | bool | None:
    """Whole pieces, None where not told, False where it is no number; never below 0."""
    if cell is None:
        return None
    micros = read_number(cell)
    return False if micros is None else max(0, micros // MICRO)


def _tags(cell: Any) -> tuple[str, ...]:
    parts = (part.strip() for part in re.split(r"[,;|]", _text(cell)))
    return tuple(part for part in parts if part)[:50]
