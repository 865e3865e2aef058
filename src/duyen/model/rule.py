"""The condition language's tree. Meaning lives in `duyen.rules`; here are only its words.

A rule in YAML is a map with one of these keys:

    all: [rule, ...]            any: [rule, ...]            not: rule
    trait: city, is: "Hà Nội"   (one operator of OPERATORS beside it)
    did: Order Completed, at_least: 2, at_most: 5, within: 90d, where: {total: {gte: "100"}}
    did_not: Order Completed, within: 30d
    sum: Order Completed, of: revenue, within: 90d, gte: "500"
    did: Email Opened, quality: any          (machines' events count too; so for did_not and sum)
    segment: id                 consent: marketing, channel: email
    group: {plan: business, employees: {gte: 100}}      (one of their groups passes all of it)
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


class InGroup(msgspec.Struct, frozen=True, tag_field="node", tag="group"):
    """One and the same of the person's groups passes every comparison of its traits; `id` is the group's id."""

    where: tuple[Where, ...] = ()


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


MeasureKind = Literal[
    "count", "sum", "average", "days_since", "first", "last", "most_frequent", "unique"
]
"""What can be told of a person's matching events, see `Measure`."""
PICKS: tuple[MeasureKind, ...] = ("first", "last", "most_frequent")
"""The kinds that give one of the events' own values rather than a number."""


class Measure(msgspec.Struct, frozen=True, tag_field="node", tag="measure", omit_defaults=True):
    """Something told of a person's matching events, exact at every instant; the window is that of `Did`.

    count of them; sum or average of their numeric property `of`; whole days (of 24 hours) since the last one;
    first, last, most_frequent value of `of` (without `of`, the time of the first or last); unique: how many values.
    """

    kind: MeasureKind
    event: str
    of: str = ""
    where: tuple[Where, ...] = ()
    within: Millis | None = None


class Constant(msgspec.Struct, frozen=True, tag_field="node", tag="constant"):
    """A number written in a formula."""

    micros: int


class Named(msgspec.Struct, frozen=True, tag_field="node", tag="named"):
    """A trait named in a formula; once resolved, a written one."""

    trait: str


Operation = Literal["+", "-", "*", "/", "or"]


class Arithmetic(msgspec.Struct, frozen=True, tag_field="node", tag="arithmetic"):
    """Two terms of a formula under an operator; `or`: the right one where the left one is missing.

    Each step is rounded to a millionth, half to even; without a number on both sides, by 0, and from 10^12 on there
    is no result.
    """

    operator: Operation
    left: Term
    right: Term


Term = Measure | Constant | Named | Arithmetic
"""What a computed trait is worked out of."""


class MeasureIs(msgspec.Struct, frozen=True, tag_field="node", tag="measured"):
    """A term passes a test. It has no words of its own: it is what a test of a computed trait means."""

    term: Term
    test: Test


Rule = TraitIs | Did | SumIs | MeasureIs | ConsentIs | InGroup | InSegment | All | AnyOf | Not


Pick = Literal["", "first", "last", "most_frequent", "unique"]


class SeriesSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a rule needs accumulated in the head: matching events' times and one property's amounts.

    `keep`: newest points needed for counting; `horizon`: how far back points are needed for sums
    (0: none, only the all-time totals). Specs of the same (event, where, of) are united by maximum.
    `pick`: not amounts but values are kept, as that kind needs them; `ever`: those of all time.
    """

    event: str
    where: tuple[Where, ...] = ()
    of: str = ""
    keep: int = 0
    horizon: Millis = 0
    quality: Counted = ""
    pick: Pick = ""
    ever: bool = False
