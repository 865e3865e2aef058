"""Taking a profile apart, and taking that back."""

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


class LiftedRow(TypedDict):
    """When a veto was taken back, and by whom."""

    time: str
    author: str


class VetoRow(TypedDict):
    """What of a person is never one with what, as `namespace:value`; `lifted` where that was taken back."""

    id: str
    time: str
    author: str
    identifiers: list[str]
    never: list[str]
    lifted: LiftedRow | None


class Lifted(TypedDict):
    """A veto holds no more: the person whom the profile's key names now."""

    applied: bool
    person: str
