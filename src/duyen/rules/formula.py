"""Formulas over traits: from text to a term, with the place of every mistake, and traits put in their place.

    formula = sum {"or" sum} ;  sum = product {("+" | "-") product} ;  product = part {("*" | "/") part}
    part    = "-" part | number | trait | '"' any trait '"' | "(" formula ")"

There is nothing else: no calls, no attributes, nothing that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from duyen.model.errors import InvalidRule
from duyen.model.program import ComputedTrait
from duyen.model.rule import Arithmetic, Constant, Named, Operation, Term
from duyen.model.values import canonical, to_micros
from duyen.rules.reading import is_time

LONGEST = 500
MOST_PARTS = 100
"""Parts of a formula, those of the formulas that it names included."""
MOST_DEPTH = 8
"""Steps that wait for each other's result, those of the formulas that it names included. A long sum is but a few."""
_MOST_BRACKETS = 30
_TOKEN = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?(?![\w.]))|(?P<name>[^\W\d]\w*(?:\.\w+)*)|"(?P<quoted>[^"]*)"|(?P<sign>[-+*/()]))'
)
_SIGNS: dict[str, Operation] = {"+": "+", "-": "-", "*": "*", "/": "/"}


class _Token(NamedTuple):
    kind: str
    text: str
    place: int


def parse_formula(text: object, at: str = "formula") -> Term:
    """The term that a formula says; its traits stay names. Raises InvalidRule."""
    if not isinstance(text, str) or not text.strip():
        raise InvalidRule(
            "trait.formula", "Write a formula over traits, such as spent / orders.", at=at
        )
    if len(text) > LONGEST:
        raise InvalidRule(
            "trait.formula", f"A formula has at most {LONGEST} characters; split it.", at=at
        )
    written: str = canonical(text)
    return _Parser(written, at).whole()


def resolve(id: str, traits: Mapping[str, ComputedTrait]) -> Term:
    """What a computed trait is worked out of, the computed ones that it names put in; raises InvalidRule."""
    term = _resolved(traits[id].term, traits, (id,), [MOST_PARTS])
    if _depth(term) > MOST_DEPTH:
        raise InvalidRule(
            "trait.formula",
            f"With the traits that it names, the formula has more than {MOST_DEPTH} steps that wait for each other;"
            " make it flatter.",
            at="formula",
        )
    return term


def _depth(term: Term) -> int:
    if not isinstance(term, Arithmetic):
        return 0
    return 1 + max(_depth(term.left), _depth(term.right))


def names(term: Term) -> Iterator[str]:
    """The traits that a term names, without what they hold inside."""
    match term:
        case Named(trait):
            yield trait.partition(".")[0]
        case Arithmetic(_, left, right):
            yield from names(left)
            yield from names(right)


def _resolved(
    term: Term, traits: Mapping[str, ComputedTrait], path: tuple[str, ...], left: list[int]
) -> Term:
    left[0] -= 1
    if left[0] < 0:
        raise InvalidRule(
            "trait.formula",
            f"With the traits that it names, the formula has more than {MOST_PARTS} parts; make it smaller.",
            at="formula",
        )
    match term:
        case Arithmetic(operator, one, other):
            return Arithmetic(
                operator,
                _resolved(one, traits, path, left),
                _resolved(other, traits, path, left),
            )
        case Named(named):
            name, _, inside = named.partition(".")
            found = traits.get(name)
            if found is None:
                return term
            if name in path:
                circle = " → ".join((*path[path.index(name) :], name))
                raise InvalidRule(
                    "trait.cycle",
                    f"The traits are worked out of each other in a circle: {circle}.",
                    at="formula",
                )
            if inside or is_time(found.term):
                what = "has nothing inside" if inside else "is a time, not a number"
                raise InvalidRule(
                    "trait.formula",
                    f"The trait “{name}” {what}; a formula needs numbers.",
                    at="formula",
                )
            return _resolved(found.term, traits, (*path, name), left)
        case _:
            return term


