"""Identity resolution: from a set of evidence and vetoes to people.

Trusted evidence is taken first, then what browsers said; each in order of (event time, message id). So what
a browser says never changes what a company's own servers say. Each piece of evidence is matched as the Segment
protocol has it: its identifiers join the people who hold them, or found a person; where the joined person
would break a rule, the evidence's lowest-priority identifier is set aside and matching is tried again.

Rules that a join may not break: a namespace's limit, for good or within a window of the times at which a person got
the values; a veto; and, for untrusted evidence, that no guessable identifier (user_id, e-mail, phone, a company's own)
enters a verified person. A verified person holds a guessable identifier that trusted evidence names. Such an
identifier in untrusted evidence is a mere claim, as is one whose namespace is protected from anonymous merges: it
joins nobody, and is kept as `claimed.<namespace>`. An identifier whose namespace is protected from merges is added to
one person, but is never what makes two people one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from duyen.identity.evidence import CLAIMED, Evidence, Veto, distinct, person_id, usable
from duyen.identity.rules import DEFAULT_LIMIT, Rules
from duyen.model.event import Identifier, is_bearer
from duyen.model.times import Millis

MAX_COMPONENT_EVIDENCE = 1_000
"""Evidence after these of one component (in the order of resolution) joins nobody: it keeps its first identifier."""
MAX_COMPONENT_IDENTIFIERS = 10_000

_Told = tuple[tuple[Identifier, ...], tuple[Identifier, ...]]
"""Identifiers to match by, and claims; each the highest priority first."""


class Resolution:
    """Who is who.

    `people`: person id -> namespace -> values, claims included; `ids`: who holds an identifier;
    `verified`: ids of the verified people; `named`: the guessable identifiers that trusted evidence names.
    """

    __slots__ = ("_rules", "ids", "named", "people", "verified")

    def __init__(
        self,
        people: dict[str, dict[str, set[str]]],
        ids: dict[Identifier, str],
        verified: set[str],
        named: set[Identifier],
        rules: Rules,
    ) -> None:
        self.people, self.ids, self.verified, self.named = people, ids, verified, named
        self._rules = rules

    def person_of(self, identifiers: Iterable[Identifier], trusted: bool) -> str:
        """Whose event it is that names these; "" where none of them may identify (`person_of_message`)."""
        return self._person(self._split(identifiers, trusted))

    def kept(self, identifiers: Iterable[Identifier], trusted: bool) -> tuple[Identifier, ...]:
        """Those of an event's identifiers that its person holds, claims under their shadow names."""
        told = self._split(identifiers, trusted)
        held = self.people.get(self._person(told))
        if held is None:
            return (told[0] or told[1])[:1]
        return tuple(sorted(i for half in told for i in half if i[1] in held.get(i[0], ())))

    def first_seen(self, evidence: Iterable[Evidence]) -> dict[str, dict[str, dict[str, Millis]]]:
        """Everybody's identifiers (as in `people`), each with the event time at which it was first seen."""
        found: dict[str, dict[str, dict[str, Millis]]] = {}
        for one in evidence:
            person = self.person_of(one.identifiers, one.trusted)
            for namespace, value in self.kept(one.identifiers, one.trusted):
                values = found.setdefault(person, {}).setdefault(namespace, {})
                values[value] = min(values.get(value, one.time), one.time)
        return found

    def _person(self, told: _Told) -> str:
        using = told[0] or told[1]
        held = next((i for i in using if i in self.ids), None)
        return self.ids[held] if held else person_id(using[0]) if using else ""

    def _split(self, identifiers: Iterable[Identifier], trusted: bool) -> _Told:
        return _split(usable(identifiers, self._rules), trusted, self.named, self._rules)


class _Profile:
    """A person in the making."""

    __slots__ = ("claims", "counts", "evidence", "held", "verified")

    def __init__(self) -> None:
        self.held: dict[Identifier, Millis] = {}
        """Each with the time of the evidence that added it."""
        self.counts: Counter[str] = Counter()
        self.claims: set[Identifier] = set()
        self.evidence: list[tuple[Evidence, Identifier]] = []
        self.verified = False


def resolve(evidence: Iterable[Evidence], vetoes: Iterable[Veto], rules: Rules) -> Resolution:
    """Who is who, by this set of evidence and vetoes: a pure function of the two sets."""
    ordered = sorted(distinct(evidence, rules), key=_order)
    named = {i for e in ordered if e.trusted for i in e.identifiers if not is_bearer(i[0])}
    work = _Matching(rules, vetoes, named)
    for one, alone in _capped(ordered):
        work.match(one, alone)
    return work.result()


