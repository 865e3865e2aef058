"""How property values lie in columns of JSON text, so that every engine reads them the same.

A rule on the lake compares no raw JSON number and parses no date: what needs folding, exactness or a
calendar is done once, at write, by `twins`. For properties `{"total": "19.90", "to": {"city": "Hà Nội"},
"born": "1990-05-01", "vip": true}` the columns are

    properties  the JSON itself
    folded      {"total": "19.90", "to": {"city": "ha noi"}, "born": "1990-05-01"}   text, folded
    numbers     {"total": 19900000}            micros of numbers and of numeric text
    instants    {"born": 641520000000}         milliseconds of ISO dates and times

Each twin keeps the shape of maps and only the leaves it has something to say about; lists are left out,
because no comparison looks into them. `{}` where there is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from duyen.model.values import fold, to_micros
from duyen.rules.compare import to_instant

_encode = msgspec.json.Encoder().encode


class Twins(NamedTuple):
    """The three derived columns of one row, as JSON text."""

    folded: str
    numbers: str
    instants: str


def twins(values: Mapping[str, Any]) -> Twins:
    """The derived columns of an event's properties, or of a person's traits as {name: value}."""
    folded: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    instants: dict[str, Any] = {}
    _spread(values, folded, numbers, instants)
    return Twins(_text(folded), _text(numbers), _text(instants))


def _spread(
    values: Mapping[str, Any],
    folded: dict[str, Any],
    numbers: dict[str, Any],
    instants: dict[str, Any],
) -> None:
    """Put each leaf into the twins it belongs to; maps recur."""
    for name, value in values.items():
        if isinstance(value, str):
            folded[name] = fold(value)
            instant = to_instant(value)
            if instant is not None:
                instants[name] = instant
        if isinstance(value, dict):
            inner: tuple[dict[str, Any], dict[str, Any], dict[str, Any]] = ({}, {}, {})
            _spread(value, *inner)
            for twin, found in zip((folded, numbers, instants), inner, strict=True):
                if found:
                    twin[name] = found
            continue
        micros = to_micros(value)
        if micros is not None:
            numbers[name] = micros


def _text(values: dict[str, Any]) -> str:
    return _encode(values).decode() if values else "{}"
