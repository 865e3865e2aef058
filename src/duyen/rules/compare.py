"""What one comparison of one value means: the same for a trait, a property and every engine.

A value is missing when its path leads nowhere, or to null, or to a number that is not finite. A missing
value fails every operator but `is_not` and `exists: false`. Lists and maps are there (`exists`), but equal
nothing and are compared with nothing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from duyen.model.group import ID
from duyen.model.person import Person
from duyen.model.rule import Operand, Operator, Test, Where
from duyen.model.times import Millis, parse_time
from duyen.model.values import fold, to_micros

Predicate = Callable[[Any], bool]

_ISO = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII
)


def to_instant(value: object) -> Millis | None:
    """The instant that RFC 3339 text or an ISO date names, or None; without an offset it is UTC."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    try:
        return parse_time(value)
    except (ValueError, OverflowError):
        return None


def find(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path (`address.city`) into maps, or None."""
    if "." not in path:
        return values.get(path)
    found: Any = values
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def trait_value(person: Person, path: str) -> object:
    """A written trait's value; a dotted path leads into a trait that is a map."""
    name, _, rest = path.partition(".")
    trait = person.traits.get(name)
    if trait is None:
        return None
    if not rest:
        value: object = trait.value
        return value
    return find(trait.value, rest) if isinstance(trait.value, dict) else None


def matches(where: tuple[Where, ...], properties: Mapping[str, Any]) -> bool:
    """Whether one event's properties pass every comparison."""
    return all(passes(find(properties, w.property), w.test) for w in where)


def groups_of(person: Person) -> list[dict[str, Any]]:
    """What is known of each of a person's groups, at least its id."""
    known = person.group_traits
    return [known.get(id) or {ID: id} for id in person.groups]


def passes(value: Any, test: Test) -> bool:
    """Whether a value passes a test."""
    return predicate(test)(value)


def predicate(test: Test) -> Predicate:
    """The test as a function of the value; made once per distinct test."""
    return _predicate(test.operator, typed(test.operand))


def number_predicate(test: Test) -> Callable[[int], bool]:
    """The test of a sum, as a function of micros; operands may be numeric text."""
    bound = to_micros(test.operand)
    if bound is None or test.operator not in _COMPARE_MICROS:
        return lambda micros: False
    compare = _COMPARE_MICROS[test.operator]
    return lambda micros: compare(micros, bound)


def number_passes(test: Test) -> Callable[[int | None], bool]:
    """The test as a function of an exact number in micros, or of nothing; it means what it means of a value."""
    operand, operator = test.operand, test.operator
    if operator == "is_not":
        equal = number_passes(Test("is", operand))
        return lambda micros: not equal(micros)
    if operator == "exists":
        wanted = bool(operand)
        return lambda micros: (micros is not None) is wanted
    if operator in ("is", "in"):
        several = operand if isinstance(operand, tuple) else (operand,)
        found = [to_micros(each) for each in several if not isinstance(each, str)]
        allowed = {each for each in found if each is not None}
        return lambda micros: micros in allowed
    bound = to_micros(operand)
    if bound is None or operator not in _COMPARE_MICROS:
        return lambda micros: False
    compare, limit = _COMPARE_MICROS[operator], bound
    return lambda micros: micros is not None and compare(micros, limit)


def typed(operand: Operand) -> tuple[Any, ...]:
    """A hashable form that tells 1 from true, which Python's equality does not."""
    if isinstance(operand, tuple):
        return ("in", *(typed(each) for each in operand))
    if isinstance(operand, bool):
        return ("bool", operand)
    if isinstance(operand, int | float):
        micros = to_micros(operand)
        return ("number", micros) if micros is not None else ("unusable", repr(operand))
    return ("null",) if operand is None else ("text", operand)


_COMPARE_MICROS: dict[str, Callable[[int, int], bool]] = {
    "is": lambda a, b: a == b,
    "is_not": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}
NUMBER_OPERATORS: tuple[Operator, ...] = ("is", "is_not", "gt", "gte", "lt", "lte")
"""What a sum may be tested by."""


def nothing(value: Any) -> bool:
    """Whether a value is missing."""
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def bound_micros(kind: tuple[Any, ...]) -> int | None:
    """The micros of a numeric operand in its typed form, numeric text included."""
    if kind[0] == "number":
        return int(kind[1])
    return to_micros(kind[1]) if kind[0] == "text" else None


@lru_cache(maxsize=65_536)
def _predicate(operator: Operator, kind: tuple[Any, ...]) -> Predicate:
    """One closure per operator and operand."""
    if operator == "is":
        return _equal(kind)
    if operator == "is_not":
        equal = _equal(kind)
        return lambda value: not equal(value)
    if operator == "in":
        return _among(kind[1:])
    if operator == "exists":
        wanted = bool(kind[1])
        return lambda value: nothing(value) is not wanted
    if operator in ("contains", "starts_with"):
        return _text(operator, kind)
    if operator in ("before", "after"):
        return _time(operator, kind)
    return _number(operator, kind)


def _never(value: Any) -> bool:
    return False


def _equal(kind: tuple[Any, ...]) -> Predicate:
    """Equal in kind and value: text as it is, numbers by micros, true and false only themselves."""
    if kind[0] == "text":
        text = kind[1]
        return lambda value: isinstance(value, str) and value == text
    if kind[0] == "bool":
        return lambda value: value is kind[1]
    if kind[0] == "number":
        micros = kind[1]
        return lambda value: isinstance(value, int | float) and to_micros(value) == micros
    return _never


def _among(kinds: tuple[tuple[Any, ...], ...]) -> Predicate:
    """Equal to one of the operands."""
    allowed = frozenset(kind for kind in kinds if kind[0] in ("text", "bool", "number"))

    def among(value: Any) -> bool:
        return isinstance(value, str | int | float) and typed(value) in allowed

    return among


def _text(operator: str, kind: tuple[Any, ...]) -> Predicate:
    """Folded comparison of text with text."""
    if kind[0] != "text":
        return _never
    part = fold(kind[1])
    if operator == "contains":
        return lambda value: isinstance(value, str) and part in fold(value)
    return lambda value: isinstance(value, str) and fold(value).startswith(part)


def _number(operator: str, kind: tuple[Any, ...]) -> Predicate:
    """Comparison of micros."""
    bound = bound_micros(kind)
    if bound is None:
        return _never
    compare, limit = _COMPARE_MICROS[operator], bound

    def compared(value: Any) -> bool:
        micros = to_micros(value)
        return micros is not None and compare(micros, limit)

    return compared


def _time(operator: str, kind: tuple[Any, ...]) -> Predicate:
    """Comparison of instants."""
    bound = to_instant(kind[1]) if kind[0] == "text" else None
    if bound is None:
        return _never
    limit, sign = bound, 1 if operator == "after" else -1

    def compared(value: Any) -> bool:
        instant = to_instant(value)
        return instant is not None and (instant - limit) * sign > 0

    return compared
