"""Consent by brand, purpose and channel; what a person said, when and where."""

from __future__ import annotations

from hashlib import blake2b
from typing import Literal

import msgspec

from duyen.model.times import Millis

ConsentState = Literal["granted", "denied", "pending"]
ANY = "*"
DEFAULT_BRAND = "default"
MARKETING = "marketing"
PENDING = "?"
"""Begins the key of a yes that waits to be confirmed: it stands beside what holds, and allows nothing."""


class Statement(msgspec.Struct, frozen=True, array_like=True):
    """What a person said about one (brand, purpose, channel): state, when, message id, and what proves it.

    `where` it was said (a page's address), `text`: the version of the text that they saw (`text_version`), `source`:
    who told us.
    """

    state: ConsentState
    time: Millis
    id: str
    proof: str = ""
    where: str = ""
    text: str = ""
    source: str = ""

    @property
    def beside(self) -> tuple[str, str, str]:
        """What proves it besides."""
        return self.where, self.text, self.source


class Purpose(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that people may agree to: its name and the text they agree to, by language (`vi`, `en`).

    `confirm`: a yes counts once they have confirmed it by the link in a mail (double opt-in).
    """

    id: str
    name: dict[str, str] = {}
    text: dict[str, str] = {}
    confirm: bool = False


USUAL = Purpose(
    MARKETING,
    {"vi": "Ưu đãi và tin mới", "en": "Offers and news"},
    {
        "vi": "Tôi đồng ý nhận thư giới thiệu ưu đãi và tin mới. Tôi có thể rút lại bất cứ lúc nào.",
        "en": "I agree to receive mails with offers and news. I may withdraw at any time.",
    },
)
"""What people are asked where the company has named no purposes of its own."""


def purposes(named: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
    """What people may be asked; marketing is always among it, for mails of it always may be stopped."""
    return named if any(each.id == MARKETING for each in named) else (USUAL, *named)


def in_language(texts: dict[str, str], language: str) -> str:
    """A text in a language, else in the first one that there is."""
    return texts.get(language) or next(iter(texts.values()), "")


def text_version(purpose: Purpose, language: str) -> str:
    """Names the very text that somebody saw: `marketing.vi@1f09c2d4`; another text has another name."""
    text = in_language(purpose.text, language)
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{purpose.id}.{language}@{digest}"


def pending(statements: dict[str, Statement], key: str) -> Statement | None:
    """The yes that waits to be confirmed for a key; None where there is none, or something was said since."""
    waits, holds = statements.get(PENDING + key), statements.get(key)
    if waits is None or (holds is not None and holds.time >= waits.time):
        return None
    return waits


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


def told(statements: dict[str, Statement]) -> list[tuple[str, Statement]]:
    """What was said, by key as people are shown it: what waits to be confirmed only while it waits."""
    keys = [key for key in statements if not key.startswith(PENDING)]
    waiting = [key.removeprefix(PENDING) for key in statements if key.startswith(PENDING)]
    waits = [(key, said) for key in waiting if (said := pending(statements, key)) is not None]
    return [*((key, statements[key]) for key in keys), *waits]
