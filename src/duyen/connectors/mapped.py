"""Deliveries of any system, read by the rules that the company wrote: JMESPath over what came."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any
from uuid import uuid4

import jmespath
import msgspec
from jmespath.exceptions import JMESPathError

from duyen.connectors.calls import Calls, Who, nobody, whose
from duyen.connectors.cells import read_time
from duyen.connectors.delivery import Delivery, Told
from duyen.connectors.parts import known, text
from duyen.model.errors import InvalidRule
from duyen.model.source import CallRule
from duyen.model.times import format_time

MOST_RULES = 20
MOST_FIELDS = 100
"""Of the properties, or traits, of one rule."""
LONGEST = 1_000
"""Characters of an expression."""
MOST_ELEMENTS = 500
"""Calls that one rule makes of one delivery."""
LONGEST_READING = 2.0
"""Seconds that the rules may take over one delivery."""
_TEXTS = {
    "userId": "user_id",
    "anonymousId": "anonymous_id",
    "previousId": "previous_id",
    "groupId": "group_id",
    "event": "event",
    "timestamp": "timestamp",
    "sentAt": "sent_at",
}
"""Field of a call -> field of a rule."""
_PARTS = ("properties", "traits")


class _Fault(Exception):
    """An expression that makes no sense of a delivery; the message names it."""


@lru_cache(maxsize=4_096)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def check_rules(rules: tuple[CallRule, ...]) -> None:
    """Refuse rules that cannot be read; raises InvalidRule with the place."""
    if not 0 < len(rules) <= MOST_RULES:
        raise InvalidRule(
            "source.calls",
            f"Say what its deliveries mean: 1 to {MOST_RULES} rules, such as "
            "{type: track, event: \"'Order Completed'\", userId: customer.id}.",
            at="calls",
        )
    for number, rule in enumerate(rules):
        for name, expression in _expressions(rule):
            place = f"calls[{number}].{name}"
            if not expression or len(expression) > LONGEST:
                raise InvalidRule(
                    "source.expression_length",
                    f"An expression has 1 to {LONGEST:,} characters.",
                    at=place,
                )
            try:
                _compiled(expression)
            except (JMESPathError, ValueError, RecursionError) as error:
                why = " ".join(str(error).split())[:200].rstrip(".")
                raise InvalidRule(
                    "source.expression",
                    f"“{expression[:80]}” is no JMESPath expression (a fixed text stands in '…'): {why}.",
                    at=place,
                ) from error


def _expressions(rule: CallRule) -> Iterator[tuple[str, str]]:
    """(place, expression) of all that a rule says."""
    for name, told in msgspec.to_builtins(rule).items():
        if name == "type":
            continue
        if isinstance(told, dict):
            if len(told) > MOST_FIELDS:
                raise InvalidRule(
                    "source.too_many_fields", f"Name at most {MOST_FIELDS} {name}.", at=name
                )
            yield from ((f"{name}.{each}", expression) for each, expression in told.items())
        else:
            yield name, told


class Mapped:
    """How deliveries of a company's own systems are read."""

    topics: tuple[str, ...] = ()

    def topic(self, headers: Mapping[str, str]) -> str:
        """Its rules look into the body."""
        return ""

    def read(self, delivery: Delivery) -> Told:
        """What the rules make of a delivery; one that fails says so and takes no other along."""
        reading = _Reading(delivery)
        for number, rule in enumerate(delivery.source.calls):
            try:
                reading.apply(number, rule)
            except _Fault as fault:
                reading.faults.append(f"calls[{number}].{fault}")
        silent = not reading.calls.told and not reading.faults
        ignored = "No rule of the source fits it." if silent else ""
        return Told(calls=reading.calls.told, faults=reading.faults, ignored=ignored)