def connected(evidence: Iterable[Evidence], rules: Rules) -> list[list[Evidence]]:
    """Evidence in components that share no usable identifier: each can be resolved alone."""
    groups = _Groups()
    members: list[tuple[Evidence, Identifier]] = []
    for one in evidence:
        identifiers = usable(one.identifiers, rules)
        if identifiers:
            groups.join(identifiers)
            members.append((one, identifiers[0]))
    found: dict[Identifier, list[Evidence]] = defaultdict(list)
    for one, first in members:
        found[groups.root(first)].append(one)
    return list(found.values())


def _told(one: Evidence) -> tuple[Millis, str, list[Identifier]]:
    """When it was told; never a tie."""
    return one.time, one.id, sorted(one.identifiers)


def _order(one: Evidence) -> tuple[bool, Millis, str, list[Identifier]]:
    """Trusted evidence first, each in order of (event time, message id)."""
    return not one.trusted, *_told(one)


class _Matching:
    """The state of one resolution."""

    def __init__(self, rules: Rules, vetoes: Iterable[Veto], named: set[Identifier]) -> None:
        self.rules, self.named = rules, named
        self.guarded = any(rule.protect == "merges" for rule in rules.namespaces.values())
        self.windows = {name for name, rule in rules.namespaces.items() if rule.within}
        self.owner: dict[Identifier, _Profile] = {}
        self.enemies: dict[Identifier, set[Identifier]] = defaultdict(set)
        for veto in vetoes:
            if veto.a != veto.b:
                self.enemies[veto.a].add(veto.b)
                self.enemies[veto.b].add(veto.a)

    def match(self, one: Evidence, alone: bool) -> None:
        """Add one piece of evidence to the person it fits; `alone`: it may join nobody."""
        real, claims = _split(one.identifiers, one.trusted, self.named, self.rules)
        using = list(real if real and not alone else (real or claims)[:1])
        if self.guarded and len(using) > 1:
            using = self._unguarded(using)
        while len(using) > 1 and not self._fits(using, one):
            using.pop()
        if not using:
            return
        profile = self._join(using, one.time)
        profile.evidence.append((one, using[0]))
        profile.claims.update(claims)

    def _profiles(self, using: list[Identifier]) -> list[_Profile]:
        return list({id(p): p for i in using if (p := self.owner.get(i))}.values())

    def _unguarded(self, using: list[Identifier]) -> list[Identifier]:
        """Without those that a protected identifier alone would tie to the person of the first one."""
        first = self.owner.get(using[0])
        free = [p for i in using if (p := self.owner.get(i)) and not self.rules.protects(i)]
        if self.rules.protects(using[0]) and first is not None:
            # Only who holds the first is tied to it by more than the protected value.
            near = free if any(p is first for p in free) else [first]
        else:
            held = (p for i in using if (p := self.owner.get(i)))
            near = free or [p for p in [next(held, None)] if p is not None]
        return [
            i for i in using if (p := self.owner.get(i)) is None or any(p is each for each in near)
        ]

    def _fits(self, using: list[Identifier], one: Evidence) -> bool:
        """Whether the person joined by these would break no rule."""
        trusted = one.trusted
        profiles = self._profiles(using)
        fresh = [i for i in using if i not in self.owner]
        if len(profiles) == 1 and not fresh:
            return True
        counts = Counter(namespace for namespace, _ in fresh)
        for profile in profiles:
            counts.update(profile.counts)
        for namespace, n in counts.items():
            if n > self.rules.limit(namespace) and (
                namespace not in self.windows or self._crowded(namespace, profiles, fresh, one.time)
            ):
                return False
        if not trusted and any(p.verified for p in profiles):
            entering = [i for p in profiles if not p.verified for i in p.held]
            if any(not is_bearer(namespace) for namespace, _ in (*fresh, *entering)):
                return False
            # A browser never makes two verified people one.
            if sum(p.verified for p in profiles) > 1:
                return False
        return not self.enemies or not self._vetoed(profiles, fresh)

    def _crowded(
        self, namespace: str, profiles: list[_Profile], fresh: list[Identifier], now: Millis
    ) -> bool:
        """Whether the joined person would have got more values than the limit within some window."""
        times = [t for p in profiles for i, t in p.held.items() if i[0] == namespace]
        times += [now for i in fresh if i[0] == namespace]
        times.sort()
        limit, within = self.rules.limit(namespace), self.rules.within(namespace)
        return any(late - early < within for early, late in zip(times, times[limit:], strict=False))

    def _vetoed(self, profiles: list[_Profile], fresh: list[Identifier]) -> bool:
        everyone = set(fresh).union(*(p.held for p in profiles))
        return any(not everyone.isdisjoint(self.enemies.get(i, ())) for i in everyone)

    def _join(self, using: list[Identifier], now: Millis) -> _Profile:
        """Make one profile of all who hold these, the largest taking in the others."""
        profiles = sorted(self._profiles(using), key=lambda p: -len(p.held))
        profile = profiles[0] if profiles else _Profile()
        for other in profiles[1:]:
            for identifier in other.held:
                self.owner[identifier] = profile
            profile.held |= other.held
            profile.counts.update(other.counts)
            profile.claims |= other.claims
            profile.evidence += other.evidence
            profile.verified |= other.verified
        for identifier in using:
            if identifier not in profile.held:
                profile.held[identifier] = now
                profile.counts[identifier[0]] += 1
                self.owner[identifier] = profile
                profile.verified |= identifier in self.named
        return profile

    def result(self) -> Resolution:
        """Name every person after the identifier that founded them: the first of their earliest evidence."""
        people: dict[str, dict[str, set[str]]] = {}
        ids: dict[Identifier, str] = {}
        verified: set[str] = set()
        for profile in {id(p): p for p in self.owner.values()}.values():
            founder = min(profile.evidence, key=lambda e: _told(e[0]))[1]
            person = person_id(founder)
            held: dict[str, set[str]] = defaultdict(set)
            for namespace, value in profile.held:
                held[namespace].add(value)
                ids[namespace, value] = person
            for namespace, value in sorted(profile.claims):
                own = (namespace.removeprefix(CLAIMED), value) in profile.held
                if not own and len(held[namespace]) < DEFAULT_LIMIT:
                    held[namespace].add(value)
            people[person] = {namespace: values for namespace, values in held.items() if values}
            if profile.verified:
                verified.add(person)
        return Resolution(people, ids, verified, self.named, self.rules)


