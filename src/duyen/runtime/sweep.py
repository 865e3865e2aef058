"""After the rules of identity have changed: everybody who is known already is looked at under the new ones.

A sweep walks in slices, each a batch of its own, recorded like any other, so that it goes on after a kill and a
rebuild takes the same steps. First, where stored evidence may lack what counts now (values that were blocked, or
repetitions in a window), the log up to the change is told again as evidence; then every component that the change may
concern is resolved again. What arrives meanwhile is resolved under the new rules at once. As identity is a pure
function of the set of evidence, the end is what a fresh start under the new rules gives.

Components that were cut off at their limit are the exception, as they are for the order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from duyen import collect
from duyen.identity import (
    Change,
    Evidence,
    Rules,
    Veto,
    parse_blocked,
    parse_rules,
    rules_to_data,
    usable,
)
from duyen.model.decision import Decision
from duyen.model.event import Collected, Identifier
from duyen.model.happening import Happened
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.program import WorkspaceSettings
from duyen.model.times import Millis
from duyen.runtime.house import House
from duyen.runtime.identify import ASIDE, Identified, Retold, evidence_keys, resolved
from duyen.runtime.sharding import shard_of_entry
from duyen.stores.log import Block
from duyen.stores.rows import EvidenceRow
from duyen.stores.state import State

LANE = -3
"""By which a slice stands among the recorded batches."""
SLICE = 500
"""Pieces of evidence that are resolved again, or entries of the log that are told again, in one batch."""
LOOKED = 8
"""So many times as many are looked at, where most need nothing."""
LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
"""What the name of a component, a hash, is written in, in the order of the names."""
_META = "sweep"
_ANY_SETTINGS = WorkspaceSettings()
"""Who an event names does not depend on them."""
_LANES = (Lane.LIVE, Lane.BULK)

Told = list[tuple[Happened, int, int]]


class Rows(NamedTuple):
    """One component: its evidence as stored, and as it is resolved under the new rules."""

    rows: dict[str, EvidenceRow]
    before: dict[str, str]
    after: dict[str, str]
    names: dict[str, list[Identifier]]
    """Person under the new rules -> what they are known by."""
    changed: bool


@dataclass
class Swept:
    """What one slice asks of identity."""

    asked: list[Evidence] = field(default_factory=list)
    components: set[str] = field(default_factory=set)
    retold: Retold | None = None


class Walk(msgspec.Struct):
    """How far a sweep has come. `upto`, by lane and shard: what the log has behind it was told under the new rules."""

    bases: list[dict[str, Any]]
    since: Millis
    upto: dict[int, list[int]]
    entries: int = 0
    """Of the log, that are to be told again; 0 where none."""
    at: dict[int, int] = {}
    told: int = 0
    cursor: str = ""
    looked: int = 0
    merged: int = 0
    split: int = 0
    aside: int = 0


class Outcome(NamedTuple):
    """How many people there are fewer by merges, how many are taken apart, how many are known by nothing any more."""

    merged: int
    split: int
    aside: int


_encode = msgspec.json.encode
_walk = msgspec.json.Decoder(Walk).decode


def rules_data(settings: WorkspaceSettings) -> dict[str, Any]:
    """The part of the settings that decides who is who."""
    return {"identity": rules_to_data(settings.identity), "blocked": list(settings.blocked)}


def rules_of(data: Mapping[str, Any]) -> Rules:
    """The rules that such a part makes."""
    return Rules.of(parse_rules(data["identity"]), parse_blocked(data["blocked"]))


def under_way(state: State) -> Walk | None:
    """The sweep that is not at its end."""
    stored = state.meta(_META)
    return _walk(stored) if stored else None


def finished(state: State) -> Walk | None:
    """The last sweep that came to its end."""
    stored = state.meta(f"{_META}:last")
    return _walk(stored) if stored else None


def progress(walk: Walk) -> float:
    """About how much of a sweep is done, from 0 to 1."""
    total = sum(max(places) for places in walk.upto.values())
    told = sum(walk.at.values()) / total if walk.entries and total else 1.0
    if not walk.entries and not walk.at:
        return fraction(walk.cursor)
    return (told + fraction(walk.cursor)) / 2


def fraction(cursor: str) -> float:
    """How much of all components lies before a name, from 0 to 1."""
    found, weight = 0.0, 1.0
    for letter in cursor.removeprefix("p_")[:8]:
        weight /= len(LETTERS)
        found += max(LETTERS.find(letter), 0) * weight
    return found


def begin(house: House, before: WorkspaceSettings, now: Millis) -> None:
    """Start a sweep where the rules are others now; one that is under way starts again, from all it came from."""
    settings = house.program().settings
    base, present = rules_data(before), rules_data(settings)
    if base == present:
        return
    running = under_way(house.state)
    bases = [*(running.bases if running else ()), base]
    bases = [each for place, each in enumerate(bases) if each not in bases[:place]]
    change = Change([rules_of(each) for each in bases], rules_of(present))
    upto = {int(lane): house.state.positions(lane) for lane in _LANES}
    walk = Walk(bases, now, upto)
    if change.reads_log:
        walk.entries = sum(house.log.waiting(lane, 0) for lane in _LANES)
        walk.entries -= sum(house.log.waiting(lane, max(upto[int(lane)])) for lane in _LANES)
    _put(house.state, walk)


def take(house: House, most: int) -> tuple[Swept, Told]:
    """The next slice: what identity is to be asked, and events that were nobody's and may be somebody's now."""
    state = house.state
    walk = under_way(state)
    if walk is None:
        return Swept(), []
    change = _change(house, walk)
    swept, told = Swept(), Told()
    if not _tell_again(house, walk, change, most, swept, told):
        _look(state, walk, change, most, swept)
    return swept, told


def _change(house: House, walk: Walk) -> Change:
    settings = house.program().settings
    return Change(
        [rules_of(each) for each in walk.bases], Rules.of(settings.identity, settings.blocked)
    )


def _tell_again(
    house: House, walk: Walk, change: Change, most: int, swept: Swept, told: Told
) -> bool:
    """Read on in the log; False where all of it was told again."""
    if not walk.entries:
        return False
    for lane in _LANES:
        places = walk.upto[int(lane)]
        after, upto = walk.at.get(int(lane), 0), max(places)
        if after >= upto:
            continue
        blocks = list(house.log.read(lane, after, upto=upto, most=most * LOOKED))
        for block in blocks:
            for index, entry in enumerate(block.entries):
                found = _evidence(entry, change, house.program().settings)
                if found is None or places[shard_of_entry(entry)] < block.seq:
                    continue
                event, evidence = found
                if event is not None and change.was_nobody(evidence.identifiers):
                    told.append((Happened(event, False), block.seq, index))
                else:
                    swept.asked.append(evidence)
            walk.told += len(block.entries)
            walk.at[int(lane)] = block.seq
            if len(told) + len(swept.asked) >= most:
                break
        if not blocks:
            walk.at[int(lane)] = upto
        swept.asked = _remembered(house.state, swept.asked, change)
        again = [_evidence_of(happened) for happened, _, _ in told] + swept.asked
        swept.retold = _stood(house.state, again, change)
        _put(house.state, walk)
        return True
    walk.entries = 0
    return False


def _evidence(
    entry: object, change: Change, settings: WorkspaceSettings = _ANY_SETTINGS
) -> tuple[Any, Evidence] | None:
    """What an entry tells of who somebody is, where that may count otherwise than it is stored."""
    if isinstance(entry, Collected):
        event = collect.normalise(entry, settings)
        if change.retells(event.identifiers):
            return event, Evidence(event.time, event.id, event.identifiers, event.trusted)
    elif isinstance(entry, Decision) and change.retells((entry.identifier,)):
        return None, Evidence(entry.time, entry.id, (entry.identifier,), entry.trusted)
    return None


def evidence_in_log(blocks: Iterable[Block], change: Change) -> Iterator[Evidence]:
    """What these blocks tell of who somebody is, where that may count otherwise than it is stored."""
    for block in blocks:
        for entry in block.entries:
            found = _evidence(entry, change)
            if found is not None:
                yield found[1]


def _evidence_of(happened: Happened) -> Evidence:
    event = happened.event
    return Evidence(event.time, event.id, event.identifiers, event.trusted)


def _remembered(state: State, asked: list[Evidence], change: Change) -> list[Evidence]:
    """Without what is stored under none of the rules although it named somebody: they are forgotten since."""
    if not asked or not state.forgotten(0, 1):
        return asked
    keys = [
        {
            key
            for rules in (*change.bases, change.rules)
            for names in [usable(one.identifiers, rules)]
            for key in evidence_keys(names, one.trusted, rules.slot(names, one.time))
        }
        for one in asked
    ]
    stored = state.evidence_by_key(sorted(set().union(*keys))).keys()
    return [one for one, some in zip(asked, keys, strict=True) if not some or some & stored]


def _stood(state: State, told: Sequence[Evidence], change: Change) -> Retold:
    """Whose these were, by the stored evidence that stood for them as they counted before; what else it stands for.

    All events of one set of identifiers are of one person, so that person's document has them.
    """
    retold = Retold()
    stood: dict[str, list[tuple[Evidence, str]]] = {}
    for one in told:
        now = usable(one.identifiers, change.rules)
        for base in change.bases:
            names = usable(one.identifiers, base)
            if names and now and set(names) != set(now):
                key = evidence_keys(now, one.trusted, 0)[0]
                for before in evidence_keys(names, one.trusted, base.slot(names, one.time)):
                    stood.setdefault(before, []).append((one, key))
    rows = state.evidence_by_key(list(stood))
    people = {row.person for row in rows.values()}
    documents = {person: head.person for person, head in state.heads(sorted(people)).items()}
    documents |= state.asides(people)
    history = {id: list(_evidence_in(state, id, each)) for id, each in documents.items()}
    ids = {person: {one.id for one in known} for person, known in history.items()}
    stale: dict[str, set[str]] = {}
    for before, row in rows.items():
        for one, key in stood[before]:
            if one.id in ids.get(row.person, ()):
                retold.came.setdefault(key, set()).add(row.person)
                retold.homes.setdefault(key, set()).add(row.component)
            if (row.time, row.id) == (one.time, one.id):
                stale.setdefault(row.person, set()).add(before)
    for person, keys in stale.items():
        retold.corrected |= dict.fromkeys(keys)
        for one in history.get(person, ()):
            names = usable(one.identifiers, change.rules)
            for key in evidence_keys(names, one.trusted, change.rules.slot(names, one.time)):
                if key in keys:
                    known = retold.corrected[key]
                    if known is None or (one.time, one.id) < (known.time, known.id):
                        retold.corrected[key] = Evidence(one.time, one.id, names, one.trusted)
    return retold


def _evidence_in(state: State, person: str, document: Person) -> Iterator[Evidence]:
    """What a person's own history tells of who they are: events and decisions."""
    events = state.chunks(person) if document.chunks else []
    for event in (*events, *document.recent):
        yield Evidence(event.time, event.id, event.identifiers, event.trusted)
    before: tuple[Millis, str] | None = None
    while decisions := state.decisions_before(person, before, SLICE):
        for each in decisions:
            yield Evidence(each.time, each.id, (each.identifier,), each.trusted)
        before = (decisions[-1].time, decisions[-1].id)


