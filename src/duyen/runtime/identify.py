"""Whose events are these? Asks the state for what is known, `identity.resolve` for what is new.

Most events repeat a set of identifiers that is known already: one look-up. A new set, or a known one seen earlier
than before, re-resolves its whole component, and may rename, join or split people; so does a veto.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b

from duyen.identity import (
    CLAIMED,
    MAX_COMPONENT_EVIDENCE,
    Evidence,
    Resolution,
    Rules,
    Veto,
    connected,
    person_id,
    resolve,
    usable,
)
from duyen.model.event import Identifier, is_bearer
from duyen.model.times import Millis
from duyen.stores.rows import EvidenceRow, LiftRow, VetoRow
from duyen.stores.state import State

Identifiers = dict[str, dict[str, Millis]]
MOST_FULL = 64
"""Components of which is remembered whether they are full."""
ASIDE = "a_"
"""Begins the ids of documents of what identifies nobody any more; a person's begins with p_."""


@dataclass
class Split:
    """Evidence took people apart: the documents of `old` become those of `new` (an id with ASIDE: nobody's)."""

    old: set[str] = field(default_factory=set)
    new: set[str] = field(default_factory=set)


@dataclass
class Identified:
    """The outcome for one batch.

    `persons`: for each piece of evidence asked about, whose it is ("" = nobody's).
    `joins`: (old, new): the whole of old is now (part of) new. `identifiers`: of every person re-resolved.
    """

    persons: list[str]
    joins: list[tuple[str, str]] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    identifiers: dict[str, Identifiers] = field(default_factory=dict)
    resolutions: list[Resolution] = field(default_factory=list)
    aside: dict[str, str] = field(default_factory=dict)
    """Person -> the id under which lies what was theirs and names nobody any more, since its values were blocked."""


APART = "apart:"


def evidence_keys(names: Sequence[Identifier], trusted: bool, slot: int) -> tuple[str, ...]:
    """Under which keys this is stored; none where it names nobody.

    Where a limit has a window, a set that is told again in a later slot is evidence again, under a key of its own.
    """
    key = evidence_key(names, trusted) if names else ""
    return (key, f"{key}.{slot}") if key and slot else (key,) if key else ()


def evidence_key(identifiers: Sequence[Identifier], trusted: bool) -> str:
    """One key for each distinct set of identifiers and trust."""
    text = "\x01".join(f"{ns}\x02{value}" for ns, value in sorted(identifiers))
    return blake2b(f"{int(trusted)}{text}".encode(), digest_size=12).hexdigest()


@dataclass
class Retold:
    """What is asked was told before, and stored as it counted under other rules.

    `corrected`: key of stored evidence -> as it is told now; None where nothing tells it any more. `came`: key of
    what is asked -> whose it was under another key; `homes`: the components where it lay then.
    """

    corrected: dict[str, Evidence | None] = field(default_factory=dict)
    came: dict[str, set[str]] = field(default_factory=dict)
    homes: dict[str, set[str]] = field(default_factory=dict)


