"""Computed traits: where they are used, what they would be, and the words to write them with."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Named, PersonRef
from duyen.api.shapes.program import Resource


class Use(Named):
    """A definition that names the trait."""

    kind: str


class TraitResource(Resource):
    """A computed trait and what names it: rules and formulas, for which it cannot be deleted, and messages."""

    used_by: list[Use]


class TraitDraft(TypedDict):
    """A computed trait that is not put yet, in its YAML form as JSON; `id` is what it would be put as."""

    id: str
    definition: dict[str, object]


class TraitValue(PersonRef):
    """What the trait would be of somebody: text (a time as RFC 3339), a number, true, false, or null."""

    value: str | int | float | bool | None


class TraitPreview(TypedDict):
    """What the trait would be now of those seen last; of `looked_at` people, `found` have a value."""

    looked_at: int
    found: int
    data: list[TraitValue]


class EventWords(TypedDict):
    """An event seen lately and its properties, as paths."""

    name: str
    properties: list[str]


class Vocabulary(TypedDict):
    """What rules and traits can be written about, as people seen last have it; `numbers` are what formulas can use."""

    events: list[EventWords]
    traits: list[str]
    numbers: list[str]
