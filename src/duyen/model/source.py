"""Sources: foreign systems that tell us things by themselves, each declared once."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.consent import DEFAULT_BRAND

SourceKind = Literal["shopify", "woocommerce", "haravan"]


class Source(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One system that may tell us things.

    `prefix` stands before the ids of its customers, so that those of two shops are never taken for one person.
    `currency` is that of amounts whose source names none; `brand` the one that consents given there are for.
    `secret` is sealed: it is opened only where a signature is checked.
    """

    id: str
    kind: SourceKind
    name: str = ""
    live: bool = True
    prefix: str = ""
    currency: str = ""
    brand: str = DEFAULT_BRAND
    secret: str = ""
