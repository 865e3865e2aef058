"""Tell what happens to one customer, let time pass, and look at what the program made of it.

    story = Story(segments={"fond": {"did": "Order Completed", "at_least": 2, "within": "90d"}})
    story.event("Order Completed").passes("1d").event("Order Completed")
    assert story.segments == {"fond"}
    story.passes("90d")
    assert story.segments == set()

No clock and no store: the pure step only. Timers fire at their own instants while time passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from duyen import collect
from duyen.journeys.parse import parse_journey
from duyen.model.effect import Effect, Enqueue, Fact
from duyen.model.event import Rejected
from duyen.model.group import Told, group_values
from duyen.model.happening import Due, Happened, Happening, Receipt
from duyen.model.message import Message
from duyen.model.person import Person, Trait
from duyen.model.program import Program, Segment, WorkspaceSettings
from duyen.model.times import Millis, parse_duration, parse_time
from duyen.profiles import group_of, tell_group
from duyen.rules import parse_rule
from duyen.step import Plan, Work, step_batch

PLAIN = "<mjml><mj-body><mj-section><mj-column><mj-text>Xin chào</mj-text></mj-column></mj-section></mj-body></mjml>"
LENIENT = WorkspaceSettings(
    timezone="UTC", hold_out=0.0, caps=(), quiet_from="00:00", quiet_to="00:00"
)


class Story:
    """One customer under one program, from `start` on."""

    def __init__(
        self,
        *,
        segments: Mapping[str, Any] | None = None,
        journeys: Mapping[str, Any] | None = None,
        messages: Mapping[str, Message] | None = None,
        settings: WorkspaceSettings = LENIENT,
        start: str = "2026-03-02T12:00:00Z",
    ) -> None:
        found = {
            id: parse_journey({"id": id, "name": id, **raw}) for id, raw in (journeys or {}).items()
        }
        program = Program(
            version=1,
            segments={id: Segment(id, id, parse_rule(raw)) for id, raw in (segments or {}).items()},
            journeys=found,
            messages=dict(messages or {}),
            message_versions=dict.fromkeys(messages or {}, 1),
            settings=settings,
        )
        self.plan = Plan(program)
        self.now: Millis = parse_time(start)
        self.person = Person("p_story")
        self.effects: list[Effect] = []
        self._standing: dict[str, Millis] = {}
        self._wake: Millis = 2**53
        self._groups: dict[str, Told] = {}
        self._count = 0

    # -- what happens

    def event(self, name: str, *, ago: str = "", id: str = "", **properties: Any) -> Story:
        """They did something, now or some time ago."""
        return self._tell({"type": "track", "event": name, "properties": properties}, ago, id)

    def identify(self, **traits: Any) -> Story:
        """They said something about themselves."""
        return self._tell({"type": "identify", "traits": traits}, "", "")

    def group(self, id: str, **traits: Any) -> Story:
        """They belong to a company, of which this is known."""
        return self._tell({"type": "group", "groupId": id, "traits": traits}, "", "")

    def knows(self, id: str, **traits: Any) -> Story:
        """Somebody else told of a company; whoever belongs to it has not been looked at yet."""
        values = {
            **self._groups.get(id, {}),
            **{n: Trait(v, self.now, "") for n, v in traits.items()},
        }
        self._groups[id] = values
        return self

    def consents(
        self, purpose: str = "marketing", channel: str = "email", state: str = "granted"
    ) -> Story:
        """They allowed or refused a kind of contact."""
        return self.event("Consent Updated", purpose=purpose, channel=channel, state=state)

    def passes(self, duration: str) -> Story:
        """Time passes; whatever is due on the way happens at its own instant."""
        return self.until(self.now + parse_duration(duration))

    def until(self, instant: Millis) -> Story:
        """Time passes until an instant."""
        while self._wake <= instant:
            self.now = max(self.now, self._wake)
            self.step(Due())
        self.now = instant
        return self

    def delivered(self, state: str = "sent") -> Story:
        """The sender reports every contact that waits."""
        for contact in [c for c in self.person.ledger if c.state == "queued"]:
            self.step(Receipt(contact.key, state))
        return self

    def step(self, happening: Happening) -> list[Effect]:
        """Take one step by hand; returns its effects."""
        work = Work(self.person, [happening], self._standing)
        work.identifiers = _identifiers(self.person, happening)
        if isinstance(happening, Happened) and (group := group_of(happening.event)):
            self._groups[group] = tell_group(self._groups.get(group, {}), happening.event)
        known = {id: group_values(id, told) for id, told in self._groups.items()}
        step_batch([work], self.plan, self.now, known)
        self.person, self._standing, self._wake = work.person, work.standing, work.wake
        self.effects += work.effects
        return work.effects

    # -- what came of it

    @property
    def segments(self) -> set[str]:
        """The segments they are in now."""
        return set(self._standing)

    @property
    def contacts(self) -> list[str]:
        """The messages that were put into the outbox, in order."""
        return [effect.message for effect in self.effects if isinstance(effect, Enqueue)]

    @property
    def refusals(self) -> list[str]:
        """Why contacts were refused, in order."""
        return [c.reason for c in self.person.ledger if c.state in ("refused", "held_out")]

    def facts(self, name: str) -> list[dict[str, Any]]:
        """What the step told the log under a name."""
        return [e.properties for e in self.effects if isinstance(e, Fact) and e.name == name]

    def _tell(self, call: dict[str, Any], ago: str, id: str) -> Story:
        self._count += 1
        when = self.now - (parse_duration(ago) if ago else 0)
        judged = collect.validate(
            {"userId": "story", "messageId": id or f"m{self._count}", **call},
            received=self.now,
            source="story",
            trusted=True,
            new_id=lambda: f"m{self._count}",
        )
        if isinstance(judged, Rejected):
            raise ValueError(" ".join(judged.reasons))
        event = collect.normalise(judged, self.plan.program.settings)
        told = msgspec.structs.replace(event, time=when)
        self.step(Happened(told))
        return self


def _identifiers(person: Person, happening: Happening) -> dict[str, dict[str, Millis]] | None:
    """Identity in a story is plain: whatever the one customer's events name is theirs."""
    if not isinstance(happening, Happened):
        return None
    found = {ns: dict(values) for ns, values in person.identifiers.items()}
    for namespace, value in happening.event.identifiers:
        found.setdefault(namespace, {}).setdefault(value, happening.event.time)
    return found
