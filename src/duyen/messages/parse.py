"""A message's YAML form, checked in full when it is written."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from duyen.messages.mime import Mailbox
from duyen.messages.template import check
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.model.times import parse_duration

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def parse_message(raw: Any, at: str = "message") -> Message:
    """Read a message and compile its template; raises InvalidRule with field, line and what to do."""
    if not isinstance(raw, dict):
        raise InvalidRule("message.shape", "A message is a map of fields.", at=at)
    for field in raw:
        if field not in Message.__struct_fields__:
            known = ", ".join(Message.__struct_fields__)
            raise InvalidRule(
                "message.unknown_field",
                f"“{str(field)[:40]}” is not a field of a message; the fields are {known}.",
                at=f"{at}.{str(field)[:40]}",
            )
    try:
        message = msgspec.convert(raw, Message)
    except msgspec.ValidationError as error:
        said, _, path = str(error).partition(" - at `$")
        raise InvalidRule("message.invalid", f"{said}.", at=f"{at}{path.strip('`')}") from None
    return checked(message, at)


def checked(message: Message, at: str = "") -> Message:
    """The message itself, once everything about it is known to be in order; raises InvalidRule."""
    at = f"{at}." if at else ""
    for field in ("id", "purpose", "brand"):
        if not ID.fullmatch(getattr(message, field)):
            raise InvalidRule(
                "message.name",
                "Write 1 to 64 lower-case letters, digits, - and _ here.",
                at=f"{at}{field}",
            )
    _check_sender(message, at)
    _check_expires(message, at)
    for mistake in check(message):
        raise InvalidRule("message.template", mistake.sentence, at=f"{at}{mistake.field}")
    return message


def _check_sender(message: Message, at: str) -> None:
    for field in ("sender", "reply_to"):
        text = getattr(message, field)
        try:
            _ = Mailbox.parse(text) if text else None
        except ValueError as error:
            raise InvalidRule("message.sender", f"{error}.", at=f"{at}{field}") from None


def _check_expires(message: Message, at: str) -> None:
    try:
        lasts = parse_duration(message.expires)
    except ValueError as error:
        raise InvalidRule("message.expires", f"{error}.", at=f"{at}expires") from None
    if lasts <= 0:
        raise InvalidRule(
            "message.expires", "A message lasts longer than nothing.", at=f"{at}expires"
        )
    recommend = message.recommend
    if recommend is not None and not 1 <= recommend.limit <= 50:
        raise InvalidRule(
            "message.recommend", "Between 1 and 50 items can be recommended.", at=f"{at}recommend"
        )
