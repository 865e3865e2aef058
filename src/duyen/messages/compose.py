"""One call from an admitted contact to the mail that is handed to a channel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

from duyen.messages.links import Links
from duyen.messages.mime import Mailbox, mime
from duyen.messages.template import SERVICE, Rendered, render
from duyen.messages.view import view_of
from duyen.model.effect import Enqueue
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.model.person import Person
from duyen.model.program import WorkspaceSettings
from duyen.model.times import Millis


class Mail(msgspec.Struct, frozen=True):
    """A mail ready to leave: envelope, bytes, and what it says."""

    key: str
    sender: str
    to: str
    content: bytes
    rendered: Rendered


def compose(
    message: Message,
    enqueue: Enqueue,
    person: Person,
    recommendations: Sequence[dict[str, Any]],
    links: Links,
    settings: WorkspaceSettings,
    *,
    zone: tzinfo,
    now: Millis,
    computed: Mapping[str, Any] = MappingProxyType({}),
) -> Mail:
    """Render an admitted contact for its person and write its bytes; raises InvalidRule.

    `recommendations` as of `view.item_view`; `zone` is the person's, for dates in the text; `computed` are their
    computed traits.
    """
    of_mail = links.of(
        key=enqueue.key,
        person=enqueue.person,
        address=enqueue.address,
        message=message.id,
        purpose=message.purpose,
        brand=message.brand,
    )
    view = view_of(
        message,
        person,
        enqueue.address,
        trigger=enqueue.inputs.get("trigger", {}),
        recommendations=recommendations,
        links=of_mail,
        settings=settings,
        zone=zone,
        now=now,
        computed=computed,
    )
    rendered = render(message, view)
    try:
        sender = _mailbox(message.sender or settings.sender)
        content = mime(
            rendered,
            sender,
            Mailbox(enqueue.address),
            message_id=f"<{enqueue.key}@{sender.domain}>",
            date=now,
            headers=_headers(message, enqueue, settings, sender, of_mail.unsubscribe),
        )
    except ValueError as error:
        raise InvalidRule("message.headers", f"The mail cannot be addressed: {error}.") from None
    return Mail(enqueue.key, sender.address, enqueue.address, content, rendered)


@lru_cache(maxsize=256)
def _mailbox(text: str) -> Mailbox:
    """A sender is the same in many mails."""
    return Mailbox.parse(text)


def _headers(
    message: Message,
    enqueue: Enqueue,
    settings: WorkspaceSettings,
    sender: Mailbox,
    unsubscribe: str,
) -> dict[str, str]:
    """What mailbox providers read besides the text."""
    headers: dict[str, str] = {}
    reply_to = message.reply_to or settings.reply_to
    if reply_to:
        headers["Reply-To"] = _mailbox(reply_to).address
    if message.purpose != SERVICE:
        headers["List-Unsubscribe"] = f"<{unsubscribe}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        headers["List-ID"] = f"<{message.purpose}.{sender.domain}>"
    # Feedback-ID: campaign, journey, kind, sender; no part may hold a colon or be empty.
    origin = enqueue.origin.replace(":", "-") or "none"
    headers["Feedback-ID"] = f"{message.id}:{origin}:{message.purpose}:{sender.domain}"
    headers["X-Duyen-Key"] = enqueue.key
    return headers
