"""Sources: foreign systems that tell us things by themselves, each declared once."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.consent import DEFAULT_BRAND
from duyen.model.event import CallType

SourceKind = Literal["shopify", "woocommerce", "haravan", "webhook", "mqtt"]


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a delivery proves that it comes from whoever knows the secret.

    `token`: the header holds the secret itself. `hmac`: it holds the body's HMAC under the secret. `prefix` stands
    before either, such as `sha256=`.
    """

    scheme: Literal["token", "hmac"] = "token"
    header: str = "authorization"
    prefix: str = ""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"


class CallRule(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, rename="camel"
):
    """One kind of call that a delivery may come to. All but `type` are JMESPath expressions over the delivery.

    `when`: only where this is true. `each`: a list; there is one call for each of its elements, named `item` to the
    other expressions. `properties` and `traits` are one expression that gives an object, or one for each name.
    """

    type: CallType = "track"
    when: str = ""
    each: str = ""
    event: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    email: str = ""
    phone: str = ""
    message_id: str = ""
    timestamp: str = ""
    sent_at: str = ""
    properties: str | dict[str, str] = ""
    traits: str | dict[str, str] = ""


class Broker(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where devices speak: a broker of MQTT, and the topics that are listened to.

    `rate`: messages a second that are taken; what is more waits at the broker. The source's secret is the password of
    `username`.
    """

    host: str
    topics: tuple[str, ...]
    port: int = 1883
    tls: bool = False
    username: str = ""
    rate: int = 1_000
    version: Literal["5", "3.1.1"] = "5"


class Source(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One system that may tell us things.

    `prefix` stands before the ids of its customers, so that those of two shops are never taken for one person.
    `currency` is that of amounts whose source names none; `brand` the one that consents given there are for.
    `secret` is sealed: it is opened only where it is needed. A shop's kind says itself what its deliveries mean; of
    the others `calls` do. `auth` is that of a `webhook`, `broker` that of `mqtt`.
    """

    id: str
    kind: SourceKind
    name: str = ""
    live: bool = True
    prefix: str = ""
    currency: str = ""
    brand: str = DEFAULT_BRAND
    secret: str = ""
    auth: Auth = Auth()
    calls: tuple[CallRule, ...] = ()
    broker: Broker | None = None
