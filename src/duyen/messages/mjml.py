"""MJML with Liquid in it, compiled to HTML with Liquid in it: once for each text of a message.

Liquid is taken out before MJML compiles and put back after. Inside text and attributes a bare word stands
for it; between MJML's own elements, where no text may stand, a comment does.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import mrml

from duyen.messages.problems import Problem, line_of

LIQUID = re.compile(
    r"\{%-?\s*(raw|comment|doc)\b.*?\{%-?\s*end\1\s*-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL
)
_MARK = "LIQ{}QIL"
_MARKED = re.compile(r"(<!--)?LIQ(\d+)QIL(?(1)-->)")
_PIECE = re.compile(
    r"<!--.*?-->|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)"
    r"(?P<rest>(?:[^<>\"']|\"[^\"]*\"|'[^']*')*?)(?P<own>/?)>",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"[\w:.-]+\s*=\s*(\"[^\"]*\"|'[^']*')")

_UNQUOTED = re.compile(
    r"<[A-Za-z][\w:-]*(?:\s+[\w:.-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'))?)*\s+[\w:.-]+\s*=\s*[^\s\"'>][^>]*>"
)

_HEAD = '<mj-head><mj-attributes><mj-text line-height="1.5"/></mj-attributes></mj-head>'

_CONTENT = (
    "mj-text",
    "mj-button",
    "mj-image",
    "mj-divider",
    "mj-spacer",
    "mj-table",
    "mj-social",
    "mj-navbar",
    "mj-accordion",
    "mj-carousel",
    "mj-raw",
)
CHILDREN: dict[str, tuple[str, ...]] = {
    "": ("mjml",),
    "mjml": ("mj-head", "mj-body"),
    "mj-head": (
        "mj-attributes",
        "mj-breakpoint",
        "mj-font",
        "mj-preview",
        "mj-style",
        "mj-title",
        "mj-raw",
    ),
    "mj-body": ("mj-section", "mj-wrapper", "mj-hero", "mj-raw"),
    "mj-wrapper": ("mj-section", "mj-hero", "mj-raw"),
    "mj-section": ("mj-column", "mj-group", "mj-raw"),
    "mj-group": ("mj-column", "mj-raw"),
    "mj-column": _CONTENT,
    "mj-hero": _CONTENT,
    "mj-social": ("mj-social-element", "mj-raw"),
    "mj-navbar": ("mj-navbar-link", "mj-raw"),
    "mj-accordion": ("mj-accordion-element", "mj-raw"),
    "mj-accordion-element": ("mj-accordion-title", "mj-accordion-text", "mj-raw"),
    "mj-carousel": ("mj-carousel-image",),
}
"""What may stand in what; an element that is no key holds HTML or nothing."""
_ANYTHING = "mj-attributes"
KNOWN = frozenset(name for names in CHILDREN.values() for name in names)


class Shielded(NamedTuple):
    """A text without its Liquid, and the pieces of Liquid in order."""

    text: str
    pieces: tuple[str, ...]

    def restore(self, text: str) -> str:
        """Put the Liquid back."""
        return _MARKED.sub(lambda found: self.pieces[int(found[2])], text)


def shield(source: str) -> Shielded:
    """Replace each piece of Liquid by a word, with as many line breaks as the piece had."""
    pieces: list[str] = []

    def put(found: re.Match[str]) -> str:
        pieces.append(found[0])
        return _MARK.format(len(pieces) - 1) + "\n" * found[0].count("\n")

    return Shielded(LIQUID.sub(put, source), tuple(pieces))


def is_mark(text: str) -> bool:
    """Whether a text is one shielded piece and nothing else."""
    return _MARKED.fullmatch(text.strip()) is not None


def compile_mjml(source: str, language: str, footer: str = "") -> tuple[Shielded, str]:
    """The shielded source, and its HTML with the marks in place; raises Problem with the line.

    `footer` is a section put at the end of the body (MJML with Liquid).
    """
    if _MARKED.search(source):
        raise Problem("A word like LIQ0QIL may not stand in a message.", line_of(source, 0))
    _arrange(shield(source).text)  # mistakes are the author's, told before the footer is in the way
    with_footer = _end_of_body(source, footer) if footer else source
    shielded = shield(with_footer)
    arranged = _arrange(shielded.text)
    arranged = _with_habits(arranged, language)
    try:
        made: str = mrml.to_html(arranged, None, mrml.RenderOptions(fonts={})).content
    except OSError as error:
        raise Problem(f"MJML cannot read this body: {error}.", 1) from None
    _nothing_lost(shielded, with_footer, made)
    return shielded, made


def _with_habits(text: str, language: str) -> str:
    """Name the language, and leave room for stacked marks (ễ, ợ) where the author does not say how high lines are."""
    start = text.index("<mjml")
    end = text.index(">", start) + 1
    opening = text[start:end]
    if "lang=" not in opening:
        opening = opening.replace("<mjml", f'<mjml lang="{language}"', 1)
    head = "" if "<mj-head" in text else _HEAD
    return text[:start] + opening + head + text[end:]


def _end_of_body(source: str, footer: str) -> str:
    before, end, after = source.rpartition("</mj-body>")
    return f"{before}{footer}{end}{after}" if end else source


def _nothing_lost(shielded: Shielded, source: str, made: str) -> None:
    """MJML drops what it does not know; a dropped piece of Liquid would be said to nobody."""
    kept = {int(found[2]) for found in _MARKED.finditer(made)}
    for number, piece in enumerate(shielded.pieces):
        if number not in kept:
            place = [found.start() for found in LIQUID.finditer(source)][number]
            raise Problem(
                f"“{piece[:60]}” stands where MJML shows nothing.", line_of(source, place)
            )


def _arrange(text: str) -> str:
    """Check the nesting of MJML's elements, and turn marks between them into comments."""
    out: list[str] = []
    stack: list[tuple[str, int]] = []
    position, length = 0, len(text)
    while position < length:
        parent = stack[-1][0] if stack else ""
        found = _PIECE.search(text, position)
        end = found.start() if found else length
        out.append(_between(text, position, end, parent))
        if found is None:
            break
        position = found.end()
        if found["name"] is None:
            out.append(found[0])
            continue
        out.append(found[0])
        if found["close"]:
            _close(stack, found, text)
            continue
        _open(parent, found, text)
        if found["own"]:
            continue
        if found["name"] in CHILDREN or found["name"] == _ANYTHING:
            stack.append((found["name"], found.start()))
            continue
        position = _through(text, found, out)
    if stack:
        name, place = stack[-1]
        raise Problem(f"<{name}> is never closed.", line_of(text, place))
    return "".join(out)


