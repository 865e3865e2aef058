"""The offers' rules of one program, taken apart once; and what holds of one person, each condition asked once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from duyen.decide.context import NOTHING, Context
from duyen.model.person import Person
from duyen.model.program import Program, WorkspaceSettings
from duyen.model.rule import All, AnyOf, InSegment, Not, Rule, TraitIs
from duyen.model.times import Millis
from duyen.rules import evaluate, inline, trait_value
from duyen.rules.compare import predicate
from duyen.rules.quiet import quiet_for

_encode = msgspec.json.Encoder().encode


class Truths:
    """What holds of one person at one instant, each condition asked at most once.

    Hand the same one to several `choose` calls about the same person, instant, program and context.
    """

    def __init__(self, person: Person, now: Millis, context: Context = NOTHING) -> None:
        self.person, self.now, self.context = person, now, context
        self.known: dict[int, bool] = {}
        """Number of a condition -> whether it holds, as far as asked."""
        self._rules: dict[int, bool] = {}
        self._quiet: bool | None = None

    def of(self, number: int, book: Rulebook) -> bool:
        """Whether the book's rule of this number holds."""
        found = self._rules.get(number)
        if found is None:
            found = self._rules[number] = book.asks[number](self)
        return found

    def all_of(self, numbers: Sequence[int], book: Rulebook) -> list[bool]:
        """Whether each of these rules holds; at a request's further placements most were asked before."""
        try:
            return list(map(self._rules.__getitem__, numbers))
        except KeyError:
            return [self.of(number, book) for number in numbers]

    def quiet(self, settings: WorkspaceSettings) -> bool:
        """Whether it is within the person's quiet hours, by their own clock."""
        if self._quiet is None:
            end = quiet_for(self.person, settings, self.now, self.context.timezone)
            self._quiet = end is not None
        return self._quiet


Ask = Callable[[Truths], bool]


class Rulebook:
    """The offers' rules of one program: segments inlined, each distinct rule and condition once, by number."""

    def __init__(self, program: Program) -> None:
        self._segments = {id: segment.rule for id, segment in program.segments.items()}
        self._traits = program.traits
        self._numbers: dict[bytes, int] = {}
        self._conditions: dict[bytes, Ask] = {}
        self.rules: list[Rule] = []
        self.asks: list[Ask] = []

    def number(self, rule: Rule) -> int:
        """The number of a rule as a person may be tested against it."""
        plain = inline(rule, self._segments, self._traits)
        key = _encode(
            plain
        )  # equal rules are not always one: 1 == True, and they mean different things
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = len(self.rules)
            self.rules.append(plain)
            self.asks.append(self._ask(plain))
        return found

    def segment(self, id: str) -> int:
        """The number of a segment's rule."""
        return self.number(InSegment(id))

    def _ask(self, rule: Rule) -> Ask:
        """A rule as a question; what it is made of is shared with all other rules that hold the same."""
        key = _encode(rule)
        found = self._conditions.get(key)
        if found is None:
            found = self._conditions[key] = self._made(rule, len(self._conditions))
        return found

    def _made(self, rule: Rule, number: int) -> Ask:
        match rule:
            case All(parts):
                asks = [self._ask(part) for part in parts]
                return lambda truths: all(ask(truths) for ask in asks)
            case AnyOf(parts):
                asks = [self._ask(part) for part in parts]
                return lambda truths: any(ask(truths) for ask in asks)
            case Not(inner):
                ask = self._ask(inner)
                return lambda truths: not ask(truths)
            case TraitIs(trait, test):
                passes = predicate(test)
                return lambda truths: passes(trait_value(truths.person, trait))
            case _:
                return _remembered(rule, number)


def _remembered(rule: Rule, number: int) -> Ask:
    """A condition on a person's past or consent: dear enough to be asked once and kept."""

    def ask(truths: Truths) -> bool:
        found = truths.known.get(number)
        if found is None:
            found = truths.known[number] = evaluate(rule, truths.person, truths.now).truth
        return found

    return ask
