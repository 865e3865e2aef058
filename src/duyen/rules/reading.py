"""What a term is at an instant, and until when time alone cannot change it.

A number is exact micros, a time is milliseconds; of `first`, `last` and `most_frequent` it is the value as it was told.
Nothing is None: where there is nothing to tell, in every sum with nothing, and where a number is too large to be one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

from duyen.model.person import Person, Series, Values
from duyen.model.rule import PICKS, Arithmetic, Constant, Measure, Named, Operation, Term, Test
from duyen.model.times import DAY, NEVER, Millis
from duyen.model.values import MICRO, to_micros
from duyen.rules.compare import number_passes, predicate, to_instant, trait_value
from duyen.rules.series import key_of_spec, spec_of_measure
from duyen.rules.values import MOST_VALUES, value_of

LARGEST = 10**12 * MICRO
"""From here on it is no number, as everywhere in rules."""
LOOK = 32
"""How many changes ahead are looked at for the instant at which a test turns; behind that it is asked again."""
_NO_SERIES, _NO_VALUES = Series(), Values()


class Reading(NamedTuple):
    """A value that stays what it is before `until` unless something happens."""

    value: Any
    until: Millis


def is_time(term: Term) -> bool:
    """Whether it is an instant rather than a number or a value."""
    return isinstance(term, Measure) and term.kind in ("first", "last") and not term.of


def is_value(term: Term) -> bool:
    """Whether it is one of the events' own values: text, a number, true or false."""
    return isinstance(term, Measure) and term.kind in PICKS and bool(term.of)


def reading(term: Term, person: Person, as_of: Millis) -> Reading:
    """A term's value for a person at an instant."""
    match term:
        case Measure():
            return _measured(term, person, as_of)
        case Arithmetic(operator, left, right):
            one, other = reading(left, person, as_of), reading(right, person, as_of)
            value = calculate(operator, operand(left, one.value), operand(right, other.value))
            return Reading(value, min(one.until, other.until))
        case Constant(micros):
            return Reading(micros, NEVER)
        case Named(trait):
            return Reading(to_micros(trait_value(person, trait)), NEVER)


def test_of(term: Term, test: Test) -> Callable[[Any], bool]:
    """A test as a function of what the term is; instants know before, after and exists."""
    if is_value(term):
        return predicate(test)
    if not is_time(term):
        return number_passes(test)
    if test.operator not in ("before", "after"):
        return predicate(test)
    bound, sign = to_instant(test.operand), 1 if test.operator == "after" else -1
    return lambda value: None not in (value, bound) and (value - bound) * sign > 0


def turning(
    term: Term, holds: Callable[[Any], bool], person: Person, as_of: Millis, first: Reading
) -> tuple[bool, Millis]:
    """Whether it holds, and the instant at which time turns it; behind LOOK changes, a lower bound of it."""
    truth, until = holds(first.value), first.until
    for _ in range(LOOK):
        if until >= NEVER:
            return truth, NEVER
        value, following = reading(term, person, until)
        if holds(value) is not truth:
            return truth, until
        until = following
    return truth, until


def operand(term: Term, value: Any) -> int | None:
    """A value as a number in a formula."""
    if is_value(term):
        return to_micros(value)
    return value if value is not None and abs(value) < LARGEST else None


def calculate(operator: Operation, left: int | None, right: int | None) -> int | None:
    """One step of a formula, in micros, rounded half to even."""
    if operator == "or":
        return right if left is None else left
    if left is None or right is None:
        return None
    match operator:
        case "+":
            found = left + right
        case "-":
            found = left - right
        case "*":
            found = round_half_even(left * right, MICRO)
        case "/":
            if right == 0:
                return None
            sign = -1 if right < 0 else 1
            found = round_half_even(left * MICRO * sign, right * sign)
    return found if abs(found) < LARGEST else None


def round_half_even(total: int, count: int) -> int:
    """The quotient as the nearest whole number; of two that are as near, the even one. `count` is above 0."""
    whole, rest = divmod(total, count)
    return whole + (2 * rest > count or (2 * rest == count and whole % 2 == 1))


