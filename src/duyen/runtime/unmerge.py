"""Taking one profile apart again: who asks names what belongs to somebody else, and the log is told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from duyen.collect import canonical
from duyen.identity import CLAIMED
from duyen.model.errors import InvalidInput
from duyen.model.event import Identifier
from duyen.model.log import Unmerge
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.stores.state import State

MOST = 100
"""Identifiers that one call may take out."""


def unmerge(
    state: State, person: Person, apart: Sequence[str], author: str, now: Millis
) -> Unmerge | None:
    """What to tell the log so that these identifiers are never this person's again; None where it is so already.

    `apart` are `namespace:value`. Raises InvalidInput for what is not the person's, and where nothing would be left.
    """
    named = {_identifier(text, f"apart[{at}]") for at, text in enumerate(apart)}
    if not named or len(named) > MOST:
        raise InvalidInput(
            "profile.unmerge",
            f"Name 1 to {MOST} identifiers that belong to somebody else.",
            at="apart",
        )
    held = {
        (namespace, value)
        for namespace, values in person.identifiers.items()
        if not namespace.startswith(CLAIMED)
        for value in values
    }
    kept = held - named
    vetoed = {row.b for row in state.vetoes_of(kept)} if kept else set()
    for name in sorted(named - held - vetoed):
        raise InvalidInput(
            "profile.not_theirs",
            f"This person is not known as {name[0]}:{name[1]}; name identifiers that their profile shows.",
            at="apart",
        )
    taken = named & held
    if not taken:
        return None
    if not kept:
        raise InvalidInput(
            "profile.unmerge",
            "These are all the identifiers of this person; leave out those that the person keeps.",
            at="apart",
        )
    sides = tuple(sorted(kept)), tuple(sorted(taken))
    digest = hashlib.blake2b(repr(sides).encode(), digest_size=12).hexdigest()
    return Unmerge(f"unmerge-{digest}", now, author, *sides)


def holders(state: State, told: Sequence[str]) -> list[tuple[str, str | None]]:
    """Whose each of these identifiers is now; None where nobody's history names it alone."""
    names = [_identifier(text, f"apart[{at}]") for at, text in enumerate(told)]
    return [
        (f"{namespace}:{value}", state.person_of(namespace, value)) for namespace, value in names
    ]


def _identifier(text: str, at: str) -> Identifier:
    namespace, _, value = text.partition(":")
    if not namespace or not value:
        raise InvalidInput(
            "profile.key",
            "Name an identifier as “namespace:value”, for example anonymous_id:a2.",
            at=at,
        )
    return namespace, canonical(namespace, value) or value
