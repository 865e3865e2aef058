"""Journeys move: who enters, who goes on, who leaves. Pure: the only thing changed is the handed-in person.

People inside a journey that was changed go on from the same position in the new text; a position that is gone
ends the run. A journey that is paused (`live: false`) or whose rule cannot be read holds its people where
they are until it is live again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from duyen.journeys import contact
from duyen.journeys.path import END, START, Path, following, into, step_at, walk
from duyen.journeys.plan import Plan, plan_of
from duyen.model.effect import Effect, Enqueue, Fact
from duyen.model.happening import Happened, Happening, Joined, Nudged, Receipt
from duyen.model.journey import (
    EventEntry,
    Exit,
    If,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    Send,
    Wait,
)
from duyen.model.person import GLOBAL, TREATED, Person, Place
from duyen.model.program import Program
from duyen.model.times import NEVER, Millis
from duyen.rules import evaluate, matches

Assign = Callable[[Person, Program, Millis], Sequence[Effect]]
"""Makes the person's global cell a fact where it is none yet (`decide.cells.assign`): its effects."""

MOST_STEPS = 500
"""Steps of one advance; more than parse.MOST_STEPS, so that only a mistake of ours can reach it."""
MOST_RUNS = 32
"""Runs of one journey that a person can be in at the same time."""
TRIGGER_BYTES = 4_096
"""How much of an event's properties a run remembers for its messages."""

ENTERED = "Journey Entered"
EXITED = "Journey Exited"
REFUSED = "Contact Refused"


class _Arrival(NamedTuple):
    """A reason to enter a journey."""

    journey: Journey
    cause: str
    trigger: dict[str, Any]


def advance(
    person: Person,
    happening: Happening,
    program: Program,
    now: Millis,
    *,
    members: Set[str],
    entered: Set[str],
    assign: Assign,
) -> list[Effect]:
    """Move one person through all journeys; changes `person.places` and `person.ledger`.

    `members` are the segments the person is in after the happening, `entered` those it made them enter.
    Imported and late events (reacts=False) and new definitions (Nudged program) make nobody enter, except
    that `include_existing` takes in those who are in the segment when the program changes.
    """
    plan = plan_of(program)
    if isinstance(happening, Receipt):
        contact.settle(person, happening)
        return []
    withdrawn: Sequence[Effect] = ()
    if person.ledger and isinstance(happening, Happened | Joined):
        withdrawn = contact.withdraw(person)
    if not person.places and not entered and _calls_nobody(happening, plan):
        return [*withdrawn]
    walk = _Walk(person, program, plan, now, assign)
    walk.effects.extend(withdrawn)
    walk.go_on()
    for arrival in _arrivals(person, happening, plan, now, members, entered):
        walk.enter(arrival)
    return walk.effects


def reconcile(person: Person, program: Program, now: Millis) -> list[Effect]:
    """Two people turned out to be one: what one person could not have begun twice goes on once.

    Of the open runs of a journey that does not let people in again at will, the furthest goes on, and none where
    the journey takes everyone once and one of the two had finished it. Of the contacts that wait, one message of
    one journey leaves once; only service messages of a journey without such a rule (two orders) all leave.
    """
    walk = _Walk(person, program, plan_of(program), now, lambda *_: [])
    effects: list[Effect] = []
    for journey in program.journeys.values():
        effects += contact.once(person, f"journey:{journey.id}", every=journey.reentry != 0)
        if journey.reentry == 0:
            continue
        runs = [place for place in person.places.values() if place.journey == journey.id]
        runs.sort(
            key=lambda place: (place.done, place.step, -place.entered, place.run), reverse=True
        )
        if len(runs) > 1:
            spared = 0 if journey.reentry is None and runs[0].done else 1
            for place in [place for place in runs if not place.done][spared:]:
                walk._finish(place, "merged")
    return [*walk.effects, *effects]


def next_wake(person: Person) -> Millis:
    """When the person's journeys want to be looked at again; NEVER where nothing waits."""
    if not person.places:
        return NEVER
    return min((p.wake for p in person.places.values() if not p.done), default=NEVER)


def contact_key(person: str, run: str, path: Path) -> str:
    """Idempotency key of the contact at one step of one run: the same wherever and whenever it is made."""
    text = "\x1f".join((person, run, ".".join(map(str, path))))
    return blake2b(text.encode(), digest_size=16).hexdigest()


