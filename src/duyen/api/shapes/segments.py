"""Who is in a segment, or would be."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json, PersonRef
from duyen.api.shapes.people import PersonRow


class Rule(TypedDict):
    """A rule in its YAML form."""

    rule: Json


class SegmentPreview(TypedDict):
    """Who would be in a segment now: of `looked_at` people; exact where that is everybody."""

    count: int
    looked_at: int
    total: int
    exact: bool
    sample: list[PersonRow]


class Member(PersonRef):
    """A member of a segment."""

    email: str | None
    since: str
