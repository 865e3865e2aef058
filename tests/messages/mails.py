"""Messages, views and keys for the tests of this room."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from duyen.messages.links import Links, MailLinks
from duyen.messages.view import View, view_of
from duyen.model.catalogue import Item
from duyen.model.effect import Enqueue
from duyen.model.message import Message
from duyen.model.person import Person, Trait
from duyen.model.program import WorkspaceSettings
from duyen.model.times import parse_time

NOW = parse_time("2026-11-21T07:05:00Z")
LINKS = Links(b"a secret of at least sixteen bytes", "https://mail.shop.test/")
SETTINGS = WorkspaceSettings(
    name="Lụa Hà Đông", postal_address="12 Hàng Gai, Hà Nội", sender="Lụa Hà Đông <chao@shop.test>"
)
ENQUEUE = Enqueue(
    key="0f" * 16,
    person="p1",
    message="m",
    version=1,
    channel="email",
    address="an@example.test",
    purpose="marketing",
    brand="default",
    origin="journey:welcome",
    created=NOW,
    not_before=NOW,
    expires=NOW + 1,
    inputs={"trigger": {"product_id": "shoe-1"}},
)
SCARF = Item("scarf", "Khăn lụa", "1234567", "VND", url="https://shop.test/p/scarf?a=1&b=2")


def body(inner: str) -> str:
    """A page with one text."""
    return (
        "<mjml>\n<mj-body>\n<mj-section><mj-column>\n<mj-text>"
        f"{inner}</mj-text>\n</mj-column></mj-section>\n</mj-body>\n</mjml>"
    )


def message(inner: str = "Hello", **more: Any) -> Message:
    """A marketing mail with one text."""
    fields = {"id": "m", "name": "M", "subject": "Hi", "body": body(inner), **more}
    return Message(**fields)


def person(**traits: Any) -> Person:
    """Somebody of whom this is known."""
    return Person(id="p1", traits={name: Trait(value, 1, "t") for name, value in traits.items()})


def mail_links() -> MailLinks:
    """The links of one mail."""
    return LINKS.of(
        key="0f" * 16,
        person="p1",
        address="an@example.test",
        message="m",
        purpose="marketing",
        brand="default",
    )


def view(message: Message, zone: tzinfo = UTC, **traits: Any) -> View:
    """What the template of a message sees of somebody."""
    return view_for(message, person(**traits), zone)


def view_for(message: Message, of: Person, zone: tzinfo = UTC) -> View:
    """What it sees of this person."""
    return view_of(
        message,
        of,
        "an@example.test",
        trigger={"product_id": "shoe-1"},
        recommendations=[],
        links=mail_links(),
        settings=SETTINGS,
        zone=zone,
        now=NOW,
    )
