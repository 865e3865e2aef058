"""Messages: what is said on a channel; versions are kept, a sent message never changes."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.consent import DEFAULT_BRAND

Certainty = Literal["at_most_once", "at_least_once"]


class Recommend(msgspec.Struct, frozen=True, omit_defaults=True):
    """Items put into a message as the Liquid list `recommendations`."""

    recommender: str = "bought_together"
    limit: int = 4
    fallback: str = "popular"


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message of one channel. For e-mail: subject and preheader in Liquid, `body` in Liquid over MJML.

    purpose `service` (order mails) needs no marketing consent but honours suppression;
    `certainty` is what happens to a send whose fate a crash left unknown.
    """

    id: str
    name: str
    subject: str
    body: str
    channel: Literal["email"] = "email"
    purpose: str = "marketing"
    brand: str = DEFAULT_BRAND
    preheader: str = ""
    text: str = ""
    sender: str = ""
    reply_to: str = ""
    recommend: Recommend | None = None
    expires: str = "3d"
    certainty: Certainty = "at_most_once"
    language: str = "vi"