class Identify:
    """Answers for a batch, inside the engine's transaction."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._fullness = _Fullness()

    def identify(
        self,
        asked: Sequence[Evidence],
        rules: Rules,
        vetoes: Sequence[VetoRow] = (),
        lifts: Sequence[LiftRow] = (),
        again: Set[str] = frozenset(),
        retold: Retold | None = None,
    ) -> Identified:
        """Find each one's person; store what is new. `vetoes` are new as well, and hold until one of `lifts`.

        `again` are components to be resolved again although nothing is new; `retold` means that what is asked was
        told before under other rules: its components are resolved again too.
        """
        keys, first = _distinct(asked, rules)
        rows = self._state.evidence_by_key(list(first))
        fresh = {
            key: evidence
            for key, evidence in first.items()
            if key not in rows or (evidence.time, evidence.id) < (rows[key].time, rows[key].id)
        }
        homes: dict[str, set[str]] = {}
        if retold is not None:
            homes = {key: set(retold.homes.get(key, ())) for key in first}
            for key, row in rows.items():
                homes[key].add(row.component)
            homes = {k: {c for c in some if not c.startswith(APART)} for k, some in homes.items()}
            corrected = self._state.evidence_by_key(list(retold.corrected))
            again = again | {row.component for row in corrected.values()}
            stored = {
                k: Evidence(r.time, r.id, first[k].identifiers, r.trusted) for k, r in rows.items()
            }
            fresh = {key: fresh.get(key) or stored[key] for key in first}
        people = {key: row.person for key, row in rows.items()}
        outcome = Identified([])
        names = {name for evidence in fresh.values() for name in evidence.identifiers}
        apart = {name for veto in vetoes for name in (veto.a, veto.b)}
        apart |= self._state.put_lifts(lifts) if lifts else set()
        known = self._state.components(names | apart)
        store = _Store(self._state)
        old = store.evidence({*known.values(), *again}.union(*homes.values()))
        store.forbid(vetoes, names, old)
        people |= _past_cap(fresh, known, old, rules, store, self._fullness)
        torn = {known[name] for name in apart if name in known} | again
        store.retold = retold or Retold()
        store.parting = bool(again) or retold is not None
        for group in _groups(fresh, known, torn, homes):
            people.update(_resolve(group, fresh, old, rules, outcome, store))
        store.write()
        outcome.persons = [people.get(key, "") for key in keys]
        return outcome


def _distinct(asked: Sequence[Evidence], rules: Rules) -> tuple[list[str], dict[str, Evidence]]:
    """The key of each ("" = names nobody), and the earliest evidence of each key."""
    keys: list[str] = []
    first: dict[str, Evidence] = {}
    for evidence in asked:
        names = usable(evidence.identifiers, rules)
        stored = evidence_keys(names, evidence.trusted, rules.slot(names, evidence.time))
        keys.append(stored[0] if stored else "")
        for told in stored:
            known = first.get(told)
            if known is None or (evidence.time, evidence.id) < (known.time, known.id):
                first[told] = Evidence(evidence.time, evidence.id, names, evidence.trusted)
    return keys, first


def _earlier(a: Evidence, b: Evidence) -> bool:
    return (a.time, a.id) <= (b.time, b.id)


def _groups(
    fresh: Mapping[str, Evidence],
    known: Mapping[Identifier, str],
    torn: Set[str],
    homes: Mapping[str, Set[str]],
) -> list[tuple[set[str], set[str]]]:
    """Fresh evidence that touches, directly or through known components: (keys, components).

    Each component of `torn` is in a group, with or without fresh evidence; `homes` is where fresh evidence lay before.
    """
    sets = Sets()
    for key, evidence in fresh.items():
        for home in homes.get(key, ()):
            sets.join(key, ("component", home))
        for name in evidence.identifiers:
            sets.join(key, name)
            if name in known:
                sets.join(key, ("component", known[name]))
    groups: dict[object, tuple[set[str], set[str]]] = {}
    for key, evidence in fresh.items():
        keys, components = groups.setdefault(sets.root(key), (set(), set()))
        keys.add(key)
        components.update(known[name] for name in evidence.identifiers if name in known)
        components.update(homes.get(key, ()))
    for component in sorted(torn):
        _, components = groups.setdefault(sets.root(("component", component)), (set(), set()))
        components.add(component)
    return list(groups.values())


def _resolve(
    group: tuple[set[str], set[str]],
    fresh: Mapping[str, Evidence],
    stored: Mapping[str, dict[str, EvidenceRow]],
    rules: Rules,
    outcome: Identified,
    store: _Store,
) -> dict[str, str]:
    """Resolve one component again; returns the person of each of its pieces of evidence."""
    keys, components = group
    if not components and len(keys) == 1:
        (key,) = keys
        if _plain(fresh[key], rules, store.forbidden):
            return _found(key, fresh[key], outcome, store)
    old = {key: row for name in components for key, row in stored[name].items()}
    evidence = {k: Evidence(r.time, r.id, r.identifiers, r.trusted) for k, r in old.items()}
    for key in store.retold.corrected.keys() & old.keys():
        told = store.retold.corrected[key]
        if told is None:
            del evidence[key]
        else:
            evidence[key] = told
    evidence |= {
        key: fresh[key]
        for key in keys
        if key not in evidence or _earlier(fresh[key], evidence[key])
    }
    store.dropped |= old.keys() - evidence.keys()
    resolution, before, people = resolved(evidence, old, store.vetoes, rules)
    if store.parting:
        store.add_parts(evidence, people, resolution.ids, old, rules)
    else:
        name = min(components) if components else person_id(min(evidence[min(keys)].identifiers))
        store.add(name, evidence, people, resolution.ids, old)
    came = [(person, key) for key in keys for person in store.retold.came.get(key, ())]
    joins, splits = compare(before, people, came)
    splits += [Split({person}, {new}) for person, new in joins if new.startswith(ASIDE)]
    joins = [(person, new) for person, new in joins if not new.startswith(ASIDE)]
    store.changed_hands(set(old), set(people.values()).difference(before.values()), bool(splits))
    if (joins or splits) and len(old) >= MAX_COMPONENT_EVIDENCE:
        store.move_apart(resolution.ids)
    outcome.aside |= {before[k]: new for k, new in people.items() if new.startswith(ASIDE)}
    outcome.joins += joins
    outcome.splits += splits
    if splits:
        outcome.resolutions.append(resolution)
    outcome.identifiers |= resolution.first_seen(evidence.values())
    return people


def resolved(
    evidence: Mapping[str, Evidence],
    old: Mapping[str, EvidenceRow],
    vetoes: Sequence[Veto],
    rules: Rules,
) -> tuple[Resolution, dict[str, str], dict[str, str]]:
    """Resolve evidence, some of which is known: (resolution, whose it was, whose it is); changes nothing."""
    resolution = resolve(evidence.values(), vetoes, rules)
    people = {key: resolution.person_of(e.identifiers, e.trusted) for key, e in evidence.items()}
    before = {key: row.person for key, row in old.items() if row.person and key in evidence}
    orphans: dict[str, list[str]] = {}
    for key in before:
        if not people[key]:
            orphans.setdefault(before[key], []).append(key)
    for keys in orphans.values():
        people |= dict.fromkeys(
            keys, ASIDE + min(keys)
        )  # a key lies in one place, so no two have this id
    return resolution, before, people


def _past_cap(
    fresh: dict[str, Evidence],
    known: Mapping[Identifier, str],
    old: Mapping[str, Mapping[str, EvidenceRow]],
    rules: Rules,
    store: _Store,
    fullness: _Fullness,
) -> dict[str, str]:
    """New evidence that touches a full component counts as that of its first identifier alone, and joins nobody.

    So one shared id cannot stop the engine. What names an identifier of the full component leaves `fresh`, and its
    person is returned; the rest stays in `fresh`, cut down. Evidence told late, which would have been among the
    first of its component, is cut down as well: there, and only there, order of arrival matters.
    """
    full = {name for name, rows in old.items() if fullness.is_full(name, rows, rules)}
    people: dict[str, str] = {}
    if not full:
        return people
    named = cache(lambda component: _named(old[component]))
    for key, evidence in list(fresh.items()):
        touched = {known[name] for name in evidence.identifiers if name in known}
        if len(evidence.identifiers) < 2 or touched.isdisjoint(full):
            continue
        if any(key in old[component] for component in touched):
            continue
        first = _first(evidence, [named(component) for component in touched], rules)
        if known.get(first) in full or first[0].startswith(CLAIMED):
            people[key] = store.add_apart(key, evidence, first, known)
            del fresh[key]
        else:
            fresh[key] = Evidence(evidence.time, evidence.id, (first,), evidence.trusted)
    return people


class _Fullness:
    """Which components are full; remembered, since whoever tells too much of one goes on doing so."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Rules, frozenset[str], bool]] = {}

    def is_full(self, component: str, rows: Mapping[str, EvidenceRow], rules: Rules) -> bool:
        """Whether so much evidence hangs together, by what identifies under these rules."""
        if len(rows) < MAX_COMPONENT_EVIDENCE:
            return False
        keys = frozenset(rows)  # a key says all that makes evidence hang together
        known = self._found.get(component)
        if known is not None and known[0] is rules and known[1] == keys:
            return known[2]
        told = (Evidence(r.time, r.id, r.identifiers, r.trusted) for r in rows.values())
        full = any(len(part) >= MAX_COMPONENT_EVIDENCE for part in connected(told, rules))
        if len(self._found) >= MOST_FULL:
            self._found.clear()
        self._found[component] = rules, keys, full
        return full


