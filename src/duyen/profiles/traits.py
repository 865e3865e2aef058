"""Traits: the last writer wins, whatever the order of arrival."""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.model.person import Trait

MAX_TRAITS = 256
"""Traits kept in a document: the most recently written ones."""
MAX_TRAIT_BYTES = 4_096
"""A larger value stays in its event, and is no trait."""
_encode = msgspec.json.Encoder(order="deterministic").encode


def newest_trait(a: Trait, b: Trait) -> Trait:
    """The last writer; two values of one writer (a duplicated id) are told apart by their bytes."""
    if (a.time, a.id) != (b.time, b.id):
        return a if (a.time, a.id) > (b.time, b.id) else b
    return max(a, b, key=lambda trait: (_encode(trait.value), trait.source))


def bound_traits(traits: dict[str, Trait], most: int = MAX_TRAITS) -> dict[str, Trait]:
    """At most so many, the last written; whatever the order, the same ones remain."""
    if len(traits) <= most:
        return traits
    last = sorted(traits, key=lambda name: (traits[name].time, traits[name].id, name))
    return {name: traits[name] for name in last[-most:]}


def too_large(name: str, value: Any) -> bool:
    """Whether a value is too large to be a trait."""
    if value is None or isinstance(value, bool | int | float):
        return len(name) > MAX_TRAIT_BYTES
    size = len(value) if isinstance(value, str) else len(_encode(value))
    return len(name) + size > MAX_TRAIT_BYTES
