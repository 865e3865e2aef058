"""The journeys of a program, made ready for walking: found by event and segment, segments in rules resolved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

import msgspec

from duyen.model.errors import InvalidRule
from duyen.model.journey import (
    EventEntry,
    If,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    Step,
)
from duyen.model.program import ComputedTrait, Program, Segment
from duyen.model.rule import Rule
from duyen.model.times import Millis
from duyen.rules import inline


class Plan:
    """Live journeys by what starts them. `walkable` holds every live one, its rules without `segment:`."""

    def __init__(self, program: Program) -> None:
        """Resolve every live journey; one whose rule names a lost segment is `broken` and stands still."""
        self.walkable: dict[str, Journey] = {}
        self.broken: dict[str, str] = {}
        self.by_event: dict[str, list[Journey]] = defaultdict(list)
        self.by_segment: dict[str, list[Journey]] = defaultdict(list)
        rules = {segment.id: segment.rule for segment in program.segments.values()}
        for journey in program.journeys.values():
            if journey.live:
                self._add(journey, rules, program.traits)

    def _add(
        self, journey: Journey, rules: Mapping[str, Rule], traits: Mapping[str, ComputedTrait]
    ) -> None:
        try:
            ready = _resolved(journey, lambda rule: inline(rule, rules, traits))
        except InvalidRule as error:
            self.broken[journey.id] = error.message
            return
        self.walkable[ready.id] = ready
        if isinstance(ready.entry, EventEntry):
            self.by_event[ready.entry.event].append(ready)
        elif isinstance(ready.entry, SegmentEntry):
            self.by_segment[ready.entry.segment].append(ready)


class _Memo:
    """The plan of the newest program seen: a program never changes, so identity is enough."""

    journeys: dict[str, Journey] | None = None
    segments: dict[str, Segment] | None = None
    traits: dict[str, ComputedTrait] | None = None
    plan: Plan | None = None


def plan_of(program: Program) -> Plan:
    """The plan of a program, made once for as long as the same program is asked about."""
    plan = _Memo.plan
    if (
        plan is None
        or _Memo.journeys is not program.journeys
        or _Memo.segments is not program.segments
        or _Memo.traits is not program.traits
    ):
        plan = Plan(program)
        _Memo.journeys, _Memo.segments, _Memo.plan = program.journeys, program.segments, plan
        _Memo.traits = program.traits
    return plan


def rules_of(journey: Journey) -> list[Rule]:
    """Every rule a journey asks, for the accumulators they need."""
    own = [rule for rule in (journey.unless, journey.exit_when) if rule is not None]
    return own + [step.rule for step in every_step(journey.steps) if isinstance(step, If)]


def every_step(steps: tuple[Step, ...]) -> Iterator[Step]:
    """All steps, those of branches included, in the order in which they are written."""
    for step in steps:
        yield step
        if isinstance(step, If):
            yield from every_step(step.then)
            yield from every_step(step.otherwise)


def last_tick(entry: ScheduleEntry, now: Millis) -> Millis | None:
    """The last instant up to `now` at which a schedule calls people in; None before the first."""
    if entry.at > now:
        return None
    return entry.at + (now - entry.at) // entry.every * entry.every if entry.every else entry.at


_Inlined = Callable[[Rule], Rule]


def _resolved(journey: Journey, inlined: _Inlined) -> Journey:
    return msgspec.structs.replace(
        journey,
        steps=_resolved_steps(journey.steps, inlined),
        unless=inlined(journey.unless) if journey.unless else None,
        exit_when=inlined(journey.exit_when) if journey.exit_when else None,
    )


def _resolved_steps(steps: tuple[Step, ...], inlined: _Inlined) -> tuple[Step, ...]:
    return tuple(
        If(
            inlined(step.rule),
            _resolved_steps(step.then, inlined),
            _resolved_steps(step.otherwise, inlined),
        )
        if isinstance(step, If)
        else step
        for step in steps
    )
