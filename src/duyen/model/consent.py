"""Consent by brand, purpose and channel; what a person said, when and where."""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.times import Millis

ConsentState = Literal["granted", "denied"]
ANY = "*"
DEFAULT_BRAND = "default"


class Statement(msgspec.Struct, frozen=True, array_like=True):
    """What a person said about one (brand, purpose, channel): state, when, message id, where it was said."""

    state: ConsentState
    time: Millis
    id: str
    proof: str = ""


def consent_key(purpose: str, channel: str, brand: str = DEFAULT_BRAND) -> str:
    """Key of a statement in a document: `brand/purpose/channel`; each part may be ANY."""
    return f"{brand}/{purpose}/{channel}"


def granted(
    statements: dict[str, Statement], purpose: str, channel: str, brand: str = DEFAULT_BRAND
) -> bool:
    """Whether contact is allowed: some covering statement grants it and none that covers it denies."""
    keys = [f"{b}/{p}/{c}" for b in (brand, ANY) for p in (purpose, ANY) for c in (channel, ANY)]
    said = [statements[k] for k in keys if k in statements]
    return bool(said) and all(s.state == "granted" for s in said)
