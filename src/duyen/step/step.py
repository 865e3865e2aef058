"""step(person, happening, program, now) -> person', effects: the composition of the rooms.

`step_batch` is the same for many people at once: knowledge is folded person by person, the segments' rules are
evaluated as columns over the whole batch, then each person reacts. No I/O, no clock, no chance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from duyen import decide, measure
from duyen.journeys.advance import advance, next_wake, reconcile
from duyen.model.decision import Decision
from duyen.model.effect import Effect, Forget, Member
from duyen.model.event import Event
from duyen.model.happening import Decided, Due, Happened, Happening, Joined, Nudged, Receipt
from duyen.model.order import order_key, part_of
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.times import NEVER, Millis
from duyen.profiles import (
    absorb,
    accumulate,
    first_told,
    known,
    leaves,
    look_before,
    merge,
    once,
    retells,
    whole_history,
)
from duyen.rules import mail_of, scanned
from duyen.step.plan import Plan
from duyen.step.watch import EVERYTHING, Part

Standing = dict[str, Millis]
"""The segments a person is in, and since when."""

_NONE: Set[str] = frozenset()


@dataclass
class Work:
    """One person of a batch: the document, what happens to it, the segments it stands in.

    `identifiers`, where given, are what identity has just resolved for the person. `history` is given where
    accumulators must be made anew, where a mail is opened or clicked, and where a known order is spoken of again. After
    the batch: `person`, `standing`, `wake` are what to store, `kept` the events that were no duplicates, `sales` what
    was sold by them, `effects` what to do.
    """

    person: Person
    happenings: list[Happening]
    standing: Standing = field(default_factory=dict)
    wake: Millis = NEVER
    identifiers: dict[str, dict[str, Millis]] | None = None
    history: Sequence[Event] | None = None
    quiet: bool = False
    """The document was just taken out of another: it stands where it stands, without reacting."""
    last: Millis = 0
    """The person's last event before this batch."""
    woke: Millis | None = None
    """The timer of the stored head, where there is one."""
    changed: int = 0
    """What of all that rules read has changed, see `watch`."""
    kept: list[Event] = field(default_factory=list)
    told_traits: bool = False
    """Some kept event tells traits."""
    regrouped: bool = False
    """They may be in other groups than before."""
    sales: list[measure.Sale] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


class Moves(NamedTuple):
    """Who entered (segment, person, since) and left (segment, person); by segment, people as in the batch."""

    entered: list[tuple[str, str, Millis]]
    left: list[tuple[str, str]]


def step(
    person: Person, happening: Happening, plan: Plan, now: Millis, standing: Standing | None = None
) -> tuple[Person, list[Effect]]:
    """What one happening makes of one person, and what should follow from it."""
    work = Work(person, [happening], dict(standing or {}))
    entered, left = step_batch([work], plan, now)
    moved = [Member(person, segment, True, since) for segment, person, since in entered]
    moved += [Member(person, segment, False, now) for segment, person in left]
    return work.person, [*moved, *work.effects]


def step_batch(
    batch: Sequence[Work],
    plan: Plan,
    now: Millis,
    groups: Mapping[str, dict[str, Any]] | None = None,
) -> Moves:
    """Step every person of a batch; results are left in each Work, but who moved comes as rows to store.

    `groups`: what is known of every group that somebody of the batch may be in; without it, what lies beside them.
    """
    reactions = [_learn(work, plan, now) for work in batch]
    if groups is not None:
        for work in batch:
            if work.person.groups:
                here = work.person.groups.keys() & groups.keys()
                work.person.group_traits = {id: groups[id] for id in here}
    moves, starts = _stand(batch, plan, now)
    for column, (work, reacting) in enumerate(zip(batch, reactions, strict=True)):
        news = starts.get(column, _NONE)
        if work.quiet:
            news = _NONE
        _react(work, reacting, news, plan, now)
    return moves


def _learn(work: Work, plan: Plan, now: Millis) -> list[Happening]:
    """Fold what happened into the document; returns what journeys are told."""
    if work.person.specs != plan.specs_print:
        if work.history is not None:
            accumulate(work.person, work.history, plan.specs, plan.burst)
            if work.person.ledger:
                past = whole_history(work.person, work.history)
                machines = scanned(past, plan.burst)
                work.effects += measure.rejudged(work.person, plan.program, past, machines)
            work.changed = EVERYTHING
        work.person.specs = plan.specs_print
    told: list[Happening] = []
    for happening in _told_once(work.happenings):
        if isinstance(happening, Happened):
            if not _absorb(work, happening.event, plan, now):
                continue  # known already, or a machine's: nothing follows from it
        elif isinstance(happening, Decided):
            work.person.heard = max(work.person.heard, now, happening.decision.time)
            _decided(work, happening.decision, plan)
            continue
        elif isinstance(happening, Joined):
            _join(work, happening, plan, now)
        elif isinstance(happening, Receipt):
            work.effects += measure.receipt(work.person, happening, now)
        elif isinstance(happening, Nudged) and happening.reason == "group":
            work.changed |= plan.watch.groups
        told.append(happening)
    if work.identifiers is not None:
        work.person.identifiers = work.identifiers
    return _without_scanners(work, told, plan)


