"""Taking a profile apart."""

from __future__ import annotations

from typing_extensions import TypedDict


class Apart(TypedDict):
    """Identifiers of a profile that belong to somebody else, as `namespace:value`."""

    apart: list[str]


class HolderRow(TypedDict):
    """An identifier and the id of the person who holds it; null where nobody's own history names it."""

    identifier: str
    person: str | None


class Unmerged(TypedDict):
    """A profile was taken apart: who kept the others, and who holds what was taken out."""

    applied: bool
    person: str
    apart: list[HolderRow]
