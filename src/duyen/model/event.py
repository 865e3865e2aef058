"""What happened: as it was collected (kept byte for byte in the log) and as every room reads it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from duyen.model.times import Millis

CallType = Literal["track", "identify", "page", "screen", "group", "alias"]

PAGE_VIEWED = "Page Viewed"
SCREEN_VIEWED = "Screen Viewed"
IDENTIFIED = "Identified"
GROUPED = "Grouped"
ALIASED = "Aliased"
ORDER_COMPLETED = "Order Completed"
ORDER_REFUNDED = "Order Refunded"
PRODUCT_VIEWED = "Product Viewed"
CONSENT_UPDATED = "Consent Updated"
UNSUBSCRIBED = "Unsubscribed"
DECISION_VIEWED = "Decision Viewed"
DECISION_CLICKED = "Decision Clicked"
BY_MAIL = "email"
"""The source of what people tell by the links of our mails: whoever follows one has the address."""
EMAIL_SENT = "Email Sent"
EMAIL_FAILED = "Email Failed"
EMAIL_OPENED = "Email Opened"
EMAIL_LINK_CLICKED = "Email Link Clicked"

Quality = Literal["", "bot", "prefetch", "proxy", "scanner"]
"""Who made an event, as far as it tells: "" a person; else a machine, whose events count for nothing unless asked."""

Identifier = tuple[str, str]
"""(namespace, value), e.g. ("user_id", "u1"); namespaces: identity.NAMESPACES and custom ones."""


def is_bearer(namespace: str) -> bool:
    """Whether knowing such an id is itself the right to use it: made at random on the device that sends it.

    All other namespaces (user_id, email, phone, a loyalty card) can be guessed, so a browser only claims them.
    """
    return namespace == "anonymous_id" or namespace.startswith(("ios.", "android."))


class Collected(msgspec.Struct, frozen=True, tag_field="kind", tag="event", omit_defaults=True):
    """One call as collected: validated in shape, its free parts kept as the bytes that came.

    `time` is the event's own time after clock-skew correction, never after `received`.
    `trusted` is true when it came with a secret key, a server's write key, or a valid identity hash:
    only then may it name somebody's user_id or e-mail as a fact (see DESIGN, "What a browser may do").
    """

    id: str
    type: CallType
    time: Millis
    received: Millis
    source: str
    trusted: bool = False
    name: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    properties: msgspec.Raw = msgspec.Raw(b"")
    traits: msgspec.Raw = msgspec.Raw(b"")
    context: msgspec.Raw = msgspec.Raw(b"")
    imported: bool = False
    verified: tuple[str, ...] = ()
    """Where not empty: `trusted` holds for these namespaces only; other guessable ids stay out of the evidence."""


class Event(msgspec.Struct, frozen=True, array_like=True):
    """One event as every room reads it: values canonical, identifiers extracted, name filled in.

    page -> PAGE_VIEWED, screen -> SCREEN_VIEWED, identify -> IDENTIFIED, group -> GROUPED, alias -> ALIASED.
    `identifiers` are sorted and without duplicates; they are the event's evidence of who it was.
    `context` is only what later rooms use: page, campaign, locale, timezone, user_agent, ip, device.
    """

    id: str
    type: CallType
    name: str
    time: Millis
    received: Millis
    source: str
    trusted: bool
    identifiers: tuple[Identifier, ...]
    properties: dict[str, Any]
    traits: dict[str, Any]
    context: dict[str, Any]
    imported: bool = False
    quality: Quality = ""
    limited: bool = False
    """It came from a page that proved who its user is: `trusted` as to that, and as to nothing else."""

    @property
    def order(self) -> tuple[Millis, str]:
        """Events are told in order of event time, then message id."""
        return (self.time, self.id)


class Rejected(msgspec.Struct, frozen=True, tag_field="kind", tag="rejected", omit_defaults=True):
    """Bad input is data: the call as it came, why it cannot be an event, and what it takes to judge it again.

    `type` is that of its route ("" where the call names its own, in a batch); `sent_at` and `context` (JSON) are its
    batch's own. Entries written before these fields existed have none of them.
    """

    id: str
    received: Millis
    source: str
    reasons: tuple[str, ...]
    payload: str
    type: CallType | Literal[""] = ""
    trusted: bool = False
    imported: bool = False
    sent_at: str = ""
    context: str = ""
