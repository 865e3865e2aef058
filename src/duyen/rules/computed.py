"""Computed traits: how one is written, what it is at an instant, what a test of one means in the words of rules.

A test of a computed trait is a condition on events in other words: `orders_90d, gte: 3` is `did … at_least: 3,
within: 90d`. So it has the one meaning that these have on a document, in a batch and on the lake, and turns by
itself when a window ends. What no words say (a value, a formula) is a condition of its own: `MeasureIs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from duyen.model.errors import InvalidRule
from duyen.model.person import Person
from duyen.model.program import ComputedTrait
from duyen.model.rule import (
    All,
    AnyOf,
    Did,
    Measure,
    MeasureIs,
    MeasureKind,
    Not,
    Rule,
    SeriesSpec,
    SumIs,
    Term,
    Test,
)
from duyen.model.times import DAY, Millis, format_time
from duyen.model.values import MICRO, to_micros
from duyen.rules.compare import passes
from duyen.rules.formula import parse_formula
from duyen.rules.parse import MAX_TIMES, read_event_parts, read_name, read_path
from duyen.rules.reading import is_time, is_value, reading
from duyen.rules.series import IS_NUMBER, measures, need, spec_of_measure
from duyen.rules.values import number_of

KINDS: dict[MeasureKind, tuple[str, ...]] = {
    "count": ("within", "where"),
    "sum": ("of", "within", "where"),
    "average": ("of", "within", "where"),
    "days_since": ("where",),
    "first": ("of", "within", "where"),
    "last": ("of", "within", "where"),
    "most_frequent": ("of", "within", "where"),
    "unique": ("of", "within", "where"),
}
"""Kind of what is told of events -> what may stand beside it."""
FORMULA = "formula"
"""The kind that is worked out of other traits; nothing stands beside it."""
_NEED_OF = ("sum", "average", "most_frequent", "unique")
MOST_TRAITS = 200
"""Computed traits of one program: each is a number or more in every document."""
_MOST_DAYS = 100_000
_ANYBODY, _NOBODY = All(()), AnyOf(())
Value = int | float | str | bool
"""What a computed trait can be; an instant is its RFC 3339 text."""


def parse_computed(id: str, raw: dict[str, Any]) -> ComputedTrait:
    """Read a computed trait from its YAML form; raises InvalidRule."""
    if not (id.isascii() and id.replace("_", "a").isalnum() and not id[0].isdigit()) or id == "or":
        raise InvalidRule(
            "trait.id",
            f"“{id}” cannot be read in rules and messages; write letters, digits and _ such as orders_90d.",
            at="id",
        )
    found = [kind for kind in KINDS if kind in raw]
    if len(found) + (FORMULA in raw) != 1:
        raise InvalidRule(
            "trait.kind",
            f"Write what is worked out, one of {', '.join((*KINDS, FORMULA))}, with the event's name:"
            " count: Order Completed.",
            at="trait",
        )
    if not found:
        _nothing_else(raw, FORMULA, ())
        term = parse_formula(raw[FORMULA])
    else:
        _nothing_else(raw, found[0], KINDS[found[0]])
        term = _measure(found[0], raw)
    return ComputedTrait(id, str(raw.get("name", id)), term, str(raw.get("description", "")))


def _nothing_else(raw: dict[str, Any], kind: str, beside: tuple[str, ...]) -> None:
    can = f"beside it can stand {', '.join(beside)}" if beside else "nothing can"
    for key in raw:
        if key not in ("id", "name", "description", kind, *beside):
            raise InvalidRule(
                "trait.unknown_field", f"“{key}” cannot stand beside {kind}; {can}.", at=str(key)
            )


def _measure(kind: MeasureKind, raw: dict[str, Any]) -> Measure:
    if kind in _NEED_OF and "of" not in raw:
        raise InvalidRule(
            "trait.of",
            f"Say which property the {kind.replace('_', ' ')} is of, for example of: total.",
            at="of",
        )
    where, within = read_event_parts(raw, "trait")
    event = read_name(raw[kind], "event", kind)
    of = read_path(raw["of"], "property", "of") if "of" in raw else ""
    return Measure(kind, event, of, where, within)


def condition(id: str, term: Term, test: Test, *, inside: bool = False, at: str = "rule") -> Rule:
    """What it means that a computed trait passes a test; `inside`: that something inside of it does."""
    if inside:
        return _ANYBODY if passes(None, test) else _NOBODY
    if is_time(term) and test.operator not in ("before", "after", "exists"):
        raise InvalidRule(
            "trait.time",
            f"The trait “{id}” is a time: compare it with before or after, or ask whether it exists.",
            at=at,
        )
    if not isinstance(term, Measure) or term.kind not in _IN_WORDS:
        return MeasureIs(term, test)
    return _in_words(id, term, test, at)


_IN_WORDS = ("count", "sum", "average", "days_since")


def _in_words(id: str, term: Measure, test: Test, at: str) -> Rule:
    """A test of a number that `did` and `sum` can say."""
    match test.operator:
        case "exists":
            there = _there(id, term)
            return there if test.operand else Not(there)
        case "is_not":
            return Not(_in_words(id, term, Test("is", test.operand), at))
        case "in":
            each = test.operand if isinstance(test.operand, tuple) else (test.operand,)
            return AnyOf(tuple(_in_words(id, term, Test("is", one), at) for one in each))
        case "is" if isinstance(test.operand, str):
            return _NOBODY
        case "is" | "gt" | "gte" | "lt" | "lte":
            bound = to_micros(test.operand)
            return _NOBODY if bound is None else _compared(id, term, test, bound, at)
        case _:
            return _NOBODY


def _there(id: str, term: Measure) -> Rule:
    if term.kind == "average":
        return _compared(id, term, IS_NUMBER, 0, "rule")
    return Did(term.event, term.where) if term.kind == "days_since" else _ANYBODY


def _compared(id: str, term: Measure, test: Test, bound: int, at: str) -> Rule:
    """A number compared with a bound in micros."""
    if term.kind in ("sum", "average"):
        average = term.kind == "average"
        return SumIs(term.event, term.of, test, term.where, term.within, average=average)
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
    return (_days if term.kind == "days_since" else _times)(id, term, max(0, least or 0), most, at)


def _times(id: str, term: Measure, least: int, most: int | None, at: str) -> Rule:
    """So often: between the two, both included."""
    if max(least, most or 0) > MAX_TIMES:
        raise InvalidRule(
            "trait.count",
            f"A rule compares a count with at most {MAX_TIMES:,}; the trait “{id}” is one.",
            at=at,
        )
    if least == 0 and most is None:
        return _ANYBODY
    return Did(term.event, term.where, term.within, least, most)


def _days(id: str, term: Measure, least: int, most: int | None, at: str) -> Rule:
    """The last time was so many whole days ago: within one day more than `most`, not within `least` days."""
    within = None if most is None else (min(most, _MOST_DAYS) + 1) * DAY
    recent = Did(term.event, term.where, within)
    if least == 0:
        return recent
    return All((recent, Not(Did(term.event, term.where, min(least, _MOST_DAYS) * DAY))))


def computed_needs(terms: Iterable[Term], specs: Mapping[str, SeriesSpec]) -> dict[str, SeriesSpec]:
    """The specs with what the values of resolved traits need besides."""
    united = dict(specs)
    for term in terms:
        for measure in measures(term):
            need(united, spec_of_measure(measure))
    return united


def computed_values(terms: Mapping[str, Term], person: Person, as_of: Millis) -> dict[str, Value]:
    """The computed traits that a person has at an instant, in order of their ids; numbers exact to a millionth.

    `terms` are the traits' by id, each as `resolve` gives it.
    """
    found = (
        (id, shown(terms[id], reading(terms[id], person, as_of).value)) for id in sorted(terms)
    )
    return {id: value for id, value in found if value is not None}


def shown(term: Term, value: Any) -> Value | None:
    """What a term was read to be, as people and messages see it."""
    if value is None:
        return None
    if is_time(term):
        return format_time(value)
    told: Value = value if is_value(term) else number_of(value)
    return told
