"""The bytes of a mail, written by hand: RFC 5322 headers, RFC 2047 words, multipart/alternative.

Headers cannot be injected: a control character in any value is an error here, and templates' subjects
have lost theirs before. Bodies are quoted-printable or base64; all is 7-bit.
"""

from __future__ import annotations

import re
from binascii import b2a_base64, b2a_qp
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct

from duyen.messages.template import Rendered
from duyen.model.times import Millis

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,76}")
_MAILBOX = re.compile(r"\s*(?:(?P<name>[^<>]*?)\s*<(?P<inside>[^<>\s]+)>|(?P<bare>[^<>\s]+))\s*")
_ADDRESS = re.compile(r"[!#-'*+/-9=?A-Z^-~.-]{1,64}@[A-Za-z0-9.-]{1,253}")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_LINE = 76
SHORT = 2_000
"""Bytes of a part up to which it is written so that a person can read the source."""
_WORD = 42
"""Bytes of UTF-8 in one encoded word: 56 characters of base64 between `=?utf-8?b?` and `?=`."""


class Mailbox:
    """A name and an address, as they stand in From, To and Reply-To."""

    def __init__(self, address: str, name: str = "") -> None:
        """Raises ValueError for what could not stand in a header."""
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"“{address[:80]}” is not an e-mail address")
        _clean(name)
        self.address, self.name = address, name

    @classmethod
    def parse(cls, text: str) -> Mailbox:
        """Read `Name <name@example.com>` or `name@example.com`."""
        found = _MAILBOX.fullmatch(text)
        if not found:
            raise ValueError(f"“{text[:80]}” is not a sender; write Name <name@example.com>")
        name = (found["name"] or "").strip().removeprefix('"').removesuffix('"')
        return cls(found["inside"] or found["bare"], name)

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]

    def header(self, used: int) -> str:
        """As a header's value, `used` characters of the line being taken."""
        if not self.name:
            return self.address
        if _ATOMS.fullmatch(self.name):
            return f"{self.name} <{self.address}>"
        if self.name.isascii():
            quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{quoted}" <{self.address}>'
        return f"{encoded_words(self.name, used)} <{self.address}>"


def mime(
    rendered: Rendered,
    sender: Mailbox,
    to: Mailbox,
    *,
    message_id: str,
    date: Millis,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The whole mail with CRLF line ends; `headers` come besides (ASCII only)."""
    boundary = f"=_{message_id.partition('@')[0].strip('<')[:60]}"
    lines = [
        f"From: {sender.header(6)}",
        f"To: {to.header(4)}",
        f"Subject: {text_header(rendered.subject, 9)}",
        f"Date: {format_date_header(date)}",
        f"Message-ID: {_ascii(message_id)}",
        *(f"{_header_name(name)}: {_ascii(value)}" for name, value in (headers or {}).items()),
        "MIME-Version: 1.0",
        f'Content-Type: multipart/alternative; boundary="{_ascii(boundary)}"',
    ]
    limit = f"--{boundary}".encode()
    return b"\r\n".join(
        (
            "\r\n".join(lines).encode("ascii"),
            b"",
            limit,
            *_part(b"text/plain", rendered.text),
            limit,
            *_part(b"text/html", rendered.html),
            limit + b"--",
            b"",
        )
    )


def text_header(text: str, used: int) -> str:
    """Free text as a header's value: plain where it is short ASCII, else encoded words, folded."""
    _clean(text)
    if text.isascii() and "=?" not in text and len(text) + used <= _LINE:
        return text
    return encoded_words(text, used)


@lru_cache(maxsize=1_024)
def encoded_words(text: str, used: int) -> str:
    """RFC 2047: base64 words of at most 75 characters, each of whole letters, on folded lines."""
    words: list[str] = []
    whole = text.encode("utf-8", "replace")
    room = max(12, _WORD - used)
    if len(whole) <= room:
        return _word(whole)
    chunk = b""
    for letter in text:
        encoded = letter.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > room:
            words.append(_word(chunk))
            chunk, room = b"", _WORD
        chunk += encoded
    words.append(_word(chunk))
    return "\r\n ".join(words)


def format_date_header(instant: Millis) -> str:
    """RFC 5322 date in UTC."""
    t = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=instant)
    day, month = _DAYS[t.weekday()], _MONTHS[t.month - 1]
    clock = f"{t.hour:02d}:{t.minute:02d}:{t.second:02d}"
    return f"{day}, {t.day:02d} {month} {t.year} {clock} +0000"


def _word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b2a_base64(chunk, newline=False).decode()}?="


def _part(kind: bytes, text: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Two header lines, the empty line and the body of one part."""
    raw = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    raw = raw.replace(b"\n", b"\r\n")
    encoding, body = _encode(raw)
    return (
        b"Content-Type: " + kind + b"; charset=utf-8",
        b"Content-Transfer-Encoding: " + encoding,
        b"",
        body,
    )


def _encode(raw: bytes) -> tuple[bytes, bytes]:
    """Quoted-printable for ASCII and for what is short; base64, which takes a third of the time, for the rest."""
    if len(raw) < SHORT or raw.isascii():
        quoted = b2a_qp(raw, istext=True)
        # It ends soft lines as the text ends its own; a text of one line gives it no example.
        return b"quoted-printable", quoted if b"\r\n" in raw else quoted.replace(b"\n", b"\r\n")
    packed = b2a_base64(raw, newline=False)
    whole, rest = divmod(len(packed), _LINE)
    lines = _lines(whole).unpack_from(packed)
    return b"base64", b"\r\n".join((*lines, packed[-rest:]) if rest else lines)


@lru_cache(maxsize=1024)
def _lines(count: int) -> Struct:
    """Cuts so many whole lines at once."""
    return Struct(f"{_LINE}s" * count)


def _clean(value: str) -> str:
    if _FORBIDDEN.search(value):
        raise ValueError("a header may not hold control characters")
    return value


def _ascii(value: str) -> str:
    if not value.isascii():
        raise ValueError("this header holds ASCII only")
    return _clean(value)


def _header_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"“{name[:80]}” is not the name of a header")
    return name
