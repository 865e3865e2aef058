"""Messages as one person would read them."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import PersonRef


class MessagePreview(TypedDict):
    """A message rendered for one person."""

    subject: str
    preheader: str
    text: str
    person: PersonRef | None
