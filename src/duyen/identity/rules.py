"""The rules of the namespaces: which values identify, how many a person may have, and what may not join people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from duyen.identity import blocked as patterns
from duyen.model.errors import InvalidRule
from duyen.model.event import Identifier, is_bearer
from duyen.model.program import NamespaceRule
from duyen.model.times import DAY, Millis, format_duration, parse_duration

DEFAULT_LIMIT = 5
NAMESPACES: dict[str, NamespaceRule] = {
    "user_id": NamespaceRule(limit=1, priority=1),
    "email": NamespaceRule(limit=DEFAULT_LIMIT, priority=2),
}
"""Rules that hold where a company has set none; any other namespace: limit 5, after these, by alphabet."""

BLOCKED: frozenset[str] = frozenset({"-1", "null", "anonymous", "undefined", "[object object]"})
"""Values that identify nobody, besides those of zeroes and dashes only; compared without case."""

MAX_LIMIT = 1_000
MAX_PRIORITY = 10_000
MAX_WITHIN: Millis = 3_660 * DAY
MAX_NAMESPACES = 100
MAX_BLOCKED = 1_000
FIELDS = ("limit", "priority", "within", "blocked", "protect")
PROTECTIONS = ("merges", "anonymous")

_ZEROES = re.compile(r"[0-]*")
_NAMESPACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
_OURS = re.compile(r"(?:claimed\..*|message)", re.IGNORECASE)
_UNRANKED = 1_000_000
_OTHER = NamespaceRule(limit=DEFAULT_LIMIT)


class Rules:
    """Limits, priorities, windows and protections by namespace, and the values that identify nobody."""

    __slots__ = ("_exact", "_matchers", "_own", "_windows", "everywhere", "namespaces")

    def __init__(
        self,
        namespaces: Mapping[str, NamespaceRule] | None = None,
        blocked: Iterable[str] = (),
    ) -> None:
        self.namespaces: dict[str, NamespaceRule] = {**NAMESPACES, **(namespaces or {})}
        self._windows = {name: rule.within for name, rule in self.namespaces.items() if rule.within}
        self.everywhere = frozenset(blocked)
        exact, self._matchers = patterns.split(self.everywhere)
        self._exact = BLOCKED | exact
        self._own = {
            name: patterns.split(rule.blocked)
            for name, rule in self.namespaces.items()
            if rule.blocked
        }

    @classmethod
    def of(cls, namespaces: Mapping[str, NamespaceRule], blocked: Iterable[str]) -> Rules:
        """The rules that a workspace has set (`settings.identity`, `settings.blocked`)."""
        return cls(namespaces, blocked)

    def rule(self, namespace: str) -> NamespaceRule:
        """The rule of a namespace."""
        return self.namespaces.get(namespace, _OTHER)

    def limit(self, namespace: str) -> int:
        """Most values of a namespace on one person, within its window."""
        return self.rule(namespace).limit

    def within(self, namespace: str) -> Millis:
        """The window of the limit; 0 where it holds for good."""
        return self.rule(namespace).within

    def slot(self, identifiers: tuple[Identifier, ...], time: Millis) -> int:
        """Which repetition of one set this is: what is told again counts again once its window has moved on."""
        if not self._windows or len(identifiers) < 2:
            return 0
        windows = [self._windows[name] for name, _ in identifiers if name in self._windows]
        return time // min(windows) if windows else 0

    def protects(self, identifier: Identifier) -> bool:
        """Whether this may never make two people one."""
        return self.rule(identifier[0]).protect == "merges"

    def refuses(self, identifier: Identifier) -> bool:
        """Whether this identifies only where it is proved: said by a browser it is a mere claim."""
        return self.rule(identifier[0]).protect == "anonymous"

    def rank(self, identifier: Identifier) -> tuple[int, str, str]:
        """Sorts identifiers from the highest priority to the lowest; never a tie."""
        namespace, value = identifier
        priority = self.rule(namespace).priority or NAMESPACES.get(namespace, _OTHER).priority
        return priority or _UNRANKED, namespace, value

    def blocks(self, identifier: Identifier) -> bool:
        """Whether this identifies nobody: a blocked value, or a namespace with the limit 0."""
        namespace, value = identifier
        if _ZEROES.fullmatch(value) or self.limit(namespace) < 1:
            return True
        folded = value.casefold()
        if folded in self._exact or (self._matchers and _fits_any(self._matchers, folded)):
            return True
        own = self._own.get(namespace) if self._own else None
        return own is not None and (folded in own[0] or _fits_any(own[1], folded))


def _fits_any(matchers: Iterable[patterns.Matcher], folded: str) -> bool:
    return any(fits(folded) for fits in matchers)


def parse_rules(raw: Any, at: str = "identity") -> dict[str, NamespaceRule]:
    """Read the setting `identity`: namespace -> {limit, priority, within, blocked, protect}; raises InvalidRule.

    What a namespace leaves out is as it is without a rule: `user_id` keeps its limit of 1.
    """
    if not isinstance(raw, Mapping):
        raise _wrong("A map from namespace to its rule belongs here.", at)
    if len(raw) > MAX_NAMESPACES:
        raise _wrong(f"There are {len(raw)} namespaces; at most {MAX_NAMESPACES} are taken.", at)
    return {str(name): _rule(str(name), rule, f"{at}.{name}") for name, rule in raw.items()}


def parse_blocked(raw: Any, at: str = "blocked") -> tuple[str, ...]:
    """Read a list of blocked values and patterns; raises InvalidRule."""
    if not isinstance(raw, list | tuple):
        raise _wrong("A list of values belongs here, for example [“test@*”, “guest”].", at)
    if len(raw) > MAX_BLOCKED:
        raise _wrong(f"There are {len(raw)} values; at most {MAX_BLOCKED} are taken.", at)
    found = []
    for number, value in enumerate(raw):
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(text, str):
            raise _wrong("A blocked value is text; put it in quotes.", f"{at}[{number}]")
        if why := patterns.mistake(text):
            raise _wrong(f"“{text[:60]}” {why}.", f"{at}[{number}]")
        found.append(text)
    return tuple(found)


def rules_to_data(namespaces: Mapping[str, NamespaceRule]) -> dict[str, dict[str, Any]]:
    """The YAML form of the setting `identity`: `parse_rules` reads it back."""
    return {name: _data(rule) for name, rule in namespaces.items()}


def _data(rule: NamespaceRule) -> dict[str, Any]:
    data: dict[str, Any] = {"limit": rule.limit, "priority": rule.priority}
    if rule.within:
        data["within"] = format_duration(rule.within)
    if rule.blocked:
        data["blocked"] = list(rule.blocked)
    if rule.protect:
        data["protect"] = rule.protect
    return data


def _rule(name: str, raw: Any, at: str) -> NamespaceRule:
    if not _NAMESPACE.fullmatch(name) or _OURS.fullmatch(name):
        raise _wrong(
            f"“{name[:70]}” is no namespace; write a word such as phone, zalo_id or loyalty_card.",
            at,
        )
    if not isinstance(raw, Mapping):
        raise _wrong(f"A rule is a map with {', '.join(FIELDS)}.", at)
    unknown = next((str(key) for key in raw if key not in FIELDS), None)
    if unknown is not None:
        raise _wrong(f"“{unknown[:40]}” is no part of a rule; there are {', '.join(FIELDS)}.", at)
    usual = NAMESPACES.get(name, _OTHER)
    return NamespaceRule(
        limit=_whole(raw.get("limit", usual.limit), MAX_LIMIT, f"{at}.limit"),
        priority=_whole(raw.get("priority", usual.priority), MAX_PRIORITY, f"{at}.priority"),
        within=_window(raw.get("within", 0), f"{at}.within"),
        blocked=parse_blocked(raw.get("blocked", ()), f"{at}.blocked"),
        protect=_protection(name, raw.get("protect", ""), f"{at}.protect"),
    )


def _whole(value: Any, most: int, at: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise _wrong(f"A whole number from 0 to {most:,} belongs here.", at)
    return value


def _window(value: Any, at: str) -> Millis:
    """A sliding window such as 30d; 0 or nothing means for good."""
    if value in (0, "", None):
        return 0
    try:
        window = value if type(value) is int else parse_duration(str(value))
    except ValueError as error:
        raise _wrong(f"{error}.", at) from None
    if not 0 < window <= MAX_WITHIN:
        raise _wrong("A window is longer than nothing and at most ten years.", at)
    return window


def _protection(name: str, value: Any, at: str) -> str:
    if value in ("", None):
        return ""
    if value not in PROTECTIONS:
        raise _wrong(f"protect is {' or '.join(PROTECTIONS)}.", at)
    if value == "anonymous" and is_bearer(name):
        raise _wrong(
            f"{name} is made by the device itself, so there is nothing to prove; leave protect out.",
            at,
        )
    return str(value)


def _wrong(message: str, at: str) -> InvalidRule:
    return InvalidRule(
        "settings.identity", f"The rules of identity cannot be used: {message}", at=at
    )
