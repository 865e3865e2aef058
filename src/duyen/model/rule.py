"""The condition language's tree. Meaning lives in `duyen.rules`; here are only its words.

A rule in YAML is a map with one of these keys:

    all: [rule, ...]            any: [rule, ...]            not: rule
    trait: city, is: "Hà Nội"   (one operator of OPERATORS beside it)
    did: Order Completed, at_least: 2, at_most: 5, within: 90d, where: {total: {gte: "100"}}
    did_not: Order Completed, within: 30d
    sum: Order Completed, of: revenue, within: 90d, gte: "500"
    did: Email Opened, quality: any          (machines' events count too; so for did_not and sum)
    segment: id                 consent: marketing, channel: email
"""

from __future__ import annotations

from typing import Literal

import msgspec

from duyen.model.times import Millis

Operator = Literal[
    "is",
    "is_not",
    "in",
    "exists",
    "gt",
    "gte",
    "lt",
    "lte",
    "contains",
    "starts_with",
    "before",
    "after",
]
Scalar = str | int | float | bool | None
Operand = Scalar | tuple[Scalar, ...]
Counted = Literal["", "any"]
"""Whose events a condition counts: "" those of people; any: those of crawlers, prefetchers and scanners too."""


class Test(msgspec.Struct, frozen=True, omit_defaults=True):
    """One comparison of one value: `operator` against `operand` (see duyen.rules for meanings)."""

    operator: Operator
    operand: Operand = True


class Where(msgspec.Struct, frozen=True, omit_defaults=True):
    """A comparison of an event's property; `property` may be a dotted path (`address.city`)."""

    property: str
    test: Test


class TraitIs(msgspec.Struct, frozen=True, tag_field="node", tag="trait"):
    """A trait of the person passes a test."""

    trait: str
    test: Test


class Did(msgspec.Struct, frozen=True, tag_field="node", tag="did", omit_defaults=True):
    """The person did `event` between at_least and at_most times (within the window, matching where).

    The window is half open: as_of - within < event time <= as_of; None means ever. at_most None: no upper bound.
    """

    event: str
    where: tuple[Where, ...] = ()
    within: Millis | None = None
    at_least: int = 1
    at_most: int | None = None
    quality: Counted = ""


class SumIs(msgspec.Struct, frozen=True, tag_field="node", tag="sum", omit_defaults=True):
    """The exact sum of a numeric property over matching events passes a numeric test.

    An empty sum is 0; values that are no numbers count as 0. With `average` it is the exact average of those values
    that are numbers; of no number there is none, which passes `is_not` alone.
    """

    event: str
    of: str
    test: Test
    where: tuple[Where, ...] = ()
    within: Millis | None = None
    average: bool = False
    quality: Counted = ""


class ConsentIs(msgspec.Struct, frozen=True, tag_field="node", tag="consent"):
    """The person's effective consent for a purpose on a channel is granted."""

    purpose: str
    channel: str = "email"


class InSegment(msgspec.Struct, frozen=True, tag_field="node", tag="segment"):
    """The person is in another segment (inlined when the program is compiled; no cycles)."""

    segment: str


class All(msgspec.Struct, frozen=True, tag_field="node", tag="all"):
    """Every one holds; the empty All holds for everybody."""

    rules: tuple[Rule, ...]


class AnyOf(msgspec.Struct, frozen=True, tag_field="node", tag="any"):
    """At least one holds; the empty AnyOf holds for nobody."""

    rules: tuple[Rule, ...]


class Not(msgspec.Struct, frozen=True, tag_field="node", tag="not"):
    """It does not hold."""

    rule: Rule


Rule = TraitIs | Did | SumIs | ConsentIs | InSegment | All | AnyOf | Not


class SeriesSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule needs accumulated in the head: matching events' times and one property's amounts.

    `keep`: newest points needed for counting; `horizon`: how far back points are needed for sums
    (0: none, only the all-time totals). Specs of the same (event, where, of) are united by maximum.
    """

    event: str
    where: tuple[Where, ...] = ()
    of: str = ""
    keep: int = 0
    horizon: Millis = 0
    quality: Counted = ""
