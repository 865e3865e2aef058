"""Parts of shops' payloads, read as far as they can be: ids, amounts, instants, texts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from duyen.connectors.cells import read_id, read_time
from duyen.connectors.delivery import Unreadable
from duyen.model.times import Millis, format_time, parse_time
from duyen.model.values import MICRO, from_micros, to_micros

LONGEST = 500
LONG_AGO: Millis = parse_time("1990-01-02T00:00:00Z")
"""As of when a yes counts whose time nobody knows: before whatever was said here, and no earlier than is believed."""


def a_map(value: Any) -> dict[str, Any]:
    """A JSON object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def maps(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of a list."""
    return (one for one in value if isinstance(one, dict)) if isinstance(value, list) else iter(())


def an_id(value: Any) -> str:
    """An id as text; "" where there is none (shops write 0 for nobody)."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = read_id(value)
    return "" if text == "0" else text


def need_id(body: dict[str, Any], what: str) -> str:
    """The id of what a delivery is about; raises Unreadable."""
    found = an_id(body.get("id"))
    if not found:
        raise Unreadable(f"The {what} has no id.")
    return found


def text(value: Any) -> str:
    """A text without white space at its ends, or ""."""
    return value.strip()[:LONGEST] if isinstance(value, str) else ""


def micros(value: Any) -> int | None:
    """A number in millionths, or None where it is none."""
    return to_micros(value.strip() if isinstance(value, str) else value)


def decimal(told: int | None) -> str | None:
    """Millionths as an exact decimal without places that say nothing: `350000`, `19.90`."""
    if told is None:
        return None
    return f"{told // MICRO}" if told % MICRO == 0 else f"{from_micros(told):f}"


def amount(value: Any) -> str | None:
    """An amount as an exact decimal, or None where it is none."""
    return decimal(micros(value))


def instant(value: Any) -> Millis | None:
    """An instant; one without an offset is UTC."""
    return read_time(value, "ymd", UTC) if isinstance(value, str) else None


def first(*instants: Millis | None) -> Millis | None:
    """The first instant that is told."""
    return next((one for one in instants if one is not None), None)


def known(values: dict[str, Any]) -> dict[str, Any]:
    """What is told: no None, no empty text, no empty list."""
    return {name: value for name, value in values.items() if value not in (None, "", [], {})}


def stamp(when: Millis | None) -> str:
    """An instant as a call has it; "" where none is known."""
    return "" if when is None else format_time(when)
