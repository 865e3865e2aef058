"""Definitions and their versions."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json, Named


class Resource(Named):
    """A definition as `duyen apply` sends it, with its version; `problem` is why it stands still, or null."""

    definition: Json
    yaml: str
    version: int
    updated_at: str
    author: str
    live: bool
    problem: str | None


class SegmentResource(Resource):
    """A segment and how many people are in it now."""

    count: int


class Version(TypedDict):
    """One version of a definition; `definition` is null where it was deleted."""

    version: int
    definition: Json | None
    author: str
    time: str
