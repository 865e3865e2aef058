"""The engine: only engines write state.

    log's lanes + timers + nudges -> identify -> load -> step_batch -> one transaction

Control first, live next, timers, then bulk and nudges in small slices. Each batch is recorded with its `now` and
positions, so that a rebuild takes the very same steps.

Where several engines work at once, each applies what is told of its shards. Two of them may still meet in a person,
or believe in the same shard. So a batch sees the state as of one moment and changes whatever its outcome rests on:
documents, positions, every identifier of a component that it resolves. What another one has changed since that moment
cannot be changed any more: the batch is undone and taken again (`Raced`). Vetoes and the control lane bear on
everybody; such a batch works alone.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from duyen import __version__, collect, measure, profiles
from duyen.identity import Evidence
from duyen.model.decision import Decision
from duyen.model.effect import Add, Cancel, Effect, Enqueue, Fact, Forget
from duyen.model.event import Collected, Event, Rejected
from duyen.model.happening import Decided, Due, Happened, Happening, Joined, Nudged, Receipt
from duyen.model.log import (
    Delivered,
    Entry,
    Erase,
    Erased,
    Expunged,
    Heard,
    ImportMark,
    Lane,
    Lift,
    Replayed,
    Suppress,
    Unmerge,
)
from duyen.model.person import Contact, Person, Place
from duyen.model.program import CatalogueChange, Nudge, ResourceChange, Tick, WorkspaceSettings
from duyen.model.times import DAY, MINUTE, NEVER, Millis, parse_time
from duyen.model.values import fold
from duyen.runtime import definitions, erasing, grouping, suppressing, sweep, tally
from duyen.runtime.directory import directory_row
from duyen.runtime.forget import forget, outlived
from duyen.runtime.grouping import Grouping
from duyen.runtime.heard import note
from duyen.runtime.house import House
from duyen.runtime.identify import ASIDE, Identified, Identify, Split
from duyen.runtime.sharding import shard_of_entry
from duyen.runtime.sweep import Swept
from duyen.step import Moves, Plan, Work, needs_history, step_batch
from duyen.stores.database import Raced
from duyen.stores.interface import Share, Whole
from duyen.stores.log import Block
from duyen.stores.rows import Head, LiftRow, VetoRow
from duyen.stores.shards import ALL, END, SHARDS, bounds
from duyen.stores.state import State
from duyen.stores.state.process import Recorded

TIMERS_AT_ONCE = 2_000
BULK_SLICE = 500
NUDGE_SLICE = 500
LIST_EVERY = 10 * MINUTE
"""The people list is sorted by last event this coarsely, so that an event need not move a line."""
IDLE = 0.02
"""Seconds between looks at everything while nothing comes."""
TIDY_EVERY = 10.0
BUSY = 0.002
"""Seconds between looks at whether something has come."""
PATIENT = 4
"""Tries of a batch, each with half as much, before it works alone."""
_LEAVING = "leaving"
PAUSE = 0.004
"""Seconds, on average, before the second try; twice as many before each further one."""


@dataclass
class Batch:
    """What one transaction is made of; sums that it adds to are those of its `part`."""

    now: Millis
    part: int = 0
    told: list[tuple[Happened | Decided, int, int]] = field(default_factory=list)
    """Events and decisions in the log's order, each with its address (seq, index)."""
    vetoes: list[VetoRow] = field(default_factory=list)
    lifts: list[LiftRow] = field(default_factory=list)
    receipts: list[Delivered] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    replayed: list[Replayed] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    due: list[str] = field(default_factory=list)
    nudged: list[tuple[str, Nudged]] = field(default_factory=list)
    swept: Swept | None = None
    """A slice of a sweep: what `told` holds was told before, and was nobody's."""
    settings: WorkspaceSettings = field(default_factory=WorkspaceSettings)