def _split(
    identifiers: tuple[Identifier, ...], trusted: bool, named: set[Identifier], rules: Rules
) -> _Told:
    """What evidence may use to match, and what it merely claims, under the shadow names."""
    if trusted:
        return identifiers, ()
    claimed = {i for i in identifiers if i in named or rules.refuses(i)}
    if not claimed:
        return identifiers, ()
    claims = tuple((CLAIMED + ns, value) for ns, value in identifiers if (ns, value) in claimed)
    return tuple(i for i in identifiers if i not in claimed), claims


def _capped(ordered: Iterable[Evidence]) -> Iterator[tuple[Evidence, bool]]:
    """The evidence, each with whether its component is full, so that it may join nobody any more."""
    groups = _Groups()
    for one in ordered:
        alone = len(one.identifiers) > 1 and not groups.room_for(one.identifiers)
        if one.identifiers and not alone:
            groups.join(one.identifiers)
        yield one, alone


class _Groups:
    """Components of identifiers: union by size, with the evidence and identifiers counted."""

    def __init__(self) -> None:
        self.parent: dict[Identifier, Identifier] = {}
        self.evidence: Counter[Identifier] = Counter()
        self.size: dict[Identifier, int] = {}

    def root(self, identifier: Identifier) -> Identifier:
        parent = self.parent.setdefault(identifier, identifier)
        if parent == identifier:
            self.size.setdefault(identifier, 1)
            return identifier
        while self.parent[parent] != parent:
            self.parent[identifier] = self.parent[parent]
            identifier, parent = parent, self.parent[parent]
        return parent

    def room_for(self, identifiers: tuple[Identifier, ...]) -> bool:
        """Whether joining these stays within the limits of a component."""
        roots = {self.root(i) for i in identifiers}
        evidence = sum(self.evidence[r] for r in roots) + 1
        size = sum(self.size[r] for r in roots)
        return evidence <= MAX_COMPONENT_EVIDENCE and size <= MAX_COMPONENT_IDENTIFIERS

    def join(self, identifiers: tuple[Identifier, ...]) -> None:
        """One more piece of evidence that names these together."""
        first, *others = sorted(
            {self.root(i) for i in identifiers}, key=lambda r: self.size[r], reverse=True
        )
        for other in others:
            self.parent[other] = first
            self.size[first] += self.size.pop(other)
            self.evidence[first] += self.evidence.pop(other, 0)
        self.evidence[first] += 1
