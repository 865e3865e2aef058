"""The preference centre: what people want to hear from the company, how often and when, by the link in a mail.

Whoever has the link acts for the address that the mail went to. Opening a page changes nothing, for scanners open every
link; only its button does. No script, one column, Vietnamese or English. The same door confirms a yes (double opt-in).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from html import escape
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from duyen.api.codes import document
from duyen.api.http import fields_of
from duyen.api.office import Of, Office, when
from duyen.api.preference_words import WORDS, Words
from duyen.api.tracking import FRESH, POLICY, Token, invalid, told_by_link, veiled
from duyen.collect import clean_email
from duyen.messages.links import Payload
from duyen.model.consent import (
    ANY,
    DEFAULT_BRAND,
    MARKETING,
    USUAL,
    Purpose,
    Statement,
    consent_key,
    granted,
    in_language,
    pending,
    purposes,
    text_version,
)
from duyen.model.errors import DuyenError
from duyen.model.event import CONSENT_UPDATED, Collected
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.times import DAY, Millis
from duyen.model.wishes import A_WEEK, HOURS, SPANS, TOPICS

router = APIRouter(tags=["links in mails"])

LIFE: Millis = 90 * DAY
"""How long the link of a mail opens the preference centre; taking oneself out by a mail's own link has no end."""
CONFIRM_WITHIN: Millis = 7 * DAY
CHANNEL = "email"
OFTEN = (1, 2, 3, 7)
LARGEST_FORM = 20_000
MOST_FIELDS = 200
CENTRE = "preference centre"
Language = Annotated[str, Query(max_length=8, description="`vi` or `en`.")]


class Visit(NamedTuple):
    """A good link: what it says, and who has the address now."""

    payload: Payload
    person: Person
    language: str

    @property
    def brand(self) -> str:
        """The brand whose mail it was."""
        return self.payload.brand or DEFAULT_BRAND

    @property
    def words(self) -> Words:
        """The words of the page."""
        return WORDS[self.language]


def _visit(office: Office, token: str, kind: str, lang: str, life: Millis) -> Visit | Response:
    """Who comes by a link, or the page that says why it cannot be used: altered, too old, or somebody else's."""
    payload = office.links.verify(token)
    if payload is None or payload.kind != kind:
        return invalid()
    usual = office.program().settings.language
    language = lang if lang in WORDS else usual if usual in WORDS else "vi"
    words = WORDS[language]
    contact = office.state.outbox(payload.key)
    if contact is None or office.now() - contact.enqueue.created > life:
        return _sheet(words, words.old_title, f"<p>{words.old}</p>", 410)
    holder = office.state.person_of("email", clean_email(payload.address))
    head = office.state.head(holder) if holder else None
    if head is None or office.state.survivor(payload.person) != head.person.id:
        return _sheet(words, words.other_title, f"<p>{words.other}</p>", 403)
    return Visit(payload, head.person, language)


@router.get(
    "/t/p/{token}", summary="The preference centre of a reader.", response_class=HTMLResponse
)
def open_centre(token: Token, office: Of, lang: Language = "") -> Response:
    """What they have chosen so far; opening it changes nothing."""
    visit = _visit(office, token, "p", lang, LIFE)
    return visit if isinstance(visit, Response) else _centre(office, visit)


@router.post("/t/p/{token}", summary="Save what a reader has chosen.", response_class=HTMLResponse)
async def save_centre(token: Token, request: Request, office: Of, lang: Language = "") -> Response:
    """Answers once it is in effect; saving twice changes nothing more."""
    visit = await run_in_threadpool(_visit, office, token, "p", lang, LIFE)
    if isinstance(visit, Response):
        return visit
    body = await request.body()
    form = fields_of(body, MOST_FIELDS) if len(body) <= LARGEST_FORM else None
    if form is None:
        return invalid()
    told = await run_in_threadpool(_chosen, office, visit, form)
    return await _say(office, told, visit, lambda now: _centre(office, now, saved=True))


@router.get("/t/k/{token}", summary="Confirm a yes: the page.", response_class=HTMLResponse)
def open_confirmation(token: Token, office: Of, lang: Language = "") -> Response:
    """One button; opening it changes nothing."""
    visit = _visit(office, token, "k", lang, CONFIRM_WITHIN)
    if isinstance(visit, Response):
        return visit
    words = visit.words
    waits = _waits(visit)
    if waits is None:
        return _sheet(words, words.used_title, f"<p>{words.used}</p>", 410)
    purpose = _purpose(office, visit.payload.purpose)
    company, address = escape(office.program().settings.name), escape(veiled(visit.payload.address))
    return _sheet(
        words,
        words.confirm_title,
        f"<p>{words.confirm.format(company=f'<strong>{company}</strong>', address=f'<strong>{address}</strong>')}</p>"
        f'<p class="text">{escape(in_language(purpose.text, visit.language))}</p>'
        f'<form method="post"><button>{words.confirm_do}</button></form>',
    )


