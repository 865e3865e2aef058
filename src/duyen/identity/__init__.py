"""Who is who: a pure function of a set of evidence and vetoes. No store, no clock, no order of arrival."""

from duyen.identity.evidence import (
    BLOCKED,
    CLAIMED,
    DEFAULT_LIMIT,
    NAMESPACES,
    Evidence,
    Rules,
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

__all__ = [
    "BLOCKED",
    "CLAIMED",
    "DEFAULT_LIMIT",
    "MAX_COMPONENT_EVIDENCE",
    "MAX_COMPONENT_IDENTIFIERS",
    "NAMESPACES",
    "Evidence",
    "Resolution",
    "Rules",
    "Veto",
    "connected",
    "distinct",
    "person_id",
    "person_of_message",
    "resolve",
    "usable",
]
