"""Segments named inside rules are put in their place before anything is evaluated."""

from __future__ import annotations

from collections.abc import Mapping

from duyen.model.errors import InvalidRule
from duyen.model.rule import All, AnyOf, InSegment, Not, Rule

MAX_NODES = 5_000
MAX_DEPTH = 100


def inline(rule: Rule, segments: Mapping[str, Rule]) -> Rule:
    """The rule with every InSegment replaced; unknown segments, cycles and giants are InvalidRule."""
    return _Inliner(segments).rule(rule, (), "rule")[0]


Sized = tuple[Rule, int, int]
"""A rule with the number of its nodes and its depth."""


class _Inliner:
    """Inlines each segment once and keeps its size, so that doubling chains are refused cheaply."""

    def __init__(self, segments: Mapping[str, Rule]) -> None:
        self.segments = segments
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


def _too_large(at: str) -> InvalidRule:
    return InvalidRule(
        "rule.too_large",
        f"With its segments put in, the rule has more than {MAX_NODES:,} parts or "
        f"{MAX_DEPTH} levels; make the segments it names smaller.",
        at=at,
    )
