"""Forgetting a person: the document, its timer, segments and lines, who is who, and the records of it.

It is a step at an instant, in the transaction of the batch that finds it due, so that the log told again forgets the
same people at the same place. Whoever returns later under the same id is somebody new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from duyen.identity import Rules, usable
from duyen.model.effect import Add, Forget
from duyen.model.event import Identifier
from duyen.model.happening import Decided, Happened
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.profiles import leaves
from duyen.runtime.identify import APART, apart_of
from duyen.stores.rows import EvidenceRow
from duyen.stores.state import State

COUNTER, FORGOTTEN = "people", "forgotten"
"""The sum of all who were forgotten: its counter, and the counter's field."""


def outlived(
    state: State, told: Sequence[Happened | Decided], rules: Rules, days: int, now: Millis
) -> list[str]:
    """People whose time was over before any of this came, though their timers still queue.

    Asked for each batch of the lanes, so it looks no further than at the earliest timer where none is due.
    """
    if not days or not told or state.next_wake() > now:
        return []
    came: dict[Identifier, Millis] = {}
    for one in told:
        identifiers, arrival = _named(one)
        for name in usable(identifiers, rules):
            came[name] = min(came.get(name, arrival), arrival)
    first: dict[str, Millis] = {}
    for name, person in state.holders(came).items():
        first[person] = min(first.get(person, now), came[name])
    due = [person for person, wake in state.wakes(first).items() if wake <= now]
    return [
        person
        for person, head in state.heads(due, keep=True).items()
        if leaves(head.person, days) <= first[person]
    ]


def _named(told: Happened | Decided) -> tuple[Sequence[Identifier], Millis]:
    if isinstance(told, Happened):
        return told.event.identifiers, told.event.received
    return (told.decision.identifier,), told.decision.time


def forget(state: State, gone: Sequence[tuple[Forget, Person]], now: Millis, part: int) -> set[str]:
    """Keep nothing of these people; returns the components of identity that hold others too."""
    people = {person.id for _, person in gone}
    names = {person.id: names_of(person) for _, person in gone}
    state.remove_heads(people)
    state.leave_groups(people)
    knots = drop_identity(state, names).knots
    state.keep_first_facts(people)
    led = state.forget_records([effect for effect, _ in gone], now)
    state.regroup("person", {*people, *led})
    state.add([Add(COUNTER, {FORGOTTEN: len(people)})], part)
    return knots


def names_of(person: Person) -> list[Identifier]:
    """What a person is known by, claims too."""
    return [(ns, value) for ns, values in person.identifiers.items() for value in values]


class Dropped(NamedTuple):
    """What was known of who people are: evidence, identifiers, and the components that hold others too."""

    evidence: list[EvidenceRow]
    names: list[Identifier]
    knots: set[str]


def drop_identity(state: State, names: Mapping[str, Sequence[Identifier]]) -> Dropped:
    """Drop the evidence and the identifiers of people; what others' evidence names is left to be resolved again."""
    everything = [name for some in names.values() for name in some]
    parts = {*state.components(everything).values(), *map(apart_of, everything)}
    rows = state.evidence_of(sorted(parts))
    theirs = [row for row in rows if row.person in names]
    state.drop_evidence(row.key for row in theirs)
    others = [row for row in rows if row.person not in names]
    knots = {row.component for row in others if not row.component.startswith(APART)}
    told = {name for row in others for name in row.identifiers}
    gone = [
        (ns, value)
        for ns, value, component, holder in state.identifiers_in(sorted(parts))
        if (holder in names or component not in knots) and (ns, value) not in told
    ]
    state.drop_identifiers(gone)
    return Dropped(theirs, gone, knots)
