"""The page of a form: one column, Vietnamese or English, whole without JavaScript; a script only proves some work."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import NamedTuple
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse

from duyen.api.codes import document
from duyen.api.form_ticket import BITS, QUICKEST
from duyen.api.form_words import WORDS, Words
from duyen.api.preferences import STYLE
from duyen.api.tracking import FRESH, located
from duyen.forms.answers import LONGEST, Fault, options
from duyen.model.consent import Purpose, in_language
from duyen.model.form import Agreement, Field, Form

TRAP = "website"
"""The name of a field that people do not see: whoever fills it in is a machine."""
SCRIPT = (
    '(async()=>{const f=document.querySelector("form"),s=globalThis.crypto&&crypto.subtle;if(!f||!s)return;'
    "const t=f.elements.ticket.value,e=new TextEncoder();let done=false,found=false,waits=false;"
    f"const calm=new Promise(r=>setTimeout(r,{QUICKEST + 200}));"
    'f.addEventListener("submit",v=>{if(!done){v.preventDefault();waits=true;'
    'f.querySelector("button").setAttribute("aria-busy","true")}});'
    "for(let n=0;!found;n+=256){const all=await Promise.all(Array.from({length:256},(_,i)=>"
    's.digest("SHA-256",e.encode(t+"."+(n+i)))));'
    f"const hit=all.findIndex(d=>new DataView(d).getUint32(0)>>>{32 - BITS}===0);"
    "if(hit>=0){f.elements.proof.value=String(n+hit);found=true}}"
    "await calm;done=true;"
    "if(waits)f.requestSubmit()})()"
)
"""Finds the number by which `proved` holds, and lets the form go once it has it and nobody could call it too quick."""
_HASH = b64encode(sha256(SCRIPT.encode()).digest()).decode()
_STYLE = """<style>
input:not([type=checkbox]){font:inherit;width:100%;box-sizing:border-box;padding:.75rem;border-radius:.5rem;
border:1px solid #8888;background:Canvas;color:CanvasText}
input:focus-visible{outline:3px solid #B5342C;outline-offset:2px}
[aria-invalid=true]{border-color:#B5342C!important}[aria-busy=true]{opacity:.6}
.fault{color:#B5342C;margin:.3rem 0 0}.may{font-weight:400;opacity:.8}
.box{margin-top:.6rem}.trap{position:absolute;left:-9999px}p.lead{white-space:pre-line}
.note.wrong{border-color:#B5342C;background:#B5342C14}
@media (prefers-color-scheme:dark){.fault{color:#F08A80}[aria-invalid=true]{border-color:#F08A80!important}}
</style>"""
_INPUTS = {"email": "email", "phone": "tel", "number": "number", "date": "date"}
_FILLED_BY = {"email": "email", "phone": "tel"}
_NAMES = {
    "name": "name",
    "first_name": "given-name",
    "last_name": "family-name",
    "company": "organization",
    "city": "address-level2",
    "birthday": "bday",
}
"""How a browser may fill in a field by itself (HTML, autofill)."""


class Sheet(NamedTuple):
    """All that a form's page shows. `written` and `faults` are by trait, `ticked` the keys of consents."""

    form: Form
    language: str
    company: str
    asked: tuple[Field, ...]
    agreements: tuple[tuple[Agreement, Purpose], ...]
    ticket: str
    written: Mapping[str, str] = {}
    ticked: frozenset[str] = frozenset()
    faults: Mapping[str, Fault] = {}
    note: str = ""

    @property
    def words(self) -> Words:
        """The words of the page."""
        return WORDS[self.language]


def tick(agreement: Agreement) -> str:
    """What the box of a consent sends."""
    return f"{agreement.purpose}/{agreement.channel}"


def show(sheet: Sheet, status: int = 200) -> Response:
    """The form to fill in."""
    form, words, language = sheet.form, sheet.words, sheet.language
    title = in_language(form.title, language) or form.name
    lead = in_language(form.lead, language)
    first = next(iter(sheet.faults), "")
    fields = "".join(_field(sheet, field, field.trait == first) for field in sheet.asked)
    boxes = "".join(_agreement(sheet, *each) for each in sheet.agreements)
    other = next(one for one in WORDS if one != language)
    button = in_language(form.button, language) or words.send
    return _page(
        sheet.form,
        language,
        title,
        (f'<p class="note wrong" role="alert">{escape(sheet.note)}</p>' if sheet.note else "")
        + (f'<p class="lead">{escape(lead)}</p>' if lead else "")
        + f'<form method="post" action="?lang={language}">'
        f'<input type="hidden" name="ticket" value="{escape(sheet.ticket)}">'
        '<input type="hidden" name="proof" value="">'
        f'<div class="trap" aria-hidden="true"><label>{words.trap}'
        f'<input name="{TRAP}" tabindex="-1" autocomplete="off"></label></div>'
        f"{fields}{boxes}<button>{escape(button)}</button></form>"
        f'<p class="foot">{escape(sheet.company)} · '
        f'<a href="?lang={other}" lang="{other}">{WORDS[other].language}</a></p>'
        f"<script>{SCRIPT}</script>",
        status,
    )


def thank(form: Form, language: str, link: str = "") -> Response:
    """After it was taken in: a few words and the link to a file, or on to where the company wants people to go."""
    words = WORDS[language]
    if form.redirect:
        return Response(status_code=303, headers={**FRESH, "location": located(form.redirect)})
    text = in_language(form.thanks, language) or words.thanks
    body = f'<p class="lead" role="status">{escape(text)}</p>'
    if link:
        label = escape(words.download.format(file=form.download))
        body += f'<p><a href="{escape(link)}" download>{label}</a></p>'
    return _page(form, language, words.thanks_title, body)


def no_file(form: Form, language: str, why: str, status: int) -> Response:
    """The link to a file leads to none; the form gives another."""
    words = WORDS[language]
    body = (
        f'<p>{why}</p><p><a href="/f/{escape(form.id)}?lang={language}">{words.link_again}</a></p>'
    )
    return _page(form, language, words.link_title, body, status)


def gone(language: str) -> Response:
    """There is no such form."""
    words = WORDS[language]
    return _page(None, language, words.gone_title, f"<p>{words.gone}</p>", 404)


def _page(form: Form | None, language: str, title: str, body: str, status: int = 200) -> Response:
    # A browser holds a form's address to this policy wherever its answer leads, too.
    on = urlsplit(form.redirect) if form is not None and form.redirect else None
    onward = f" {on.scheme}://{on.netloc}" if on is not None else ""
    around = " ".join(form.embed) if form is not None and form.embed else "'none'"
    policy = (
        f"default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; script-src 'sha256-{_HASH}'; "
        f"form-action 'self'{onward}; frame-ancestors {around}; base-uri 'none'"
    )
    whole = document(title, f"{STYLE}{_STYLE}<h1>{escape(title)}</h1>{body}", language)
    return HTMLResponse(whole, status, headers={**FRESH, "content-security-policy": policy})


def _field(sheet: Sheet, field: Field, first: bool) -> str:
    """A question with its answer so far, and what is wrong with it beneath."""
    name, written = f"f.{field.trait}", sheet.written.get(field.trait, "")
    label = escape(in_language(field.label, sheet.language) or field.trait)
    fault = sheet.faults.get(field.trait)
    wrong = f' aria-invalid="true" aria-describedby="{name}.fault"' if fault else ""
    about = f'name="{name}" id="{name}"{" required" if field.required else ""}{wrong}'
    about += " autofocus" if first else ""
    said = f'<p class="fault" id="{name}.fault">{sheet.words.faults[fault]}</p>' if fault else ""
    if field.type == "checkbox":
        box = f'<input type="checkbox" value="1" {about}{" checked" if written else ""}>'
        return f'<label class="box">{box}<span>{label}</span></label>{said}'
    may = "" if field.required else f' <span class="may">({sheet.words.optional})</span>'
    heading = f'<label for="{name}">{label}{may}</label>'
    if field.type == "choice":
        return f"{heading}<select {about}>{_options(sheet, field, written)}</select>{said}"
    filled = _FILLED_BY.get(field.type) or _NAMES.get(field.trait, "")
    about += f' type="{_INPUTS.get(field.type, "text")}" maxlength="{LONGEST}"'
    about += ' step="any"' if field.type == "number" else ""
    about += f' autocomplete="{filled}"' if filled else ""
    return f'{heading}<input {about} value="{escape(written)}">{said}'


def _options(sheet: Sheet, field: Field, written: str) -> str:
    listed = [("", sheet.words.choose)]
    listed += [
        (option.value, in_language(option.label, sheet.language) or option.value)
        for option in options(field)
    ]
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == written else ""}>{escape(text)}</option>'
        for value, text in listed
    )


def _agreement(sheet: Sheet, agreement: Agreement, purpose: Purpose) -> str:
    """A box that nobody has ticked for them, beside the very text that is kept as proof."""
    key = tick(agreement)
    text = in_language(purpose.text, sheet.language) or in_language(purpose.name, sheet.language)
    checked = " checked" if key in sheet.ticked else ""
    return (
        f'<label class="box"><input type="checkbox" name="consent" value="{escape(key)}"{checked}>'
        f"<span>{escape(text or purpose.id)}</span></label>"
    )
