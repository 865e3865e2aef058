"""One customer's document: events folded into it, two of them merged, its old history handed out."""

from duyen.profiles.fold import (
    MAX_TRAITS,
    RECENT_KEPT,
    RECENT_MOST,
    absorb,
    accumulate,
    first_told,
    knowledge,
    once,
    refold,
    spill,
    tells_consent,
    whole_history,
)
from duyen.profiles.merge import SPLIT, carry, merge, settle_contact, shares_events
from duyen.profiles.seen import SEEN_FOR, message_hash

__all__ = [
    "MAX_TRAITS",
    "RECENT_KEPT",
    "RECENT_MOST",
    "SEEN_FOR",
    "SPLIT",
    "absorb",
    "accumulate",
    "carry",
    "first_told",
    "knowledge",
    "merge",
    "message_hash",
    "once",
    "refold",
    "settle_contact",
    "shares_events",
    "spill",
    "tells_consent",
    "whole_history",
]
