"""From what a person wrote to the tree, and back.

Whatever is handed in, only `InvalidRule` comes out: with the place (`rule.all[1].where.total`), what was
found there and what is allowed.
"""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, cast, get_args

from duyen.model.errors import InvalidRule
from duyen.model.meaning import known_as
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Counted,
    Did,
    InGroup,
    InSegment,
    MeasureIs,
    Not,
    Operand,
    Operator,
    Rule,
    Scalar,
    SumIs,
    Test,
    TraitIs,
    Where,
)
from duyen.model.times import DAY, Millis, format_duration, parse_duration
from duyen.model.values import canonical, to_micros
from duyen.rules.compare import NUMBER_OPERATORS, to_instant

MAX_DEPTH = 20
MAX_NODES = 500
MAX_TEXT = 1_000
MAX_IN = 500
MAX_TIMES = 1_000
"""The newest points of a counted event lie in every head, so that counting has a ceiling."""
MAX_WITHIN: Millis = 36_500 * DAY

OPERATORS: tuple[Operator, ...] = get_args(Operator)
KINDS = ("all", "any", "not", "trait", "did", "did_not", "sum", "segment", "consent", "group")
_BESIDE: dict[str, tuple[str, ...]] = {
    "all": (),
    "any": (),
    "not": (),
    "trait": OPERATORS,
    "did": ("at_least", "at_most", "within", "where", "quality"),
    "did_not": ("within", "where", "quality"),
    "sum": ("of", "within", "where", "quality", *NUMBER_OPERATORS),
    "segment": (),
    "consent": ("channel",),
    "group": (),
}
_COMPARING_NUMBERS = ("gt", "gte", "lt", "lte")


def parse_rule(raw: Any, at: str = "rule") -> Rule:
    """Read a rule from its YAML or JSON form; raises InvalidRule, whose `at` says where."""
    return _Reader().rule(raw, at, 1)


def parse_where(raw: Any, at: str = "where") -> tuple[Where, ...]:
    """Read the comparisons of an event's properties; raises InvalidRule."""
    return _Reader().where(raw, at)


def read_event_parts(raw: dict[str, Any], at: str) -> tuple[tuple[Where, ...], Millis | None]:
    """The `where` and `within` beside an event; raises InvalidRule."""
    return _Reader().event_parts(raw, at)


def read_name(raw: Any, what: str, at: str) -> str:
    """A name of an event and the like; raises InvalidRule."""
    return _Reader().name(raw, what, at)


def read_path(raw: Any, what: str, at: str) -> str:
    """A dotted path to a property; raises InvalidRule."""
    return _Reader().path(raw, what, at)


def to_data(rule: Rule) -> dict[str, Any]:
    """The YAML form of a rule; `parse_rule(to_data(rule)) == rule` for every rule that was parsed."""
    match rule:
        case All(rules):
            return {"all": [to_data(each) for each in rules]}
        case AnyOf(rules):
            return {"any": [to_data(each) for each in rules]}
        case Not(inner):
            return {"not": to_data(inner)}
        case TraitIs(trait, test):
            return {"trait": trait, test.operator: _operand_data(test.operand)}
        case Did():
            return _did_data(rule)
        case SumIs():
            data = {"sum": rule.event, "of": rule.of, **_event_data(rule)}
            return {**data, rule.test.operator: _operand_data(rule.test.operand)}
        case ConsentIs(purpose, channel):
            return {"consent": purpose, "channel": channel}
        case InSegment(segment):
            return {"segment": segment}
        case InGroup(where):
            return {"group": where_to_data(where)}
        case MeasureIs():
            raise ValueError("a measure has no words: it is what a test of a computed trait means")


def where_to_data(where: Iterable[Where]) -> dict[str, Any]:
    """The YAML form of comparisons: a bare value means `is`."""
    data: dict[str, dict[str, Any]] = {}
    for each in where:
        tests = data.setdefault(each.property, {})
        tests[each.test.operator] = _operand_data(each.test.operand)
    return {name: tests["is"] if list(tests) == ["is"] else tests for name, tests in data.items()}