def _between(text: str, start: int, end: int, parent: str) -> str:
    """What stands between two elements: blanks, and marks that become comments."""
    stretch = text[start:end]
    bare = _MARKED.sub("", stretch).strip()
    if bare:
        place = start + stretch.index(bare.split()[0])
        if parent and bare.startswith("<"):
            raise Problem(f"“{bare[:40]}” is not a complete tag.", line_of(text, place))
        where = f"directly inside <{parent}>; put it into <mj-text>" if parent else "outside <mjml>"
        raise Problem(f"“{bare[:40]}” stands {where}.", line_of(text, place))
    if not parent and _MARKED.search(stretch):
        raise Problem("Liquid may not stand outside <mjml>.", line_of(text, start))
    return _MARKED.sub(lambda found: f"<!--{found[0]}-->", stretch)


def _open(parent: str, found: re.Match[str], text: str) -> None:
    """Check that an element may stand where it is opened."""
    name, line = found["name"], line_of(text, found.start())
    if _MARKED.search(_ATTRIBUTE.sub("", found["rest"])):
        raise Problem(f"In <{name}> Liquid may stand inside the quotes of an attribute only.", line)
    if parent == _ANYTHING:
        return
    if name == "mj-include":
        raise Problem("mj-include is not available; write the parts into the message.", line)
    if name not in KNOWN:
        hint = (
            "put HTML into <mj-text> or <mj-raw>" if "-" not in name else "MJML has no such element"
        )
        raise Problem(f"<{name}> is not known here; {hint}.", line)
    allowed = CHILDREN.get(parent, ())
    if name not in allowed:
        where = f"in <{parent}>" if parent else "at the top"
        may = ", ".join(allowed) or "nothing"
        raise Problem(f"<{name}> may not stand {where}; there may stand {may}.", line)


def _close(stack: list[tuple[str, int]], found: re.Match[str], text: str) -> None:
    name, line = found["name"], line_of(text, found.start())
    if not stack or stack[-1][0] != name:
        expected = f"; <{stack[-1][0]}> is open" if stack else ""
        raise Problem(f"</{name}> closes nothing{expected}.", line)
    stack.pop()


def _through(text: str, opened: re.Match[str], out: list[str]) -> int:
    """Pass over an element that holds HTML, to behind its end."""
    name = opened["name"]
    end = re.compile(rf"</{re.escape(name)}\s*>").search(text, opened.end())
    if end is None:
        raise Problem(f"<{name}> is never closed.", line_of(text, opened.start()))
    inside = text[opened.end() : end.start()]
    bare = _UNQUOTED.search(inside)
    if bare:
        raise Problem(
            f"“{bare[0][:60]}” needs quotes around the values of its attributes.",
            line_of(text, opened.end() + bare.start()),
        )
    out.append(text[opened.end() : end.end()])
    return end.end()
