"""What identity is resolved from: evidence, vetoes, and the rules of the namespaces."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping

import msgspec

from duyen.model.event import Identifier
from duyen.model.program import NamespaceRule
from duyen.model.times import Millis

DEFAULT_LIMIT = 5
NAMESPACES: dict[str, NamespaceRule] = {
    "user_id": NamespaceRule(limit=1, priority=1),
    "email": NamespaceRule(limit=DEFAULT_LIMIT, priority=2),
}
"""Rules that hold where a company has set none; any other namespace: limit 5, after these, by alphabet."""

CLAIMED = "claimed."
"""Prefix of the shadow namespaces that keep what a browser said about somebody verified."""

BLOCKED: frozenset[str] = frozenset({"-1", "null", "anonymous", "undefined", "[object object]"})
"""Values that identify nobody, besides those of zeroes and dashes only; compared without case."""

_ZEROES = re.compile(r"[0-]*")
_UNRANKED = 1_000_000


class Evidence(msgspec.Struct, frozen=True, array_like=True):
    """An event named these identifiers together: one per distinct (identifiers, trusted), the earliest."""

    time: Millis
    id: str
    identifiers: tuple[Identifier, ...]
    trusted: bool = False


class Veto(msgspec.Struct, frozen=True, array_like=True):
    """Somebody decided: `a` and `b` are never one person."""

    time: Millis
    id: str
    a: Identifier
    b: Identifier


class Rules(msgspec.Struct, frozen=True):
    """Limits and priorities by namespace, and the values that the company blocks (compared without case)."""

    namespaces: dict[str, NamespaceRule] = {}
    blocked: frozenset[str] = frozenset()

    @classmethod
    def of(cls, namespaces: Mapping[str, NamespaceRule], blocked: Iterable[str]) -> Rules:
        """The rules that a workspace has set (`settings.identity`, `settings.blocked`)."""
        return cls(dict(namespaces), frozenset(value.casefold() for value in blocked))

    def limit(self, namespace: str) -> int:
        """Most values of a namespace on one person."""
        rule = self.namespaces.get(namespace) or NAMESPACES.get(namespace)
        return rule.limit if rule else DEFAULT_LIMIT

    def rank(self, identifier: Identifier) -> tuple[int, str, str]:
        """Sorts identifiers from the highest priority to the lowest; never a tie."""
        namespace, value = identifier
        rule = self.namespaces.get(namespace)
        priority = rule.priority if rule and rule.priority else 0
        if not priority:
            known = NAMESPACES.get(namespace)
            priority = known.priority if known else _UNRANKED
        return priority, namespace, value

    def blocks(self, identifier: Identifier) -> bool:
        """Whether this identifies nobody: a blocked value, or a namespace with the limit 0."""
        namespace, value = identifier
        if _ZEROES.fullmatch(value) or self.limit(namespace) < 1:
            return True
        folded = value.casefold()
        return folded in BLOCKED or folded in self.blocked


def usable(identifiers: Iterable[Identifier], rules: Rules) -> tuple[Identifier, ...]:
    """Those that may identify, the highest priority first."""
    kept = {i for i in identifiers if not rules.blocks(i)}
    return tuple(sorted(kept, key=rules.rank)) if len(kept) > 1 else tuple(kept)


def person_id(identifier: Identifier) -> str:
    """Id of the person whom this identifier founded: the same on every machine and in every order."""
    text = f"{identifier[0]}\0{identifier[1]}".encode()
    digest = hashlib.blake2b(text, digest_size=10).digest()
    return "p_" + base64.b32encode(digest).decode().lower()


def person_of_message(message_id: str) -> str:
    """The person of an event that names nobody we could know: someone seen once, in this message alone."""
    return person_id(("message", message_id))


def distinct(evidence: Iterable[Evidence]) -> list[Evidence]:
    """One per distinct (set of identifiers, trusted): the earliest. Loses nothing for `resolve`."""
    earliest: dict[tuple[frozenset[Identifier], bool], Evidence] = {}
    for one in evidence:
        key = (frozenset(one.identifiers), one.trusted)
        known = earliest.get(key)
        if known is None or (one.time, one.id) < (known.time, known.id):
            earliest[key] = one
    return list(earliest.values())
