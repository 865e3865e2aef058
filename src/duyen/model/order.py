"""An order, as all that was told of it makes it: completed, updated, cancelled, refunded, in whatever order it came.

Told more than once under one `order_id` it is one order, and the last word on its amount counts; what an import says
in parts (`continues`) adds up. A refund with a `refund_id` counts once. An amount is `total`, else `revenue`, else the
sum of its lines. One that is told and cannot be read, or is in another currency, is left out and said so: no part of
it is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from duyen.model.event import Event
from duyen.model.meaning import MEANINGS, ORDERS, OrderPart
from duyen.model.times import Millis
from duyen.model.values import MICRO, to_micros

Problem = Literal["", "other_currency", "unreadable", "untold"]
"""Why an amount counts for nothing: another currency, no number in it, or none told at all."""
_AMOUNTS = ("total", "revenue")


class Line(NamedTuple):
    """One product of an order; what cannot be read is None. `amount`: price x quantity, in micros."""

    item: str
    name: str
    quantity: int | None
    price: int | None
    amount: int | None


class Told(NamedTuple):
    """What one event says of an amount, in micros; 0 where there is a problem."""

    micros: int
    problem: Problem = ""


class Order(NamedTuple):
    """One order. `time` is that of its first `Order Completed`, if there was one; `refunds`: (when, micros)."""

    key: str
    time: Millis | None
    micros: int
    problem: Problem
    cancelled: bool
    imported: bool
    refunds: tuple[tuple[Millis, int], ...]


def part_of(event: Event) -> OrderPart:
    """What an event says about an order; "" where it speaks of none."""
    return MEANINGS[event.name].order if event.name in ORDERS and event.type == "track" else ""


def order_key(event: Event) -> str:
    """What names the order of an event; one without an `order_id` is an order of its own."""
    value = event.properties.get("order_id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    return f"\0{event.id}"


def order_hash(event: Event) -> int:
    """64 bits that stand for the order of an event."""
    return int.from_bytes(blake2b(order_key(event).encode(), digest_size=8).digest())


def told(event: Event, currency: str) -> Told:
    """The amount that one event states, where it is in this currency."""
    properties = event.properties
    if not _same(properties.get("currency"), currency):
        return Told(0, "other_currency")
    for name in _AMOUNTS:
        value = properties.get(name)
        if value is not None and value != "":
            micros = to_micros(value)
            return Told(0, "unreadable") if micros is None else Told(micros)
    products = properties.get("products")
    if not products:
        return Told(0, "untold")
    return _sum(products, currency)


def lines_of(event: Event) -> list[Line]:
    """The products of an event, each as far as it can be read."""
    products = event.properties.get("products")
    if not isinstance(products, list):
        return []
    return [_line(each) for each in products if isinstance(each, dict)]


def orders(events: Iterable[Event], currency: str) -> dict[str, Order]:
    """Every order that these events tell of, by its key; each message id is given once, in any order."""
    found: dict[str, list[Event]] = {}
    for event in events:
        if part_of(event):
            found.setdefault(order_key(event), []).append(event)
    return {key: _order(key, told, currency) for key, told in found.items()}


def needs_past(event: Event) -> bool:
    """Whether what an event changes cannot be told without what was told of its order before."""
    part = part_of(event)
    if part == "refunded":
        properties = event.properties
        return not any(properties.get(name) for name in (*_AMOUNTS, "products"))
    return part in ("updated", "cancelled")


def round_half_even(number: int, unit: int) -> int:
    """number / unit as the nearest whole number, halves to the even one."""
    whole, rest = divmod(number, unit)
    return whole + (rest * 2 > unit or (rest * 2 == unit and whole % 2 == 1))


def _order(key: str, events: list[Event], currency: str) -> Order:
    events.sort(key=lambda event: event.order)
    parts: dict[str, list[Event]] = {}
    for event in events:
        parts.setdefault(part_of(event), []).append(event)
    completed = parts.get("completed", [])
    cancelled = "cancelled" in parts
    amount = _amount(events, currency)
    refunds = [] if cancelled else _each_once(parts.get("refunded", []))
    first = completed[0] if completed else None
    return Order(
        key,
        first.time if first else None,
        0 if cancelled else amount.micros,
        amount.problem,
        cancelled,
        first.imported if first else False,
        tuple((event.time, _refund(event, amount, currency)) for event in refunds),
    )


def _each_once(refunds: list[Event]) -> list[Event]:
    """One refund told again under its `refund_id`, as a shop does with every word on the order, is one refund."""
    found: dict[object, Event] = {}
    for event in refunds:
        name = event.properties.get("refund_id")
        found.setdefault(name if isinstance(name, str | int) else event.order, event)
    return list(found.values())


def _amount(events: list[Event], currency: str) -> Told:
    """The last word on an order's amount, with the parts that go on from the first."""
    last: Told = Told(0, "untold")
    more = 0
    problem: Problem = ""
    for event in events:
        part = part_of(event)
        if part not in ("completed", "updated"):
            continue
        said = told(event, currency)
        if part == "completed" and event.properties.get("continues") is True:
            more, problem = more + said.micros, problem or said.problem
        elif said.problem != "untold":
            last = said
    if more or problem:
        first = "" if last.problem == "untold" else last.problem
        return Told(last.micros + more, first or problem)
    return last


def _refund(event: Event, order: Told, currency: str) -> int:
    """What comes off the revenue: what it states, else the whole order."""
    said = told(event, currency)
    return order.micros if said.problem == "untold" else abs(said.micros)


def _same(told: object, currency: str) -> bool:
    return not (isinstance(told, str) and told.strip()) or told.strip().upper() == currency.upper()


def _sum(products: object, currency: str) -> Told:
    if not isinstance(products, list):
        return Told(0, "unreadable")
    total = 0
    for product in products:
        if not isinstance(product, dict):
            return Told(0, "unreadable")
        if not _same(product.get("currency"), currency):
            return Told(0, "other_currency")
        amount = _line(product).amount
        if amount is None:
            return Told(0, "unreadable")
        total += amount
    return Told(total)


def _line(product: Mapping[str, Any]) -> Line:
    """One line; nothing is sold less than once, so a negative quantity cannot be read."""
    price = to_micros(product.get("price"))
    told = product.get("quantity")
    quantity = MICRO if told is None else to_micros(told)
    if quantity is not None and quantity < 0:
        quantity = None
    known = price is not None and quantity is not None
    amount = round_half_even(price * quantity, MICRO) if known else None  # type: ignore[operator]
    return Line(
        _text(product, "product_id", "sku"), _text(product, "name"), quantity, price, amount
    )


def _text(product: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = product.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