class Engine:
    """Applies the log to the state, one batch after another; as far as its share goes, or all of it alone."""

    def __init__(self, house: House, share: Share | None = None) -> None:
        self.house = house
        self.state: State = house.state
        self._identify = Identify(house.state)
        self._share = share or Whole(house.stores.claim("engine"))
        self._tidied = 0.0
        self.batches = self.raced = 0

    def close(self) -> None:
        """Leave the work to others."""
        self._share.close()

    # -- the loop

    def run(self, stopping: Callable[[], bool]) -> None:
        """Apply what comes until told to stop.

        Documents are trees: counting references frees them. The cycle collector would walk a whole batch of them
        again and again, so it runs only while nothing waits.
        """
        gc.disable()
        self._look_once()
        while not stopping():
            if not self.turn():
                self._tidy()
                self._rest()

    def _look_once(self) -> None:
        """Timers that an earlier version has set do not know when somebody is to be forgotten: look at everybody."""
        if self.state.meta(_LEAVING):
            return
        if self.state.count_people():
            self.house.tell(Lane.CONTROL, [Nudge(_LEAVING, "evaluate", self.house.clock.now())])
        with self.state.writing():
            self.state.set_meta(_LEAVING, "known")

    def _tidy(self) -> None:
        if time.monotonic() - self._tidied > TIDY_EVERY:
            gc.collect()
            self._tidied = time.monotonic()

    def _rest(self) -> None:
        """Sleep until something has come, or a timer may be due."""
        log, until = self.house.log, time.monotonic() + IDLE
        version = log.version()
        if log.waiting(Lane.LIVE, self.state.position(Lane.LIVE)):
            time.sleep(BUSY)
            return
        while time.monotonic() < until and log.version() == version:
            time.sleep(BUSY if version else IDLE)

    def turn(self) -> bool:
        """One round over everything that waits; False when nothing did."""
        if not self._share.shards:
            return False
        worked = self.control()
        worked |= self.lane(Lane.LIVE, self.house.settings.engine_batch)
        worked |= self.timers()
        worked |= self.lane(Lane.BULK, BULK_SLICE)
        worked |= self.nudge()
        worked |= self.groups()
        worked |= self.sweep()
        return worked or self.scrub()

    def scrub(self) -> bool:
        """Where nothing waits: get rid of what deleted words leave behind."""
        return self._take(lambda tries, alone: erasing.scrub(self.state))

    def _take(self, once: Callable[[int, bool], bool]) -> bool:
        """Take a batch until nobody else was faster: `once(tries, alone)` tells whether there was one."""
        tries = 0
        while True:
            try:
                worked = once(tries, tries >= PATIENT)
            except Raced:
                if tries > PATIENT:
                    raise
                self.raced += 1
                time.sleep(random.uniform(0, PAUSE * 2 ** (tries + 1)))
                tries += 1
            else:
                self.batches += worked
                return worked

    def drain(self, progress: Callable[[int], None] | None = None) -> None:
        """Work until nothing waits (timers of the future excepted)."""
        gc.disable()
        try:
            while self.turn():
                if progress is not None:
                    progress(self.state.position(Lane.BULK))
        finally:
            gc.enable()

    # -- control lane

    def control(self, upto: int | None = None, now: Millis | None = None) -> bool:
        """Apply definitions, catalogue changes, nudges and ticks: any engine does, and works alone."""
        return self._take(lambda tries, alone: self._control(upto, now))

    def _control(self, upto: int | None, now: Millis | None) -> bool:
        after = self.state.position(Lane.CONTROL)
        blocks = list(self.house.log.read(Lane.CONTROL, after, upto=upto))
        if not blocks:
            return False
        moment = self.house.clock.now() if now is None else now
        with self.state.writing(alone=True):
            if self.state.position(Lane.CONTROL) != after:
                return True  # another engine was faster
            before = self.house.program().settings
            changed: set[str] = set()
            for block in blocks:
                for index, entry in enumerate(block.entries):
                    changed |= self._apply(entry, f"{block.seq:012d}-{index:04d}", moment)
            last = blocks[-1].seq
            if changed & {*definitions.KINDS.values(), "settings"}:
                self.state.set_meta("program", str(last))
            if changed & {"trait", "segment", "journey", "offer"}:
                self.state.begin_nudge(f"program-{last:012d}", {"reason": "program"})
            elif _judges_otherwise(before, self.house.program().settings):
                self.state.begin_nudge(f"program-{last:012d}", {"reason": "evaluate"})
            self.state.set_position(Lane.CONTROL, last)
            if "settings" in changed:
                sweep.begin(self.house, before, moment)
            self._record(moment, Lane.CONTROL, last)
        return True

    def _apply(self, entry: Entry, address: str, now: Millis) -> set[str]:
        if isinstance(entry, ResourceChange):
            self.state.put_resource(entry)
            return {entry.resource}
        if isinstance(entry, CatalogueChange):
            told = self._not_overtaken(entry.items) if entry.dated else entry.items
            items = [(str(item["id"]), fold(_searchable(item)), item) for item in told]
            self.state.put_items(items, entry.removed)
        elif isinstance(entry, Rejected):
            self.state.put_rejected([entry])
        elif isinstance(entry, Tick):
            self.state.set_meta("clock", str(max(entry.now, int(self.state.meta("clock", "0")))))
        elif isinstance(entry, Nudge):
            if entry.reason == "schedule" and not self._first_tick(entry):
                return set()
            body = {"reason": entry.reason, "journey": entry.journey, "run": entry.id}
            self.state.begin_nudge(f"nudge-{address}", body)
        elif isinstance(entry, Erase):
            shared = erasing.apply(self.state, self.house.secrets, entry)
            if shared:
                self._run(Batch(now, swept=Swept(components=shared)))
        elif isinstance(entry, Suppress):
            suppressing.apply(self.state, entry)
        elif isinstance(entry, Expunged):
            erasing.note(self.state, entry)
        elif isinstance(entry, Erased):
            erasing.conclude(self.state, entry)
        return set()

    def _not_overtaken(self, items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Items that are not older than those that are there, by what both say of themselves."""
        known = self.state.items([str(item["id"]) for item in items])
        return [
            item for item in items if _updated(item) >= _updated(known.get(str(item["id"]), {}))
        ]

    def _first_tick(self, nudge: Nudge) -> bool:
        """Whether this tick of a scheduled journey was not told before."""
        name = f"tick:{nudge.journey}"
        if int(self.state.meta(name, "-1")) >= nudge.time:
            return False
        self.state.set_meta(name, str(nudge.time))
        return True

    # -- live and bulk lanes

    def lane(
        self,
        lane: Lane,
        most: int,
        upto: int | None = None,
        now: Millis | None = None,
        shards: Collection[int] | None = None,
    ) -> bool:
        """Apply one batch of a lane: what it tells of these shards, or of this engine's."""
        return self._take(
            lambda tries, alone: self._lane(lane, most >> tries or 1, upto, now, shards, alone)
        )

    def _lane(
        self,
        lane: Lane,
        most: int,
        upto: int | None,
        now: Millis | None,
        shards: Collection[int] | None,
        alone: bool,
    ) -> bool:
        places = self.state.positions(lane)
        mine = self._share.shards if shards is None else shards
        after = min((places[shard] for shard in mine), default=0)
        # What the log tells was so before it was told: the state is looked at afterwards.
        blocks = list(self.house.log.read(lane, after, upto=upto, most=most)) if mine else []
        if not blocks:
            return False
        last = blocks[-1].seq
        behind = frozenset(shard for shard in mine if places[shard] < last)
        batch = Batch(self.house.clock.now() if now is None else now, min(behind))
        batch.settings = self.house.program().settings
        told = 0
        for seq, index, entry in _told(blocks, behind, places):
            self._sort(entry, lane, seq, index, batch)
            told += 1
        with self.state.writing(alone=alone or bool(batch.vetoes or batch.lifts)):
            found = self.state.positions(lane)
            if any(found[shard] != places[shard] for shard in behind):
                return True  # another engine was faster
            if self.house.program().settings is not batch.settings:
                return True  # by other settings the events read otherwise
            self.state.set_position(lane, last, behind)
            self._leave_out_erased(batch)
            if told:
                self._run(batch)
                for name, reached in batch.marks.items():
                    self.state.set_meta(f"import:{name}", str(reached))
                for heard in batch.heard:
                    note(self.state, heard)
                self._record(batch.now, lane, last, shards=behind)
        return True

    def _leave_out_erased(self, batch: Batch) -> None:
        """What is told late of somebody who was erased since is nobody's, and leaves the log with the next erasure."""
        if not batch.told or not self.state.newest_erased():
            return
        whom = [
            (e.time, e.identifiers) for e in map(_evidence, (told for told, _, _ in batch.told))
        ]
        gone = erasing.told_of_erased(self.state, self.house.secrets.pseudonym, whom)
        if gone:
            places = [batch.told[n][1:] for n in gone]
            self.state.put_duplicates(places)
            self.state.put_late(places)
            batch.told = [told for n, told in enumerate(batch.told) if n not in gone]

    def _sort(self, entry: Entry, lane: Lane, seq: int, index: int, batch: Batch) -> None:
        if isinstance(entry, Collected):
            event = collect.normalise(entry, batch.settings)
            fresh = event.time >= batch.now - DAY and not event.imported
            batch.told.append((Happened(event, fresh and lane is Lane.LIVE), seq, index))
        elif isinstance(entry, Decision):
            batch.told.append((Decided(entry), seq, index))
        elif isinstance(entry, Delivered):
            batch.receipts.append(entry)
        elif isinstance(entry, Unmerge):
            batch.vetoes += _vetoes(entry)
        elif isinstance(entry, Lift):
            batch.lifts.append(LiftRow(entry.veto, entry.time, entry.id, entry.author))
        elif isinstance(entry, Rejected):
            batch.rejected.append(entry)
        elif isinstance(entry, Replayed):
            batch.replayed.append(entry)
        elif isinstance(entry, ImportMark):
            batch.marks[entry.name] = entry.reached
        elif isinstance(entry, Heard):
            batch.heard.append(entry)

    # -- timers and nudges

    def timers(
        self,
        most: int = TIMERS_AT_ONCE,
        now: Millis | None = None,
        shards: Collection[int] | None = None,
    ) -> bool:
        """Step the people of some shards whose timers are due."""
        return self._take(lambda tries, alone: self._timers(most >> tries or 1, now, shards, alone))

    def _timers(
        self, most: int, now: Millis | None, shards: Collection[int] | None, alone: bool
    ) -> bool:
        mine = frozenset(self._share.shards if shards is None else shards)
        moment = self.house.clock.now() if now is None else now
        if not mine or not self.state.due(moment, 1, mine):
            return False
        batch = Batch(moment, min(mine))
        with self.state.writing(alone=alone):
            batch.due = self.state.due(moment, most, mine)
            if not batch.due:
                return True  # another engine was faster
            self._run(batch)
            self._record(moment, -1, 0, timers=len(batch.due), shards=mine)
        return True

    def nudge(
        self,
        most: int = NUDGE_SLICE,
        now: Millis | None = None,
        shards: Collection[int] | None = None,
    ) -> bool:
        """Walk one slice of the people of some shards, for the first nudge that is under way there."""
        return self._take(lambda tries, alone: self._nudge(most >> tries or 1, now, shards, alone))

    def _nudge(
        self, most: int, now: Millis | None, shards: Collection[int] | None, alone: bool
    ) -> bool:
        mine = frozenset(self._share.shards if shards is None else shards)
        if not mine or not self._walks(mine):
            return False
        batch = Batch(self.house.clock.now() if now is None else now, min(mine))
        with self.state.writing(alone=alone):
            for name, body, cursor, done in self._walks(mine):
                left = most - len(batch.nudged)
                end = bounds(body["shard"])[1] if "shard" in body else END
                people = self.state.people_after(cursor, left, end)
                nudged = Nudged(body["reason"], body.get("journey", ""), body.get("run", ""))
                batch.nudged += [(person, nudged) for person in people]
                if len(people) == left:
                    self.state.walk_nudge(name, people[-1], done + left)
                    break
                self.state.remove_nudge(name)
            self._run(batch)
            self._record(batch.now, -2, 0, nudge=most, shards=mine)
        return True

    def _walks(self, shards: Collection[int]) -> list[tuple[str, dict[str, Any], str, int]]:
        """Where the first nudge walks that is under way in these shards."""
        walks = [
            walk for walk in self.state.nudges() if walk[1].get("shard", min(shards)) in shards
        ]
        return [walk for walk in walks if _nudge_of(walk[0]) == _nudge_of(walks[0][0])]

    def groups(
        self,
        most: int = NUDGE_SLICE,
        now: Millis | None = None,
        shards: Collection[int] | None = None,
    ) -> bool:
        """Walk one slice of the members, in some shards, of groups that have changed."""
        return self._take(lambda tries, alone: self._groups(most >> tries or 1, now, shards, alone))

    def _groups(
        self, most: int, now: Millis | None, shards: Collection[int] | None, alone: bool
    ) -> bool:
        mine = frozenset(self._share.shards if shards is None else shards)
        if not mine or not self.state.group_walks(mine, 1):
            return False
        batch = Batch(self.house.clock.now() if now is None else now, min(mine))
        with self.state.writing(alone=alone):
            batch.nudged = grouping.walk(self.state, mine, most, batch.now)
            self._run(batch)
            self._record(batch.now, grouping.LANE, 0, nudge=most, shards=mine)
        return True

    def sweep(self, most: int = sweep.SLICE, now: Millis | None = None) -> bool:
        """Look at one slice of those who were resolved under rules of identity that have changed since, alone."""
        return self._take(lambda tries, alone: self._sweep(most >> tries or 1, now))

    def _sweep(self, most: int, now: Millis | None) -> bool:
        if not sweep.under_way(self.state):
            return False
        batch = Batch(self.house.clock.now() if now is None else now)
        with self.state.writing(alone=True):
            if not sweep.under_way(self.state):
                return True  # another engine was faster
            batch.swept, told = sweep.take(self.house, most)
            batch.told = [*told]
            if batch.swept.components or batch.swept.asked or batch.told:
                sweep.count(self.state, self._run(batch))
            self._record(batch.now, sweep.LANE, 0, nudge=most)
        return True

    def _record(
        self,
        now: Millis,
        lane: int,
        upto: int,
        timers: int = 0,
        nudge: int = 0,
        shards: frozenset[int] = ALL,
    ) -> None:
        """In the batch's own transaction, so that it has a higher number than those whose outcome it found."""
        program = int(self.state.meta("program", "0"))
        batch = Recorded(
            now, int(lane), upto, timers, str(nudge or ""), program, __version__, shards
        )
        self.state.record_batch(batch)

    # -- one batch

    def _run(self, batch: Batch) -> Identified:
        plan = self.house.plan()
        self._outlived(batch, plan)
        found = self._who(batch, plan)
        groups = Grouping.of(self.state, _of_somebody(batch, found))
        batch.nudged += groups.members(self.state, plan.group_traits)
        works = self._works(batch, found, plan)
        moves = step_batch(works, plan, batch.now, groups.beside(self.state, works))
        self._store(works, moves, batch, found.persons)
        groups.store(self.state, works, batch.now)
        self._set_aside(found)
        self._forget(works, batch)
        return found

    def _outlived(self, batch: Batch, plan: Plan) -> None:
        """Whose time was over before they came back is somebody new, even where the timer still queues."""
        days = plan.program.settings.anonymous_days
        told = [told for told, _, _ in batch.told] if batch.swept is None else []
        due = outlived(self.state, told, plan.identity, days, batch.now)
        if due:
            self._run(Batch(batch.now, batch.part, due=due, settings=batch.settings))

    def _forget(self, works: Sequence[Work], batch: Batch) -> None:
        """Take away whom the step has let go, and resolve again who was known by the same things."""
        gone = [
            (effect, work.person)
            for work in works
            for effect in work.effects
            if isinstance(effect, Forget) and not work.person.id.startswith(ASIDE)
        ]
        knots = forget(self.state, gone, batch.now, batch.part) if gone else set()
        if knots:
            swept = Swept(components=knots)
            self._run(Batch(batch.now, batch.part, swept=swept, settings=batch.settings))

    def _who(self, batch: Batch, plan: Plan) -> Identified:
        rules = plan.identity
        asked = [_evidence(told) for told, _, _ in batch.told]
        if batch.swept is None:
            return self._identify.identify(asked, rules, batch.vetoes, batch.lifts)
        swept = batch.swept
        found = self._identify.identify(
            [*asked, *swept.asked], rules, again=swept.components, retold=swept.retold
        )
        del found.persons[len(asked) :]
        return found

    def _works(self, batch: Batch, found: Identified, plan: Plan) -> list[Work]:
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

    def _set_aside(self, found: Identified) -> None:
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

    # -- storing what a batch made

    def _store(
        self, works: Sequence[Work], moves: Moves, batch: Batch, people: Sequence[str]
    ) -> None:
        self._store_documents(works)
        self.state.put_members(moves.entered, moves.left)
        effects = [effect for work in works for effect in work.effects]
        self._tally(effects, works, batch)
        self._store_effects(effects, batch.now, batch.part)
        self._store_records(works, batch, people)

    def _store_documents(self, works: Sequence[Work]) -> None:
        chunks = []
        for work in works:
            spilled = profiles.spill(work.person)
            if spilled:
                chunks.append((work.person.id, work.person.chunks, spilled))
                work.person.chunks += 1
                told = profiles.hand_out(work.person)
                if told:
                    since = profiles.oldest_week(told)
                    work.person.apart = self.state.lay_apart(work.person.id, told, since)
        self.state.put_chunks(chunks)
        self.state.put_heads(
            (Head(w.person, w.standing, w.wake) for w in works),
            {w.person.id: w.woke for w in works if w.woke is not None},
        )
        named, seen = [], []
        for work in works:
            person = work.person
            if work.identifiers is not None or work.told_traits:
                named.append(directory_row(person))
            elif person.last // LIST_EVERY != work.last // LIST_EVERY:
                seen.append((person.id, person.events, person.last))
        self.state.put_people(named)
        self.state.touch_people(seen)

    def _store_effects(self, effects: Iterable[Effect], now: Millis, part: int) -> None:
        enqueue: list[Enqueue] = []
        adds: list[Add] = []
        facts: list[Fact] = []
        for effect in effects:
            if isinstance(effect, Enqueue):
                enqueue.append(effect)
            elif isinstance(effect, Add):
                adds.append(effect)
            elif isinstance(effect, Fact):
                facts.append(effect)
            elif isinstance(effect, Cancel):
                self._cancel(effect, now)
        self.state.enqueue(enqueue, now)
        self.state.add(adds, part)
        self.state.put_facts(facts)

    def _tally(self, effects: Sequence[Effect], works: Sequence[Work], batch: Batch) -> None:
        """Count what reports show; before receipts settle their contacts."""
        sales = [sale for work in works for sale in work.sales]
        receipts = [(receipt, self.state.outbox(receipt.key)) for receipt in batch.receipts]
        sums = tally.tally(effects, sales, receipts, batch.now)
        self.state.add(sums.adds, batch.part)
        self.state.add_activity(sums.activity, batch.part)

    def _cancel(self, cancel: Cancel, now: Millis) -> None:
        for waiting in self.state.outbox_of(cancel.person, "waiting"):
            fits = (
                cancel.key == waiting.key
                if cancel.key
                else (
                    cancel.channel in ("*", waiting.channel)
                    and cancel.purpose in ("*", waiting.purpose)
                )
            )
            if fits:
                self.state.settle_outbox(waiting.key, "cancelled", cancel.reason, now)

    def _store_records(self, works: Sequence[Work], batch: Batch, people: Sequence[str]) -> None:
        self.state.put_decisions(
            (work.person.id, happening.decision)
            for work in works
            for happening in work.happenings
            if isinstance(happening, Decided)
        )
        self.state.put_rejected(batch.rejected)
        self.state.put_replayed(batch.replayed)
        for receipt in batch.receipts:
            self.state.settle_outbox(receipt.key, receipt.state, receipt.reason, receipt.time)
        activity: dict[tuple[int, str], int] = {}
        duplicates = []
        kept = {id(event) for work in works for event in work.kept}
        nobodys: set[str] = set()
        told = batch.told if batch.swept is None else []  # counted when they came
        for (happening, seq, index), person in zip(told, people[: len(told)], strict=True):
            if isinstance(happening, Decided):
                _count(activity, happening.decision.time, tally.DECISIONS)
                continue
            event = happening.event
            if id(event) in kept or (not person and event.id not in nobodys):
                nobodys |= set() if person else {event.id}
                _count(activity, event.received, tally.EVENTS)
                _count(activity, event.received, tally.event(event.name))
            else:
                duplicates.append((seq, index))
        self.state.put_duplicates(duplicates)
        for receipt in batch.receipts:
            _count(activity, receipt.time, tally.mail(receipt.state))
        if batch.rejected:
            activity[batch.now // MINUTE, tally.REJECTED] = len(batch.rejected)
        self.state.add_activity(activity, batch.part)


def _judges_otherwise(before: WorkspaceSettings, after: WorkspaceSettings) -> bool:
    """Whether everybody has to be looked at again: who is forgotten when, what a scanner's clicks are."""
    names = ("anonymous_days", "burst_within", "burst_links")
    return any(getattr(before, name) != getattr(after, name) for name in names)


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


def _evidence(told: Happened | Decided) -> Evidence:
    """Who it was, according to an event or a decision."""
    if isinstance(told, Happened):
        event = told.event
        return Evidence(event.time, event.id, event.identifiers, event.trusted)
    decision = told.decision
    return Evidence(decision.time, decision.id, (decision.identifier,), decision.trusted)


def _of_somebody(batch: Batch, found: Identified) -> Iterator[Happened]:
    """The events of a batch that somebody is known for."""
    for (told, _, _), person in zip(batch.told, found.persons, strict=True):
        if person and isinstance(told, Happened):
            yield told


def _vetoes(told: Unmerge) -> list[VetoRow]:
    """Each of the one side never with any of the other."""
    return [VetoRow(a, b, told.time, told.id, told.author) for a in told.kept for b in told.apart]


def _told(
    blocks: Sequence[Block], shards: Collection[int], places: Sequence[int]
) -> Iterator[tuple[int, int, Entry]]:
    """What blocks tell of some shards and has not been applied to them yet: (seq, index, entry)."""
    everything = len(shards) == SHARDS and len(set(places)) == 1
    for block in blocks:
        for index, entry in enumerate(block.entries):
            if not everything:
                shard = shard_of_entry(entry)
                if shard not in shards or places[shard] >= block.seq:
                    continue
            yield block.seq, index, entry


def _nudge_of(walk: str) -> str:
    """The nudge that a walk belongs to."""
    return walk.partition("#")[0]


def _count(activity: dict[tuple[int, str], int], time: Millis, name: str) -> None:
    key = (time // MINUTE, name)
    activity[key] = activity.get(key, 0) + 1


def _updated(item: dict[str, Any]) -> Millis:
    """When an item's shop changed it last, as its attributes tell; 0 where they do not."""
    try:
        return parse_time(item.get("attributes", {})["updated_at"])
    except (KeyError, TypeError, ValueError):
        return 0


def _searchable(item: dict[str, Any]) -> str:
    words = [
        item.get("id", ""),
        item.get("name", ""),
        item.get("category", ""),
        *item.get("tags", ()),
    ]
    return " ".join(str(word) for word in words)
