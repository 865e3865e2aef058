"""Segments and computed traits named inside rules are put in their place before anything is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duyen.model.errors import InvalidRule
from duyen.model.program import ComputedTrait
from duyen.model.rule import All, AnyOf, InSegment, Not, Rule, TraitIs
from duyen.rules.computed import condition
from duyen.rules.formula import resolve

MAX_NODES = 5_000
MAX_DEPTH = 100


def inline(
    rule: Rule,
    segments: Mapping[str, Rule],
    traits: Mapping[str, ComputedTrait] = MappingProxyType({}),
) -> Rule:
    """The rule with every InSegment and every test of a computed trait replaced by what it means.

    Unknown segments, cycles and giants are InvalidRule.
    """
    return _Inliner(segments, traits).rule(rule, (), "rule")[0]


Sized = tuple[Rule, int, int]
"""A rule with the number of its nodes and its depth."""


class _Inliner:
    """Inlines each segment once and keeps its size, so that doubling chains are refused cheaply."""

    def __init__(self, segments: Mapping[str, Rule], traits: Mapping[str, ComputedTrait]) -> None:
        self.segments, self.traits = segments, traits
        self.done: dict[str, Sized] = {}

    def rule(self, rule: Rule, path: tuple[str, ...], at: str) -> Sized:
        match rule:
            case InSegment(segment):
                return self.segment(segment, path, f"{at}.segment")
            case All(rules):
                found = self.several(rules, path, f"{at}.all")
                return self.sized(All(tuple(f[0] for f in found)), found, at)
            case AnyOf(rules):
                found = self.several(rules, path, f"{at}.any")
                return self.sized(AnyOf(tuple(f[0] for f in found)), found, at)
            case Not(inner):
                one = self.rule(inner, path, f"{at}.not")
                return self.sized(Not(one[0]), [one], at)
            case TraitIs(named, test):
                name, _, deeper = named.partition(".")
                if name not in self.traits:
                    return rule, 1, 1
                term = resolve(name, self.traits)
                where = f"{at}.{test.operator}"
                meant = condition(name, term, test, inside=bool(deeper), at=where)
                return meant, *_size(meant)
            case _:
                return rule, 1, 1

    def several(self, rules: tuple[Rule, ...], path: tuple[str, ...], at: str) -> list[Sized]:
        return [self.rule(each, path, f"{at}[{i}]") for i, each in enumerate(rules)]

    def sized(self, rule: Rule, parts: list[Sized], at: str) -> Sized:
        nodes = 1 + sum(part[1] for part in parts)
        depth = 1 + max((part[2] for part in parts), default=0)
        if nodes > MAX_NODES or depth > MAX_DEPTH:
            raise _too_large(at)
        return rule, nodes, depth

    def segment(self, name: str, path: tuple[str, ...], at: str) -> Sized:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise InvalidRule(
                "rule.segment_cycle", f"The segments name each other in a circle: {circle}.", at=at
            )
        if name not in self.segments:
            raise InvalidRule(
                "rule.unknown_segment", f"There is no segment “{name}”; create it first.", at=at
            )
        if len(path) > MAX_DEPTH:
            raise _too_large(at)
        if name not in self.done:
            self.done[name] = self.rule(self.segments[name], (*path, name), at)
        return self.done[name]


def _size(rule: Rule) -> tuple[int, int]:
    """Nodes and depth."""
    match rule:
        case All(rules) | AnyOf(rules):
            sizes = [_size(each) for each in rules]
            return 1 + sum(s[0] for s in sizes), 1 + max((s[1] for s in sizes), default=0)
        case Not(inner):
            nodes, depth = _size(inner)
            return nodes + 1, depth + 1
        case _:
            return 1, 1


def _too_large(at: str) -> InvalidRule:
    return InvalidRule(
        "rule.too_large",
        f"With its segments put in, the rule has more than {MAX_NODES:,} parts or "
        f"{MAX_DEPTH} levels; make the segments it names smaller.",
        at=at,
    )
