"""Identity and profiles together, event by event, against everything folded at once from the sorted set.

The machine below does in miniature what an engine does: it keeps evidence and documents, resolves again when there
is new or earlier evidence, merges documents whose whole becomes part of another, and folds anew whom it takes apart.
"""

from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from duyen.identity import Evidence, Resolution, Rules, Veto, person_of_message, resolve
from duyen.model.consent import granted
from duyen.model.event import Event, Identifier
from duyen.model.person import Cell, Person
from duyen.model.program import NamespaceRule
from duyen.profiles import absorb, carry, knowledge, merge, refold, shares_events, spill
from tests.profiles.people import SPECS, event

RULES = Rules.of({"anonymous_id": NamespaceRule(limit=2)}, ())
NAMES: list[Identifier] = [
    *(("user_id", f"u{n}") for n in range(3)),
    *(("anonymous_id", f"a{n}") for n in range(4)),
    *(("email", f"e{n}@shop.example") for n in range(2)),
    ("user_id", "null"),
]
IDENTIFIER = st.sampled_from(NAMES)


class Arrivals(RuleBasedStateMachine):
    """Events arrive in any order, some twice, some late; vetoes are laid down; nothing may depend on it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: dict[str, Event] = {}
        self.vetoes: list[Veto] = []
        self.evidence: dict[tuple[frozenset[Identifier], bool], Evidence] = {}
        self.resolution: Resolution = resolve((), (), RULES)
        self.people: dict[str, Person] = {}
        self.chunks: dict[str, list[Event]] = defaultdict(list)
        self.cells: dict[str, Cell] = {}

    @rule(data=st.data(), names=st.sets(IDENTIFIER, max_size=3), trusted=st.booleans())
    def an_event_arrives(self, data: st.DataObject, names: set[Identifier], trusted: bool) -> None:
        """A new event, of any time: often late evidence."""
        shape = data.draw(event(f"m{len(self.told):03d}"))
        one = Event(
            shape.id, shape.type, shape.name, shape.time, shape.received, shape.source, trusted,
            tuple(sorted(names)), shape.properties, shape.traits, shape.context, shape.imported,
        )  # fmt: skip
        self.told[one.id] = one
        self._arrive(one)

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def an_event_arrives_again(self, data: st.DataObject) -> None:
        """The same message, delivered twice."""
        self._arrive(self.told[data.draw(st.sampled_from(sorted(self.told)))])

    @rule(a=IDENTIFIER, b=IDENTIFIER)
    def two_are_vetoed(self, a: Identifier, b: Identifier) -> None:
        """Somebody says that these are not one person."""
        if len(self.vetoes) < 2:
            self.vetoes.append(Veto(0, f"v{len(self.vetoes)}", a, b))
            self._resolve()

    @precondition(lambda self: self.people)
    @rule(data=st.data())
    def a_head_spills(self, data: st.DataObject) -> None:
        """Old events leave the head for a chunk, earlier than they must."""
        name = data.draw(st.sampled_from(sorted(self.people)))
        person = self.people[name]
        gone = spill(person) or tuple(person.recent[:-2])
        if gone:
            person.recent = [e for e in person.recent if e not in gone]
            person.chunks += 1
            self.chunks[name] += gone

    @precondition(lambda self: self.people)
    @rule(data=st.data(), arm=st.sampled_from(["treated", "held_out"]))
    def a_cell_is_assigned(self, data: st.DataObject, arm: str) -> None:
        """Someone becomes eligible for the experiment."""
        name = data.draw(st.sampled_from(sorted(self.people)))
        self.people[name].cells.setdefault("global", Cell(arm, len(self.told)))

    @invariant()
    def everybody_is_who_the_sorted_set_makes_them(self) -> None:
        """Law 1 and law 2, over identity: the same people, with the same knowledge."""
        evidence = [
            Evidence(e.time, e.id, e.identifiers, e.trusted)
            for e in sorted(self.told.values(), key=lambda e: e.order)
        ]
        truth = resolve(evidence, self.vetoes, RULES)
        assert truth.people == self.resolution.people
        assert truth.verified == self.resolution.verified
        belongs: dict[str, list[Event]] = defaultdict(list)
        for one in self.told.values():
            belongs[self._whose(one, truth)].append(one)
        assert belongs.keys() == self.people.keys()
        for name, events in belongs.items():
            self._same(name, refold(name, events, SPECS))

    def _same(self, name: str, wanted: Person) -> None:
        person = self.people[name]
        told, fresh = knowledge(person, self.chunks[name]), knowledge(wanted)
        fresh["identifiers"] = told["identifiers"]  # identity's word, compared through `people`
        assert told == fresh
        # A merge may have kept a refusal that a fold would have seen replaced: never the other way round.
        for purpose in ("marketing", "personalisation"):
            if granted(person.consent, purpose, "email"):
                assert granted(wanted.consent, purpose, "email")

    # -- the engine in miniature

    def _whose(self, one: Event, resolution: Resolution) -> str:
        return resolution.person_of(one.identifiers, one.trusted) or person_of_message(one.id)

    def _arrive(self, one: Event) -> None:
        key = (frozenset(one.identifiers), one.trusted)
        known = self.evidence.get(key)
        if known is None or (one.time, one.id) < (known.time, known.id):
            self.evidence[key] = Evidence(one.time, one.id, one.identifiers, one.trusted)
            self._resolve()
        name = self._whose(one, self.resolution)
        absorb(self.people.setdefault(name, Person(name)), one, SPECS)

    def _resolve(self) -> None:
        self.resolution = resolve(self.evidence.values(), self.vetoes, RULES)
        torn, joined = [], []
        for name, person in self.people.items():
            heirs = {self._whose(e, self.resolution) for e in self._history(name)}
            if len(heirs) > 1:
                torn.append(name)
            elif heirs != {name} and person.events:
                joined.append((name, heirs.pop()))
        # Whoever is torn, or takes in somebody torn, is folded anew; all others are merged whole.
        pool = [e for name in torn for e in self._history(name)]
        touched = {self._whose(e, self.resolution) for e in pool}
        again = torn + [n for n in self.people if n in touched and n not in torn]
        again += [old for old, new in joined if new in touched and old not in again]
        events = {e.id: e for name in again for e in self._history(name)}
        before = {name: self.people.pop(name) for name in again}
        for name in again:
            self.chunks.pop(name, None)
        self._join([pair for pair in joined if pair[0] not in before])
        self._refold(events, before)

    def _join(self, joined: list[tuple[str, str]]) -> None:
        moving = [(new, self.people.pop(old), self.chunks.pop(old, [])) for old, new in joined]
        for new, other, chunks in moving:
            kept = self.people.get(new) or Person(new)
            history = None
            if shares_events(kept, other):
                history = [*kept.recent, *self.chunks[new], *other.recent, *chunks]
            self.people[new] = merge(kept, other, SPECS, history)
            self.chunks[new] += chunks

    def _refold(self, events: dict[str, Event], before: dict[str, Person]) -> None:
        belongs: dict[str, list[Event]] = defaultdict(list)
        for one in events.values():
            belongs[self._whose(one, self.resolution)].append(one)
        for name, own in belongs.items():
            document = refold(name, own, SPECS)
            if name in before:
                carry(before[name], document)
            self.people[name] = document

    def _history(self, name: str) -> list[Event]:
        return [*self.chunks[name], *self.people[name].recent]


Arrivals.TestCase.settings = settings(max_examples=80, stateful_step_count=25)
TestArrivals = Arrivals.TestCase
