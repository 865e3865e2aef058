"""Lines that name columns: the one above a table, and those that come again where exports were put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from duyen.connectors.fields import NAMES
from duyen.model.values import fold


class Headings:
    """What a table's columns are called, to know a second line of names by."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._own = [_tight(column) for column in columns]

    def again(self, row: Sequence[Any]) -> bool:
        """Whether a row is no data: it says the columns' names again, or in other words (`Mã KH` above, `id` below)."""
        told = [(place, cell) for place, cell in enumerate(row) if cell is not None]
        if len(told) < 2 or not all(
            isinstance(cell, str) and len(cell) <= 60 for _, cell in told[:2]
        ):
            return False
        return all(
            isinstance(cell, str) and self._names(place, _tight(cell)) for place, cell in told
        )

    def _names(self, place: int, word: str) -> bool:
        return word == self._own[place] or word in _known()


@cache
def _known() -> frozenset[str]:
    """All words by which fields are known, whatever is imported."""
    return frozenset(
        _tight(alias) for aliases in NAMES.values() for names in aliases.values() for alias in names
    )


def _tight(name: str) -> str:
    """A name by which two ways of writing it are one: `Order_ID`, `order id`."""
    return fold(name).replace("_", "").replace("-", "").replace(" ", "")