def _look(state: State, walk: Walk, change: Change, most: int, swept: Swept) -> None:
    """Look at the next components, until enough of them have to be resolved again."""
    names = state.components_after(walk.cursor or "b", most * LOOKED)  # not what lies apart
    weight = 0
    for component, found in looked(state, names, change):
        walk.cursor = component
        walk.looked += 1
        if found is None or not found.changed:
            continue
        swept.components.add(component)
        weight += len(found.rows)
        if weight >= most:
            break
    else:
        if len(names) < most * LOOKED:
            state.forget_meta(_META)
            state.set_meta(f"{_META}:last", _encode(walk).decode())
            return
    _put(state, walk)


def looked(
    state: State, components: Sequence[str], change: Change
) -> Iterator[tuple[str, Rows | None]]:
    """Each of these components under the new rules; None where the change cannot concern it."""
    for start in range(0, len(components), SLICE):
        some = components[start : start + SLICE]
        stored: dict[str, dict[str, EvidenceRow]] = {name: {} for name in some}
        for row in state.evidence_of(some):
            stored[row.component][row.key] = row
        names = {
            name: {n for r in rows.values() for n in r.identifiers} for name, rows in stored.items()
        }
        concerned = [name for name in some if change.concerns(names[name])]
        everybody = {n for name in concerned for n in names[name]}
        vetoes = vetoes_of(state, everybody)
        holders = state.holders(everybody)
        for name in some:
            found = None
            if name in concerned:
                found = look(stored[name], names[name], vetoes, holders, change)
            yield name, found


