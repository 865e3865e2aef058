"""Links that come back from mails: opens, clicks, and taking oneself out."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from hashlib import blake2b
from html import escape
from typing import Annotated, Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from duyen.api.codes import document
from duyen.api.office import Of, Office, answers
from duyen.collect import clean_email
from duyen.messages.links import Payload
from duyen.model.consent import ANY, DEFAULT_BRAND, Statement, consent_key
from duyen.model.errors import DuyenError, Unavailable
from duyen.model.event import (
    BY_MAIL,
    CONSENT_UPDATED,
    EMAIL_LINK_CLICKED,
    EMAIL_OPENED,
    UNSUBSCRIBED,
    Collected,
)
from duyen.model.log import Lane, Suppress, encode_entry
from duyen.model.times import Millis
from duyen.stores.state.suppressions import ERASED

router = APIRouter(tags=["links in mails"])

PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
FRESH = {"cache-control": "no-store", "x-robots-tag": "noindex", "referrer-policy": "no-referrer"}
MAX_AGENT = 512
_PURPOSES = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_AHEAD = ("prefetch", "prerender", "preview")
"""What browsers and mail programs say that load a page before anybody has asked for it."""
_AS_IS = "%/:=&?~#+!$,;'@()*[]"
"""What stays as it is in an address, besides letters and digits; a % is taken to be encoded already."""
Token = Annotated[
    str, Path(max_length=6_010, description="Sealed by us; nobody can make or change one.")
]


@router.head("/t/o/{token}", include_in_schema=False)
@router.get(
    "/t/o/{token}",
    summary="The picture that says a mail was opened.",
    response_class=Response,
    responses=answers("image/gif"),
)
async def opened(token: Token, request: Request, office: Of) -> Response:
    """A transparent pixel, also where the log cannot take the open in."""
    payload = office.links.verify(token.removesuffix(".gif"))
    if payload is None or payload.kind != "o":
        return invalid()
    await _note(office, payload, EMAIL_OPENED, request)
    return Response(PIXEL, media_type="image/gif", headers=FRESH)


@router.head("/t/c/{token}", include_in_schema=False)
@router.get(
    "/t/c/{token}", summary="A tracked link of a mail.", status_code=302, response_class=Response
)
async def clicked(token: Token, request: Request, office: Of) -> Response:
    """Leads on to the address sealed in the token, also where the log cannot take the click in."""
    payload = office.links.verify(token)
    place = located(payload.url) if payload is not None and payload.kind == "c" else ""
    if payload is None or not place:
        return invalid()
    await _note(office, payload, EMAIL_LINK_CLICKED, request)
    return Response(status_code=302, headers={**FRESH, "location": place})


def located(url: str) -> str:
    """An address as a header can carry it (host in IDNA, the rest percent-encoded), or "" where it is none."""
    try:
        parts = urlsplit(url)
        user, at, host = parts.netloc.rpartition("@")
        if not host.isascii():
            name, colon, port = host.partition(":")
            host = name.encode("idna").decode() + colon + port
    except ValueError:  # a host that no name server could know
        return ""
    netloc = quote(user, safe=_AS_IS) + at + quote(host, safe=_AS_IS)
    rest = (quote(part, safe=_AS_IS) for part in parts[2:])
    return urlunsplit((parts.scheme, netloc, *rest)) if netloc else ""


async def _note(office: Office, payload: Payload, name: str, request: Request) -> None:
    """Tell the log; the reader goes on even where the disk is full.

    What an erased person does with an old mail is not told: it would name them again.
    """
    if not await run_in_threadpool(_known, office, payload):
        return
    more = {"url": payload.url} if payload.url else {}
    event = told_by_link(office, payload, name, uuid4().hex, more, _asked(request))
    try:
        await office.door.commits.append(Lane.LIVE, [encode_entry(event)])
    except Unavailable:
        return


def _known(office: Office, payload: Payload) -> bool:
    """Whether the contact is one that we still know of."""
    return office.state.outbox(payload.key) is not None


def _asked(request: Request) -> dict[str, Any]:
    """What the request says of who made it; by this a crawler, a prefetcher or a scanner is known."""
    context: dict[str, Any] = {}
    if agent := request.headers.get("user-agent", "")[:MAX_AGENT]:
        context["userAgent"] = agent
    said = [request.headers.get(header, "").lower() for header in _PURPOSES]
    if any(word in one for one in said for word in _AHEAD):
        context["request"] = {"purpose": "prefetch"}
    if request.method == "HEAD":
        context["request"] = {"method": "HEAD"}
    return context


def told_by_link(
    office: Office,
    payload: Payload,
    name: str,
    id: str,
    more: Mapping[str, Any],
    asked: Mapping[str, Any] = {},
    traits: Mapping[str, Any] | None = None,
) -> Collected:
    """What a reader did, told of the address the mail went to; no surer than what is known of that address.

    Whoever gave their address in a page stays the one person they are when they open the mail to it. With `traits` it
    says what they are, not what they did.
    """
    now: Millis = office.house.clock.now()
    properties = {"message": payload.message, "key": payload.key, **more}
    event = Collected(
        id=id,
        type="track" if traits is None else "identify",
        time=now,
        received=now,
        source=BY_MAIL,
        trusted=office.state.vouched("email", clean_email(payload.address)),
        name=name,
        properties=msgspec.Raw(msgspec.json.encode(properties)),
        context=msgspec.Raw(msgspec.json.encode({"traits": {"email": payload.address}, **asked})),
    )
    if traits is None:
        return event
    return msgspec.structs.replace(event, traits=msgspec.Raw(msgspec.json.encode(traits)))


@router.get(
    "/t/u/{token}",
    summary="The page that takes a reader out of the mails.",
    response_class=HTMLResponse,
)
def ask(token: Token, office: Of) -> Response:
    """One button, no script; opening the page alone changes nothing (scanners open every link)."""
    payload = office.links.verify(token)
    if payload is None or payload.kind != "u":
        return invalid()
    company = escape(office.program().settings.name)
    address = escape(veiled(payload.address))
    preferences = msgspec.structs.replace(payload, kind="p")
    return page(
        "Ngừng nhận thư",
        f"<h1>Ngừng nhận thư</h1><p><strong>{company}</strong> sẽ không gửi thư tiếp thị đến "
        f"<strong>{address}</strong> nữa.</p>"
        f'<p lang="en">{company} will not send marketing mail to {address} any more.</p>'
        '<form method="post"><button name="List-Unsubscribe" value="One-Click">'
        'Ngừng nhận thư · <span lang="en">Unsubscribe</span></button></form>'
        f'<p><a href="/t/p/{office.links.token(preferences)}">Chọn loại thư và tần suất · '
        '<span lang="en">Choose what to receive, and how often</span></a></p>',
    )


@router.post(
    "/t/u/{token}",
    summary="Take a reader out of the mails, in one click (RFC 8058).",
    response_class=HTMLResponse,
)
async def leave(token: Token, request: Request, office: Of) -> Response:
    """Answers once it is in effect, also for what waits to be sent; doing it twice changes nothing.

    Where the engine is behind it answers after 5 s all the same: the no is in the log by then, and no sender
    hands over a mail before the engine has applied what the log held.
    """
    payload = office.links.verify(token)
    if payload is None or payload.kind != "u":
        return invalid()
    try:
        if await run_in_threadpool(_known, office, payload):
            told = await run_in_threadpool(_leaving, office, payload)
            if told:
                await office.write(Lane.LIVE, told)
        else:
            refused = await run_in_threadpool(_refused, office, payload)
            if refused:
                await office.write(Lane.CONTROL, refused)
    except DuyenError as error:
        return page(
            "Chưa ghi nhận được",
            "<h1>Chưa ghi nhận được</h1><p>Máy chủ đang bận. Bạn vui lòng thử lại sau ít phút.</p>"
            '<p lang="en">The server is busy. Please try again in a few minutes.</p>',
            error.status,
        )
    company, address = escape(office.program().settings.name), escape(veiled(payload.address))
    return page(
        "Đã ngừng nhận thư",
        f"<h1>Đã ngừng nhận thư</h1><p><strong>{company}</strong> sẽ không gửi thư tiếp thị đến "
        f"<strong>{address}</strong> nữa. Bạn có thể đóng trang này.</p>"
        f'<p lang="en">Done: {company} will not send marketing mail to {address} any more.</p>',
    )


def _refused(office: Office, payload: Payload) -> list[Suppress]:
    """A no by the mail of somebody erased since: it holds for the address, of which only a keyed hash is kept."""
    digest = office.house.secrets.pseudonym("email", clean_email(payload.address))
    said = consent_key(payload.purpose or "marketing", "email", payload.brand or DEFAULT_BRAND)
    if any(row.said == said for row in office.state.suppressions_of(digest)):
        return []
    return [Suppress(office.now(), "link", ERASED, ((digest, said, ""),))]


def _leaving(office: Office, payload: Payload) -> list[Collected]:
    """What to tell the log so that nothing of this purpose reaches the address; nothing where that is so.

    The ids follow from the contact and from the consent they end: a repeated click adds nothing, and a click after
    the person has agreed again counts again.
    """
    brand = payload.brand or DEFAULT_BRAND
    purpose = payload.purpose or "marketing"
    said = statements_of(office, payload.address)
    standing = [said.get(consent_key(p, "email", brand)) for p in {purpose, "marketing"}]
    if all(one is not None and one.state == "denied" for one in standing):
        return []
    granted = [
        said.get(consent_key(p, c, b))
        for p in (purpose, ANY)
        for c in ("email", ANY)
        for b in (brand, ANY)
    ]
    newest = max((one.time for one in granted if one is not None), default=0)
    digest = blake2b(
        f"{payload.key}\0{payload.address}\0{newest}".encode(), digest_size=12
    ).hexdigest()
    proof = f"unsubscribed from {payload.message}"
    about = {"brand": brand, "purpose": purpose, "channel": "email"}
    return [
        told_by_link(office, payload, UNSUBSCRIBED, f"unsubscribe-{digest}", {"brand": brand}),
        told_by_link(
            office,
            payload,
            CONSENT_UPDATED,
            f"consent-{digest}",
            {**about, "state": "denied", "proof": proof},
        ),
    ]


def statements_of(office: Office, address: str) -> dict[str, Statement]:
    person = office.state.person_of("email", clean_email(address))
    head = office.state.head(person) if person else None
    return head.person.consent if head else {}


def veiled(address: str) -> str:
    """Enough of an address to know it by, for a page that may be passed on with its mail."""
    name, _, domain = address.partition("@")
    return f"{name[:2]}{'•' * max(1, min(6, len(name) - 2))}@{domain}"


def invalid() -> Response:
    return page(
        "Liên kết không dùng được",
        "<h1>Liên kết không dùng được</h1><p>Liên kết này bị cắt hoặc đã thay đổi. Bạn hãy mở lại thư và bấm "
        "thẳng vào liên kết; nếu vẫn không được, hãy trả lời thư để chúng tôi giúp.</p>"
        '<p lang="en">This link is cut off or was changed. Open the mail again and follow the link from there; '
        "if that does not help, answer the mail.</p>",
        400,
    )


def page(title: str, body: str, status: int = 200) -> Response:
    button = (
        "<style>button{font:inherit;padding:.8rem 1.4rem;border:0;border-radius:.5rem;background:#B5342C;"
        "color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #B5342C;outline-offset:3px}"
        "body{max-width:34rem}[lang=en]{opacity:.8}button [lang=en]{opacity:1}</style>"
    )
    page = document(title, button + body, "vi")
    return HTMLResponse(page, status, headers={**FRESH, "content-security-policy": POLICY})
