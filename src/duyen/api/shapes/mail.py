"""Mails of the catcher."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Named, PersonRef


class MailRow(TypedDict):
    """A mail in the catcher."""

    id: str
    time: str
    to: str
    subject: str
    message: Named | None
    person: PersonRef | None
    size: int


class LinkRow(TypedDict):
    """A link of a mail: its text, the tracked address, and where it leads."""

    text: str
    url: str
    target: str | None


_MailHead = TypedDict("_MailHead", {"from": str})


class Mail(MailRow, _MailHead):
    """A mail of the catcher in full."""

    headers: list[tuple[str, str]]
    text: str
    has_html: bool
    contact: str | None
    links: list[LinkRow]
