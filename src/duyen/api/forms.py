"""Forms that people fill in: a page at /f/{id}, whose answers become traits of whoever sends it.

A form says no more than a page of the company's: it never speaks for a known customer (`trusted` is false), and a
purpose that wants its yes confirmed waits for that. What it knows of a visitor is only what this very browser has
told it, by a signed cookie; of the answers themselves it shows none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse
from starlette.concurrency import run_in_threadpool

from duyen import forms
from duyen.api import form_page
from duyen.api.form_page import TRAP, Sheet, tick
from duyen.api.form_ticket import (
    DOWNLOAD_LIFE,
    LIFE,
    MOST_A_PAGE,
    MOST_WITHOUT_PROOF,
    QUICKEST,
    Rates,
    Ticket,
    Tickets,
    proved,
)
from duyen.api.form_words import WORDS, Words, spoken
from duyen.api.http import fields_of
from duyen.api.office import Of, Office, answers
from duyen.api.program import Id
from duyen.api.tracking import FRESH, MAX_AGENT, Token
from duyen.collect import validate
from duyen.model.consent import Purpose, purposes, text_version
from duyen.model.errors import DuyenError, TooMany, Unavailable
from duyen.model.event import CONSENT_UPDATED, CallType, Collected, Rejected
from duyen.model.form import FILE_DOWNLOADED, FORM_SUBMITTED, Agreement, Form
from duyen.model.log import Lane, encode_entry
from duyen.model.times import Millis
from duyen.runtime.secrets import VISITOR_LIFE

router = APIRouter(tags=["forms"])

COOKIE = "duyen_visitor"
DOWNLOADS = "downloads"
"""The folder of files that forms give away, in the data folder."""
LARGEST = 64 * 1024
MOST_NAMES = 200
KEPT_TEXT = 2_000
"""Characters of an answer that stand on the page again."""
Language = Annotated[
    str, Query(max_length=8, description="`vi` or `en`; else as the browser says.")
]
_OWN = ("same-origin", "none")
"""Where a form comes from that was filled in on a page of ours, as browsers say it."""
_rates = Rates()


class Opening(NamedTuple):
    """A form opened in a language, by a `visitor` of before ("": a new one) with the traits they told in forms."""

    office: Office
    form: Form
    language: str
    visitor: str
    known: frozenset[str]

    @property
    def words(self) -> Words:
        """The words of the page."""
        return WORDS[self.language]

    @property
    def tickets(self) -> Tickets:
        """Those of this form."""
        return Tickets(self.office.house.secrets, self.form.id)

    @property
    def downloads(self) -> Tickets:
        """Those of its file."""
        return self.tickets._replace(kind="download")

    @property
    def agreements(self) -> tuple[tuple[Agreement, Purpose], ...]:
        """What the form asks people to agree to, with the purposes as the settings name them now."""
        named = {each.id: each for each in purposes(self.office.program().settings.purposes)}
        asked = self.form.consent
        return tuple((one, named[one.purpose]) for one in asked if one.purpose in named)

    def sheet(self, ticket: Ticket, **more: Any) -> Sheet:
        """The page with what a ticket asks."""
        asked = tuple(field for field in self.form.fields if field.trait in ticket.asked)
        company = self.office.program().settings.name
        sealed = self.tickets.seal(ticket)
        return Sheet(self.form, self.language, company, asked, self.agreements, sealed, **more)

    def fresh(self, now: Millis) -> Ticket:
        """A ticket of a page that is opened now."""
        asked = tuple(field.trait for field in forms.asked(self.form, self.known))
        return Ticket.fresh(self.visitor or uuid4().hex, asked, now)


def _wall() -> Millis:
    """What people and machines take to fill in a form passes on the wall's clock, whatever time it is in a trial."""
    return int(time.time() * 1000)


def _open(office: Office, id: str, request: Request, lang: str) -> Opening | Response:
    """The form as this browser may see it, or the page that says that there is none."""
    program = office.program()
    accepted = request.headers.get("accept-language", "")
    language = spoken(lang, accepted, program.settings.language)
    form = program.forms.get(id)
    if form is None or not form.live or ("form", id) in office.broken():
        return form_page.gone(language)
    cookie = request.cookies.get(COOKIE, "")
    visitor = (office.house.secrets.read_visitor(cookie, office.now()) if cookie else "") or ""
    known = _known(office, visitor) if visitor else frozenset()
    return Opening(office, form, language, visitor, known)


def _known(office: Office, visitor: str) -> frozenset[str]:
    """The traits that this visitor has told in forms: what others told of the same person is not theirs to learn."""
    person = office.state.person_of("anonymous_id", visitor)
    head = office.state.head(person) if person else None
    traits = head.person.traits if head else {}
    own = _prefix(office, visitor)
    return frozenset(
        name
        for name, trait in traits.items()
        if trait.value is not None and trait.id.startswith(own)
    )