def _named(rows: Mapping[str, EvidenceRow]) -> Set[Identifier]:
    """The guessable identifiers that trusted evidence of a component names."""
    return {
        n for row in rows.values() if row.trusted for n in row.identifiers if not is_bearer(n[0])
    }


def _first(evidence: Evidence, named: Sequence[Set[Identifier]], rules: Rules) -> Identifier:
    """The identifier that evidence keeps when it joins nobody: its first, or its first claim."""
    for name in evidence.identifiers:
        claimed = not evidence.trusted and (rules.refuses(name) or any(name in n for n in named))
        if not claimed:
            return name
    namespace, value = evidence.identifiers[0]
    return CLAIMED + namespace, value


def apart_of(name: Identifier) -> str:
    """Where evidence of an identifier lies that its full component no longer takes."""
    return APART + person_id(name)


def _plain(evidence: Evidence, rules: Rules, forbidden: Set[Identifier]) -> bool:
    """Whether evidence that touches nothing known is simply one new person: no rule can bind."""
    names = evidence.identifiers
    return (
        len({namespace for namespace, _ in names}) == len(names)
        and (evidence.trusted or not any(rules.refuses(name) for name in names))
        and (not forbidden or forbidden.isdisjoint(names))
    )


def _found(key: str, evidence: Evidence, outcome: Identified, store: _Store) -> dict[str, str]:
    """A new person, founded by the identifier of the highest priority (`usable` puts it first)."""
    person = person_id(evidence.identifiers[0])
    ids = dict.fromkeys(evidence.identifiers, person)
    store.add(person_id(min(evidence.identifiers)), {key: evidence}, {key: person}, ids, {})
    outcome.identifiers[person] = {ns: {value: evidence.time} for ns, value in evidence.identifiers}
    return {key: person}