def _measured(measure: Measure, person: Person, as_of: Millis) -> Reading:
    spec = spec_of_measure(measure)
    key = key_of_spec(spec)
    if spec.pick:
        values = person.values.get(key, _NO_VALUES)
        return _READ[measure.kind](measure, values, as_of)
    return _number(measure, person.series.get(key, _NO_SERIES), as_of)


def _number(measure: Measure, series: Series, as_of: Millis) -> Reading:
    """A count, sum, average or number of days."""
    if measure.kind == "days_since":
        return _days(series, as_of)
    within, count, total, until = measure.within, 0, 0, NEVER
    for time, amount in series.points:
        if time > as_of:
            until = min(until, time)
        elif within is not None and time > as_of - within:
            count, total = count + 1, total + amount
            until = min(until, time + within)
    if within is None:
        later = [amount for time, amount in series.points if time > as_of]
        count, total = series.count - len(later), series.total - sum(later)
    if measure.kind == "count":
        return Reading(count * MICRO, until)
    if measure.kind == "sum":
        return Reading(total, until)
    return Reading(round_half_even(total, count) if count else None, until)


def _days(series: Series, as_of: Millis) -> Reading:
    later = min((time for time, _ in series.points if time > as_of), default=NEVER)
    newest = next((time for time, _ in series.points if time <= as_of), None)
    if newest is None:
        return Reading(None, later)
    days = (as_of - newest) // DAY
    return Reading(days * MICRO, min(later, newest + (days + 1) * DAY))


def _window(
    measure: Measure, values: Values, as_of: Millis
) -> tuple[list[tuple[Millis, str]], Millis]:
    """The points up to now in the window, oldest first, and when the next one comes."""
    after = -NEVER if measure.within is None else as_of - measure.within
    later = min((time for time, _ in values.points if time > as_of), default=NEVER)
    return [point for point in values.points if after < point[0] <= as_of], later


def _leaves(measure: Measure, time: Millis) -> Millis:
    return NEVER if measure.within is None else time + measure.within


def _told(measure: Measure, time: Millis, key: str) -> Any:
    return value_of(key) if measure.of else time


def _last(measure: Measure, values: Values, as_of: Millis) -> Reading:
    inside, later = _window(measure, values, as_of)
    if not inside:
        return Reading(None, later)
    time, key = inside[-1]
    return Reading(_told(measure, time, key), min(later, _leaves(measure, time)))


def _first(measure: Measure, values: Values, as_of: Millis) -> Reading:
    inside, later = _window(measure, values, as_of)
    if measure.within is None and len(values.points) < values.count:
        inside, later = values.oldest, NEVER
    if not inside:
        return Reading(None, later)
    time, key = inside[0]
    return Reading(_told(measure, time, key), min(later, _leaves(measure, time)))


def _most_frequent(measure: Measure, values: Values, as_of: Millis) -> Reading:
    """Of those that are as frequent, the one that was there last."""
    inside, until = _window(measure, values, as_of)
    if measure.within is None and len(values.points) < values.count:
        found, until = values.table, NEVER
    else:
        times = Counter(key for _, key in inside)
        found = {key: (times[key], time) for time, key in inside}  # the last time of each stays
        if inside:
            until = min(until, _leaves(measure, inside[0][0]))
    if not found or len(found) > MOST_VALUES:
        return Reading(None, until)
    return Reading(value_of(max(found, key=lambda key: (found[key], key))), until)


def _unique(measure: Measure, values: Values, as_of: Millis) -> Reading:
    if len(values.points) == values.count:
        inside, until = _window(measure, values, as_of)
        last = list({key: time for time, key in inside}.values())
    else:
        after, until = as_of - (measure.within or 0), NEVER
        last = [time for _, time in values.table.values() if measure.within is None or time > after]
    until = min([until, *(_leaves(measure, time) for time in last)])
    return Reading(min(len(last), MOST_VALUES) * MICRO, until)


_READ: dict[str, Callable[[Measure, Values, Millis], Reading]] = {
    "first": _first,
    "last": _last,
    "most_frequent": _most_frequent,
    "unique": _unique,
}
