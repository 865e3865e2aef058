"""What a person should look at before a guessed mapping is used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Map
from datetime import UTC
from typing import Any

from duyen.connectors.cells import read_email, read_number, read_time
from duyen.connectors.mapping import Mapping
from duyen.connectors.score import NO_VALUE, Guess
from duyen.model.values import MICRO


def about(
    columns: Sequence[str],
    sample: Map[str, Sequence[Any]],
    mapping: Mapping,
    guesses: Sequence[Guess],
    missing: Sequence[str],
    *,
    unsure: bool,
) -> tuple[str, ...]:
    """The questions about a mapping; `unsure`: the values leave open whether the day or the month is first."""
    return (
        *_about_the_header(columns, mapping.columns),
        *(f"Which column is the {choice}?" for choice in missing),
        *_about_the_guesses(mapping, guesses, unsure),
        *_about_the_amounts(sample, mapping),
    )


def _about_the_guesses(
    mapping: Mapping, guesses: Sequence[Guess], unsure_date: bool
) -> tuple[str, ...]:
    asked = [
        f"Is “{guess.column}” really the {guess.field}? ({guess.why})"
        for guess in guesses
        if guess.confidence < 0.7 and not guess.why.endswith(NO_VALUE)
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
