"""step(person, happening, program, now) -> person', effects: the composition of the rooms.

`step_batch` is the same for many people at once: knowledge is folded person by person, the segments' rules are
evaluated as columns over the whole batch, then each person reacts. No I/O, no clock, no chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from duyen import decide, measure
from duyen.journeys.advance import advance, next_wake, reconcile
from duyen.model.decision import Decision
from duyen.model.effect import Effect, Member
from duyen.model.event import Event
from duyen.model.happening import Decided, Due, Happened, Happening, Joined, Receipt
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.times import NEVER, Millis
from duyen.profiles import absorb, accumulate, first_told, merge, once
from duyen.step.plan import Plan

Standing = dict[str, Millis]
"""The segments a person is in, and since when."""


@dataclass
class Work:
    """One person of a batch: the document, what happens to it, the segments it stands in.

    `identifiers`, where given, are what identity has just resolved for the person. `history` is given where
    accumulators must be made anew. After the batch: `person`, `standing`, `wake` are what to store, `kept` the events
    that were no duplicates, `effects` what to do.
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
    kept: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)


def step(
    person: Person, happening: Happening, plan: Plan, now: Millis, standing: Standing | None = None
) -> tuple[Person, list[Effect]]:
    """What one happening makes of one person, and what should follow from it."""
    work = Work(person, [happening], dict(standing or {}))
    step_batch([work], plan, now)
    return work.person, work.effects


def step_batch(batch: Sequence[Work], plan: Plan, now: Millis) -> None:
    """Step every person of a batch; results are left in each Work."""
    reactions = [_learn(work, plan, now) for work in batch]
    entered = _stand(batch, plan, now)
    for work, reacting in zip(batch, reactions, strict=True):
        news = frozenset() if work.quiet else entered.get(id(work), frozenset())
        _react(work, reacting, news, plan, now)


def _learn(work: Work, plan: Plan, now: Millis) -> list[Happening]:
    """Fold what happened into the document; returns what journeys are told."""
    if work.person.specs != plan.specs_print:
        if work.history is not None:
            accumulate(work.person, work.history, plan.specs)
        work.person.specs = plan.specs_print
    told: list[Happening] = []
    for happening in _told_once(work.happenings):
        if isinstance(happening, Happened):
            if not _absorb(work, happening.event, plan, now):
                continue
        elif isinstance(happening, Decided):
            _decided(work, happening.decision, plan)
            continue
        elif isinstance(happening, Joined):
            _join(work, happening, plan, now)
        elif isinstance(happening, Receipt):
            work.effects += measure.receipt(work.person, happening, now)
        told.append(happening)
    if work.identifiers is not None:
        work.person.identifiers = work.identifiers
    return told


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
    person, known = work.person, work.person.identifiers
    if work.identifiers is None:
        person.identifiers = {}  # who they are is identity's word; an event only gave evidence
    fresh = absorb(person, event, plan.specs)
    if work.identifiers is None:
        person.identifiers = known
    if not fresh:
        return False
    work.kept.append(event)
    work.effects += decide.outcome(person, event, plan.program, now)
    work.effects += measure.record(person, event, plan.program, now)
    return True


def _decided(work: Work, decision: Decision, plan: Plan) -> None:
    """A decision waits for its outcome; the first one makes the person's cell a fact."""
    work.effects += decide.decided(work.person, decision)
    work.effects += _eligible(work.person, plan.program, decision.time, decision.arm)


def _eligible(person: Person, program: Program, now: Millis, decided: str | None) -> list[Effect]:
    """The first moment at which the programme could treat them: from now on they count in their arm."""
    effects = decide.assign(person, program, now, decided=decided)
    return [*effects, *measure.joining(person, now)] if effects else []


def _join(work: Work, happening: Joined, plan: Plan, now: Millis) -> None:
    kept, other = work.person, happening.other
    work.person = merge(kept, other, plan.specs, happening.history)
    history = None if happening.history is None else once(happening.history)
    work.effects += measure.settle(kept, other, work.person, plan.program, history)
    work.effects += reconcile(work.person, plan.program, now)
    work.person.specs = plan.specs_print


def _stand(batch: Sequence[Work], plan: Plan, now: Millis) -> dict[int, frozenset[str]]:
    """Bring everyone's segments up to date; returns who entered which."""
    names = plan.segments
    if not batch:
        return {}
    truth, until = plan.compiled.evaluate([work.person for work in batch], now)
    was = np.zeros(truth.shape, dtype=bool)
    place = plan.places
    for column, work in enumerate(batch):
        standing = work.standing
        if standing:
            if not standing.keys() <= place.keys():
                _leave_what_is_gone(work, plan, now)
            was[[place[segment] for segment in standing], column] = True
    entered: dict[int, set[str]] = {}
    for row, column in np.argwhere(truth != was).tolist():
        work, segment, inside = batch[column], names[row], bool(truth[row, column])
        if inside:
            work.standing[segment] = now
            entered.setdefault(id(work), set()).add(segment)
        else:
            del work.standing[segment]
        ends = int(until[row, column])
        work.effects.append(Member(work.person.id, segment, inside, now, ends))
    soonest = until.min(axis=0) if len(names) else np.full(len(batch), NEVER)
    for work, wake in zip(batch, soonest, strict=True):
        work.wake = int(wake)
    return {key: frozenset(segments) for key, segments in entered.items()}


def _leave_what_is_gone(work: Work, plan: Plan, now: Millis) -> None:
    """Nobody is in a segment that was deleted."""
    for segment in [segment for segment in work.standing if segment not in plan.places]:
        del work.standing[segment]
        work.effects.append(Member(work.person.id, segment, False, now, NEVER))


def _react(
    work: Work, told: Sequence[Happening], entered: frozenset[str], plan: Plan, now: Millis
) -> None:
    """Let journeys move the person, and set the one timer."""
    person, program = work.person, plan.program
    members = frozenset(work.standing)
    if entered and not any(isinstance(happening, Happened) for happening in told):
        told = [*told, Due()]  # time alone brought them in: whatever the occasion, it counts
    for happening in told:
        work.effects += advance(
            person, happening, program, now, members=members, entered=entered, assign=_assign
        )
        if not isinstance(happening, Receipt) and getattr(happening, "reacts", True):
            entered = frozenset()
    work.wake = min(work.wake, next_wake(person))


def _assign(person: Person, program: Program, now: Millis) -> list[Effect]:
    """A journey's first possible marketing contact makes the person eligible."""
    return _eligible(person, program, now, None)
