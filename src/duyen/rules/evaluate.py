"""What a rule means on one person at one instant, and until when time alone cannot change that."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from duyen.model.consent import granted
from duyen.model.errors import InvalidRule
from duyen.model.person import Person, Series
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InGroup,
    InSegment,
    MeasureIs,
    Not,
    Rule,
    SumIs,
    Test,
    TraitIs,
)
from duyen.model.times import NEVER, Millis
from duyen.model.values import to_micros
from duyen.rules.compare import groups_of, matches, number_predicate, passes, trait_value
from duyen.rules.reading import reading, test_of, turning
from duyen.rules.series import key_of

NO_SERIES = Series()


class Verdict(NamedTuple):
    """`truth` at the instant asked for; it stays so before `until` unless something happens.

    For a count or sum `until` is the very instant at which it turns; for a compound condition, and far ahead for other
    computed traits, it is a lower bound, and NEVER where time alone changes nothing.
    """

    truth: bool
    until: Millis


def evaluate(rule: Rule, person: Person, as_of: Millis) -> Verdict:
    """Whether the rule holds for the person as of an instant; segments must be inlined before."""
    match rule:
        case TraitIs(trait, test):
            return Verdict(passes(trait_value(person, trait), test), NEVER)
        case Did():
            return count_verdict(rule, person.series.get(key_of(rule), NO_SERIES), as_of)
        case SumIs():
            return sum_verdict(rule, person.series.get(key_of(rule), NO_SERIES), as_of)
        case MeasureIs():
            return measured_verdict(rule, person, as_of)
        case ConsentIs(purpose, channel):
            return Verdict(granted(person.consent, purpose, channel), NEVER)
        case InGroup(where):
            return Verdict(any(matches(where, each) for each in groups_of(person)), NEVER)
        case All(rules):
            return _all([evaluate(each, person, as_of) for each in rules])
        case AnyOf(rules):
            return _any([evaluate(each, person, as_of) for each in rules])
        case Not(inner):
            verdict = evaluate(inner, person, as_of)
            return Verdict(not verdict.truth, verdict.until)
        case InSegment(segment):
            raise not_inlined(segment)


def not_inlined(segment: str) -> InvalidRule:
    """The error of a rule that still names a segment."""
    return InvalidRule(
        "rule.unknown_segment", f"The segment “{segment}” was not put in its place.", at="rule"
    )


def measured_verdict(rule: MeasureIs, person: Person, as_of: Millis) -> Verdict:
    """Whether what a computed trait is passes, now and as time changes it."""
    first = reading(rule.term, person, as_of)
    return Verdict(*turning(rule.term, test_of(rule.term, rule.test), person, as_of, first))


def _all(verdicts: list[Verdict]) -> Verdict:
    """True till the first turns; false as long as the false one that lasts longest."""
    false = [v.until for v in verdicts if not v.truth]
    if false:
        return Verdict(False, max(false))
    return Verdict(True, min((v.until for v in verdicts), default=NEVER))


def _any(verdicts: list[Verdict]) -> Verdict:
    """True as long as the true one that lasts longest; false till the first turns."""
    true = [v.until for v in verdicts if v.truth]
    if true:
        return Verdict(True, max(true))
    return Verdict(False, min((v.until for v in verdicts), default=NEVER))


def count_verdict(rule: Did, series: Series, as_of: Millis) -> Verdict:
    """How often it was done, now and as points enter (their time) and leave (a window later)."""
    least, most = rule.at_least, rule.at_most

    def holds(count: int) -> bool:
        return count >= least and (most is None or count <= most)

    if rule.within is None:
        later = [(time, 1) for time, _ in series.points if time > as_of]
        return _turning(series.count - len(later), later, holds)
    count, changes = _window([(time, 1) for time, _ in series.points], rule.within, as_of)
    return _turning(count, changes, holds)


def sum_verdict(rule: SumIs, series: Series, as_of: Millis) -> Verdict:
    """What it adds up to, or is on average, now and as amounts enter and leave."""
    if rule.average:
        return _average_verdict(rule, series, as_of)
    holds = number_predicate(rule.test)
    if rule.within is None:
        later = [point for point in series.points if point[0] > as_of]
        return _turning(series.total - sum(amount for _, amount in later), later, holds)
    total, changes = _window(series.points, rule.within, as_of)
    return _turning(total, changes, holds)


_SIDE = 64
"""Bits for a count beside a total: one number that holds both, and adds up."""


def _average_verdict(rule: SumIs, series: Series, as_of: Millis) -> Verdict:
    """Above a bound is an average where what each number has above it adds up to more than nothing."""
    bound = to_micros(rule.test.operand)
    if bound is None:
        return Verdict(False, NEVER)
    above = number_predicate(Test(rule.test.operator, 0))
    empty = rule.test.operator == "is_not"

    def holds(both: int) -> bool:
        return above(both >> _SIDE) if both % 2**_SIDE else empty

    points = [(time, (amount - bound << _SIDE) + 1) for time, amount in series.points]
    if rule.within is not None:
        both, changes = _window(points, rule.within, as_of)
        return _turning(both, changes, holds)
    later = [point for point in points if point[0] > as_of]
    whole = (series.total - series.count * bound << _SIDE) + series.count
    return _turning(whole - sum(each for _, each in later), later, holds)


Change = tuple[Millis, int]
"""An instant and what it adds to the value."""


def _window(
    points: list[tuple[Millis, int]], within: Millis, as_of: Millis
) -> tuple[int, list[Change]]:
    """The value in (as_of - within, as_of], and all its later changes."""
    value, changes = 0, []
    for time, amount in points:
        if time > as_of:
            changes.append((time, amount))
        elif time > as_of - within:
            value += amount
        else:
            continue
        changes.append((time + within, -amount))
    return value, changes


def _turning(value: int, changes: list[Change], holds: Callable[[int], bool]) -> Verdict:
    """The truth of a value, and the first instant at which its changes turn it."""
    truth = holds(value)
    changes.sort()
    last = len(changes) - 1
    for i, (instant, change) in enumerate(changes):
        value += change
        settled = i == last or changes[i + 1][0] != instant
        if settled and holds(value) is not truth:
            return Verdict(truth, min(instant, NEVER))
    return Verdict(truth, NEVER)
