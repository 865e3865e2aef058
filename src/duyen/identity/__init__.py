"""Who is who: a pure function of a set of evidence and vetoes. No store, no clock, no order of arrival."""

from duyen.identity.change import Change
from duyen.identity.evidence import (
    CLAIMED,
    Evidence,
    Veto,
    distinct,
    person_id,
    person_of_message,
    usable,
)
from duyen.identity.resolve import (
    MAX_COMPONENT_EVIDENCE,
    MAX_COMPONENT_IDENTIFIERS,
    Resolution,
    connected,
    resolve,
)
from duyen.identity.rules import (
    BLOCKED,
    DEFAULT_LIMIT,
    NAMESPACES,
    Rules,
    parse_blocked,
    parse_rules,
    rules_to_data,
)

__all__ = [
    "BLOCKED",
    "CLAIMED",
    "DEFAULT_LIMIT",
    "MAX_COMPONENT_EVIDENCE",
    "MAX_COMPONENT_IDENTIFIERS",
    "NAMESPACES",
    "Change",
    "Evidence",
    "Resolution",
    "Rules",
    "Veto",
    "connected",
    "distinct",
    "parse_blocked",
    "parse_rules",
    "person_id",
    "person_of_message",
    "resolve",
    "rules_to_data",
    "usable",
]
