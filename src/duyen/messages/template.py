"""From a message's texts to what one person reads.

compile_message(message)      once per version: MJML to HTML, links wrapped, text part derived; cached
check(message)                every mistake as a sentence with its line; an empty list is a good message
render(message, view)         fills in one person's view
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any

import msgspec
from liquid import BoundTemplate, Environment
from liquid.exceptions import LiquidError

from duyen.messages import liquid
from duyen.messages.links import Links
from duyen.messages.mjml import Shielded, compile_mjml, shield
from duyen.messages.plain import tidy, to_text
from duyen.messages.problems import Problem, line_of
from duyen.messages.quick import quicken
from duyen.messages.view import ROOTS, View, view_of
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.model.person import Person
from duyen.model.program import WorkspaceSettings

SERVICE = "service"
LONGEST_BODY = 200_000
LONGEST_SUBJECT = 250
"""Characters of a rendered subject line; readers show far fewer."""

_LINK = re.compile(
    r"(<(?:a|area)\b[^>]*?\bhref\s*=\s*)(?:\"([^\"]*)\"|'([^']*)'|([^\s>\"']+))", re.IGNORECASE
)
_BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BODY_END = re.compile(r"</body\s*>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_HIDDEN = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
_PIXEL = (
    '<img src="{{ open_url }}" width="1" height="1" alt="" '
    'style="display:block;width:1px;height:1px;border:0">'
)
_FOOTER = (
    '<mj-section><mj-column><mj-text align="center" color="#6b6b6b" font-size="12px" '
    'line-height="18px">{% if company.postal_address != "" %}{{ company.name }}, '
    "{{ company.postal_address }}<br/>{% endif %}"
    '<a href="{{ unsubscribe_url }}" style="color:#6b6b6b">WORDS</a>'
    "</mj-text></mj-column></mj-section>"
)
_WORDS = {"vi": "Ngừng nhận thư này", "en": "Unsubscribe"}


class Rendered(msgspec.Struct, frozen=True):
    """What one person reads."""

    subject: str
    html: str
    text: str


class Ready:
    """One text, ready to be filled in."""

    __slots__ = ("_quick", "template")

    def __init__(self, template: BoundTemplate) -> None:
        self.template = template
        self._quick = quicken(template)

    def fill(self, view: Mapping[str, Any]) -> str:
        """What the text says for a view; raises LiquidError, also where a limit is reached."""
        return self._quick(liquid.context_of(self.template, view))


class Compiled(msgspec.Struct, frozen=True):
    """A message's texts, ready to be filled in."""

    subject: Ready
    html: Ready
    text: Ready


class Mistake(msgspec.Struct, frozen=True):
    """One mistake in one field of a message."""

    field: str
    line: int
    message: str

    @property
    def sentence(self) -> str:
        """The mistake with its place."""
        return f"Line {self.line} of {self.field}: {self.message}"


@lru_cache(maxsize=512)
def compile_message(message: Message) -> Compiled:
    """Compile a message; raises Problem at the first mistake."""
    if len(message.body) > LONGEST_BODY:
        raise Problem(f"The body is longer than {LONGEST_BODY} characters.", 1)
    for field in ("subject", "preheader", "body", "text"):
        _check_liquid(getattr(message, field), field)
    if not message.subject.strip():
        raise Problem("Write a subject.", 1, "subject")
    shielded, page = _page(message)
    return Compiled(
        subject=Ready(_parse(liquid.TEXT, message.subject, "subject")),
        html=Ready(_parse(liquid.HTML, _finish(shielded, page, message.preheader), "body")),
        text=Ready(_text_template(message, shielded, page)),
    )


def check(message: Message) -> list[Mistake]:
    """What is wrong with a message, as far as it can be known before there is a reader."""
    try:
        compile_message(message)
        render(message, sample_view(message))
    except Problem as problem:
        return [Mistake(problem.field, problem.line, problem.message)]
    except InvalidRule as error:
        return [Mistake(error.at or "body", 1, error.message)]
    return []


def render(message: Message, view: View) -> Rendered:
    """Fill a message in; raises InvalidRule where its template fails or reaches a limit."""
    try:
        compiled = compile_message(message)
    except Problem as problem:
        raise InvalidRule("message.template", str(problem), at=problem.field) from None
    with_open = {**view, "open_url": view[liquid.LINKS].open}
    subject = _fill(compiled.subject, with_open, "subject")
    return Rendered(
        subject=_CONTROL.sub(" ", subject).strip()[:LONGEST_SUBJECT],
        html=_fill(compiled.html, with_open, "body"),
        text=tidy(_fill(compiled.text, with_open, "text")),
    )


def sample_view(message: Message, person: Person | None = None) -> View:
    """A view of nobody in particular, to try a message out with."""
    links = Links(bytes(16), "http://localhost").of(
        key="sample", person="", address="", message=message.id, purpose="", brand=""
    )
    return view_of(
        message,
        person or Person(id="sample"),
        "an@example.test",
        trigger={},
        recommendations=[],
        links=links,
        settings=WorkspaceSettings(),
        zone=UTC,
        now=0,
    )


