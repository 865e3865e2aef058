"""What identity is resolved from: evidence and vetoes."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

import msgspec

from duyen.identity.rules import Rules
from duyen.model.event import Identifier
from duyen.model.times import Millis

CLAIMED = "claimed."
"""Prefix of the shadow namespaces that keep what a browser said about somebody verified."""


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


def usable(identifiers: Iterable[Identifier], rules: Rules) -> tuple[Identifier, ...]:
    """Those that may identify, the highest priority first."""
    if isinstance(identifiers, tuple) and len(identifiers) == 1:  # as most events have it
        return () if rules.blocks(identifiers[0]) else identifiers
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


def distinct(evidence: Iterable[Evidence], rules: Rules) -> list[Evidence]:
    """One per distinct (usable identifiers, trusted, slot): the earliest. Loses nothing for `resolve`."""
    earliest: dict[tuple[tuple[Identifier, ...], bool, int], Evidence] = {}
    for one in evidence:
        names = usable(one.identifiers, rules)
        if names != one.identifiers:
            one = Evidence(one.time, one.id, names, one.trusted)
        key = (names, one.trusted, rules.slot(names, one.time))
        known = earliest.get(key)
        if known is None or (one.time, one.id) < (known.time, known.id):
            earliest[key] = one
    return list(earliest.values())