def bounded(properties: dict[str, Any], limit: int = TRIGGER_BYTES) -> dict[str, Any]:
    """As many of the properties, in their order, as fit into `limit` bytes of JSON."""
    if len(msgspec.json.encode(properties)) <= limit:
        return properties
    kept: dict[str, Any] = {}
    left = limit
    for name, value in properties.items():
        size = len(msgspec.json.encode({name: value}))
        if size <= left:
            kept[name] = value
            left -= size
    return kept


def _calls_nobody(happening: Happening, plan: Plan) -> bool:
    """Whether it is an event that starts no journey, as most are."""
    return isinstance(happening, Happened) and (
        not happening.reacts or happening.event.name not in plan.by_event
    )


def _arrivals(
    person: Person,
    happening: Happening,
    plan: Plan,
    now: Millis,
    members: Set[str],
    entered: Set[str],
) -> Iterator[_Arrival]:
    """The journeys that this happening calls the person into."""
    if isinstance(happening, Nudged) and happening.reason == "schedule":
        yield from _by_schedule(happening, plan, members)
        return
    if isinstance(happening, Nudged) and happening.reason == "program":
        yield from _existing(person, plan, members)
        return
    if isinstance(happening, Nudged) and not happening.reacts:
        return
    if isinstance(happening, Happened):
        if not happening.reacts:
            return
        yield from _by_event(happening, plan)
    for segment in sorted(entered):
        for journey in plan.by_segment.get(segment, ()):
            yield _Arrival(journey, f"segment@{now}", {})


def _by_event(happening: Happened, plan: Plan) -> Iterator[_Arrival]:
    event = happening.event
    for journey in plan.by_event.get(event.name, ()):
        entry = journey.entry
        if isinstance(entry, EventEntry) and matches(entry.where, event.properties):
            cause = blake2b(event.id.encode(), digest_size=10).hexdigest()
            yield _Arrival(journey, f"event@{cause}", bounded(event.properties))


def _by_schedule(nudged: Nudged, plan: Plan, members: Set[str]) -> Iterator[_Arrival]:
    journey = plan.walkable.get(nudged.journey)
    if journey is None or not isinstance(journey.entry, ScheduleEntry):
        return
    if not journey.entry.segment or journey.entry.segment in members:
        yield _Arrival(journey, f"schedule@{nudged.run}", {})


def _existing(person: Person, plan: Plan, members: Set[str]) -> Iterator[_Arrival]:
    """Members of an `include_existing` journey's segment who have never been in that journey."""
    for segment in sorted(members):
        for journey in plan.by_segment.get(segment, ()):
            entry = journey.entry
            known = any(place.journey == journey.id for place in person.places.values())
            if isinstance(entry, SegmentEntry) and entry.include_existing and not known:
                yield _Arrival(journey, "existing", {})