def _page(message: Message) -> tuple[Shielded, str]:
    """The shielded body, and the page MJML makes of it; a body that is a whole HTML page is left as it is."""
    body = message.body.strip()
    if not body:
        raise Problem("Write a body.", 1)
    if body[:15].lower().startswith(("<!doctype", "<html")):
        shielded = shield(body)
        return shielded, shielded.text
    if "<mjml" not in body:
        raise Problem("The body is MJML: it begins with <mjml> and holds <mj-body>.", 1)
    return compile_mjml(message.body, message.language, _footer(message))


def _footer(message: Message) -> str:
    """The way out, for marketing that does not offer one itself."""
    if message.purpose == SERVICE or "unsubscribe_url" in message.body:
        return ""
    return _FOOTER.replace("WORDS", _words(message))


def _text_footer(message: Message) -> str:
    if message.purpose == SERVICE or "unsubscribe_url" in message.text:
        return ""
    return f"\n\n{_words(message)}: {{{{ unsubscribe_url }}}}\n"


def _words(message: Message) -> str:
    return _WORDS["vi" if message.language.startswith("vi") else "en"]


def _finish(shielded: Shielded, page: str, preheader: str) -> str:
    """The page with tracked links, the preheader and the open pixel, its Liquid back in place."""
    tracked = _LINK.sub(_tracked, page)
    hidden = f'<div style="{_HIDDEN}">{_escaped(preheader)}</div>' if preheader else ""
    restored = shielded.restore(tracked)
    opened = _BODY.search(restored)
    if opened and hidden:
        restored = restored[: opened.end()] + hidden + restored[opened.end() :]
    ends = list(_BODY_END.finditer(restored))
    place = ends[-1].start() if ends else len(restored)
    return restored[:place] + _PIXEL + restored[place:]


def _tracked(found: re.Match[str]) -> str:
    address = next(part for part in found.groups()[1:] if part is not None)
    return f'{found[1]}"{{% tracked %}}{address}{{% endtracked %}}"'


def _escaped(source: str) -> str:
    """A text with Liquid, the words of its author escaped."""
    shielded = shield(source)
    return shielded.restore(html.escape(shielded.text, quote=False))


def _text_template(message: Message, shielded: Shielded, page: str) -> BoundTemplate:
    """The text part: as written, or derived from the page."""
    if message.text:
        return _parse(liquid.TEXT, message.text + _text_footer(message), "text")
    linked = _LINK.sub(_tracked, page)
    try:
        return _parse(liquid.TEXT, shielded.restore(to_text(linked)), "text")
    except Problem as problem:
        hint = "The text version cannot be made from this body; write one into text"
        raise Problem(f"{hint}. {problem.message}", 1, "text") from None


def _check_liquid(source: str, field: str) -> None:
    """Raise for what Liquid cannot read, and for names no view has."""
    found = _parse(liquid.TEXT, source, field).analyze()
    for name, uses in found.globals.items():
        if name not in ROOTS:
            line = line_of(source, uses[0].span.index)
            raise Problem(f"“{name}” is not known in a message{_near(name)}", line, field)
    for name, spans in found.filters.items():
        if name not in liquid.TEXT.filters:
            line = line_of(source, spans[0].index)
            raise Problem(f"There is no filter “{name}”.", line, field)


def _near(name: str) -> str:
    """What a wrong name was perhaps meant to be."""
    guess = difflib.get_close_matches(name, ROOTS, 1)
    if guess:
        return f"; did you mean “{guess[0]}”?"
    return f"; write person.{name} for a trait, or one of {', '.join(sorted(ROOTS))}."


def _parse(environment: Environment, source: str, field: str) -> BoundTemplate:
    try:
        return environment.from_string(source)
    except LiquidError as error:
        raise _problem(error, source, field) from None
    except RecursionError:
        raise Problem("Liquid is nested too deep.", 1, field) from None


def _problem(error: LiquidError, source: str, field: str) -> Problem:
    """A mistake of Liquid in one sentence with its line."""
    index = error.token.start_index if error.token else -1
    line = line_of(source, index) if index >= 0 else 1
    said = str(error.message or type(error).__name__).splitlines()[0].rstrip(".")
    return Problem(f"Liquid cannot read this: {said}.", line, field)


def _fill(text: Ready, view: Mapping[str, Any], field: str) -> str:
    try:
        return text.fill(view)
    except LiquidError as error:
        said = str(error.message or type(error).__name__).splitlines()[0].rstrip(".")
        raise InvalidRule(
            "message.render", f"The template of {field} cannot be filled in: {said}.", at=field
        ) from None
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise InvalidRule(
            "message.render", f"The template of {field} cannot be filled in: {error}.", at=field
        ) from None
