"""What a person did."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


class EventRow(TypedDict):
    """One event of a person."""

    id: str
    type: Literal["track", "identify", "page", "screen", "group", "alias"]
    name: str
    time: str
    received: str
    source: str
    source_name: str
    trusted: bool
    imported: bool
    quality: Literal["", "bot", "prefetch", "proxy", "scanner"]
    identifiers: list[tuple[str, str]]
    properties: Json
    traits: Json
    context: Json
