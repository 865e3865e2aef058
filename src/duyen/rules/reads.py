"""What a rule reads of a person: as long as none of it changes, only time can turn the rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from duyen.model.rule import (
    Arithmetic,
    ConsentIs,
    Did,
    InGroup,
    Measure,
    MeasureIs,
    Named,
    Rule,
    SumIs,
    Term,
    TraitIs,
)
from duyen.rules.series import leaves

Read = tuple[str, str]
"""("event", its name), ("trait", its name without what is inside), CONSENT or GROUP."""
CONSENT: Read = ("consent", "")
GROUP: Read = ("group", "")
"""Which groups they are in, or what is known of one of these."""


def reads(rule: Rule) -> frozenset[Read]:
    """All that a rule reads; segments inlined before."""
    return frozenset(read for leaf in leaves(rule) for read in _of_leaf(leaf))


def group_traits_read(rules: Iterable[Rule]) -> frozenset[str]:
    """The traits of groups that any of these rules reads, without what is inside them."""
    return frozenset(
        _trait(each.property)[1]
        for rule in rules
        for leaf in leaves(rule)
        if isinstance(leaf, InGroup)
        for each in leaf.where
    )


def _of_leaf(leaf: Rule) -> Iterator[Read]:
    match leaf:
        case Did(event) | SumIs(event):
            yield "event", event
        case TraitIs(trait):
            yield _trait(trait)
        case ConsentIs():
            yield CONSENT
        case InGroup():
            yield GROUP
        case MeasureIs(term):
            yield from _of_term(term)


def _of_term(term: Term) -> Iterator[Read]:
    match term:
        case Measure():
            yield "event", term.event
        case Named(trait):
            yield _trait(trait)
        case Arithmetic(_, left, right):
            yield from _of_term(left)
            yield from _of_term(right)


def _trait(path: str) -> Read:
    return "trait", path.partition(".")[0]
