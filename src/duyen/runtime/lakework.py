"""From the log and the state to the lake: what analysts ask and recommenders learn from.

Runs as a job of its own (`duyen lake flush`), so that no process that is always there carries columnar libraries.
What is new in the log is brought over first; then, on one snapshot of the state, the little that came meanwhile, the
facts, and whoever changed or changed hands: readers see all of it together.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec
import pyarrow as pa

from duyen import collect
from duyen.model.catalogue import Item
from duyen.model.decision import Decision
from duyen.model.event import Collected, Event, Identifier
from duyen.model.group import group_values
from duyen.model.log import Entry, Lane
from duyen.model.times import DAY, HOUR
from duyen.runtime.house import House
from duyen.runtime.identify import ASIDE, evidence_key
from duyen.runtime.rules_then import RulesThen
from duyen.stores.lake import READERS_HOURS, Lake
from duyen.stores.lake_rows import (
    EventRow,
    FactRow,
    OwnerRow,
    group_batch,
    item_batch,
    owner_batch,
    people_batch,
)
from duyen.stores.rows import EvidenceRow

ROWS = 20_000
PEOPLE = 2_000
MOST_FORGOTTEN = 500_000
"""People whose rows are taken out at once; more wait for the next day."""
LANES = (Lane.LIVE, Lane.BULK)
NOTES, REBUILT = "NOTES", "REBUILT"
"""What `people` and `owners` follow besides the lanes: the state's notes of what changed hands; its rebuilds."""
ERASED, SWEPT_OUT = "ERASED", "SWEPT"
"""When rows of forgotten people were last taken out of the tables, and when those files off the disk."""
FORGOTTEN = ("", "forgotten")
"""Stands for the owner of what names somebody whom the state has forgotten."""

_Told = tuple[tuple[Identifier, ...], bool]
_T = TypeVar("_T")


def flush(house: House, progress: Callable[[int], None] | None = None) -> dict[str, int]:
    """Bring the lake up to what the engine has applied; returns rows written by table."""
    lake = Lake(house.folder / "lake", remake=True)
    with lake.flushing():
        work = _Flush(house, lake)
        work.log(progress)
        with house.state.reading():
            work.log(progress)
            work.facts()
            work.people()
            work.items()
            work.groups()
    forget(house, lake)
    lake.maintain()
    return work.written


def forget(house: House, lake: Lake) -> int:
    """Once a day, take out of the lake what was of people who are forgotten; returns how many rows went."""
    now, rows = house.clock.now(), 0
    reader = (
        f"FORGOTTEN {house.state.meta('rebuilt', '0')}"  # a state made anew counts from 1 again
    )
    after = max(lake.position("events", reader), 0)
    erased = lake.position("events", ERASED)
    if now - erased >= DAY and (gone := house.state.forgotten(after, MOST_FORGOTTEN)):
        rows = lake.forget(gone, {reader: gone[-1].n, ERASED: now})
    elif lake.position("events", SWEPT_OUT) < erased <= now - (READERS_HOURS + 1) * HOUR:
        lake.vacuum()
        lake.remember("events", {SWEPT_OUT: now})
    return rows