def _did_data(rule: Did) -> dict[str, Any]:
    if rule.at_most == 0:
        return {"did_not": rule.event, **_event_data(rule)}
    data: dict[str, Any] = {"did": rule.event}
    if rule.at_least != 1:
        data["at_least"] = rule.at_least
    if rule.at_most is not None:
        data["at_most"] = rule.at_most
    return {**data, **_event_data(rule)}


def _event_data(rule: Did | SumIs) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if rule.within is not None:
        data["within"] = _duration_text(rule.within)
    if rule.where:
        data["where"] = where_to_data(rule.where)
    if rule.quality:
        data["quality"] = rule.quality
    return data


def _operand_data(operand: Operand) -> Any:
    return list(operand) if isinstance(operand, tuple) else operand


def _duration_text(duration: Millis) -> str:
    """The duration as it can be read again: in one unit, or in days and milliseconds."""
    text = format_duration(duration)
    if len(text) > len("999999999ms"):
        return f"{duration // DAY}d {duration % DAY}ms"
    return text


def _show(value: Any) -> str:
    """What was found, short enough for a sentence."""
    if isinstance(value, str):
        return f"“{value[:40]}…”" if len(value) > 40 else f"“{value}”"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= 10**40:
        return "a very long number"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "a list"
    return "a map" if isinstance(value, dict) else f"a {type(value).__name__}"


def _key(value: Any) -> str:
    """A map's key as a sentence names it."""
    return _show(value) if isinstance(value, str) else f"the key {_show(value)}"


