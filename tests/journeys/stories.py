"""A small stage for journeys: one person, a program, a clock that only the story moves."""

from __future__ import annotations

from typing import Any

from duyen.journeys.advance import advance, next_wake
from duyen.journeys.plan import rules_of
from duyen.model.consent import Statement, consent_key
from duyen.model.effect import Effect, Enqueue, Fact
from duyen.model.event import Event
from duyen.model.happening import Due, Happened, Happening
from duyen.model.journey import Journey
from duyen.model.message import Message
from duyen.model.person import GLOBAL, TREATED, Cell, Person, Series, Trait
from duyen.model.program import Program, Segment, WorkspaceSettings
from duyen.model.times import NEVER, Millis, parse_time
from duyen.rules import insert, matches, series_needed

NOON = parse_time("2026-11-20T12:00:00+07:00")
MAIL = Message(id="mail", name="Mail", subject="Hello", body="<mjml></mjml>")
OPEN = WorkspaceSettings(caps=(), quiet_from="00:00", quiet_to="00:00", hold_out=0.0)
"""No caps, no quiet hours."""


def someone(**traits: Any) -> Person:
    """A person with one address who agreed to marketing by e-mail."""
    person = Person(id="p1", identifiers={"email": {"an@example.test": 1}})
    person.consent[consent_key("marketing", "email")] = Statement("granted", 1, "c1")
    for name, value in traits.items():
        person.traits[name] = Trait(value, 1, "t1")
    return person


def program_of(
    *journeys: Journey,
    messages: tuple[Message, ...] = (MAIL,),
    settings: WorkspaceSettings = OPEN,
    segments: tuple[Segment, ...] = (),
) -> Program:
    """A program of these journeys."""
    return Program(
        journeys={j.id: j for j in journeys},
        messages={m.id: m for m in messages},
        message_versions={m.id: 3 for m in messages},
        settings=settings,
        segments={s.id: s for s in segments},
    )


class Story:
    """Tells what happens to one person and remembers every effect."""

    def __init__(
        self,
        program: Program,
        person: Person | None = None,
        now: Millis = NOON,
        arm: str = TREATED,
    ) -> None:
        self.program, self.person, self.now, self.arm = program, person or someone(), now, arm
        self.effects: list[Effect] = []
        self.members: frozenset[str] = frozenset()
        self._count = 0

    def tell(self, happening: Happening, entered: frozenset[str] = frozenset()) -> list[Effect]:
        """One happening now."""
        effects = advance(
            self.person,
            happening,
            self.program,
            self.now,
            members=self.members,
            entered=entered,
            assign=self._assign,
        )
        self.effects.extend(effects)
        return effects

    def does(
        self,
        name: str,
        reacts: bool = True,
        entered: frozenset[str] = frozenset(),
        **properties: Any,
    ) -> list[Effect]:
        """The person does something now."""
        self._count += 1
        event = Event(
            id=f"m{self._count}",
            type="track",
            name=name,
            time=self.now,
            received=self.now,
            source="test",
            trusted=True,
            identifiers=(),
            properties=properties,
            traits={},
            context={},
        )
        self._learn(event)
        return self.tell(Happened(event, reacts), entered)

    def joins(self, segment: str) -> list[Effect]:
        """The person enters a segment now."""
        self.members |= {segment}
        return self.tell(Due(), frozenset({segment}))

    def waits(self, duration: Millis) -> None:
        """Time passes; whatever is due on the way happens at its instant."""
        end = self.now + duration
        while (wake := next_wake(self.person)) <= end:
            self.now = max(self.now, wake)
            self.tell(Due())
        self.now = end

    @property
    def sent(self) -> list[Enqueue]:
        """Everything that was admitted."""
        return [e for e in self.effects if isinstance(e, Enqueue)]

    def facts(self, name: str) -> list[dict[str, Any]]:
        """Properties of the facts of a name."""
        return [e.properties for e in self.effects if isinstance(e, Fact) and e.name == name]

    @property
    def waiting(self) -> bool:
        """Whether some journey waits for time."""
        return next_wake(self.person) != NEVER

    def _learn(self, event: Event) -> None:
        rules = [r for j in self.program.journeys.values() for r in rules_of(j)]
        for key, spec in series_needed(rules).items():
            if spec.event == event.name and matches(spec.where, event.properties):
                series = self.person.series.setdefault(key, Series())
                insert(series, spec, event.time, 0)

    def _assign(self, person: Person, program: Program, now: Millis) -> list[Effect]:
        if GLOBAL in person.cells:
            return []
        person.cells[GLOBAL] = Cell(self.arm, now)
        return [Fact(person.id, now, "Cell Assigned", {"arm": self.arm})]
