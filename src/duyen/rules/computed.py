"""Computed traits: what one is at an instant, and what a test of one means in the words of rules.

A test of a computed trait is a condition on events in other words: `orders_90d, gte: 3` is `did … at_least: 3,
within: 90d`. So it has the one meaning that these have on a document, in a batch and on the lake, and turns by
itself when a window ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from duyen.model.errors import InvalidRule
from duyen.model.person import Person, Series
from duyen.model.program import ComputedTrait, TraitKind
from duyen.model.rule import All, AnyOf, Did, Not, Rule, SeriesSpec, SumIs, Test
from duyen.model.times import DAY, Millis
from duyen.model.values import MICRO, to_micros
from duyen.rules.compare import passes
from duyen.rules.parse import MAX_TIMES, read_event_parts, read_name, read_path
from duyen.rules.series import IS_NUMBER, numbers_only, series_key, unite

KINDS: dict[TraitKind, tuple[str, ...]] = {
    "count": ("within", "where"),
    "sum": ("of", "within", "where"),
    "average": ("of", "within", "where"),
    "days_since": ("where",),
}
"""Kind -> what may stand beside it."""
MOST_TRAITS = 200
"""Computed traits of one program: each is a number or more in every document."""
_MOST_DAYS = 100_000
_ANYBODY, _NOBODY = All(()), AnyOf(())


def parse_computed(id: str, raw: dict[str, Any]) -> ComputedTrait:
    """Read a computed trait from its YAML form; raises InvalidRule."""
    if not (id.isascii() and id.replace("_", "a").isalnum() and not id[0].isdigit()):
        raise InvalidRule(
            "trait.id",
            f"“{id}” cannot be read in rules and messages; write letters, digits and _ such as orders_90d.",
            at="id",
        )
    found = [kind for kind in KINDS if kind in raw]
    if len(found) != 1:
        raise InvalidRule(
            "trait.kind",
            f"Write what is worked out, one of {', '.join(KINDS)}, with the event's name: count: Order Completed.",
            at="trait",
        )
    kind = found[0]
    for key in raw:
        if key not in ("id", "name", "description", kind, *KINDS[kind]):
            raise InvalidRule(
                "trait.unknown_field",
                f"“{key}” cannot stand beside {kind}; beside it can stand {', '.join(KINDS[kind])}.",
                at=str(key),
            )
    if "of" in KINDS[kind] and "of" not in raw:
        raise InvalidRule(
            "trait.of", f"Say which property the {kind} is of, for example of: total.", at="of"
        )
    where, within = read_event_parts(raw, "trait")
    return ComputedTrait(
        id,
        str(raw.get("name", id)),
        kind,
        read_name(raw[kind], "event", kind),
        read_path(raw["of"], "property", "of") if "of" in raw else "",
        where,
        within,
        str(raw.get("description", "")),
    )


def condition(trait: ComputedTrait, test: Test, *, inside: bool = False, at: str = "rule") -> Rule:
    """What it means that a computed trait passes a test; `inside`: that something inside of it does."""
    if inside:
        return _ANYBODY if passes(None, test) else _NOBODY
    match test.operator:
        case "exists":
            there = _there(trait)
            return there if test.operand else Not(there)
        case "is_not":
            return Not(condition(trait, Test("is", test.operand), at=at))
        case "in":
            each = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            return AnyOf(tuple(condition(trait, Test("is", one), at=at) for one in each))
        case "is" if isinstance(test.operand, str):
            return _NOBODY
        case "is" | "gt" | "gte" | "lt" | "lte":
            bound = to_micros(test.operand)
            return _NOBODY if bound is None else _compared(trait, test, bound, at)
        case _:
            return _NOBODY


def _there(trait: ComputedTrait) -> Rule:
    if trait.kind == "average":
        return _compared(trait, IS_NUMBER, 0, "rule")
    return Did(trait.event, trait.where) if trait.kind == "days_since" else _ANYBODY


def _compared(trait: ComputedTrait, test: Test, bound: int, at: str) -> Rule:
    """A number compared with a bound in micros."""
    if trait.kind in ("sum", "average"):
        average = trait.kind == "average"
        return SumIs(trait.event, trait.of, test, trait.where, trait.within, average=average)
    least: int | None = None
    most: int | None = None
    if test.operator in ("gte", "is"):
        least = -(-bound // MICRO)
    if test.operator in ("lte", "is"):
        most = bound // MICRO
    if test.operator == "gt":
        least = bound // MICRO + 1
    if test.operator == "lt":
        most = -(-bound // MICRO) - 1
    if most is not None and (most < 0 or (least is not None and least > most)):
        return _NOBODY
    return (_days if trait.kind == "days_since" else _times)(trait, max(0, least or 0), most, at)


def _times(trait: ComputedTrait, least: int, most: int | None, at: str) -> Rule:
    """So often: between the two, both included."""
    if max(least, most or 0) > MAX_TIMES:
        raise InvalidRule(
            "trait.count",
            f"A rule compares a count with at most {MAX_TIMES:,}; the trait “{trait.id}” is one.",
            at=at,
        )
    if least == 0 and most is None:
        return _ANYBODY
    return Did(trait.event, trait.where, trait.within, least, most)


def _days(trait: ComputedTrait, least: int, most: int | None, at: str) -> Rule:
    """The last time was so many whole days ago: within one day more than `most`, not within `least` days."""
    within = None if most is None else (min(most, _MOST_DAYS) + 1) * DAY
    recent = Did(trait.event, trait.where, within)
    if least == 0:
        return recent
    return All((recent, Not(Did(trait.event, trait.where, min(least, _MOST_DAYS) * DAY))))


def _spec(trait: ComputedTrait) -> SeriesSpec:
    """What the value of a computed trait needs accumulated."""
    where = numbers_only(trait.where, trait.of) if trait.kind == "average" else trait.where
    keep = 1 if trait.kind == "days_since" else 0
    return SeriesSpec(trait.event, where, trait.of, keep=keep, horizon=trait.within or 0)


def computed_needs(
    traits: Iterable[ComputedTrait], specs: dict[str, SeriesSpec]
) -> dict[str, SeriesSpec]:
    """The specs with what the traits' values need besides."""
    united = dict(specs)
    for trait in traits:
        spec = _spec(trait)
        key = series_key(spec.event, spec.where, spec.of)
        united[key] = unite(united[key], spec) if key in united else spec
    return united


