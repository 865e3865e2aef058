"""What a person's cart holds, from all that was told of it, in whatever order it came.

What empties a cart or shows all of it (an order, `Cart Viewed` with its products) makes what was told before it
meaningless; only what came later is added and removed. So the cart is the newest such moment and the newest changes
since then: the same for any order, batching and duplication of the events (law 1), and for two documents made one.

Rules and messages read it as the trait `cart`:

    {"quantity": 3, "value": "450000.00", "currency": "VND", "changed": "2026-03-02T12:00:00Z",
     "items": [{"product_id": "tea", "name": "Trà sen", "quantity": 3, "price": "150000"}]}

`value` is there where every product has a price, in one currency.
"""

from __future__ import annotations

from typing import Any

from duyen.model.event import Event
from duyen.model.meaning import CARTS, MEANINGS
from duyen.model.person import Cart, CartChange, Goods, Person, Trait
from duyen.model.times import format_time
from duyen.model.values import MICRO, from_micros, to_micros

CART = "cart"
"""The name of the trait; what is told under it by `identify` stays in its event."""
MOST_CHANGES = 50
"""Changes since the cart was last seen whole, the newest."""
MOST_GOODS = 100
MOST_SHOWN = 20
"""Products that the trait lists, in the order in which they came into the cart."""
_LONGEST = 200


def told_of_cart(event: Event) -> bool:
    """Whether an event says something of a cart, and a person made it."""
    return event.name in CARTS and event.type == "track" and not event.quality


def change_cart(person: Person, event: Event) -> None:
    """Take one event into the cart and write the trait."""
    change = _change(event)
    if change is None:
        return
    known = person.cart or Cart()
    whole = change if change.part == "shows" else None
    changes = () if whole else (change,)
    person.cart = united(known, Cart(whole, changes))
    show_cart(person)


def united(a: Cart, b: Cart) -> Cart:
    """The one cart of both."""
    wholes = [cart.whole for cart in (a, b) if cart.whole is not None]
    whole = max(wholes, key=_order) if wholes else None
    changes = {(each.time, each.id): each for each in (*a.changes, *b.changes)}
    later = sorted(at for at in changes if whole is None or at > _order(whole))
    return Cart(whole, tuple(changes[at] for at in later[-MOST_CHANGES:]))


def show_cart(person: Person) -> None:
    """Write the trait that rules and messages read."""
    cart = person.cart
    if cart is None:
        return
    last = max((*cart.changes, *((cart.whole,) if cart.whole else ())), key=_order)
    value = {**_shown(_held(cart)), "changed": format_time(last.time)}
    person.traits[CART] = Trait(value, last.time, last.id)


def _order(change: CartChange) -> tuple[int, str]:
    return (change.time, change.id)


def _change(event: Event) -> CartChange | None:
    """What one event says; None where it says nothing that can be told."""
    part = MEANINGS[event.name].cart
    if part == "empties":
        return CartChange(event.time, event.id, "shows", ())
    products = event.properties.get("products")
    if part == "shows":
        if not isinstance(products, list):
            return None
        return CartChange(event.time, event.id, "shows", _goods(products, event))
    lines = products if isinstance(products, list) else [event.properties]
    goods = _goods(lines, event)
    return CartChange(event.time, event.id, part, goods) if goods else None


def _goods(lines: list[Any], event: Event) -> tuple[Goods, ...]:
    """The products that can be told apart, and whose quantity is one."""
    found = []
    removed = MEANINGS[event.name].cart == "removes"
    for line in lines[:MOST_GOODS]:
        if not isinstance(line, dict):
            continue
        item = _text(line.get("product_id")) or _text(line.get("sku")) or _text(line.get("name"))
        told = line.get("quantity")
        quantity = (0 if removed else MICRO) if told is None else to_micros(told)
        if not item or quantity is None or quantity < 0 or (not quantity and told is not None):
            continue
        price = to_micros(line.get("price"))
        own = line.get("currency") or event.properties.get("currency")
        currency = own.strip().upper() if isinstance(own, str) else ""
        found.append(Goods(item, _text(line.get("name")), quantity, price, currency[:8]))
    return tuple(found)


def _text(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.strip()[:_LONGEST] if isinstance(value, str) else ""


def _held(cart: Cart) -> dict[str, Goods]:
    """The products in it, by item; what is removed more often than it was added is not there."""
    held: dict[str, Goods] = {}
    for change in (*((cart.whole,) if cart.whole else ()), *cart.changes):
        for goods in change.goods:
            known = held.get(goods.item)
            if change.part == "removes":
                left = known.quantity - goods.quantity if known and goods.quantity else 0
            else:
                left = goods.quantity + (known.quantity if known else 0)
            if left <= 0:
                held.pop(goods.item, None)
            elif known is None or change.part != "removes":
                name = goods.name or (known.name if known else "")
                held[goods.item] = Goods(goods.item, name, left, goods.price, goods.currency)
            else:
                held[goods.item] = Goods(known.item, known.name, left, known.price, known.currency)
    return held


def _shown(held: dict[str, Goods]) -> dict[str, Any]:
    goods = list(held.values())
    found: dict[str, Any] = {
        "quantity": _number(sum(each.quantity for each in goods)),
        "items": [_item(each) for each in goods[:MOST_SHOWN]],
    }
    prices = [each.price for each in goods]
    currencies = {each.currency for each in goods}
    if goods and None not in prices and len(currencies) == 1:
        value = sum((each.price or 0) * each.quantity for each in goods) // MICRO
        found["value"] = f"{from_micros(value):f}"
        if currency := currencies.pop():
            found["currency"] = currency
    return found


def _item(goods: Goods) -> dict[str, Any]:
    item: dict[str, Any] = {"product_id": goods.item, "quantity": _number(goods.quantity)}
    if goods.name:
        item["name"] = goods.name
    if goods.price is not None:
        item["price"] = f"{from_micros(goods.price):f}"
    return item


def _number(micros: int) -> int | str:
    whole, part = divmod(micros, MICRO)
    return f"{from_micros(micros):f}" if part else whole
