"""Which rules to look at: those that read what has changed, and all of them where time may have turned one.

What rules read (an event's name, a trait, consent) has a bit each, so that what happened to a person is a number, and
people to whom the same happened are looked at together, with the rules that read any of it. To look at more rules than
need be is never wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np

from duyen.model.event import Event
from duyen.model.person import Person
from duyen.model.rule import Rule
from duyen.model.times import Millis
from duyen.profiles import CART, MAX_TRAITS, group_of, tells_consent, told_of_cart
from duyen.rules import CONSENT, GROUP, Compiled, Read, mail_of, reads

EVERYTHING = -1
"""The number with every bit: all rules."""
_WORTH = 64
"""People for whom the rules that read one thing have been wanted before these are compiled for themselves."""
_MOST_PARTS, _MOST_WANTED = 64, 4_096
"""Combinations that are kept compiled, and those that are counted until then: memory stays what it is."""
_TOGETHER = 32
"""Fewer people than this are looked at with whoever is looked at anyway: a look has a price of its own."""


class Part:
    """Some of the rules, compiled; `rows` are their places among all."""

    def __init__(self, rules: Mapping[str, Rule], rows: list[int]) -> None:
        names = list(rules)
        self.names = [names[row] for row in rows]
        self.rows = np.array(rows, dtype=np.intp)
        self.places = {name: row for row, name in enumerate(self.names)}
        self.compiled = Compiled({name: rules[name] for name in self.names})
        self.whole = len(rows) == len(names)


class Watch:
    """The rules of one program, by what they read."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        bits: dict[Read, int] = {}
        self._reading = [
            sum(bits.setdefault(read, 1 << len(bits)) for read in sorted(reads(rule)))
            for rule in rules.values()
        ]
        self._events = {name: bit for (kind, name), bit in bits.items() if kind == "event"}
        self._traits = {name: bit for (kind, name), bit in bits.items() if kind == "trait"}
        self._consent = bits.get(CONSENT, 0)
        self.groups = bits.get(GROUP, 0)
        """The bit of the groups that a person is in, and of what is known of these."""
        self.whole = Part(rules, list(range(len(rules))))
        self._parts: dict[int, Part] = {}
        self._wanted: dict[int, int] = {}
        self.print = blake2b(repr(list(rules.items())).encode(), digest_size=8).hexdigest()
        """Tells whether a person's segments were looked at with these rules."""

    def turned(self, person: Person, now: Millis) -> int:
        """What may have turned without anything happening: nothing, or everything."""
        return 0 if now < person.turns and person.watch == self.print else EVERYTHING

    def changed(self, person: Person, event: Event) -> int:
        """What an event that the person's document has just taken in may have changed for rules."""
        found = self._events.get(event.name, 0)
        if event.traits:
            if len(person.traits) >= MAX_TRAITS:
                return EVERYTHING  # another trait may have had to go
            for name in event.traits:
                found |= self._traits.get(name, 0)
        if told_of_cart(event):
            if len(person.traits) >= MAX_TRAITS:
                return EVERYTHING
            found |= self._traits.get(CART, 0)
        if self._consent and tells_consent(event):
            found |= self._consent
        if self.groups and group_of(event):
            found |= self.groups
        # An opening or click may show that those before it were a scanner's.
        return EVERYTHING if mail_of(event) else found

    def parts(self, changes: list[int]) -> list[tuple[Part, list[int]]]:
        """The rules to look at, and at whose places in the batch; `changes` is what changed for each."""
        alike: dict[int, list[int]] = {}
        for place, change in enumerate(changes):
            if change:
                alike.setdefault(change, []).append(place)
        everything = alike.pop(EVERYTHING, [])
        found: list[tuple[Part, list[int]]] = []
        for change, places in alike.items():
            part = self._part(change, len(places))
            if part is self.whole or (everything and len(places) < _TOGETHER):
                everything += places
            elif len(part.rows):
                found.append((part, places))
        if everything:
            found.append((self.whole, sorted(everything)))
        return found

    def _part(self, change: int, people: int) -> Part:
        """The rules that read any of this; all of them until it is worth to have these for themselves."""
        part = self._parts.get(change)
        if part is None:
            wanted = self._wanted[change] = self._wanted.get(change, 0) + people
            if wanted < _WORTH:
                if len(self._wanted) > _MOST_WANTED:
                    self._wanted.clear()
                return self.whole
            if len(self._parts) >= _MOST_PARTS:
                self._parts.clear()
            rows = [row for row, read in enumerate(self._reading) if read & change]
            part = Part(self._rules, rows) if len(rows) < len(self._reading) else self.whole
            self._parts[change] = part
            del self._wanted[change]
        return part