class _Walk:
    """One person's moves at one instant."""

    def __init__(
        self, person: Person, program: Program, plan: Plan, now: Millis, assign: Assign
    ) -> None:
        self.person, self.program, self.plan, self.now = person, program, plan, now
        self.assign = assign
        self.effects: list[Effect] = []

    def go_on(self) -> None:
        """Let go whom a journey's `exit_when` releases, and move everyone whose wait is over."""
        for place in list(self.person.places.values()):
            if place.done:
                continue
            journey = self.plan.walkable.get(place.journey)
            if journey is None:
                self._stand_still(place)
            elif self._leaves(journey):
                self._finish(place, "exit_when")
                self._take_back(journey, place)
            elif place.wake <= self.now or place.wake == NEVER:
                self._walk(journey, place)

    def enter(self, arrival: _Arrival) -> None:
        """Start a run where re-entry and the journey's own conditions allow it."""
        journey, run = arrival.journey, f"{arrival.journey.id}:{arrival.cause}"
        if not self._may_enter(journey, run):
            return
        place = Place(journey.id, run, self.now, START, self.now, arrival.trigger)
        self._fact(ENTERED, place)
        self._walk(journey, place)

    def _may_enter(self, journey: Journey, run: str) -> bool:
        places = [p for p in self.person.places.values() if p.journey == journey.id]
        if any(place.run == run for place in places) or not _again(journey, places, self.now):
            return False
        if sum(not place.done for place in places) >= MOST_RUNS:
            return False
        if journey.unless and evaluate(journey.unless, self.person, self.now).truth:
            return False
        return not self._leaves(journey)

    def _leaves(self, journey: Journey) -> bool:
        rule = journey.exit_when
        return rule is not None and evaluate(rule, self.person, self.now).truth

    def _take_back(self, journey: Journey, place: Place) -> None:
        """What a run has asked for and still waits is not said to somebody whom `exit_when` has let go."""
        keys = {
            contact_key(self.person.id, place.run, path)
            for path, step in walk(journey.steps)
            if isinstance(step, Send)
        }
        self.effects.extend(contact.take_back(self.person, keys, "exit_when"))

    def _stand_still(self, place: Place) -> None:
        """A deleted journey ends the run; a paused or broken one keeps it until it can go on."""
        if place.journey not in self.program.journeys:
            self._finish(place, "journey.deleted")
        elif place.wake <= self.now:
            self._put(msgspec.structs.replace(place, wake=NEVER))

    def _walk(self, journey: Journey, place: Place) -> None:
        """Do one step after the other until one waits or the journey ends."""
        path = place.step
        for _ in range(MOST_STEPS):
            step = step_at(journey.steps, path)
            if step is None:
                return self._finish(place, "completed" if path == END else "journey.changed")
            if isinstance(step, Exit):
                return self._finish(place, "exit")
            if isinstance(step, If):
                path = into(journey.steps, path, evaluate(step.rule, self.person, self.now).truth)
                continue
            if isinstance(step, Wait):
                return self._wait(place, following(journey.steps, path), self.now + step.duration)
            retry_at = self._send(place, path, step)
            if retry_at is not None:
                return self._wait(place, path, retry_at)
            path = following(journey.steps, path)
        return self._finish(place, "too_many_steps")

    def _send(self, place: Place, path: Path, step: Send) -> Millis | None:
        """Ask for a contact; the answer is when to ask again, or None where the journey goes on."""
        message = self.program.messages.get(step.message)
        if message is None:
            self._refused(place, step.message, "message.deleted")
            return None
        answer = contact.admit(
            self.person,
            message,
            self.program.message_versions.get(message.id, 1),
            self.program,
            self.now,
            origin=f"journey:{place.journey}",
            key=contact_key(self.person.id, place.run, path),
            inputs={"trigger": place.trigger} if place.trigger else {},
            cell=self._arm(step.message),
        )
        if isinstance(answer, Enqueue):
            self.effects.append(answer)
            return None
        if answer.retry_at is not None:
            return max(answer.retry_at, self.now + 1)
        if answer.reason != "duplicate":
            self._refused(place, step.message, answer.reason)
        return None

    def _arm(self, message_id: str) -> str:
        """The person's global arm; they get one when a marketing contact is first possible."""
        message = self.program.messages[message_id]
        if message.purpose == contact.SERVICE:
            return TREATED
        if contact.barred(self.person, message, self.program.settings):
            return (
                TREATED  # the policy refuses them anyway; who cannot be reached is in no experiment
            )
        self.effects.extend(self.assign(self.person, self.program, self.now))
        return self.person.cells[GLOBAL].arm

    def _wait(self, place: Place, path: Path, wake: Millis) -> None:
        self._put(msgspec.structs.replace(place, step=path, wake=wake))

    def _finish(self, place: Place, outcome: str) -> None:
        """End a run; of the runs that ended, only the newest of each journey is remembered."""
        over = msgspec.structs.replace(
            place, step=END, wake=NEVER, trigger={}, done=True, outcome=outcome
        )
        self._put(over)
        self._fact(EXITED, over, reason=outcome)
        ended = [p for p in self.person.places.values() if p.done and p.journey == place.journey]
        newest = max(ended, key=lambda p: (p.entered, p.run))
        for old in ended:
            if old.run != newest.run:
                del self.person.places[old.run]

    def _put(self, place: Place) -> None:
        self.person.places[place.run] = place

    def _refused(self, place: Place, message: str, reason: str) -> None:
        self._fact(REFUSED, place, message=message, reason=reason)

    def _fact(self, name: str, place: Place, **more: str) -> None:
        properties = {"journey": place.journey, "run": place.run, **more}
        self.effects.append(Fact(self.person.id, self.now, name, properties))


def _again(journey: Journey, places: list[Place], now: Millis) -> bool:
    """Whether the re-entry rule lets somebody in who has been in `places` of this journey."""
    if not places or journey.reentry == 0:
        return True
    if journey.reentry is None or any(not place.done for place in places):
        return False
    return max(place.entered for place in places) + journey.reentry <= now