class _Parser:
    """Reads one formula from left to right."""

    def __init__(self, text: str, at: str) -> None:
        self.text, self.at = text, at
        self.tokens = list(self.read())
        self.next = 0
        self.parts = 0

    def read(self) -> Iterator[_Token]:
        """The words and signs, each with its place."""
        place, end = 0, len(self.text.rstrip())
        while place < end:
            found = _TOKEN.match(self.text, place)
            if found is None:
                start = place + len(self.text[place:]) - len(self.text[place:].lstrip())
                shown = self.text[start : start + 12].split()[0]
                raise self.wrong(f"“{shown}” cannot be read", start)
            kind = found.lastgroup or ""
            yield _Token(kind, found[kind], found.start(kind))
            place = found.end()
        yield _Token("end", "", end)

    def wrong(self, what: str, place: int) -> InvalidRule:
        return InvalidRule(
            "trait.formula",
            f"At character {place + 1}: {what}; write traits, numbers, + - * /, or and ( ),"
            " for example (spent - refunded) / orders.",
            at=self.at,
        )

    def whole(self) -> Term:
        term = self.either(1)
        token = self.tokens[self.next]
        if token.kind != "end":
            raise self.wrong(f"before “{token.text}” a + - * / is missing", token.place)
        return term

    def either(self, depth: int) -> Term:
        """Terms joined by `or`, the first that there is."""
        left = self.sum(depth)
        while self.word("or"):
            left = self.joined("or", left, self.sum(depth))
        return left

    def sum(self, depth: int) -> Term:
        """What is added, less what is taken away: each half by half, so that a long sum is not a deep one."""
        added = [self.product(depth)]
        taken: list[Term] = []
        while sign := self.sign("+-"):
            (added if sign == "+" else taken).append(self.product(depth))
        left = self.total(added)
        return self.joined("-", left, self.total(taken)) if taken else left

    def total(self, several: list[Term]) -> Term:
        if len(several) == 1:
            return several[0]
        middle = len(several) // 2
        return self.joined("+", self.total(several[:middle]), self.total(several[middle:]))

    def product(self, depth: int) -> Term:
        left = self.part(depth)
        while sign := self.sign("*/"):
            left = self.joined(sign, left, self.part(depth))
        return left

    def part(self, depth: int) -> Term:
        """A number, a trait, or what stands in brackets."""
        token = self.tokens[self.next]
        if depth > _MOST_BRACKETS:
            raise self.wrong(f"it is nested deeper than {_MOST_BRACKETS} levels", token.place)
        self.next += token.kind != "end"
        if token.kind == "number":
            micros = to_micros(token.text)
            if micros is None or len(token.text.partition(".")[2]) > 6:
                raise self.wrong(
                    f"“{token.text[:40]}” has more than 12 digits, or more than 6 places",
                    token.place,
                )
            return Constant(micros)
        if token.kind == "name" and token.text != "or":
            return Named(token.text)
        if token.kind == "quoted":
            if not token.text.strip() or any(not part for part in token.text.split(".")):
                raise self.wrong(
                    "between the quotation marks the name of a trait is missing", token.place
                )
            return Named(token.text)
        if token.text == "-" and token.kind == "sign":
            return self.joined("-", Constant(0), self.part(depth + 1))
        if token.text == "(":
            inside = self.either(depth + 1)
            if not self.sign(")"):
                raise self.wrong("a ) is missing", self.tokens[self.next].place)
            return inside
        found = f"found “{token.text}”" if token.text else "the formula ends"
        raise self.wrong(f"a trait or a number belongs here, {found}", token.place)

    def joined(self, operator: str, left: Term, right: Term) -> Term:
        self.parts += 1
        if self.parts > MOST_PARTS:
            raise self.wrong(f"it has more than {MOST_PARTS} parts", len(self.text))
        return Arithmetic("or" if operator == "or" else _SIGNS[operator], left, right)

    def sign(self, wanted: str) -> str:
        """The sign that stands here, if it is one of these, and one step on."""
        token = self.tokens[self.next]
        if token.kind != "sign" or token.text not in wanted:
            return ""
        self.next += 1
        return token.text

    def word(self, wanted: str) -> bool:
        token = self.tokens[self.next]
        found = token.kind == "name" and token.text == wanted
        self.next += found
        return found