def _without_scanners(work: Work, told: list[Happening], plan: Plan) -> list[Happening]:
    """What journeys are told: not what the same batch shows to be a scanner's."""
    if not touches(told):
        return told
    machines = scanned(whole_history(work.person, work.history), plan.burst)
    return [h for h in told if not (isinstance(h, Happened) and h.event.id in machines)]


def touches(happenings: Sequence[Happening]) -> bool:
    """Whether a mail is opened or clicked among them."""
    for happening in happenings:  # noqa: SIM110 - asked for everybody in a batch: a loop is cheaper
        if happening.__class__ is Happened and mail_of(happening.event):
            return True
    return False


def _told_once(happenings: list[Happening]) -> list[Happening]:
    """Without the worse of two contents that one batch tells under one message id, whichever came first."""
    if len(happenings) < 2:
        return happenings
    best: dict[str, Event] = {}
    twice = False
    for happening in happenings:
        if isinstance(happening, Happened):
            event = happening.event
            known = best.setdefault(event.id, event)
            if known is not event:
                twice = True
                best[event.id] = first_told(known, event)
    if not twice:
        return happenings
    return [h for h in happenings if not isinstance(h, Happened) or best[h.event.id] is h.event]


def _absorb(work: Work, event: Event, plan: Plan, now: Millis) -> bool:
    """Take one event in; returns whether anything may follow from it."""
    person = work.person
    person.heard = max(person.heard, now, event.received)
    again = retells(person, event)
    # Who they are is identity's word.
    if not absorb(person, event, plan.specs, names=False, older=work.history, burst=plan.burst):
        return False
    work.kept.append(event)
    work.told_traits |= bool(event.traits)
    work.regrouped |= event.type == "group"
    work.changed |= plan.watch.changed(person, event)
    if mail_of(event):
        history = whole_history(person, work.history)
        machines = scanned(history, plan.burst)
        work.effects += measure.touched(person, event, plan.program, history, machines)
        return not event.quality
    if event.quality:
        return False
    past = whole_history(person, work.history) if again else None
    if not again:
        work.effects += decide.outcome(person, event, plan.program, now)
    work.effects += measure.record(person, event, plan.program, now, past)
    work.sales += measure.sales(event, plan.program.settings.currency, past)
    return True


def needs_history(person: Person, happenings: Iterable[Happening]) -> bool:
    """Whether older events are needed to tell what these change: touches of a mail, further words on an order."""
    said: set[str] = set()
    for happening in happenings:
        if not isinstance(happening, Happened):
            continue
        event = happening.event
        if mail_of(event):
            return True
        if part_of(event):
            if retells(person, event) or order_key(event) in said:
                return True
            said.add(order_key(event))
    return False


def _decided(work: Work, decision: Decision, plan: Plan) -> None:
    """A decision waits for its outcome; the first one makes the person's cell a fact."""
    work.effects += decide.decided(work.person, decision)
    work.effects += decide.seen_before(work.person, decision, plan.program)
    work.effects += _eligible(work.person, plan.program, decision.time, decision.arm)


def _eligible(person: Person, program: Program, now: Millis, decided: str | None) -> list[Effect]:
    """The first moment at which the programme could treat them: from now on they count in their arm."""
    effects = decide.assign(person, program, now, decided=decided)
    return [*effects, *measure.joining(person, now)] if effects else []


def _join(work: Work, happening: Joined, plan: Plan, now: Millis) -> None:
    kept, other = work.person, happening.other
    if happening.history is not None:
        work.history = tuple(happening.history)
    work.person = merge(kept, other, plan.specs, happening.history, plan.burst)
    work.changed, work.regrouped = EVERYTHING, True
    history = None if happening.history is None else once(happening.history)
    work.effects += measure.settle(kept, other, work.person, plan.program, history)
    if history is not None and not kept.orders.keys().isdisjoint(other.orders):
        mine, theirs = ([e for e in history if known(p, e.id)] for p in (kept, other))
        sales, effects = measure.joined(
            (kept, mine), (other, theirs), (work.person, history), plan.program
        )
        work.sales += sales
        work.effects += effects
    work.effects += reconcile(work.person, plan.program, now)
    work.person.specs = plan.specs_print


