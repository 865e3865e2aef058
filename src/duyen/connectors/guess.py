"""Which column of a table is what, guessed from names and values, with reasons."""

from __future__ import annotations

from collections.abc import Mapping as Map
from collections.abc import Sequence
from typing import Any

import msgspec

from duyen.connectors.cells import DateOrder
from duyen.connectors.column_values import (
    Shape,
    case_of_codes,
    date_order,
    decimal_mark,
    order_prefixes,
    shape_of,
)
from duyen.connectors.events import named
from duyen.connectors.fields import DATED, FIELDS, NAMES, NEEDED, WHO, Kind
from duyen.connectors.mapping import Mapping, slug
from duyen.connectors.questions import about
from duyen.connectors.score import Guess, is_utc, score
from duyen.connectors.shipped import shipped_for
from duyen.connectors.values import type_of


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


def guess_mapping(
    columns: Sequence[str],
    sample: Map[str, Sequence[Any]],
    *,
    kind: Kind = "orders",
    source: str = "import",
    told: Map[str, str] | None = None,
    dates: DateOrder | None = None,
    event: str = "",
    ids: Map[str, str] | None = None,
) -> Guessed:
    """Guess which column is what from names (English, Vietnamese, shop exports) and from values.

    `told` are fields with their columns ("" for none), `dates` an order of day and month, `event` the name of
    all rows and `ids` columns of further identifiers by namespace that are known.
    """
    ids = dict(ids or {})
    shapes = {name: shape_of(sample.get(name, ())) for name in columns}
    mark = decimal_mark(sample)
    chosen = _assign(columns, shapes, kind, told or {})
    chosen = [guess for guess in chosen if guess.column not in ids.values()]
    mapped = {guess.field: guess.column for guess in chosen}
    dated = [cell for field in DATED for cell in sample.get(mapped.get(field, ""), ())]
    guessed_dates, unsure = date_order(dated)
    dates, unsure = dates or guessed_dates, unsure and dates is None
    guesses = tuple(
        msgspec.structs.replace(guess, example=_example(sample.get(guess.column, ())))
        for guess in chosen
    )
    mapping = Mapping(
        kind=kind,
        source=slug(source),
        columns=mapped,
        timezone="UTC" if is_utc(mapped.get("time", "")) else "",
        dates=dates,
        decimal=mark,
        order_prefixes=order_prefixes(sample, mapped) if kind == "orders" else {},
        product_case=case_of_codes(sample.get(mapped.get("product_id", ""), ()))
        if kind in ("orders", "products")
        else "keep",
        ids=ids,
    )
    if kind in ("people", "events"):
        mapping = _keep_more(mapping, columns, sample, event)
    none = tuple(Guess(f, "", 0.0, "no column fits") for f in FIELDS[kind] if f not in mapped)
    used = {*mapped.values(), *mapping.more.values(), *ids.values()}
    unused = tuple(name for name in columns if name not in used)
    missing = tuple(
        " or the ".join(choice)
        for choice in NEEDED[kind]
        if not any(field in mapped for field in choice) and not (choice == WHO and ids)
    )
    if kind == "events" and not (mapping.event or "event" in mapped):
        missing = ("event", *missing)
    questions = about(columns, sample, mapping, guesses, missing, unsure=unsure)
    return Guessed(
        mapping, guesses + none, unused, questions, shipped_for(columns, sample), missing
    )


def _assign(
    columns: Sequence[str], shapes: Map[str, Shape], kind: Kind, told: Map[str, str]
) -> list[Guess]:
    """Give each field the column it was told, or the free column that fits it best, the surest first."""
    aliases = NAMES[kind]
    offers = [
        guess
        for field in FIELDS[kind]
        for column in columns
        if (guess := score(field, column, aliases[field], shapes[column], kind)).confidence >= 0.4
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
    if kind == "people" and {"name", "last_name"} <= set(taken) and "first_name" not in taken:
        # "Họ" and "Tên" side by side: the one is the family's, the other the person's own.
        own = taken.pop("name")
        taken["first_name"] = msgspec.structs.replace(own, field="first_name")
    order.update({field: len(order) for field in told if field not in order})
    return sorted(taken.values(), key=lambda guess: order[guess.field])


MORE = 100
"""Columns kept besides those that are known."""


def _keep_more(
    mapping: Mapping, columns: Sequence[str], sample: Map[str, Sequence[Any]], event: str
) -> Mapping:
    """Keep the other columns under plain names, and say what the words of an event column mean here."""
    used = {*mapping.columns.values(), *mapping.ids.values()}
    more: dict[str, str] = {}
    for column in [name for name in columns if name not in used][:MORE]:
        name = slug(column).replace("-", "_")
        more[f"{name}_{len(more)}" if name in more else name] = column
    types = {name: type_of(sample.get(column, ())) for name, column in more.items()}
    words = {str(cell).strip() for cell in sample.get(mapping.columns.get("event", ""), ()) if cell}
    names = {word: name for word in sorted(words) if (name := named(word)) and name != word}
    if mapping.kind == "events" and not event and "event" not in mapping.columns:
        event = "Product Reviewed" if {"rating", "review"} & set(mapping.columns) else ""
    return msgspec.structs.replace(
        mapping,
        more=more,
        types={name: type for name, type in types.items() if type != "text"},
        names=names,
        event=event,
    )


def _example(values: Sequence[Any]) -> str:
    return next((str(value)[:60] for value in values if value is not None), "")
