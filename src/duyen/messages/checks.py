"""Everything about a message that can be known when it is written."""

from __future__ import annotations

import re

from duyen.messages.mime import Mailbox
from duyen.messages.template import check
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.model.times import parse_duration

ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def checked(message: Message) -> Message:
    """The message itself, once everything about it is known to be in order; raises InvalidRule with the field."""
    for field in ("id", "purpose", "brand"):
        if not ID.fullmatch(getattr(message, field)):
            raise InvalidRule(
                "message.name",
                "Write 1 to 64 lower-case letters, digits, - and _ here.",
                at=field,
            )
    _check_sender(message)
    _check_expires(message)
    for mistake in check(message):
        raise InvalidRule("message.template", mistake.sentence, at=mistake.field)
    return message


def _check_sender(message: Message) -> None:
    for field in ("sender", "reply_to"):
        text = getattr(message, field)
        try:
            _ = Mailbox.parse(text) if text else None
        except ValueError as error:
            raise InvalidRule("message.sender", f"{error}.", at=field) from None


def _check_expires(message: Message) -> None:
    try:
        lasts = parse_duration(message.expires)
    except ValueError as error:
        raise InvalidRule("message.expires", f"{error}.", at="expires") from None
    if lasts <= 0:
        raise InvalidRule("message.expires", "A message lasts longer than nothing.", at="expires")
    recommend = message.recommend
    if recommend is not None and not 1 <= recommend.limit <= 50:
        raise InvalidRule(
            "message.recommend", "Between 1 and 50 items can be recommended.", at="recommend"
        )