@router.post("/t/k/{token}", summary="Confirm a yes.", response_class=HTMLResponse)
async def confirm(token: Token, office: Of, lang: Language = "") -> Response:
    """Once: what was refused since is not agreed to again by an old mail."""
    visit = await run_in_threadpool(_visit, office, token, "k", lang, CONFIRM_WITHIN)
    if isinstance(visit, Response):
        return visit
    words, waits = visit.words, _waits(visit)
    if waits is None:
        return _sheet(words, words.used_title, f"<p>{words.used}</p>", 410)
    purpose = visit.payload.purpose or MARKETING
    about = {"purpose": purpose, "channel": CHANNEL, "brand": visit.brand, "state": "granted"}
    about |= {"proof": f"confirmed by link; asked {when(waits.time)}", "text": waits.text}
    about |= {"where": waits.where} if waits.where else {}
    id = _id(visit, purpose, "confirmed", waits.time)
    told = [told_by_link(office, visit.payload, CONSENT_UPDATED, id, about)]
    done = f"<p>{words.confirmed}</p>"
    return await _say(office, told, visit, lambda now: _sheet(words, words.confirmed_title, done))


def _waits(visit: Visit) -> Statement | None:
    """The yes that the link is to confirm."""
    key = consent_key(visit.payload.purpose or MARKETING, CHANNEL, visit.brand)
    return pending(visit.person.consent, key)


async def _say(office: Office, told: Sequence[Collected], visit: Visit, page: Any) -> Response:
    """Tell the log, and answer with a page made of what is known then."""
    try:
        if told:
            await office.write(Lane.LIVE, told)
    except DuyenError as error:
        return _sheet(
            visit.words, visit.words.busy_title, f"<p>{visit.words.busy}</p>", error.status
        )
    now = await run_in_threadpool(office.state.head, visit.person.id)
    found: Response = await run_in_threadpool(
        page, visit._replace(person=now.person) if now else visit
    )
    return found


def _chosen(office: Office, visit: Visit, form: Mapping[str, Sequence[str]]) -> list[Collected]:
    """What a form says that is not so already."""
    wanted = set() if "none" in form else set(form.get("purpose", ()))
    told: list[Collected] = []
    for purpose in _purposes(office):
        said = visit.person.consent.get(consent_key(purpose.id, CHANNEL, visit.brand))
        agreed = granted(visit.person.consent, purpose.id, CHANNEL, visit.brand)
        refused = said is not None and said.state == "denied"
        if purpose.id in wanted and not agreed:
            told.append(_statement(office, visit, purpose, "granted"))
        elif purpose.id not in wanted and not refused and (agreed or said or "none" in form):
            told.append(_statement(office, visit, purpose, "denied"))
    wishes = {} if "none" in form else _wishes(office, visit, form)
    if wishes:
        id = _id(visit, "wishes", repr(sorted(wishes.items())), visit.person.last)
        told.append(told_by_link(office, visit.payload, "", id, {}, traits=wishes))
    return told


def _statement(office: Office, visit: Visit, purpose: Purpose, state: str) -> Collected:
    newest = max((said.time for said in visit.person.consent.values()), default=0)
    about = {
        "purpose": purpose.id,
        "channel": CHANNEL,
        "brand": visit.brand,
        "state": state,
        "proof": CENTRE,
        "where": f"{office.links.base_url}/t/p/",
        "text": text_version(purpose, visit.language),
    }
    id = _id(visit, purpose.id, state, newest)
    return told_by_link(office, visit.payload, CONSENT_UPDATED, id, about)