def _one_of(words: Iterable[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _guess(word: Any, allowed: Iterable[str]) -> str:
    """A suggestion for a misspelt word, as the end of a clause."""
    if not isinstance(word, str):
        return ""
    lowered = word[:MAX_TEXT].lower().replace("-", "_").replace(" ", "_")
    near = difflib.get_close_matches(lowered, list(allowed), 1, 0.5)
    return f"; did you mean “{near[0]}”?" if near else ""


class _Reader:
    """Reads one rule and counts what it has read."""

    def __init__(self) -> None:
        self.nodes = 0

    def rule(self, raw: Any, at: str, depth: int) -> Rule:
        """One node of the tree."""
        self.count(at)
        if depth > MAX_DEPTH:
            raise InvalidRule(
                "rule.too_deep",
                f"The rule is nested deeper than {MAX_DEPTH} levels; flatten it.",
                at=at,
            )
        if not isinstance(raw, dict):
            raise InvalidRule(
                "rule.not_a_map",
                f"A rule is a map with one of the keys {_one_of(KINDS)}; found {_show(raw)}.",
                at=at,
            )
        kind = self.kind(raw, at)
        for key in raw:
            if key != kind and key not in _BESIDE[kind]:
                self.unknown(key, kind, at)
        read = getattr(self, f"_{kind}")
        return cast(Rule, read(raw, at, depth))

    def count(self, at: str) -> None:
        """Count a node or a comparison against the limit."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise InvalidRule(
                "rule.too_large",
                f"The rule has more than {MAX_NODES} parts; split it into segments.",
                at=at,
            )

    def kind(self, raw: dict[Any, Any], at: str) -> str:
        """The one key that says what kind of rule this is."""
        found = [kind for kind in KINDS if kind in raw]
        if len(found) == 1:
            return found[0]
        if found:
            both = " and ".join(f"“{kind}”" for kind in found)
            raise InvalidRule(
                "rule.two_kinds",
                f"Found {both} in one rule; put each into its own under all.",
                at=at,
            )
        if not raw:
            raise InvalidRule(
                "rule.empty", f"The rule is empty; write one of {_one_of(KINDS)}.", at=at
            )
        for key in raw:
            hint = _guess(key, KINDS)
            if hint:
                raise InvalidRule(
                    "rule.unknown_key", f"{_key(key)} is not a kind of rule{hint}", at=at
                )
        raise InvalidRule(
            "rule.unknown_key",
            f"{_key(next(iter(raw)))} is not a kind of rule; write one of {_one_of(KINDS)}.",
            at=at,
        )

    def unknown(self, key: Any, kind: str, at: str) -> NoReturn:
        """A key that does not belong beside `kind`."""
        allowed = _BESIDE[kind]
        if not allowed:
            raise InvalidRule(
                "rule.unknown_key", f"{_key(key)} cannot stand beside “{kind}”; nothing can.", at=at
            )
        hint = _guess(key, allowed) or f"; beside it can stand {_one_of(allowed)}."
        raise InvalidRule(
            "rule.unknown_key", f"{_key(key)} is not known beside “{kind}”{hint}", at=at
        )

    def _all(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        return All(self.rules(raw["all"], f"{at}.all", depth))

    def _any(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        return AnyOf(self.rules(raw["any"], f"{at}.any", depth))

    def _not(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        return Not(self.rule(raw["not"], f"{at}.not", depth + 1))

    def rules(self, raw: Any, at: str, depth: int) -> tuple[Rule, ...]:
        """The list under all or any."""
        if not isinstance(raw, list | tuple):
            raise InvalidRule(
                "rule.not_a_list", f"A list of rules belongs here; found {_show(raw)}.", at=at
            )
        return tuple(self.rule(each, f"{at}[{i}]", depth + 1) for i, each in enumerate(raw))

    def _trait(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        name = self.path(raw["trait"], "trait", f"{at}.trait")
        return TraitIs(name, self.beside(raw, OPERATORS, at))

    def _did(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        event = self.name(raw["did"], "event", f"{at}.did")
        least = self.times(raw, "at_least", at)
        most = self.times(raw, "at_most", at)
        at_least = 1 if least is None else least
        if most is not None and most < at_least:
            raise InvalidRule(
                "rule.impossible",
                f"at_most {most} is below at_least {at_least}, so nobody matches; "
                f"for people who did not do it write did_not: {event}.",
                at=f"{at}.at_most",
            )
        if at_least == 0 and most is None:
            raise InvalidRule(
                "rule.always", "at_least 0 matches everybody; add at_most.", at=f"{at}.at_least"
            )
        where, within = self.event_parts(raw, at)
        return Did(event, where, within, at_least, most, self.quality(raw, at))

    def _did_not(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        event = self.name(raw["did_not"], "event", f"{at}.did_not")
        where, within = self.event_parts(raw, at)
        return Did(event, where, within, 0, 0, self.quality(raw, at))

    def _sum(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        event = self.name(raw["sum"], "event", f"{at}.sum")
        if "of" not in raw:
            raise InvalidRule(
                "rule.missing", "Say which property is added up, for example of: revenue.", at=at
            )
        of = self.path(raw["of"], "property", f"{at}.of")
        test = self.beside(raw, NUMBER_OPERATORS, at)
        if to_micros(test.operand) is None:
            _bad_number(test.operand, f"{at}.{test.operator}")
        where, within = self.event_parts(raw, at)
        return SumIs(event, of, test, where, within, quality=self.quality(raw, at))

    def _segment(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        return InSegment(self.name(raw["segment"], "segment", f"{at}.segment"))

    def _consent(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        purpose = self.name(raw["consent"], "purpose", f"{at}.consent")
        return ConsentIs(
            purpose, self.name(raw.get("channel", "email"), "channel", f"{at}.channel")
        )

    def _group(self, raw: dict[str, Any], at: str, depth: int) -> Rule:
        tests = raw["group"]
        if isinstance(tests, dict) and isinstance(tests.get("trait"), str) and len(tests) > 1:
            name = tests["trait"]
            raise InvalidRule(
                "rule.unknown_key",
                f"A company's traits stand here by their names: group: {{{name}: …}}, not group: {{trait: {name}, …}}.",
                at=f"{at}.group.trait",
            )
        return InGroup(self.where(tests, f"{at}.group", "trait"))

    def event_parts(self, raw: dict[str, Any], at: str) -> tuple[tuple[Where, ...], Millis | None]:
        """The `where` and `within` beside an event."""
        where = self.where(raw["where"], f"{at}.where") if "where" in raw else ()
        within = self.duration(raw["within"], f"{at}.within") if "within" in raw else None
        return where, within

    def quality(self, raw: dict[str, Any], at: str) -> Counted:
        """Whose events are counted."""
        said = raw.get("quality", "")
        if "quality" in raw and said != "any":
            raise InvalidRule(
                "rule.unknown_quality",
                f"Only quality: any can stand here (machines' events count too); found {_show(said)}."
                " Leave it out to count people's events alone.",
                at=f"{at}.quality",
            )
        return "any" if said else ""

    def where(self, raw: Any, at: str, what: str = "property") -> tuple[Where, ...]:
        """A map from property to a bare value or a map of operators; their order says nothing."""
        if not isinstance(raw, dict):
            raise InvalidRule(
                "rule.not_a_map",
                f"A map from {what} to its test belongs here; found {_show(raw)}.",
                at=at,
            )
        found: list[Where] = []
        for name, tests in raw.items():
            path = self.path(name, what, at)
            if any(path == each.property for each in found):
                raise InvalidRule(
                    "rule.bad_name", f"The {what} {_show(path)} is named twice.", at=at
                )
            found.extend(Where(path, test) for test in self.tests(tests, f"{at}.{path}"))
        return tuple(sorted(found, key=lambda each: (each.property, each.test.operator)))

    def tests(self, raw: Any, at: str) -> list[Test]:
        """The tests of one property."""
        if not isinstance(raw, dict):
            self.count(at)
            if isinstance(raw, list | tuple):
                raise InvalidRule(
                    "rule.bad_operand", "For one of several values write in: [a, b].", at=at
                )
            return [_test("is", raw, at)]
        if not raw:
            raise InvalidRule("rule.empty", f"Write an operator: {_one_of(OPERATORS)}.", at=at)
        tests = []
        for operator, operand in raw.items():
            self.count(at)
            if operator not in OPERATORS:
                hint = _guess(operator, OPERATORS) or f"; write {_one_of(OPERATORS)}."
                raise InvalidRule(
                    "rule.unknown_operator", f"{_key(operator)} is not an operator{hint}", at=at
                )
            tests.append(_test(cast(Operator, operator), operand, f"{at}.{operator}"))
        return tests

    def beside(self, raw: dict[str, Any], allowed: tuple[Operator, ...], at: str) -> Test:
        """The one operator that stands beside trait or sum."""
        found = [operator for operator in allowed if operator in raw]
        if not found:
            raise InvalidRule(
                "rule.no_operator", f"Say what to compare with: {_one_of(allowed)}.", at=at
            )
        if len(found) > 1:
            raise InvalidRule(
                "rule.two_operators",
                f"Found {' and '.join(found)}; write one rule for each under all.",
                at=at,
            )
        return _test(found[0], raw[found[0]], f"{at}.{found[0]}")

    def name(self, raw: Any, what: str, at: str) -> str:
        """A name of an event, a segment and the like; a spec'd event is named as its events are kept."""
        if not isinstance(raw, str) or not raw.strip():
            raise InvalidRule(
                "rule.bad_name", f"The name of the {what} belongs here; found {_show(raw)}.", at=at
            )
        text = _text(raw, at)
        return known_as(text) if what == "event" else text

    def path(self, raw: Any, what: str, at: str) -> str:
        """A dotted path to a trait or a property."""
        path = self.name(raw, what, at)
        for part in path.split("."):
            if not part or part == "*":
                raise InvalidRule(
                    "rule.bad_name",
                    f"{_show(path)} is no path to a {what}; write names joined by dots, "
                    "for example address.city.",
                    at=at,
                )
        return path

    def times(self, raw: dict[str, Any], key: str, at: str) -> int | None:
        """How often: a whole number, or None where the key is absent."""
        if key not in raw:
            return None
        value = raw[key]
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TIMES:
            raise InvalidRule(
                "rule.bad_count",
                f"{key} is a whole number from 0 to {MAX_TIMES:,}; found {_show(value)}.",
                at=f"{at}.{key}",
            )
        return value

    def duration(self, raw: Any, at: str) -> Millis:
        """A length of time such as 90d."""
        if not isinstance(raw, str) or len(raw) > MAX_TEXT:
            raise InvalidRule(
                "rule.bad_duration",
                f"A duration with its unit belongs here, for example 36h or 90d; "
                f"found {_show(raw)}.",
                at=at,
            )
        try:
            duration = parse_duration(raw)
        except ValueError:
            raise InvalidRule(
                "rule.bad_duration",
                f"{_show(raw)} is not a duration; write for example 30m, 36h, 90d or 2w.",
                at=at,
            ) from None
        if not 0 < duration <= MAX_WITHIN:
            raise InvalidRule(
                "rule.bad_duration",
                f"A window is longer than nothing and at most 36500d; found {_show(raw)}.",
                at=at,
            )
        return duration


def _test(operator: Operator, raw: Any, at: str) -> Test:
    """One operator with an operand that it can use."""
    if operator == "in":
        return Test(operator, _several(raw, at))
    operand = _scalar(raw, at)
    if operator == "exists" and not isinstance(operand, bool):
        raise InvalidRule(
            "rule.bad_operand", f"exists takes true or false; found {_show(raw)}.", at=at
        )
    if operator in _COMPARING_NUMBERS and to_micros(operand) is None:
        _bad_number(raw, at)
    if operator in ("contains", "starts_with") and not (isinstance(operand, str) and operand):
        raise InvalidRule("rule.bad_operand", f"{operator} takes text; found {_show(raw)}.", at=at)
    if operator in ("before", "after") and to_instant(operand) is None:
        raise InvalidRule(
            "rule.bad_operand",
            f"{operator} takes a date such as 2026-01-31 or an instant such as "
            f"2026-01-31T09:00:00+07:00; found {_show(raw)}.",
            at=at,
        )
    return Test(operator, operand)


def _several(raw: Any, at: str) -> tuple[Scalar, ...]:
    """The operand of `in`."""
    if not isinstance(raw, list | tuple) or not raw:
        raise InvalidRule(
            "rule.bad_operand", f"in takes a list of values; found {_show(raw)}.", at=at
        )
    if len(raw) > MAX_IN:
        raise InvalidRule(
            "rule.too_large", f"in takes at most {MAX_IN} values; found {len(raw):,}.", at=at
        )
    return tuple(_scalar(each, f"{at}[{i}]") for i, each in enumerate(raw))


def _scalar(raw: Any, at: str) -> Scalar:
    """One value to compare with; YAML's dates become text."""
    if isinstance(raw, datetime.date):
        return raw.isoformat()
    if raw is None:
        raise InvalidRule(
            "rule.bad_operand", "For a missing value write exists: false; found nothing.", at=at
        )
    if isinstance(raw, str):
        return _text(raw, at)
    if isinstance(raw, bool):
        return raw
    if isinstance(raw, int | float):
        if to_micros(raw) is None:
            _bad_number(raw, at)
        return cast(Scalar, canonical(raw))
    raise InvalidRule(
        "rule.bad_operand",
        f"Text, a number, true or false belongs here; found {_show(raw)}.",
        at=at,
    )


def _bad_number(raw: Any, at: str) -> NoReturn:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        raise InvalidRule(
            "rule.bad_operand", f"Numbers are below 1,000,000,000,000; found {_show(raw)}.", at=at
        )
    raise InvalidRule("rule.bad_operand", f"A number belongs here; found {_show(raw)}.", at=at)


def _text(raw: str, at: str) -> str:
    """Text in NFC, within the limit, and without what no engine can keep."""
    if len(raw) > MAX_TEXT:
        raise InvalidRule(
            "rule.too_large",
            f"Text has at most {MAX_TEXT:,} characters; found {len(raw):,}.",
            at=at,
        )
    if "\0" in raw or (not raw.isascii() and any("\ud800" <= c <= "\udfff" for c in raw)):
        raise InvalidRule(
            "rule.bad_operand", "The text holds a character that cannot be kept.", at=at
        )
    return cast(str, canonical(raw))


def known_keys() -> Mapping[str, tuple[str, ...]]:
    """Kinds of rules and what may stand beside them, for the docs and the console."""
    return _BESIDE