def computed_values(
    traits: Iterable[ComputedTrait], person: Person, as_of: Millis
) -> dict[str, int | float]:
    """The computed traits that a person has at an instant: numbers, exact to a millionth, in order of their ids."""
    found = ((trait.id, _value(trait, person, as_of)) for trait in traits)
    return {id: value for id, value in sorted(found) if value is not None}


def _value(trait: ComputedTrait, person: Person, as_of: Millis) -> int | float | None:
    spec = _spec(trait)
    series = person.series.get(series_key(spec.event, spec.where, spec.of), Series())
    if trait.kind == "days_since":
        newest = next((time for time, _ in series.points if time <= as_of), None)
        return None if newest is None else (as_of - newest) // DAY
    count, total = _inside(series, trait.within, as_of)
    if trait.kind == "count":
        return count
    if trait.kind == "sum":
        return _number(total)
    return _number(round_half_even(total, count)) if count else None


def _inside(series: Series, within: Millis | None, as_of: Millis) -> tuple[int, int]:
    """Count and total of the events up to now, in the window where there is one."""
    if within is None:
        later = [amount for time, amount in series.points if time > as_of]
        return series.count - len(later), series.total - sum(later)
    now = [amount for time, amount in series.points if as_of - within < time <= as_of]
    return len(now), sum(now)


def round_half_even(total: int, count: int) -> int:
    """The quotient as the nearest whole number; of two that are as near, the even one."""
    whole, rest = divmod(total, count)
    return whole + (2 * rest > count or (2 * rest == count and whole % 2 == 1))


def _number(micros: int) -> int | float:
    whole, rest = divmod(micros, MICRO)
    return whole if rest == 0 else round(micros / MICRO, 6)