class _Flush:
    """One flush: what it wrote, and who changed."""

    def __init__(self, house: House, lake: Lake) -> None:
        self._house, self._lake = house, lake
        self.written = {"events": 0, "facts": 0, "people": 0}
        self._changed: set[str] = set()
        self._rebuilt = int(house.state.meta("rebuilt", "0"))
        notes = min(lake.position(table, NOTES) for table in ("people", "owners"))
        # Numbers of notes and facts are those of one state file; a new one is compared as a whole.
        self._anew = notes >= 0 and lake.position("owners", REBUILT) != self._rebuilt
        self._after = -1 if self._anew else notes
        self._read = {
            lane: min(lake.position("events", lane.name), lake.position("people", lane.name))
            for lane in LANES
        }

    def log(self, progress: Callable[[int], None] | None) -> None:
        """Bring over the events that the engine has applied."""
        for lane in LANES:
            for rows, position in self._events(lane):
                self.written["events"] += self._lake.append_events(rows, lane.name, position)
                self._read[lane] = position
                if progress is not None:
                    progress(len(rows))

    def facts(self) -> None:
        """Bring over the new facts."""
        lake = self._lake
        if self._anew:
            newest = max((rows[-1].seq for rows in self._facts(0)), default=0)
            lake.replace_facts(self._facts(0), "STATE", newest)
            return
        for rows in self._facts(max(lake.position("facts", "STATE"), 0)):
            self.written["facts"] += lake.append_facts(rows, "STATE", rows[-1].seq)

    def people(self) -> None:
        """Bring over who changed, and what changed hands."""
        lake = self._lake
        notes = self._notes()
        reached = {lane.name: self._read[lane] for lane in LANES}
        reached |= {NOTES: notes[-1][0] if notes else self._after, REBUILT: self._rebuilt}
        if self._after < 0:
            reached[NOTES] = max(reached[NOTES], 0)
            lake.write_snapshot("owners", self._everything(notes), reached)
            lake.write_snapshot("people", self._everybody(), reached)
            return
        if notes:
            lake.change("owners", self._regrouped(notes), reached)
        self._changed |= {key for _, kind, key in notes if kind == "person"}
        self._changed.discard("")
        if self._changed or any(
            lake.position("people", name) != at for name, at in reached.items()
        ):
            self.written["people"] = len(self._changed)
            lake.change("people", self._heads(sorted(self._changed)), reached)

    def items(self) -> None:
        """Bring over the catalogue, where it is another."""
        items = [msgspec.convert(item, Item) for item in self._house.state.items().values()]
        self._lake.write_snapshot("items", item_batch(items))

    def groups(self) -> None:
        """Bring over what is known of groups: whoever is in which, people's rows say."""
        self._lake.write_snapshot("groups", self._groups())

    def _groups(self) -> Iterator[pa.RecordBatch]:
        after: tuple[str, str] | None = None
        while some := self._house.state.list_groups("", after, PEOPLE):
            yield group_batch([(each.id, group_values(each.id, each.told)) for each in some])
            after = (some[-1].folded, some[-1].id)

    def _events(self, lane: Lane) -> Iterator[tuple[list[EventRow], int]]:
        """Rows of a lane behind what was read, as far as the engine has applied it, each with a position."""
        state = self._house.state
        upto = state.position(lane)
        after = max(self._read[lane], 0)
        then = RulesThen(self._house, lane, after)
        while after < upto:
            last = after
            told: list[tuple[_Told, int, Entry]] = []
            found: list[tuple[int, Event, int, int]] = []
            for block in self._house.log.read(lane, after, upto=upto, most=ROWS):
                last = block.seq
                for index, entry in enumerate(block.entries):
                    if isinstance(entry, Collected):
                        event = collect.normalise(entry, then.settings(block.seq, entry))
                        found.append((len(told), event, block.seq, index))
                        told.append(((event.identifiers, event.trusted), block.seq, entry))
                    elif isinstance(entry, Decision):
                        told.append((((entry.identifier,), entry.trusted), block.seq, entry))
            if last == after:
                return
            repeated = state.duplicates(after, last)
            owners = self._owners(told, then)
            gone = state.forgotten_of({person for person, _ in owners})
            self._changed.update(person for person, _ in owners)
            yield (
                [
                    EventRow(owners[place][0], event, seq, index, owners[place][1])
                    for place, event, seq, index in found
                    if (seq, index) not in repeated
                    and owners[place] != FORGOTTEN
                    and event.received > gone.get(owners[place][0], -1)
                ],
                last,
            )
            after = last

    def _owners(
        self, told: Sequence[tuple[_Told, int, Entry]], then: RulesThen
    ) -> list[tuple[str, str]]:
        """Whose these are now, by the evidence that the engine has resolved: (person, key of the evidence)."""
        keys = [_key(then.usable(who, seq, entry), trusted) for (who, trusted), seq, entry in told]
        rows = self._house.state.evidence_by_key(sorted(set(keys) - {""}))
        # Since the rules changed, a sweep may have stored it as it counts now.
        other = {n for n, key in enumerate(keys) if key and key not in rows}
        for n in other:
            (identifiers, trusted), _, _ = told[n]
            keys[n] = _key(then.usable_now(identifiers), trusted) or keys[n]
        rows |= self._house.state.evidence_by_key(sorted({keys[n] for n in other}))
        named = {n for n in other if then.usable_now(told[n][0][0])}
        return [
            (_owner(rows[key]), key) if key in rows else FORGOTTEN if n in named else ("", key)
            for n, key in enumerate(keys)
        ]

    def _facts(self, after: int) -> Iterator[list[FactRow]]:
        while facts := self._house.state.facts(after, ROWS):
            yield [FactRow(p, t, name, json.loads(props), seq) for seq, p, t, name, props in facts]
            after = facts[-1][0]

    def _notes(self) -> list[tuple[int, str, str]]:
        found: list[tuple[int, str, str]] = []
        after = max(self._after, 0)
        while some := self._house.state.regrouped(after, ROWS):
            found += some
            after = some[-1][0]
        return found

    def _everything(self, notes: Sequence[tuple[int, str, str]]) -> Iterator[pa.RecordBatch]:
        """All redirects, and all that changed hands; after a rebuild the owner of every event."""
        state = self._house.state
        for pairs in _sliced(sorted(state.redirects())):
            yield owner_batch([OwnerRow("person", old, new) for old, new in pairs])
        kinds = ("fact",) if self._anew else ("evidence", "fact")
        yield from self._regrouped([note for note in notes if note[1] in kinds])
        if self._anew:
            for pairs in _sliced(state.owners()):
                yield owner_batch(
                    [OwnerRow("evidence", key, _somebody(person)) for key, person in pairs]
                )

    def _regrouped(self, notes: Sequence[tuple[int, str, str]]) -> Iterator[pa.RecordBatch]:
        """Whose it is now, of all that may have changed hands."""
        state = self._house.state
        for some in _sliced(notes):
            people = state.redirects_of([key for _, kind, key in some if kind == "person"])
            evidence = state.evidence_by_key([key for _, kind, key in some if kind == "evidence"])
            facts = state.fact_owners([key for _, kind, key in some if kind == "fact"])
            rows = []
            for _, kind, key in some:
                if kind == "person":
                    rows.append(OwnerRow("person", key, people.get(key)))
                elif kind == "evidence":
                    # What a sweep stored otherwise stays with whom it was of, and where redirects lead from there.
                    if key in evidence:
                        rows.append(OwnerRow("evidence", key, _owner(evidence[key])))
                else:
                    rows.append(OwnerRow("fact", key, facts.get(key)))
            yield owner_batch(rows)

    def _everybody(self) -> Iterator[pa.RecordBatch]:
        cursor = ""
        while people := self._house.state.people_after(cursor, PEOPLE):
            yield from self._heads(people)
            self.written["people"] += len(people)
            cursor = people[-1]

    def _heads(self, people: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The documents of these people; those who have none any more are gone."""
        for some in _sliced(people, PEOPLE):
            heads = self._house.state.heads(some)
            there = [heads[p].person for p in some if p in heads]
            yield people_batch(there, [p for p in some if p not in heads])


def _owner(row: EvidenceRow) -> str:
    """Whose evidence is; "" where it names nobody any more."""
    return _somebody(row.person)


def _somebody(person: str) -> str:
    return "" if person.startswith(ASIDE) else person


def _key(names: Sequence[Identifier], trusted: bool) -> str:
    """The key of evidence; "" where it names nobody."""
    return evidence_key(names, trusted) if names else ""


def _sliced(rows: Iterable[_T], most: int = ROWS) -> Iterator[list[_T]]:
    """Rows in lists of at most `most`."""
    some: list[_T] = []
    for row in rows:
        some.append(row)
        if len(some) == most:
            yield some
            some = []
    if some:
        yield some