def vetoes_of(state: State, names: Iterable[Identifier]) -> list[Veto]:
    """The vetoes in which one of these stands."""
    if not state.any_vetoes():
        return []
    return [Veto(row.time, row.id, row.a, row.b) for row in state.vetoes_of(names)]


def look(
    rows: dict[str, EvidenceRow],
    names: Iterable[Identifier],
    vetoes: Sequence[Veto],
    holders: Mapping[Identifier, str],
    change: Change,
    more: Mapping[str, Evidence] | None = None,
) -> Rows:
    """One component under the new rules; `more` is evidence that is not stored."""
    evidence = {k: Evidence(r.time, r.id, r.identifiers, r.trusted) for k, r in rows.items()}
    resolution, before, after = resolved({**evidence, **(more or {})}, rows, vetoes, change.rules)
    changed = (
        any(after[key] != person for key, person in before.items())
        or any(change.touches(name) or _claims(name, change) for name in names)
        or any(resolution.ids.get(name, "") != holders.get(name, "") for name in names)
    )
    known: dict[str, list[Identifier]] = {}
    for name, person in sorted(resolution.ids.items()):
        known.setdefault(person, []).append(name)
    return Rows(rows, before, after, known, changed)


def _claims(name: Identifier, change: Change) -> bool:
    """Whether what browsers say of this became a claim, or is none any more."""
    return any(base.refuses(name) != change.rules.refuses(name) for base in change.bases)