def _wishes(office: Office, visit: Visit, form: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """How often, when and about what, where the form says otherwise than is known; None takes a wish back."""
    often, hours = form.get("often", [""])[0], form.get("hours", [""])[0]
    topics = [topic for topic in office.program().settings.topics if topic in form.get("topic", ())]
    chosen: dict[str, Any] = {
        A_WEEK: int(often) if often in map(str, OFTEN) else None,
        HOURS: hours if hours in SPANS else None,
        TOPICS: topics or None,
    }
    traits = visit.person.traits
    known = {name: traits[name].value if name in traits else None for name in chosen}
    return {name: value for name, value in chosen.items() if value != known[name]}


def _id(visit: Visit, *parts: object) -> str:
    """The same for the same choice on the same ground: a form that is sent twice counts once."""
    told = "\0".join(map(str, (visit.payload.key, visit.payload.address, *parts)))
    return f"{CENTRE.split()[0]}-{blake2b(told.encode(), digest_size=12).hexdigest()}"


def _purposes(office: Office) -> Sequence[Purpose]:
    return purposes(office.program().settings.purposes)


def _purpose(office: Office, id: str) -> Purpose:
    return next((each for each in _purposes(office) if each.id == (id or MARKETING)), USUAL)


def _centre(office: Office, visit: Visit, saved: bool = False) -> Response:
    words, person, settings = visit.words, visit.person, office.program().settings
    said = person.consent
    boxes = "".join(
        _box(
            "purpose",
            purpose.id,
            in_language(purpose.name, visit.language) or purpose.id,
            granted(said, purpose.id, CHANNEL, visit.brand),
            in_language(purpose.text, visit.language),
        )
        for purpose in _purposes(office)
    )
    nothing = said.get(consent_key(ANY, ANY, ANY))
    suppressed = nothing is not None and nothing.state == "denied"
    traits = {name: person.traits[name].value for name in (A_WEEK, HOURS) if name in person.traits}
    liked = person.traits[TOPICS].value if TOPICS in person.traits else None
    often = [("", words.any_often), *((str(n), words.often(n)) for n in OFTEN)]
    hours = [("", words.any_hours), *((one, words.hours[one]) for one in SPANS)]
    topics = "".join(
        _box("topic", topic, topic, isinstance(liked, list) and topic in liked)
        for topic in settings.topics
    )
    other = next(one for one in WORDS if one != visit.language)
    return _sheet(
        words,
        words.title,
        (f'<p class="done" role="status">{words.saved}</p>' if saved else "")
        + f"<p>{words.lead.format(company=f'<strong>{escape(settings.name)}</strong>')}"
        f" <strong>{escape(veiled(visit.payload.address))}</strong>.</p>"
        + (f'<p class="note">{words.suppressed}</p>' if suppressed else "")
        + f'<form method="post" action="?lang={visit.language}">'
        f"<fieldset><legend>{words.what}</legend>{boxes}</fieldset>"
        + (f"<fieldset><legend>{words.topics}</legend>{topics}</fieldset>" if topics else "")
        + f'<label for="often">{words.how_often}</label>'
        + _select("often", often, str(traits.get(A_WEEK, "")))
        + f'<label for="hours">{words.when}</label>'
        + _select("hours", hours, str(traits.get(HOURS, "")))
        + f"<button>{words.save}</button>"
        f'<button name="none" value="1" class="plain">{words.none}</button></form>'
        f'<p class="foot"><a href="?lang={other}" lang="{other}">{WORDS[other].language}</a></p>',
    )


def _box(name: str, value: str, label: str, on: bool, more: str = "") -> str:
    small = f"<small>{escape(more)}</small>" if more else ""
    checked = " checked" if on else ""
    return (
        f'<label class="box"><input type="checkbox" name="{name}" value="{escape(value)}"{checked}>'
        f"<span>{escape(label)}{small}</span></label>"
    )


def _select(name: str, options: Sequence[tuple[str, str]], chosen: str) -> str:
    listed = "".join(
        f'<option value="{value}"{" selected" if value == chosen else ""}>{escape(label)}</option>'
        for value, label in options
    )
    return f'<select id="{name}" name="{name}">{listed}</select>'


STYLE = """<style>
body{max-width:34rem}h1{line-height:1.3}
fieldset{border:1px solid #8886;border-radius:.6rem;padding:.4rem 1rem .8rem;margin:1.2rem 0}
legend{font-weight:600;padding:0 .4rem}
label{display:block;font-weight:600;margin:1rem 0 .3rem}
.box{display:flex;gap:.7rem;align-items:flex-start;font-weight:400;padding:.45rem 0;margin:0}
.box input{width:1.3rem;height:1.3rem;margin:.15rem 0 0;flex:none;accent-color:#B5342C}
.box small{display:block;opacity:.8}
select,button{font:inherit;width:100%;box-sizing:border-box;padding:.75rem;border-radius:.5rem}
select{border:1px solid #8888;background:Canvas;color:CanvasText}
button{border:1px solid #B5342C;background:#B5342C;color:#fff;cursor:pointer;margin-top:1.4rem}
button.plain{background:none;color:inherit;border-color:#8888;margin-top:.7rem}
:is(button,select,input,a):focus-visible{outline:3px solid #B5342C;outline-offset:2px}
.done,.note,.text{border-left:4px solid #2E7D5B;padding:.5rem .9rem;background:#2E7D5B1c;border-radius:.2rem}
.note,.text{border-color:#8888;background:#8881}.foot{margin-top:2rem}
@media (prefers-color-scheme:dark){.done{border-color:#7CC7A3}}
</style>"""


def _sheet(words: Words, title: str, body: str, status: int = 200) -> Response:
    page = document(title, f"{STYLE}<h1>{title}</h1>{body}", words.code)
    return HTMLResponse(page, status, headers={**FRESH, "content-security-policy": POLICY})
