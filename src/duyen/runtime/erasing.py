"""Erasing people from the state, in the engine's transaction, and the order for all other places.

An order says what is looked for in log, lake and files. It lies in the state until it is carried out (see `erasure`),
so that an erasure goes on after a kill at any moment; then its receipt takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from duyen.collect import clean_email
from duyen.identity import CLAIMED
from duyen.model.event import Event, Identifier
from duyen.model.log import Erase, Erased, Expunged
from duyen.model.person import Person
from duyen.model.times import Millis
from duyen.runtime.forget import drop_identity, names_of
from duyen.runtime.grouping import untell
from duyen.runtime.secrets import Secrets
from duyen.stores.state import State
from duyen.stores.state.erasures import ErasureRow
from duyen.stores.state.suppressions import ERASED, SuppressionRow

MOST = 1_000
"""People of one order."""
LONGEST = 300
"""Characters of a text that may be another spelling of an identifier."""
TAIL = 8
"""Last digits by which two spellings of a phone number are taken for one."""
Pseudonym = Callable[[str, str], str]
"""The keyed hash of an identifier."""


class Order(msgspec.Struct):
    """What is looked for. `spelled`: identifiers as they came, where they were written otherwise.

    `erased`: how many rows of what went from the state.
    """

    id: str
    time: Millis
    persons: list[str]
    names: list[Identifier] = []
    spelled: list[str] = []
    evidence: list[str] = []
    contacts: list[str] = []
    digests: list[str] = []
    refused: list[tuple[str, str]] = []
    erased: dict[str, int] = {}


_encode = msgspec.json.encode
read_order = msgspec.json.Decoder(Order).decode


def apply(state: State, secrets: Secrets, told: Erase) -> set[str]:
    """Take people out of the state and leave the order for the rest.

    Returns the components of identity that they shared with others, to be resolved again.
    """
    _remember(state, told.time, told.digests, told.refused)
    if not told.persons:  # the log was rewritten: they are not in it
        if state.erasure(told.id) is None:
            state.put_erasure(ErasureRow(told.id, told.time, told.author, told.time, ""))
        return set()
    persons = {state.survivor(id) for id in told.persons}
    people = [head.person for head in state.heads(sorted(persons)).values()]
    order = Order(told.id, told.time, [])
    named: set[Identifier] = set()
    spelled: set[str] = set()
    refused: set[tuple[str, str]] = set()
    grouped: list[Event] = []
    for person in people:
        own = {(ns.removeprefix(CLAIMED), value) for ns, value in names_of(person)}
        named |= own
        events = [*(state.chunks(person.id) if person.chunks else ()), *person.recent]
        order.erased["events"] = order.erased.get("events", 0) + len(events)
        grouped += [event for event in events if event.type == "group"]
        spelled |= spellings(events, own)
        refused |= refusals(person, own, secrets.pseudonym)
    order.contacts = state.contacts_of(persons)
    order.persons = sorted({*persons, *told.persons, *state.led_to(persons)})
    dropped = drop_identity(state, {person.id: names_of(person) for person in people})
    named |= {name for row in dropped.evidence for name in row.identifiers}
    order.names, order.spelled = sorted(named), sorted(spelled)
    order.evidence = sorted(row.key for row in dropped.evidence)
    order.digests = sorted(secrets.pseudonym(*name) for name in named)
    order.refused = sorted(refused)
    order.erased |= state.erase(persons)
    untell(state, grouped, told.time)
    order.erased |= {"evidence": len(dropped.evidence), "identifiers": len(dropped.names)}
    state.drop_notes(order.persons, order.evidence)
    state.drop_vetoes(dropped.names)
    _remember(state, told.time, order.digests, order.refused)
    state.put_erasure(ErasureRow(told.id, told.time, told.author, 0, _encode(order).decode()))
    state.set_meta("scrub", "begin")
    return dropped.knots


def _remember(
    state: State, time: Millis, digests: Sequence[str], refused: Sequence[tuple[str, str]]
) -> None:
    """What is kept of the erased: keyed hashes."""
    state.put_erased(digests, time)
    state.put_suppressions(
        SuppressionRow(digest, said, time, ERASED, "erasure") for digest, said in refused
    )
    state.bare_suppressions(digests)


def conclude(state: State, told: Erased) -> None:
    """An order was carried out: its receipt takes its place."""
    state.drop_late(told.upto)
    row = state.erasure(told.id)
    if row is not None:
        state.put_erasure(row._replace(done=told.time, body=told.receipt))
    state.set_meta("scrub", "begin")


def note(state: State, told: Expunged) -> None:
    """A stretch of the log is rid of rejected calls."""
    state.drop_rejected(told.rejected)


def scrub(state: State) -> bool:
    """Get rid of a little more of what deleted words leave in the index; True where there was anything to do."""
    stage = state.meta("scrub")
    if not stage:
        return False
    with state.writing():
        if state.scrub_words(stage == "begin"):
            state.forget_meta("scrub")
        else:
            state.set_meta("scrub", "on")
    return True


def refusals(
    person: Person, names: Iterable[Identifier], pseudonym: Pseudonym
) -> set[tuple[str, str]]:
    """What this person's addresses must not be told again: (keyed hash of an address, key of the statement)."""
    addresses = {clean_email(value) for namespace, value in names if namespace == "email"} - {""}
    denied = [key for key, said in person.consent.items() if said.state == "denied"]
    return {(pseudonym("email", address), key) for address in addresses for key in denied}


def spellings(events: Iterable[Event], names: Iterable[Identifier]) -> set[str]:
    """Texts and numbers of these events that are one of these identifiers, written otherwise."""
    values = {value for _, value in names}
    plain = {value.casefold() for value in values}
    tails = {d[-TAIL:] for value in values if len(d := _digits(value)) > TAIL}
    told: set[str] = set()
    for event in events:
        told.update(leaves((event.traits, event.properties, event.context)))
    return {
        leaf
        for leaf in told - values
        if leaf.strip().casefold() in plain or _digits(leaf)[-TAIL:] in tails
    }


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit()) if any(c.isdigit() for c in text) else ""


def leaves(value: Any) -> Iterator[str]:
    """The texts and whole numbers in a tree of JSON, but for very long ones."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if len(one) <= LONGEST:
                yield one
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list | tuple):
            waiting += one
        elif isinstance(one, int) and not isinstance(one, bool):
            yield str(one)


def told_of_erased(
    state: State, pseudonym: Pseudonym, told: Sequence[tuple[Millis, Sequence[Identifier]]]
) -> set[int]:
    """Which of these, told at a time of some identifiers, are of people who were erased since: their places."""
    newest = state.newest_erased()
    old = {n: names for n, (time, names) in enumerate(told) if time <= newest} if newest else {}
    if not old:
        return set()
    digests = {name: pseudonym(*name) for names in old.values() for name in names}
    until = state.erased_at(set(digests.values()))
    return {
        n
        for n, names in old.items()
        if any(told[n][0] <= until.get(digests[name], -1) for name in names)
    }