class _Reading:
    """The rules' work on one delivery."""

    def __init__(self, delivery: Delivery) -> None:
        self._delivery = delivery
        body = delivery.body
        self._root = body if isinstance(body, dict) else {"body": body}
        self._until = time.monotonic() + LONGEST_READING
        self.calls = Calls(delivery.source, delivery.received)
        self.faults: list[str] = []

    def apply(self, number: int, rule: CallRule) -> None:
        """Add the calls that one rule makes."""
        if not rule.each:
            if self._fits(rule, self._root):
                self._call(number, 0, rule, self._root)
            return
        elements = self._value("each", rule.each, self._root)
        if elements is None:
            return
        if not isinstance(elements, list):
            raise _Fault("each: it gives no list.")
        if len(elements) > MOST_ELEMENTS:
            raise _Fault(f"each: a delivery makes at most {MOST_ELEMENTS} calls.")
        for place, element in enumerate(elements):
            scope = {**self._root, "item": element}
            if self._fits(rule, scope):
                self._call(number, place, rule, scope)

    def _fits(self, rule: CallRule, scope: dict[str, Any]) -> bool:
        found = self._value("when", rule.when, scope) if rule.when else True
        return found not in (None, False, "", [], {})

    def _call(self, number: int, place: int, rule: CallRule, scope: dict[str, Any]) -> None:
        told = {
            field: value
            for field, name in _TEXTS.items()
            if (value := self._text(name, getattr(rule, name), scope)) not in (None, "")
        }
        for field in ("timestamp", "sentAt"):
            if field in told:
                told[field] = _time(told[field])
        contact = {
            name: self._text(name, getattr(rule, name), scope) for name in ("email", "phone")
        }
        told |= self._who(rule, told, contact)
        parts = {name: self._part(name, getattr(rule, name), scope) for name in _PARTS}
        told |= {name: part for name, part in parts.items() if part}
        own = self._text("message_id", rule.message_id, scope)
        self.calls.add({"type": rule.type, **told}, self._name(own, number, place, told))

    def _who(self, rule: CallRule, told: dict[str, Any], contact: dict[str, Any]) -> Who:
        """Whose a call is: of the ids that are told, else of an address."""
        if "userId" not in told and "anonymousId" not in told and rule.type != "alias":
            guest = whose(self._delivery, contact, otherwise="")
            return {} if nobody(guest) else guest
        traits = known({name: text(value) for name, value in contact.items()})
        who: Who = {"context": {"traits": traits}} if traits else {}
        if "userId" in told:
            who["userId"] = f"{self._delivery.source.prefix}{told['userId']}"
        return who

    def _name(self, own: Any, number: int, place: int, told: dict[str, Any]) -> str:
        """What makes the id of a call: what its system calls it, else what is said and when ("").

        What has neither a name nor a time cannot be told from its own repetition, and counts each time.
        """
        if own is None or own == "":
            return "" if "timestamp" in told else uuid4().hex
        return f"{own}{f'.{number}' if number else ''}{f'~{place}' if place else ''}"

    def _text(self, name: str, expression: str, scope: dict[str, Any]) -> Any:
        return self._value(name, expression, scope) if expression else None

    def _part(self, name: str, told: str | dict[str, str], scope: dict[str, Any]) -> Any:
        if isinstance(told, str):
            return self._value(name, told, scope) if told else None
        found = {each: self._value(f"{name}.{each}", told[each], scope) for each in told}
        return {each: value for each, value in found.items() if value is not None}

    def _value(self, name: str, expression: str, scope: dict[str, Any]) -> Any:
        if time.monotonic() > self._until:
            raise _Fault(f"{name}: the rules took longer than {LONGEST_READING:g} s.")
        try:
            return _compiled(expression).search(scope)
        except (JMESPathError, ValueError, TypeError, RecursionError) as error:
            why = " ".join(str(error).split())[:200].rstrip(".")
            raise _Fault(f"{name}: {why}.") from error


def _time(value: Any) -> Any:
    """Seconds or milliseconds since 1970, as devices tell them, as an instant; a text stays as it is."""
    if isinstance(value, str | bool):
        return value
    instant = read_time(value, "ymd", UTC) if isinstance(value, int | float) else None
    return str(value) if instant is None else format_time(instant)