class _Store:
    """What a batch reads and writes of identity, in few statements."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._evidence: list[EvidenceRow] = []
        self._names: dict[Identifier, tuple[str, str, str, str]] = {}
        self._touched: dict[Identifier, tuple[str, str, str, str]] = {}
        self._torn: set[str] = set()
        self._founded: dict[str, set[str]] = {}
        self.parting = False
        """Whether components that no longer hang together are stored as several."""
        self.retold = Retold()
        self.dropped: set[str] = set()
        self.vetoes: list[Veto] = []
        self.forbidden: frozenset[Identifier] = frozenset()

    def forbid(
        self,
        vetoes: Sequence[VetoRow],
        names: Set[Identifier],
        old: Mapping[str, Mapping[str, EvidenceRow]],
    ) -> None:
        """Store new vetoes, and look up those that bear on these identifiers and this evidence."""
        self._state.put_vetoes(vetoes)
        if not self._state.any_vetoes():
            return
        told = {name for rows in old.values() for row in rows.values() for name in row.identifiers}
        found = self._state.vetoes_of(told | names)
        self.vetoes = [Veto(row.time, row.id, row.a, row.b) for row in found]
        self.forbidden = frozenset(row.a for row in found)

    def evidence(self, components: set[str]) -> dict[str, dict[str, EvidenceRow]]:
        """All evidence of some components, by component and key."""
        found: dict[str, dict[str, EvidenceRow]] = {name: {} for name in components}
        for row in self._state.evidence_of(list(components)):
            found[row.component][row.key] = row
        return found

    def add(
        self,
        component: str,
        evidence: Mapping[str, Evidence],
        people: Mapping[str, str],
        ids: Mapping[Identifier, str],
        old: Mapping[str, EvidenceRow],
    ) -> None:
        """Remember one component as it is now."""
        for key, e in evidence.items():
            row = EvidenceRow(key, component, people[key], e.time, e.id, e.trusted, e.identifiers)
            if old.get(key) != row:
                self._evidence.append(row)
        names = {name for e in evidence.values() for name in e.identifiers}
        for ns, value in names.union(ids):
            self._names[ns, value] = (ns, value, component, ids.get((ns, value), ""))

    def add_parts(
        self,
        evidence: Mapping[str, Evidence],
        people: Mapping[str, str],
        ids: Mapping[Identifier, str],
        old: Mapping[str, EvidenceRow],
        rules: Rules,
    ) -> None:
        """Remember what was one component as those that it falls into under these rules."""
        sets = Sets()
        for key, e in evidence.items():
            for name in usable(e.identifiers, rules) or (("aside", people[key]),):
                sets.join(("key", key), name)
        parts: dict[object, dict[str, Evidence]] = {}
        for key, e in evidence.items():
            parts.setdefault(sets.root(("key", key)), {})[key] = e
        for part in parts.values():
            told = {name for e in part.values() for name in e.identifiers}
            names = {name for name in told if not rules.blocks(name)} or told
            own = {n: p for n, p in ids.items() if (n[0].removeprefix(CLAIMED), n[1]) in told}
            self.add(person_id(min(names)), part, people, own, old)

    def add_apart(
        self, key: str, e: Evidence, name: Identifier, known: Mapping[Identifier, str]
    ) -> str:
        """Remember evidence outside its full component, as that of whoever holds `name`; returns the person."""
        holder = self._state.person_of(*name)
        person = holder or person_id(name)
        row = EvidenceRow(key, apart_of(name), person, e.time, e.id, e.trusted, (name,))
        self._evidence.append(row)
        if name in known:
            self._touched[name] = (*name, known[name], holder or "")
        return person

    def move_apart(self, ids: Mapping[Identifier, str]) -> None:
        """Evidence that lies outside its full component goes with the holders of its identifiers."""
        places = {apart_of(name): person for name, person in ids.items()}
        for row in self._state.evidence_of(list(places)):
            if row.person != places[row.component]:
                self._evidence.append(row._replace(person=places[row.component]))
                self._torn.add(row.key)

    def changed_hands(self, keys: set[str], founded: set[str], torn: bool) -> None:
        """The people of this evidence were taken apart (`torn`), or `founded` live in it who did not before."""
        if torn:
            self._torn |= keys
        elif keys:
            self._founded |= dict.fromkeys(founded, keys)

    def write(self) -> None:
        """Store what was added, and note for the lake what no redirect tells: splits, and ids that live again.

        Every identifier of a component that was resolved is written, changed or not, and so is one under which
        evidence was laid apart: two engines that resolve the same component at the same time cannot both go on.
        """
        if self.dropped:
            self._state.drop_evidence(self.dropped)
        self._state.put_evidence(self._evidence)
        self._state.put_identifiers((self._touched | self._names).values())
        again = self._state.redirects_of(list(self._founded))
        self._state.revive(again)
        self._state.regroup("evidence", self._torn.union(*(self._founded[id] for id in again)))


class Sets:
    """Disjoint sets (union-find with path halving)."""

    def __init__(self) -> None:
        self._parent: dict[object, object] = {}

    def root(self, one: object) -> object:
        parent = self._parent
        while (above := parent.setdefault(one, one)) != one:
            parent[one] = one = parent.setdefault(above, above)
        return one

    def join(self, a: object, b: object) -> None:
        self._parent[self.root(a)] = self.root(b)


def compare(
    before: Mapping[str, str], after: Mapping[str, str], came: Iterable[tuple[str, str]] = ()
) -> tuple[list[tuple[str, str]], list[Split]]:
    """How people changed, given the person of each piece of evidence before and after.

    `came`: (person, key) of evidence that was the person's under another key.
    """
    became: dict[str, set[str]] = {}
    for person, key in [*((person, key) for key, person in before.items()), *came]:
        became.setdefault(person, set()).add(after[key])
    # An id that new evidence founds again is somebody else now: that takes the old person apart.
    alive = set(after.values())
    for person, heirs in became.items():
        if person in alive:
            heirs.add(person)
    torn = {person for person, heirs in became.items() if len(heirs) > 1}
    splits: list[Split] = []
    for person in sorted(torn):
        split = Split({person}, set(became[person]))
        for other in [s for s in splits if s.new & split.new]:
            splits.remove(other)
            split = Split(split.old | other.old, split.new | other.new)
        splits.append(split)
    joins = []
    for person in sorted(set(became) - torn):
        (new,) = became[person]
        inside = next((s for s in splits if new in s.new), None)
        if inside is not None:
            inside.old.add(person)
        elif new != person:
            joins.append((person, new))
    return joins, splits