def outcome(components: Iterable[tuple[Mapping[str, str], Mapping[str, str]]]) -> Outcome:
    """How people change, given the person of each piece of evidence before and after."""
    merged = split = aside = 0
    for before, after in components:
        heirs: dict[str, set[str]] = {}
        former: dict[str, set[str]] = {}
        for key, person in before.items():
            if not after[key].startswith(ASIDE):
                heirs.setdefault(person, set()).add(after[key])
                if not person.startswith(ASIDE):
                    former.setdefault(after[key], set()).add(person)
        people = {person for person in before.values() if not person.startswith(ASIDE)}
        split += sum(len(heirs.get(person, ())) > 1 for person in people)
        aside += sum(person not in heirs for person in people)
        merged += sum(len(old) - 1 for old in former.values())
    return Outcome(merged, split, aside)


def count(state: State, found: Identified) -> None:
    """Remember what a slice made of people."""
    walk = under_way(state)
    key, walk = (_META, walk) if walk else (f"{_META}:last", finished(state))
    if walk is None or not (found.joins or found.splits):
        return
    walk.merged += sum(not old.startswith(ASIDE) for old, _ in found.joins)
    for split in found.splits:
        old, new = ([p for p in side if not p.startswith(ASIDE)] for side in (split.old, split.new))
        walk.split += len(new) > 1
        walk.aside += 0 if new else len(old)
    state.set_meta(key, _encode(walk).decode())


def _put(state: State, walk: Walk) -> None:
    state.set_meta(_META, _encode(walk).decode())
