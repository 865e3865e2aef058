"""A program made ready to run: rules inlined and compiled, the accumulators they need, journeys by what starts them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import msgspec
import numpy as np

from duyen.decide import Rulebook
from duyen.identity import Rules
from duyen.journeys import plan as journeys_plan
from duyen.model.errors import InvalidRule
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.rule import AnyOf, Rule, SeriesSpec, Term
from duyen.model.times import Millis
from duyen.rules import (
    USUAL,
    Burst,
    burst_of,
    computed_needs,
    group_traits_read,
    inline,
    resolve,
    series_needed,
)
from duyen.step.watch import Watch


class Plan:
    """Derived from one Program once; shared by all steps that run under it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.broken: dict[tuple[str, str], str] = dict(program.broken)
        """(kind, id) -> what is wrong: such a definition holds for nobody and stops nothing else."""
        raw = {id: segment.rule for id, segment in program.segments.items()}
        self.rules: dict[str, Rule] = {id: self._inlined(id, raw) for id in sorted(raw)}
        self.watch = Watch(self.rules)
        self.compiled = self.watch.whole.compiled
        self.segments = list(self.rules)
        self.journeys = journeys_plan.plan_of(program)
        starts = self.journeys.by_segment
        self.starting = np.array([name in starts for name in self.segments], dtype=bool)
        """Which segments call somebody into a journey."""
        self.broken |= {("journey", id): why for id, why in self.journeys.broken.items()}
        self.terms: dict[str, Term] = {}
        """What the computed traits are worked out of, by id; a broken one has no value."""
        for id in program.traits:
            self._resolve(id)
        asked = self._every_rule()
        self.specs: dict[str, SeriesSpec] = computed_needs(
            self.terms.values(), series_needed(asked)
        )
        self.burst = burst_of(program.settings)
        self.specs_print = fingerprint(self.specs, self.burst)
        self.identity = Rules.of(program.settings.identity, program.settings.blocked)
        self.group_traits = group_traits_read(asked)
        """The traits of groups that a rule reads: where others change, nobody need be looked at."""

    def _resolve(self, id: str) -> None:
        try:
            self.terms[id] = resolve(id, self.program.traits)
        except InvalidRule as error:
            self.broken["trait", id] = error.message

    def _inlined(self, id: str, raw: Mapping[str, Rule]) -> Rule:
        """A segment's rule without `segment:`; nobody is in one whose rule names what is gone."""
        try:
            return inline(raw[id], raw, self.program.traits)
        except InvalidRule as error:
            self.broken["segment", id] = error.message
            return AnyOf(())

    def _every_rule(self) -> list[Rule]:
        """All that may be asked of a person: segments, offers, and journeys' conditions."""
        offers = Rulebook(self.program)
        for offer in self.program.offers.values():
            try:
                offers.number(offer.eligible)
            except InvalidRule as error:
                self.broken["offer", offer.id] = error.message
        asked = [*self.rules.values(), *offers.rules]
        for journey in self.journeys.walkable.values():
            asked += journeys_plan.rules_of(journey)
        return asked

    def standing(
        self, person: Person, since: Mapping[str, Millis], now: Millis
    ) -> dict[str, tuple[Millis, Millis]]:
        """The segments a person is in at `now`: (since, until as far as time alone goes).

        Asked anew, so that it is exact even where a timer that is due still queues.
        """
        truth, until = self.compiled.evaluate([person], now)
        return {
            name: (since.get(name, now), int(until[row, 0]))
            for row, name in enumerate(self.segments)
            if truth[row, 0]
        }


_last: tuple[Program, Plan] | None = None


def plan_of(program: Program) -> Plan:
    """The plan of a program; the last one asked for is remembered."""
    global _last
    if _last is None or _last[0] is not program:
        _last = (program, Plan(program))
    return _last[1]


def fingerprint(specs: dict[str, SeriesSpec], burst: Burst = USUAL) -> str:
    """Tells whether a document's accumulators were kept for these specs, and for what is taken for a burst."""
    kept: list[object] = [*sorted(specs.items())]
    if burst != USUAL:  # prints of documents that exist stay what they are
        kept.append(burst)
    return blake2b(msgspec.json.encode(kept), digest_size=8).hexdigest()
