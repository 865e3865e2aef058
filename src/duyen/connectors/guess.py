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
from duyen.connectors.fields import ALIASES, FIELDS, NEEDED, PRODUCT_ALIASES, Kind
from duyen.connectors.mapping import Mapping, slug
from duyen.connectors.questions import about
from duyen.connectors.score import Guess, score
from duyen.connectors.shipped import shipped_for


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
) -> Guessed:
    """Guess which column is what from names (English, Vietnamese, shop exports) and from values.

    `told` are fields with their columns ("" for none) and `dates` an order of day and month that are known.
    """
    shapes = {name: shape_of(sample.get(name, ())) for name in columns}
    mark = decimal_mark(sample)
    chosen = _assign(columns, shapes, kind, told or {})
    mapped = {guess.field: guess.column for guess in chosen}
    guessed_dates, unsure = date_order(sample.get(mapped.get("time", ""), ()))
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
        order_prefixes=order_prefixes(sample, mapped) if kind == "orders" else {},
        product_case=case_of_codes(sample.get(mapped.get("product_id", ""), ())),
    )
    none = tuple(Guess(f, "", 0.0, "no column fits") for f in FIELDS[kind] if f not in mapped)
    unused = tuple(name for name in columns if name not in mapped.values())
    missing = tuple(
        " or the ".join(choice)
        for choice in NEEDED[kind]
        if not any(field in mapped for field in choice)
    )
    questions = about(columns, sample, mapping, guesses, missing, unsure=unsure)
    return Guessed(
        mapping, guesses + none, unused, questions, shipped_for(columns, sample), missing
    )


def _assign(
    columns: Sequence[str], shapes: Map[str, Shape], kind: Kind, told: Map[str, str]
) -> list[Guess]:
    """Give each field the column it was told, or the free column that fits it best, the surest first."""
    aliases = ALIASES if kind == "orders" else PRODUCT_ALIASES
    offers = [
        guess
        for field in FIELDS[kind]
        for column in columns
        if (guess := score(field, column, aliases[field], shapes[column])).confidence >= 0.4
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


def _example(values: Sequence[Any]) -> str:
    return next((str(value)[:60] for value in values if value is not None), "")
