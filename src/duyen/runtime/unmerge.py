"""Taking one profile apart, and taking that back: who asks names what it is about, and the log is told."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from duyen.collect import canonical
from duyen.identity import CLAIMED
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Identifier
from duyen.model.log import Lift, Unmerge
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.stores.rows import LiftRow
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
    held = _held(person)
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
    return Unmerge(_free_id(state, sides), now, author, *sides)


class Veto(NamedTuple):
    """One decision that concerns a person: what of theirs is never one with what, and who took that back."""

    id: str
    time: Millis
    author: str
    own: tuple[Identifier, ...]
    never: tuple[Identifier, ...]
    lifted: LiftRow | None


def vetoes_of(state: State, person: Person) -> list[Veto]:
    """Every veto in which something of this person stands, lifted ones too; the newest first."""
    sides: dict[str, tuple[Millis, str, set[Identifier], set[Identifier]]] = {}
    for row in state.vetoes_told(_held(person)):
        _, _, own, never = sides.setdefault(row.id, (row.time, row.author, set(), set()))
        if row.a not in never:  # of one who holds both sides again, each pair is told once
            own.add(row.a)
            never.add(row.b)
    lifts = state.lifts_of(sides)
    found = [
        Veto(id, time, author, tuple(sorted(own)), tuple(sorted(never - own)), lifts.get(id))
        for id, (time, author, own, never) in sides.items()
    ]
    return sorted(found, key=lambda veto: (-veto.time, veto.id))


def lift(state: State, person: Person, veto: str, author: str, now: Millis) -> Lift | None:
    """What to tell the log so that a veto of this person holds no more; None where it was lifted already.

    Raises NotFound for a veto that concerns somebody else, or nobody.
    """
    found = next((each for each in vetoes_of(state, person) if each.id == veto), None)
    if found is None:
        raise NotFound("veto.unknown", f"This person has no veto “{veto[:80]}”.", at="veto")
    if found.lifted is not None:
        return None
    return Lift(f"lift-{veto}", now, author, veto)


def _held(person: Person) -> set[Identifier]:
    """What identifies this person, without mere claims."""
    return {
        (namespace, value)
        for namespace, values in person.identifiers.items()
        if not namespace.startswith(CLAIMED)
        for value in values
    }


def _free_id(state: State, sides: tuple[tuple[Identifier, ...], ...]) -> str:
    """The id of a veto: of the same sides the same, so that two who ask at once ask once; after a lift another."""
    for again in range(1_000_000):
        text = repr(sides) + (f"#{again}" if again else "")
        id = "unmerge-" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
        if not state.lifts_of([id]):
            return id
    raise RuntimeError("a veto cannot have been lifted a million times")


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
