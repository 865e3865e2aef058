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
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from duyen import __version__, collect
from duyen.identity import Evidence
from duyen.model.decision import Decision
from duyen.model.effect import Forget
from duyen.model.event import Collected, Rejected
from duyen.model.happening import Decided, Happened, Nudged
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
from duyen.model.program import CatalogueChange, Nudge, ResourceChange, Tick, WorkspaceSettings
from duyen.model.times import DAY, Millis, parse_time
from duyen.model.values import fold
from duyen.runtime import definitions, erasing, grouping, suppressing, sweep
from duyen.runtime.batch import Batch
from duyen.runtime.forget import forget, outlived
from duyen.runtime.grouping import Grouping
from duyen.runtime.heard import note
from duyen.runtime.house import House
from duyen.runtime.identify import ASIDE, Identified, Identify
from duyen.runtime.loading import Loading
from duyen.runtime.sharding import shard_of_entry
from duyen.runtime.storing import Storing
from duyen.runtime.sweep import Swept
from duyen.step import Plan, Work, step_batch
from duyen.stores.database import Raced
from duyen.stores.interface import Share, Whole
from duyen.stores.log import Block
from duyen.stores.rows import LiftRow, VetoRow
from duyen.stores.shards import ALL, END, SHARDS, bounds
from duyen.stores.state import State
from duyen.stores.state.process import Recorded

TIMERS_AT_ONCE = 2_000
BULK_SLICE = 500
NUDGE_SLICE = 500
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


class Engine:
    """Applies the log to the state, one batch after another; as far as its share goes, or all of it alone."""

    def __init__(self, house: House, share: Share | None = None) -> None:
        self.house = house
        self.state: State = house.state
        self._identify = Identify(house.state)
        self._loading, self._storing = Loading(house.state), Storing(house.state)
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
        works = self._loading.works(batch, found, plan)
        moves = step_batch(works, plan, batch.now, groups.beside(self.state, works))
        self._storing.store(works, moves, batch, found.persons)
        groups.store(self.state, works, batch.now)
        self._loading.set_aside(found)
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


def _judges_otherwise(before: WorkspaceSettings, after: WorkspaceSettings) -> bool:
    """Whether everybody has to be looked at again: who is forgotten when, what a scanner's clicks are."""
    names = ("anonymous_days", "burst_within", "burst_links")
    return any(getattr(before, name) != getattr(after, name) for name in names)


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
