"""Why a decision came out as it did: stable codes with parameters; the console makes words of them.

A reason is written `code|name=value|name=value`, for example `policy.rate|successes=9|views=120`.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote

# Decision.reason
CHOSEN: Final = "chosen"
HOLD_OUT: Final = "hold_out"
NO_CANDIDATES: Final = "no_candidates"
CONSENT: Final = "consent"
CONTENT: Final = "content"

# Candidate.excluded
NOT_LIVE: Final = "not_live"
BROKEN: Final = "broken"
OTHER_BRAND: Final = "brand"
RULE: Final = "rule"
CONTEXT: Final = "context"
DENIED: Final = "consent"
CAP: Final = "cap"
QUIET_HOURS: Final = "quiet_hours"
UNKNOWN_ITEM: Final = "item_unknown"
NOT_SELLABLE: Final = "not_sellable"
OUT_OF_STOCK: Final = "out_of_stock"
BOUGHT: Final = "already_bought"
PRESENT: Final = "present"

EXCLUSIONS: Final = (
    NOT_LIVE,
    BROKEN,
    OTHER_BRAND,
    RULE,
    CONTEXT,
    DENIED,
    CAP,
    QUIET_HOURS,
    UNKNOWN_ITEM,
    NOT_SELLABLE,
    OUT_OF_STOCK,
    BOUGHT,
    PRESENT,
)

# Decision.explanation
HELD_OUT_SHARE: Final = "hold_out.share"
CONSENT_DENIED: Final = "consent.denied"
CONTENT_FAILED: Final = "content.failed"
NONE_LEFT: Final = "candidates.none_left"
ELIGIBLE: Final = "candidates.eligible"
RATE: Final = "policy.rate"
VALUE: Final = "policy.value"
PROPENSITY: Final = "policy.propensity"
MATCHED: Final = "rule.segment"
BECAUSE: Final = "items.because"
FILLED_UP: Final = "items.filled_up"

EXPLANATIONS: Final = (
    HELD_OUT_SHARE,
    CONSENT_DENIED,
    CONTENT_FAILED,
    NONE_LEFT,
    ELIGIBLE,
    RATE,
    VALUE,
    PROPENSITY,
    MATCHED,
    BECAUSE,
    FILLED_UP,
)

_SAFE = " :/@,+"


def explain(code: str, **parameters: object) -> str:
    """One reason as text."""
    parts = [f"{name}={quote(str(value), safe=_SAFE)}" for name, value in parameters.items()]
    return "|".join([code, *parts])


def read(explanation: str) -> tuple[str, dict[str, str]]:
    """The code and parameters of a reason."""
    code, *parts = explanation.split("|")
    pairs = (part.partition("=") for part in parts)
    return code, {name: unquote(value) for name, _, value in pairs}
