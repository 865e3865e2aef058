"""The text part of a mail, derived from its HTML with the Liquid still shielded."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from duyen.messages.mjml import is_mark

_BLOCKS = frozenset(
    ("address", "article", "blockquote", "div", "dl", "dt", "dd", "hr", "li", "ol", "p", "pre")
)
_BLOCKS |= {"h1", "h2", "h3", "h4", "h5", "h6", "section", "table", "tr", "ul"}
_SKIPPED = frozenset(("head", "style", "script", "title", "noscript"))
_BLANKS = re.compile(r"[ \t\r\n\f\v]+")
_GAP = re.compile(r"\n{3,}")


def to_text(html: str) -> str:
    """Headings, paragraphs and list items on lines of their own, links as `words: address`."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return tidy("".join(reader.out))


def tidy(text: str) -> str:
    """At most one empty line in a row, no blanks at the edges of lines."""
    bare = "\n".join([line.strip(" \t") for line in text.split("\n")])
    return _GAP.sub("\n\n", bare).strip() + "\n"


class _Reader(HTMLParser):
    """Collects the words of an HTML page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._hidden = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Break lines before blocks; remember where a link starts."""
        attributes = dict(attrs)
        if tag in _SKIPPED:
            self._hidden += 1
        elif tag == "br":
            self.out.append("\n")
        elif tag == "a":
            self._links.append((attributes.get("href") or "", len(self.out)))
        elif tag == "img" and self._links and attributes.get("alt"):
            self._say(attributes["alt"] or "")
        elif tag in _BLOCKS:
            self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element written as <br/>."""
        if tag not in _SKIPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Break lines after blocks; write the address behind a link's words."""
        if tag in _SKIPPED:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "a" and self._links:
            href, start = self._links.pop()
            words = "".join(self.out[start:]).strip()
            if href and words:
                self.out.append(f": {href} ")
        elif tag in _BLOCKS:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        """Words."""
        if not self._hidden:
            self._say(data)

    def handle_comment(self, data: str) -> None:
        """A comment that holds shielded Liquid stands for that Liquid; others say nothing."""
        if is_mark(data):
            self.out.append(data.strip())

    def _say(self, words: str) -> None:
        spaced = _BLANKS.sub(" ", words)
        at_start = not self.out or self.out[-1].endswith(("\n", " "))
        self.out.append(spaced.lstrip(" ") if at_start else spaced)

    def _break(self, tag: str) -> None:
        if self.out and not self.out[-1].endswith("\n"):
            self.out.append("\n")
        if tag in ("p", "h1", "h2", "h3"):
            self.out.append("\n")
        if tag == "li":
            self.out.append("- ")