def _prefix(office: Office, visitor: str) -> str:
    """Begins the id of all that a visitor tells in forms; without our secret nobody can begin an id so."""
    return f"form-{office.house.secrets.pseudonym('form', visitor)[:16]}-"


@router.get("/f/{id}", summary="The page of a form.", response_class=HTMLResponse)
def open_form(id: Id, request: Request, office: Of, lang: Language = "") -> Response:
    """In Vietnamese or English, whole without JavaScript; opening it tells nothing."""
    opening = _open(office, id, request, lang)
    if isinstance(opening, Response):
        return opening
    return form_page.show(opening.sheet(opening.fresh(_wall())))


@router.post("/f/{id}", summary="Fill in a form.", response_class=HTMLResponse)
async def fill_in(id: Id, request: Request, office: Of, lang: Language = "") -> Response:
    """Answers once it is durable; sending it twice changes nothing. What is wrong is said beside each question."""
    opening = await run_in_threadpool(_open, office, id, request, lang)
    if isinstance(opening, Response):
        return opening
    body = await request.body()
    filled = fields_of(body, MOST_NAMES) if len(body) <= LARGEST else None
    if filled is None:
        note = opening.words.too_much
        return form_page.show(opening.sheet(opening.fresh(_wall()), note=note), 413)
    judged = await run_in_threadpool(_judge, opening, filled, request)
    if isinstance(judged, Response):
        return judged
    if judged.entries:
        try:
            await office.door.commits.append(Lane.LIVE, [encode_entry(e) for e in judged.entries])
        except DuyenError as error:
            return form_page.show(judged.again._replace(note=opening.words.busy), error.status)
    if judged.status != 200:
        return form_page.show(judged.again, judged.status)
    answer = form_page.thank(opening.form, opening.language, _link(opening, judged.ticket))
    _remember(office, answer, judged.ticket.visitor)
    return answer


def _link(opening: Opening, ticket: Ticket) -> str:
    """Where the one who has filled in a form finds its file; "" where it has none."""
    if not opening.form.download:
        return ""
    token = opening.downloads.seal(Ticket(ticket.id, ticket.visitor, _wall()))
    return f"/f/{opening.form.id}/download/{token}?lang={opening.language}"


@router.get(
    "/f/{id}/download/{token}",
    summary="The file of a form, for whoever has filled it in.",
    response_class=FileResponse,
    responses=answers("application/octet-stream"),
)
async def download(
    id: Id, token: Token, request: Request, office: Of, lang: Language = ""
) -> Response:
    """For seven days; the first time is told as `File Downloaded`, also where the log cannot take it in."""
    opening = await run_in_threadpool(_open, office, id, request, lang)
    if isinstance(opening, Response):
        return opening
    form, words = opening.form, opening.words
    ticket = opening.downloads.open(token)
    if ticket is None:
        return form_page.no_file(form, opening.language, words.link_altered, 400)
    if not 0 <= _wall() - ticket.start <= DOWNLOAD_LIFE:
        return form_page.no_file(form, opening.language, words.link_old, 410)
    place = await run_in_threadpool(_file, office, form)
    if place is None:
        return form_page.no_file(form, opening.language, words.link_missing, 404)
    about = {"form": form.id, "file": form.download}
    call = {"event": FILE_DOWNLOADED, "properties": about, "anonymousId": ticket.visitor}
    told = _checked(opening, ticket, FILE_DOWNLOADED, "track", call)
    with suppress(Unavailable):
        await office.door.commits.append(Lane.LIVE, [encode_entry(told)])
    headers = {**FRESH, "content-security-policy": "sandbox"}
    return FileResponse(
        place, filename=form.download, media_type="application/octet-stream", headers=headers
    )


def _file(office: Office, form: Form) -> Path | None:
    """The file of a form as it lies in the data folder; None where it does not."""
    folder = (office.house.folder / DOWNLOADS).resolve()
    place = (folder / form.download).resolve()
    return place if form.download and place.parent == folder and place.is_file() else None


def _remember(office: Office, answer: Response, visitor: str) -> None:
    """Know the browser again that has told us something; nobody else gets a cookie."""
    answer.set_cookie(
        COOKIE,
        office.house.secrets.visitor_token(visitor, office.now()),
        max_age=VISITOR_LIFE // 1000,
        path="/f/",
        httponly=True,
        samesite="lax",
        secure=office.house.settings.base_url.startswith("https://"),
    )


class Judged(NamedTuple):
    """What to tell the log, and the page to show where it was not good (`status`)."""

    ticket: Ticket
    entries: list[Collected | Rejected]
    again: Sheet
    status: int = 200


