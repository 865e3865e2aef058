"""Storing what a batch made of people: documents, segments, effects, and the records that reports count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from duyen import profiles
from duyen.model.effect import Add, Cancel, Effect, Enqueue, Fact
from duyen.model.happening import Decided
from duyen.model.times import MINUTE, Millis
from duyen.runtime import tally
from duyen.runtime.batch import Batch
from duyen.runtime.directory import directory_row
from duyen.step import Moves, Work
from duyen.stores.rows import Head
from duyen.stores.state import State

LIST_EVERY = 10 * MINUTE
"""The people list is sorted by last event this coarsely, so that an event need not move a line."""


class Storing:
    """Inside the engine's transaction."""

    def __init__(self, state: State) -> None:
        self.state = state

    def store(
        self, works: Sequence[Work], moves: Moves, batch: Batch, people: Sequence[str]
    ) -> None:
        """All of it; `people` are those of what the batch was told, in its order ("": nobody)."""
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


def _count(activity: dict[tuple[int, str], int], time: Millis, name: str) -> None:
    key = (time // MINUTE, name)
    activity[key] = activity.get(key, 0) + 1
