"""Items learned from order lines: a shop whose orders are imported has a catalogue before it sends one.

The name is the one most lines bear (among equals the newest, then the first by alphabet): shop clerks write
stock-taking notes such as “damaged” into that field, so the newest alone would be wrong. The price is that of the
newest line that has one. Any order of the same lines gives the same items, up to MAX_NAMES names of one item.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from duyen.catalog.items import MAX_ID, MAX_TEXT, kind_is_sellable, price_text
from duyen.model.catalogue import Item
from duyen.model.codes import KINDS, LineKind, kind_of
from duyen.model.event import Event
from duyen.model.order import part_of
from duyen.model.times import Millis
from duyen.model.values import canonical, to_micros

MAX_NAMES = 20
"""Different names remembered of one item; the rarest, oldest one makes room."""


class Sold(msgspec.Struct, array_like=True):
    """What lines have said of one item so far. `names`: name -> (how often, when last)."""

    names: dict[str, tuple[int, Millis]] = {}
    price: str = ""
    currency: str = ""
    priced: Millis = -1
    last: Millis = -1
    lines: int = 0
    kind: LineKind = "product"
    typed: Millis = -1


class Learned:
    """What order lines say about the items in them, and which of these items changed.

    `codes`: a shop's own codes of lines that are no product (folded), before the general ones.
    """

    def __init__(
        self,
        sold: Mapping[str, Sold] | None = None,
        codes: Mapping[str, LineKind] | None = None,
    ) -> None:
        self.sold: dict[str, Sold] = dict(sold or {})
        self._codes = codes
        self._kinds: dict[str, LineKind] = {}
        self._changed: set[str] = set()

    def tell(self, event: Event) -> None:
        """Take the lines of an order; other events say nothing here."""
        products = event.properties.get("products")
        if part_of(event) not in ("completed", "updated") or not isinstance(products, list):
            return
        currency = event.properties.get("currency")
        for line in products:
            if isinstance(line, dict):
                self.line(line, event.time, currency if isinstance(currency, str) else "")

    def line(self, line: Mapping[str, Any], time: Millis, currency: str = "") -> None:
        """Take one line: product_id (or sku), name, price, kind."""
        id = _id(line)
        if not id:
            return
        sold = self.sold.setdefault(id, Sold())
        sold.lines += 1
        sold.last = max(sold.last, time)
        self._name(sold, line.get("name"), time)
        self._price(sold, line, time, currency)
        self._kind(sold, id, line.get("kind"), time)
        self._changed.add(id)

    def item(self, id: str) -> Item:
        """One item as learned so far."""
        sold = self.sold[id]
        return Item(
            id=id,
            name=_best_name(sold) or id,
            price=sold.price,
            currency=sold.currency,
            sellable=kind_is_sellable(sold.kind),
        )

    def items(self) -> Iterator[Item]:
        """All items, in order of id."""
        return (self.item(id) for id in sorted(self.sold))

    def changed(self) -> Iterator[Item]:
        """Items that lines have spoken of since this was last asked, in order of id."""
        ids, self._changed = sorted(self._changed), set()
        return (self.item(id) for id in ids)

    @staticmethod
    def _name(sold: Sold, name: object, time: Millis) -> None:
        """Count a name."""
        if not isinstance(name, str) or not name.strip():
            return
        told = _as_kept(name)[:MAX_TEXT]
        count, last = sold.names.get(told, (0, -1))
        sold.names[told] = (count + 1, max(last, time))
        if len(sold.names) > MAX_NAMES:
            del sold.names[min(sold.names, key=lambda one: (*sold.names[one], one))]

    @staticmethod
    def _price(sold: Sold, line: Mapping[str, Any], time: Millis, currency: str) -> None:
        """Keep the newest price; of two at the same instant the higher (the other is a reduction)."""
        if time < sold.priced:
            return
        price, micros = _price_of(line.get("price"))
        if not micros or (time == sold.priced and micros <= (to_micros(sold.price) or 0)):
            return
        own = line.get("currency")
        sold.price, sold.priced = price, time
        sold.currency = own if isinstance(own, str) and own else currency

    def _kind(self, sold: Sold, id: str, kind: object, time: Millis) -> None:
        """What the newest line says it is; else what its code says."""
        if kind in KINDS:
            if time > sold.typed or (time == sold.typed and kind > sold.kind):
                sold.kind, sold.typed = kind, time
        elif sold.typed < 0:
            sold.kind = self._by_code(id)

    def _by_code(self, id: str) -> LineKind:
        """What an item's code says; asked once, for the same items come in line after line."""
        kind = self._kinds.get(id)
        if kind is None:
            kind = self._kinds[id] = kind_of(id, self._codes)
        return kind


def completed(known: Item, learned: Item) -> Item:
    """An item that was sent, with what only order lines know: what was sent counts."""
    return msgspec.structs.replace(
        known,
        name=learned.name if known.name == known.id else known.name,
        price=known.price or learned.price,
        currency=known.currency or learned.currency,
    )


def _id(line: Mapping[str, Any]) -> str:
    """The product's id in a line; empty where there is none that can be used."""
    for name in ("product_id", "sku"):
        value = line.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip() and "\0" not in value:
            return _as_kept(value)[:MAX_ID]
    return ""


@lru_cache(maxsize=10_000)
def _as_kept(text: str) -> str:
    """An id or a name as it is kept."""
    return str(canonical(text)).strip()


def _price_of(value: object) -> tuple[str, int]:
    """A price and its micros; "" and 0 where it is none."""
    if isinstance(value, list | dict):
        return "", 0
    return _known_price(value)


@lru_cache(maxsize=10_000, typed=True)
def _known_price(value: Hashable) -> tuple[str, int]:
    price = price_text(value)
    return ("", 0) if price is None else (price, to_micros(price) or 0)


def _best_name(sold: Sold) -> str:
    """The name most lines bear; among equals the newest, then the first by alphabet."""
    ranked = sorted(sold.names.items(), key=lambda one: (-one[1][0], -one[1][1], one[0]))
    return ranked[0][0] if ranked else ""
