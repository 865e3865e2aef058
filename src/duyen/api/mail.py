"""The mails in the catcher. A mail's HTML is somebody else's page: it is shown where it can do nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from duyen.api import views
from duyen.api.lists import Part
from duyen.api.office import By, Of, Office, answers, reply, when
from duyen.api.shapes.common import Page
from duyen.api.shapes.mail import LinkRow, Mail, MailRow
from duyen.model.errors import NotFound
from duyen.stores.mail import Caught, Content

router = APIRouter(tags=["mail"])

SANDBOX = "sandbox; default-src 'none'; img-src * data:; style-src 'unsafe-inline'"
_PIXEL = re.compile(r"<img\b[^>]*/t/o/[^>]*>", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
Id = Annotated[str, Path(pattern=r"^\d{1,18}$", description="Id of the mail.")]


@router.get(
    "/v1/mail", response_model=Page[MailRow], summary="The mails in the catcher, newest first."
)
def list_mails(
    office: Of,
    caller: By,
    part: Part,
    query: Annotated[str, Query(max_length=200, description="Part of subject or recipient.")] = "",
) -> Response:
    """Without an SMTP server every mail is here."""
    (before,) = part.behind(int) or (None,)
    words = query.strip()
    store = office.mails
    found = store.search(words, before, part.enough) if words else store.list(before, part.enough)
    total = None if words else store.count()
    return part.page(found, lambda mails: _rows(office, mails), lambda mail: (mail.id,), total)


def _rows(office: Office, mails: Sequence[Caught]) -> list[MailRow]:
    program = office.program()
    contacts = {mail.key: office.state.outbox(mail.key) for mail in mails if mail.key}
    people = views.references(office, [c.enqueue.person for c in contacts.values() if c])
    rows = []
    for mail in mails:
        contact = contacts.get(mail.key)
        enqueue = contact.enqueue if contact else None
        rows.append(
            MailRow(
                id=str(mail.id),
                time=when(mail.received),
                to=", ".join(mail.recipients),
                subject=mail.subject,
                message=views.named(enqueue.message, program.messages) if enqueue else None,
                person=people[enqueue.person] if enqueue else None,
                size=mail.size,
            )
        )
    return rows


def _content(office: Office, id: str) -> Content:
    found = office.mails.read(int(id))
    if found is None:
        raise NotFound(
            "mail.unknown", f"There is no mail {id} in the catcher; old ones are let go."
        )
    return found


@router.get(
    "/v1/mail/{id}",
    response_model=Mail,
    summary="One mail: headers, text, and where its links lead.",
)
def get_mail(id: Id, office: Of, caller: By) -> Response:
    """The HTML is served apart, for a sandboxed frame."""
    content = _content(office, id)
    body: Any = {
        **_rows(office, [content.caught])[0],
        "from": next((v for k, v in content.headers if k.lower() == "from"), content.caught.sender),
        "headers": content.headers,
        "text": content.text,
        "has_html": bool(content.html),
        "contact": content.caught.key or None,
        "links": _links(office, content.html),
    }
    return reply(body)


class _Anchors(HTMLParser):
    """Collects the links of a page with their text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._href: str | None = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link begins; a picture in it speaks by its alt."""
        said = dict(attrs)
        if tag == "a" and said.get("href"):
            self._href, self._words = said["href"], []
        elif tag == "img" and self._href is not None:
            self._words.append(said.get("alt") or "")

    def handle_data(self, data: str) -> None:
        """Text within a link."""
        if self._href is not None:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        """A link ends."""
        if tag == "a" and self._href is not None:
            self.found.append((" ".join(" ".join(self._words).split()), self._href))
            self._href = None


def _links(office: Office, page: str) -> list[LinkRow]:
    anchors = _Anchors()
    anchors.feed(page)
    return [LinkRow(text=text, url=url, target=_target(office, url)) for text, url in anchors.found]


def _target(office: Office, url: str) -> str | None:
    """Where a tracked link leads."""
    prefix = f"{office.links.base_url}/t/c/"
    payload = office.links.verify(url.removeprefix(prefix)) if url.startswith(prefix) else None
    return payload.url if payload else None


def harmless(page: str) -> Response:
    """A mail's page for a sandboxed frame: no open pixel, links in a tab of their own."""
    page = _PIXEL.sub("", page)
    base = '<base target="_blank">'
    head = _HEAD.search(page)
    page = page[: head.end()] + base + page[head.end() :] if head else base + page
    headers = {"content-security-policy": SANDBOX, "cache-control": "private, max-age=60"}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@router.get(
    "/v1/mail/{id}/html",
    summary="A mail's HTML, for a sandboxed frame.",
    response_class=Response,
    responses=answers("text/html"),
)
def get_html(id: Id, office: Of, caller: By) -> Response:
    """Without the open pixel: a look at it is not the customer's."""
    return harmless(_content(office, id).html)


@router.get(
    "/v1/mail/{id}/raw",
    summary="A mail as it came.",
    response_class=Response,
    responses=answers("message/rfc822"),
)
def get_raw(id: Id, office: Of, caller: By) -> Response:
    """The bytes of RFC 5322, as a download."""
    raw = office.mails.raw(int(id))
    if raw is None:
        raise NotFound(
            "mail.unknown", f"There is no mail {id} in the catcher; old ones are let go."
        )
    headers = {"content-disposition": f'attachment; filename="mail-{id}.eml"'}
    return Response(raw, media_type="message/rfc822", headers=headers)
