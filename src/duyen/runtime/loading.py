"""Loading whom a batch concerns: documents brought together, put together and taken apart as identity says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from duyen import measure, profiles
from duyen.model.effect import Add
from duyen.model.event import Event
from duyen.model.happening import Due, Happened, Happening, Joined, Receipt
from duyen.model.person import Contact, Person, Place
from duyen.model.times import NEVER
from duyen.runtime.batch import Batch
from duyen.runtime.identify import ASIDE, Identified, Split
from duyen.step import Plan, Work, needs_history
from duyen.stores.rows import Head
from duyen.stores.state import State


class Loading:
    """Inside the engine's transaction."""

    def __init__(self, state: State) -> None:
        self.state = state

    def works(self, batch: Batch, found: Identified, plan: Plan) -> list[Work]:
        """Everyone whom this batch concerns, loaded, with what happens to them in order."""
        self._bring_back(found)
        split = self._split(found, plan, batch.part)
        happens: dict[str, list[Happening]] = {}
        joining: dict[str, list[str]] = {}
        for old, new in found.joins:
            happens.setdefault(new, [])
            joining.setdefault(new, []).append(old)
        for person in found.identifiers:
            happens.setdefault(person, [])
        for (told, _, _), person in zip(batch.told, found.persons, strict=True):
            if person:
                happens.setdefault(person, []).append(told)
        for each in found.splits:
            for person in each.new:
                happens.setdefault(person, [])
        moved = dict(found.joins)
        for person, happening in self._others(batch):
            happens.setdefault(moved.get(person, person), []).append(happening)
        heads = self.state.heads([*happens, *(old for old, _ in found.joins)], keep=True)
        asked = set(found.persons)
        works = []
        for person, happenings in happens.items():
            if person not in asked and not (
                person in heads or person in split or person in joining
            ):
                continue  # a timer or receipt for somebody whom this batch took apart
            head = split.get(person) or heads.get(person) or Head(Person(person), {}, 0)
            apart = person in split
            work = Work(head.person, happenings, head.standing, quiet=apart, regrouped=apart)
            work.last = head.person.last
            if person in heads and person not in split:
                work.woke = head.wake
            work.identifiers = found.identifiers.get(person)
            touching = needs_history(head.person, happenings)
            others = [heads[old] for old in joining.get(person, []) if old in heads]
            self._recall(work, others)
            if batch.swept is not None:
                self._drop_known(work, [head, *others])
            if others:
                touching = touching or any(needs_history(h.person, happenings) for h in others)
                self._join(work, others, plan, touching)
            stale = work.person.events > 0 and work.person.specs != plan.specs_print
            # A touch of a mail may tell what earlier ones were, a word on an order what it was, wherever they lie.
            if (stale or touching) and not others:
                work.history = self._history(work.person)
            works.append(work)
        return sorted(works, key=lambda work: work.person.id)  # in the order of what is stored

    def _others(self, batch: Batch) -> Iterable[tuple[str, Happening]]:
        """What happens to people other than events: receipts, timers, nudges."""
        for receipt in batch.receipts:
            row = self.state.outbox(receipt.key)
            if row is not None:
                person = self.state.survivor(row.enqueue.person)
                yield person, Receipt(receipt.key, receipt.state, receipt.reason)
        for person in batch.due:
            yield person, Due()
        yield from batch.nudged

    def _join(self, work: Work, others: Sequence[Head], plan: Plan, touching: bool = False) -> None:
        """Put the documents that are now the same person in front of what happens to them."""
        joined: list[Happening] = []
        chunks = work.person.chunks
        everybody = [work.person, *(other.person for other in others)]
        stale = any(p.events and p.specs != plan.specs_print for p in everybody)
        retold = (
            len(others) > 1
            or stale
            or touching
            or any(profiles.shares_events(work.person, p) for p in everybody[1:])
        )
        past = self._history(work.person) if retold else []
        for other in others:
            if retold:
                past = past + self._history(other.person)
            joined.append(Joined(other.person, tuple(past) if retold else None))
            moved = self.state.chunk_count(other.person.id)
            self.state.move_chunks(other.person.id, work.person.id, chunks)
            chunks += moved
            for segment, since in other.standing.items():
                if segment not in work.standing:
                    work.standing[segment] = since
                    self.state.put_members([(segment, work.person.id, since)], [])
            self.state.remove_heads([other.person.id])
            self.state.move_outbox(other.person.id, work.person.id)
            self.state.put_redirects([(other.person.id, work.person.id)])
        work.happenings[:0] = joined

    def _recall(self, work: Work, others: Sequence[Head]) -> None:
        """Ask for those messages that a large document remembers only beside itself; all of them where it is joined."""
        if others:
            for person in (work.person, *(other.person for other in others)):
                if person.apart:
                    profiles.take_back(person, self.state.all_told(person.id))
                    self.state.drop_told([person.id])
        elif work.person.apart:
            hashes = {
                h.event.id: profiles.message_hash(h.event.id)
                for h in work.happenings
                if isinstance(h, Happened)
            }
            told = self.state.told(work.person.id, hashes.values())
            work.happenings = [
                h
                for h in work.happenings
                if not (isinstance(h, Happened) and hashes[h.event.id] in told)
            ]

    def _drop_known(self, work: Work, heads: Sequence[Head]) -> None:
        """What a sweep tells again may be known already, longer ago than message ids are remembered."""
        if work.happenings:
            known = {event.id for head in heads for event in self._history(head.person)}
            work.happenings = [
                h for h in work.happenings if not (isinstance(h, Happened) and h.event.id in known)
            ]

    def _bring_back(self, found: Identified) -> None:
        """Load what was set aside and identifies somebody again."""
        old = {old for old, _ in found.joins} | {old for split in found.splits for old in split.old}
        self.state.bring_back(person for person in old if person.startswith(ASIDE))

    def set_aside(self, found: Identified) -> None:
        """Keep what names nobody any more apart from people: nobody is contacted by it, and nothing counts it."""
        aside = [p for split in found.splits for p in split.new if p.startswith(ASIDE)]
        if aside:
            self.state.set_aside(aside)

    def _history(self, person: Person) -> list[Event]:
        return (
            self.state.chunks(person.id) + person.recent if person.chunks else list(person.recent)
        )

    def _split(self, found: Identified, plan: Plan, part: int) -> dict[str, Head]:
        """Make the documents of people whom late evidence took apart, from their own history."""
        made: dict[str, Head] = {}
        for split in found.splits:
            made |= self._take_apart(split, found, plan, part)
        return made

    def _take_apart(
        self, split: Split, found: Identified, plan: Plan, part: int
    ) -> dict[str, Head]:
        heads = self.state.heads(sorted(split.old), keep=True)
        belongs: dict[str, list[Event]] = {person: [] for person in split.new}
        nobodys: list[Event] = []
        for old, head in heads.items():
            nameless = belongs.get(found.aside.get(old, ""), nobodys)
            for event in self._history(head.person):
                owners = (r.person_of(event.identifiers, event.trusted) for r in found.resolutions)
                belongs.get(next((o for o in owners if o in belongs), ""), nameless).append(event)
        max(sorted(belongs.items()), key=lambda pair: len(pair[1]))[1].extend(nobodys)
        self.state.remove_heads(sorted(split.old))
        said = _said(heads, plan)
        people = [p for p in sorted(split.new) if not p.startswith(ASIDE)]
        heir = max(people or sorted(split.new), key=lambda p: len(belongs[p]))
        # Who lost only what identifies nobody any more is still the same person, under whatever id.
        same = {people[0]: next(iter(split.old))} if len(people) == len(split.old) == 1 else {}
        made = {}
        for person, own in belongs.items():
            document = profiles.refold(person, own, plan.specs, plan.burst)
            document.specs = plan.specs_print
            former = heads.get(same.get(person, person))
            standing = former.standing if former is not None else {}
            if former is not None:
                profiles.carry(former.person, document)
            elif said is not None:
                profiles.carry(said, document)
                document.outcomes, document.pending = {}, {}
                document.places = {run: _ended(place) for run, place in said.places.items()}
                aside = person.startswith(ASIDE)
                if aside:
                    document.cells = {}  # it counts in no experiment
                if (
                    aside or person != heir or split.old <= split.new
                ):  # what waits, waits for somebody else
                    document.ledger = [_withdrawn(line) for line in document.ledger]
            self.state.put_members([(s, person, since) for s, since in standing.items()], [])
            made[person] = Head(document, standing, 0)
        effects = measure.resettle(
            [head.person for head in heads.values()],
            [head.person for person, head in made.items() if not person.startswith(ASIDE)],
            plan.program,
        )
        self.state.add((effect for effect in effects if isinstance(effect, Add)), part)
        self.state.revive(split.new)
        for old in split.old - split.new:
            self.state.put_redirects([(old, heir)])
            self.state.move_outbox(old, heir)
        return made


def _said(heads: Mapping[str, Head], plan: Plan) -> Person | None:
    """What was promised, said and shown to anybody of some documents: all of it binds all of their heirs."""
    said: Person | None = None
    for _, head in sorted(heads.items()):
        said = (
            head.person
            if said is None
            else profiles.merge(said, head.person, plan.specs, (), plan.burst)
        )
    return said


def _ended(place: Place) -> Place:
    """A run that goes on with somebody else: remembered, so that it is not begun again."""
    return msgspec.structs.replace(place, done=True, wake=NEVER, outcome=profiles.SPLIT)


def _withdrawn(line: Contact) -> Contact:
    """A contact that waits for another of the people whom this ledger was of."""
    if line.state != "queued":
        return line
    return msgspec.structs.replace(line, state="cancelled", reason=profiles.SPLIT)
