"""Journeys: what happens to a person step by step, declared in YAML.

id: browse-return
name: Came back to look
entry: {event: Product Viewed, where: {category: {is: shoes}}}   # or {segment: id}, {schedule: {at: …}}
unless: {did: Order Completed, within: 1h}                        # a rule checked at entry
exit_when: {did: Order Completed, within: 1d}                     # checked at each change and each step
reentry: 7d                                                      # once | always | a duration
steps:
  - wait: 30m
  - send: browse-mail
  - exit
"""

from __future__ import annotations

import msgspec

from duyen.model.consent import DEFAULT_BRAND
from duyen.model.rule import Rule, Where
from duyen.model.times import Millis


class EventEntry(msgspec.Struct, frozen=True, tag_field="entry", tag="event", omit_defaults=True):
    """Enter when this event arrives live (imports and late events do not start journeys)."""

    event: str
    where: tuple[Where, ...] = ()


class SegmentEntry(
    msgspec.Struct, frozen=True, tag_field="entry", tag="segment", omit_defaults=True
):
    """Enter on entering the segment; `include_existing`: also those who are in it when the journey goes live."""

    segment: str
    include_existing: bool = False


class ScheduleEntry(
    msgspec.Struct, frozen=True, tag_field="entry", tag="schedule", omit_defaults=True
):
    """Everyone of `segment` ("" = everybody) enters at `at` (an instant), or every `every` from then on."""

    at: Millis
    segment: str = ""
    every: Millis | None = None


class Wait(msgspec.Struct, frozen=True, tag_field="step", tag="wait"):
    """Wait a duration."""

    duration: Millis


class Send(msgspec.Struct, frozen=True, tag_field="step", tag="send"):
    """Ask the contact policy to send a message; quiet hours defer it, a refusal is noted and the journey goes on."""

    message: str


class If(msgspec.Struct, frozen=True, tag_field="step", tag="if", omit_defaults=True):
    """Go on with `then` where the rule holds, else with `otherwise`."""

    rule: Rule
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = ()


class Exit(msgspec.Struct, frozen=True, tag_field="step", tag="exit"):
    """Leave the journey."""


Step = Wait | Send | If | Exit


class Journey(msgspec.Struct, frozen=True, omit_defaults=True):
    """A journey. `reentry` in Millis after the last entry; 0 = always, None = once."""

    id: str
    name: str
    entry: EventEntry | SegmentEntry | ScheduleEntry
    steps: tuple[Step, ...]
    unless: Rule | None = None
    exit_when: Rule | None = None
    reentry: Millis | None = None
    brand: str = DEFAULT_BRAND
    live: bool = True