def _judge(
    opening: Opening, filled: Mapping[str, list[str]], request: Request
) -> Judged | Response:
    """Whether a form comes from a page of ours, from somebody, and can be read."""
    now, words, form = _wall(), opening.words, opening.form
    sealed = filled.get("ticket", [""])[0]
    raw = {name[2:]: texts for name, texts in filled.items() if name.startswith("f.")}
    kept: dict[str, Any] = {
        "written": {name: texts[0][:KEPT_TEXT] for name, texts in raw.items()},
        "ticked": frozenset(filled.get("consent", ())),
    }
    ticket = opening.tickets.open(sealed)
    if ticket is None or request.headers.get("sec-fetch-site", "none") not in _OWN:
        return form_page.show(opening.sheet(opening.fresh(now), note=words.altered, **kept), 400)
    if opening.visitor:  # two pages may have been open before the first was sent
        ticket = msgspec.structs.replace(ticket, visitor=opening.visitor)
    if not 0 <= now - ticket.start <= LIFE:
        renewed = Ticket.fresh(ticket.visitor, ticket.asked, now)
        return form_page.show(opening.sheet(renewed, note=words.old, **kept), 410)
    again = opening.sheet(ticket, **kept)
    if now - ticket.start < QUICKEST:
        return form_page.show(again._replace(note=words.quick), 422)
    try:
        _rates.take(f"page {form.id} {ticket.id}", MOST_A_PAGE, now)
        if not proved(sealed, filled.get("proof", [""])[0]):
            address = request.client.host if request.client else ""
            _rates.take(f"from {address}", MOST_WITHOUT_PROOF, now)
    except TooMany as error:
        answer = form_page.show(again._replace(note=words.often), error.status)
        answer.headers["retry-after"] = str(error.retry_after)
        return answer
    read = forms.read(again.asked, raw)
    if filled.get(TRAP):
        kept_as = _rejected(
            opening, ticket, read.traits, "A field that people do not see was filled in."
        )
        return Judged(ticket, [kept_as], again._replace(note=words.robot), 422)
    if read.faults:
        return Judged(ticket, [], again._replace(note=words.fix, faults=read.faults), 422)
    entries = _told(opening, ticket, read.traits, kept["ticked"], _agent(request))
    refused = [entry for entry in entries if isinstance(entry, Rejected)]
    if refused:  # the whole of it is sent again
        return Judged(ticket, [*refused], again._replace(note=words.too_much), 422)
    return Judged(ticket, entries, again)


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")[:MAX_AGENT]


def _told(
    opening: Opening, ticket: Ticket, traits: dict[str, Any], ticked: frozenset[str], agent: str
) -> list[Collected | Rejected]:
    """What a form tells: who they are, that they filled it in, and each yes with the text that they saw.

    The ids follow from the page that was filled in, so that a double click counts once; what was corrected and sent
    again is told again.
    """
    form = opening.form
    where = f"{opening.office.house.settings.base_url.rstrip('/')}/f/{form.id}"
    context = {"page": {"url": where, "title": form.name}, "locale": opening.language}
    context |= {"userAgent": agent} if agent else {}
    about: dict[str, Any] = {"anonymousId": ticket.visitor, "context": context}
    calls: list[tuple[str, CallType, dict[str, Any]]] = []
    if traits:
        said = msgspec.json.encode(traits, order="sorted").decode()
        calls.append((said, "identify", {"traits": traits}))
    asked = {"form": form.id, "name": form.name, "fields": sorted(traits)}
    calls.append(("", "track", {"event": FORM_SUBMITTED, "properties": asked}))
    for agreement, purpose in opening.agreements:
        if tick(agreement) in ticked:
            yes = {
                "purpose": agreement.purpose,
                "channel": agreement.channel,
                "brand": form.brand,
                "state": "granted",
                "proof": f"form {form.id}",
                "where": where,
                "text": text_version(purpose, opening.language),
            }
            told = {"event": CONSENT_UPDATED, "properties": yes}
            calls.append((tick(agreement), "track", told))
    return [_checked(opening, ticket, part, kind, about | call) for part, kind, call in calls]


def _checked(
    opening: Opening, ticket: Ticket, part: str, kind: CallType, call: dict[str, Any]
) -> Collected | Rejected:
    """A call as the collecting door takes it in from a page: nothing it says of people is a fact."""
    return validate(
        {"messageId": _id(opening, ticket, kind, part), **call},
        kind,
        received=opening.office.house.clock.now(),
        source=f"form:{opening.form.id}",
        trusted=False,
        new_id=lambda: uuid4().hex,
    )


def _id(opening: Opening, ticket: Ticket, *parts: str) -> str:
    told = "\0".join((opening.form.id, ticket.id, *parts))
    digest = blake2b(told.encode(), digest_size=12).hexdigest()
    return _prefix(opening.office, ticket.visitor) + digest


def _rejected(opening: Opening, ticket: Ticket, traits: dict[str, Any], why: str) -> Rejected:
    """What was not taken in is kept with its reason, and can be replayed where it was somebody after all."""
    id = _id(opening, ticket, "robot")
    call = {"messageId": id, "anonymousId": ticket.visitor, "traits": traits}
    return Rejected(
        id=id,
        received=opening.office.house.clock.now(),
        source=f"form:{opening.form.id}",
        reasons=(why,),
        payload=msgspec.json.encode(call).decode(),
        type="identify",
    )
