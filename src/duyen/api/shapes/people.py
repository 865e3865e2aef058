"""Profiles, and what is known of each."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Arm, Named, PersonRef


class PersonRow(PersonRef):
    """A line of the people list."""

    email: str | None
    segments: list[Named]
    arm: Arm | None
    events: int
    first: str
    last: str


class IdentifierRow(TypedDict):
    """One identifier of a person."""

    namespace: str
    value: str
    since: str


class TraitRow(TypedDict):
    """A trait with the event that wrote it; a computed one has the source `computed` and no event."""

    name: str
    value: Any
    time: str
    source: str
    source_name: str
    event: str


class ConsentRow(TypedDict):
    """What a person said about one purpose and channel; `*` stands for any.

    `where` it was said, the version of the `text` that they saw, and the `source` that told it. `pending`: a yes that
    they still have to confirm.
    """

    brand: str
    purpose: str
    channel: str
    state: Literal["granted", "denied", "pending"]
    time: str
    proof: str
    where: str
    text: str
    source: str


class Membership(TypedDict):
    """A segment a person is in, and when time alone ends it."""

    id: str
    name: str
    since: str | None
    until: str | None


class CellRow(TypedDict):
    """The arm of an experiment that a person is in."""

    experiment: str
    arm: Arm
    since: str
    crossed: bool


class OutcomeRow(TypedDict):
    """What a person bought since they were put into the global experiment."""

    orders: int
    revenue: str
    currency: str


class PlaceRow(TypedDict):
    """Where a person stands in a journey."""

    journey: str
    journey_name: str
    run: str
    entered: str
    step: list[int]
    next: str | None
    done: bool
    outcome: str


class GroupOf(Named):
    """A group that a person belongs to, and since when."""

    since: str


class Profile(PersonRef):
    """Everything known about one person."""

    email: str | None
    identifiers: list[IdentifierRow]
    verified: bool
    traits: list[TraitRow]
    consent: list[ConsentRow]
    segments: list[Membership]
    cells: list[CellRow]
    outcome: OutcomeRow
    places: list[PlaceRow]
    groups: list[GroupOf]
    first: str
    last: str
    events: int