def _stand(batch: Sequence[Work], plan: Plan, now: Millis) -> tuple[Moves, dict[int, set[str]]]:
    """Bring everyone's segments up to date; returns who moved, and the entries that start journeys.

    Only rules that read what changed are looked at, and all of them for those whom time may have moved.
    """
    moves = Moves([], [])
    starts: dict[int, set[str]] = {}
    changes = [plan.watch.turned(work.person, now) or work.changed for work in batch]
    for part, places in plan.watch.parts(changes):
        some = [batch[place] for place in places]
        anew = [changes[place] == EVERYTHING for place in places]
        for place, names in _look(some, anew, part, plan, now, moves).items():
            starts[places[place]] = names
    moves.entered.sort()
    moves.left.sort()
    for work in batch:
        work.wake = work.person.turns
    return moves, starts


def _look(
    batch: Sequence[Work], anew: Sequence[bool], part: Part, plan: Plan, now: Millis, moves: Moves
) -> dict[int, set[str]]:
    """Bring the segments of one part up to date; who is looked at `anew` is no longer told by what was known."""
    starts: dict[int, set[str]] = {}
    persons = [work.person for work in batch]
    truth, until = part.compiled.evaluate(persons, now)
    was = _before(batch, part, moves)
    names, people = part.names, [person.id for person in persons]
    standings = [work.standing for work in batch]
    rows, columns = np.nonzero(truth & ~was)
    who, which = columns.tolist(), [names[row] for row in rows.tolist()]
    moves.entered.extend(zip(which, map(people.__getitem__, who), repeat(now), strict=False))
    for standing, name in zip(map(standings.__getitem__, who), which, strict=True):
        standing[name] = now
    starting = plan.starting[part.rows][rows]
    for row, column in zip(rows[starting].tolist(), columns[starting].tolist(), strict=True):
        starts.setdefault(column, set()).add(names[row])
    for row, column in np.argwhere(was & ~truth).tolist():
        del standings[column][names[row]]
        moves.left.append((names[row], people[column]))
    soonest = until.min(axis=0, initial=NEVER).tolist()
    for person, turns, whole in zip(persons, soonest, anew, strict=True):
        person.turns = turns if whole else min(person.turns, turns)
        person.watch = plan.watch.print
    return starts


def _before(batch: Sequence[Work], part: Part, moves: Moves) -> NDArray[np.bool_]:
    """Where everybody stood, one row per segment; nobody is left in a segment that was deleted."""
    place = part.places
    if part.whole:
        for work in batch:
            if not work.standing.keys() <= place.keys():
                for segment in [segment for segment in work.standing if segment not in place]:
                    del work.standing[segment]
                    moves.left.append((segment, work.person.id))
    was = np.zeros((len(place), len(batch)), dtype=bool)
    counts = [len(work.standing) for work in batch]
    stood = map(place.get, chain.from_iterable(work.standing for work in batch), repeat(-1))
    rows = np.fromiter(stood, dtype=np.intp, count=sum(counts))
    columns = np.repeat(np.arange(len(batch)), counts)
    if not part.whole:
        inside = rows >= 0
        rows, columns = rows[inside], columns[inside]
    was[rows, columns] = True
    return was


def _react(
    work: Work, told: Sequence[Happening], entered: Set[str], plan: Plan, now: Millis
) -> None:
    """Let journeys move the person, and set the one timer."""
    person, program = work.person, plan.program
    if entered and not any(isinstance(h, Happened) or _is_history(h) for h in told):
        told = [*told, Due()]  # time alone brought them in: whatever the occasion, it counts
    for happening in told:
        work.effects += advance(
            person,
            happening,
            program,
            now,
            members=work.standing.keys(),
            entered=entered,
            assign=_assign,
        )
        if not isinstance(happening, Receipt) and getattr(happening, "reacts", True):
            entered = _NONE
    gone = leaves(person, program.settings.anonymous_days)
    if gone <= now:
        work.effects.append(Forget(person.id, person.heard))
    work.wake = min(work.wake, next_wake(person), look_before(gone, now))


def _is_history(happening: Happening) -> bool:
    """Whether it is only that a group of theirs turns out to have changed long ago."""
    return isinstance(happening, Nudged) and not happening.reacts


def _assign(person: Person, program: Program, now: Millis) -> list[Effect]:
    """A journey's first possible marketing contact makes the person eligible."""
    return _eligible(person, program, now, None)
