"""One customer's document: events folded into it, two of them merged, its old history handed out."""

from duyen.profiles.cart import CART, told_of_cart
from duyen.profiles.fold import (
    RECENT_KEPT,
    RECENT_MOST,
    absorb,
    accumulate,
    first_told,
    knowledge,
    once,
    refold,
    retells,
    spill,
    tells_consent,
    whole_history,
)
from duyen.profiles.groups import (
    MAX_GROUP_TRAITS,
    MAX_GROUPS,
    group_of,
    tell_group,
)
from duyen.profiles.merge import SPLIT, carry, merge, settle_contact, shares_events
from duyen.profiles.retention import leaves, look_before
from duyen.profiles.seen import SEEN_FOR, hand_out, known, message_hash, oldest_week, take_back
from duyen.profiles.traits import MAX_TRAITS

__all__ = [
    "CART",
    "MAX_GROUPS",
    "MAX_GROUP_TRAITS",
    "MAX_TRAITS",
    "RECENT_KEPT",
    "RECENT_MOST",
    "SEEN_FOR",
    "SPLIT",
    "absorb",
    "accumulate",
    "carry",
    "first_told",
    "group_of",
    "hand_out",
    "knowledge",
    "known",
    "leaves",
    "look_before",
    "merge",
    "message_hash",
    "oldest_week",
    "once",
    "refold",
    "retells",
    "settle_contact",
    "shares_events",
    "spill",
    "take_back",
    "tell_group",
    "tells_consent",
    "told_of_cart",
    "whole_history",
]
