"""Many rules over a batch of people, as columns.

Every distinct condition becomes one row of a matrix, whatever the number of rules that use it. A cell holds
truth and time in one signed integer: how many milliseconds the condition stays as it is, positive while it
holds and negative while it does not. Then

    all of them   is the smallest     all true: the first to turn; else the false one that lasts longest
    any of them   is the largest      some true: the true one that lasts longest; else the first to turn
    not           is the negative

which is exactly what `evaluate` says about truth and until, one NumPy call per node for the whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from duyen.model.person import Person
from duyen.model.rule import (
    All,
    AnyOf,
    ConsentIs,
    Did,
    InGroup,
    InSegment,
    MeasureIs,
    Not,
    Rule,
    SumIs,
    TraitIs,
)
from duyen.model.times import NEVER, Millis
from duyen.rules.cells import (
    Bools,
    ConsentGroup,
    ConstantGroup,
    Group,
    Ints,
    MeasureGroup,
    MembershipGroup,
    SeriesGroup,
    TraitGroup,
    gather,
)
from duyen.rules.compare import typed
from duyen.rules.evaluate import not_inlined
from duyen.rules.series import key_of

_BLOCK = 16_384
"""Cells that are finished together, so that they are still in the cache."""
_CELLS = 2**22
"""A batch is taken in slices of about this many cells (32 MB), whatever its size."""
_NARROW = 256
"""No slice has fewer people than this: each costs a call per condition."""
_SPARE = 2
"""Scratch matrices kept for the next batches: fresh memory costs more than the arithmetic."""


class Matrix(NamedTuple):
    """`truth` and `until`, one row per rule and one column per person."""

    truth: Bools
    until: Ints


def _columns(matrix: Matrix, left: int, right: int) -> Matrix:
    """A view of some people's columns."""
    return Matrix(matrix.truth[:, left:right], matrix.until[:, left:right])


class Compiled:
    """Rules made ready once (segments inlined); `evaluate` then costs a few calls per condition."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        plan = _Plan()
        roots = [plan.node(rule) for rule in rules.values()]
        places = plan.arrange()
        self.ids = tuple(rules)
        self.conditions = len(plan.leaves)
        """How many distinct conditions the rules have."""
        self._roots = np.array([places[root] for root in roots], dtype=np.intp)
        self._groups = plan.groups
        self._steps = [step.moved(places) for step in plan.steps]
        self._nodes = len(places)
        self._series = [group for group in plan.groups if isinstance(group, SeriesGroup)]
        self._spare: list[Ints] = []

    def evaluate(self, persons: Sequence[Person], as_of: Millis) -> Matrix:
        """Truth and until of every rule on every person, in the order of `ids` and `persons`."""
        matrix = self._empty(len(persons))
        width = max(_NARROW, _CELLS // max(1, self._nodes))
        for left in range(0, len(persons), width):
            some = persons[left : left + width]
            cells = self.cells(some, as_of)
            self.join(cells, as_of, _columns(matrix, left, left + len(some)))
            self._give_back(cells)
        return matrix

    def cells(self, persons: Sequence[Person], as_of: Millis) -> Ints:
        """The matrix with the rows of all conditions filled; `join` fills the rows above them."""
        cells = self._scratch(len(persons))
        far = NEVER - as_of
        gathered = gather(persons, [group.key for group in self._series])
        for group in self._groups:
            rows = cells[group.start : group.start + len(group.leaves)]
            if isinstance(group, SeriesGroup):
                group.fill(rows, gathered[group.key], as_of, far)
            else:
                group.fill(rows, persons, far)
        return cells

    def join(self, cells: Ints, as_of: Millis, into: Matrix | None = None) -> Matrix:
        """And, or, not over the whole batch, children first; then truth and until of the rules."""
        rows = list(cells)
        for step in self._steps:
            step.run(rows)
        matrix = into or self._empty(cells.shape[1])
        height = max(1, _BLOCK // max(1, cells.shape[1]))
        for top in range(0, len(self._roots), height):
            block = cells[self._roots[top : top + height]]
            np.greater(block, 0, out=matrix.truth[top : top + height])
            np.absolute(block, out=block)
            np.add(block, as_of, out=matrix.until[top : top + height])
        return matrix

    def _empty(self, persons: int) -> Matrix:
        """A matrix to be filled."""
        shape = (len(self._roots), persons)
        return Matrix(np.empty(shape, dtype=np.bool_), np.empty(shape, dtype=np.int64))

    def _scratch(self, persons: int) -> Ints:
        """A matrix of the right shape, from spare memory where it suffices."""
        needed = self._nodes * persons
        try:
            spare = self._spare.pop()
        except IndexError:
            spare = np.empty(needed, dtype=np.int64)
        if len(spare) < needed:
            spare = np.empty(needed, dtype=np.int64)
        return spare[:needed].reshape(self._nodes, persons)

    def _give_back(self, cells: Ints) -> None:
        """Keep the memory for the next batch."""
        whole = cells.base
        if whole is not None and len(self._spare) < _SPARE:
            self._spare.append(whole)


class _Step(NamedTuple):
    """One node above the leaves: how its row comes from the rows of its children."""

    kind: str
    children: tuple[int, ...]
    out: int

    def moved(self, places: Mapping[int, int]) -> _Step:
        """The same step where nodes have their final places."""
        return _Step(self.kind, tuple(places[c] for c in self.children), places[self.out])

    def run(self, rows: list[Ints]) -> None:
        """Fill the row of this node."""
        out = rows[self.out]
        if self.kind == "not":
            np.negative(rows[self.children[0]], out=out)
            return
        combine = np.minimum if self.kind == "all" else np.maximum
        first, second, *others = self.children
        combine(rows[first], rows[second], out=out)
        for other in others:
            combine(out, rows[other], out=out)


class _Plan:
    """The distinct nodes of all rules: leaves by meaning, inner nodes by kind and children."""

    def __init__(self) -> None:
        self.nodes: dict[tuple[Any, ...], int] = {}
        self.leaves: list[tuple[int, Rule]] = []
        self.steps: list[_Step] = []
        self.groups: list[Group] = []

    def node(self, rule: Rule) -> int:
        """The number of a rule's node, made where it is new."""
        match rule:
            case All(rules):
                return self.several("all", rules)
            case AnyOf(rules):
                return self.several("any", rules)
            case Not(inner):
                return self.inner("not", (self.node(inner),))
            case Did(at_least=0, at_most=int(most)):
                more = msgspec.structs.replace(rule, at_least=most + 1, at_most=None)
                return self.inner("not", (self.leaf(more),))
            case InSegment(segment):
                raise not_inlined(segment)
            case _:
                return self.leaf(rule)

    def several(self, kind: str, rules: tuple[Rule, ...]) -> int:
        """And, or: without repetitions, in any order."""
        children = sorted({self.node(each) for each in rules})
        if len(children) == 1:
            return children[0]
        if not children:
            return self.leaf(All(()) if kind == "all" else AnyOf(()))
        return self.inner(kind, tuple(children))

    def inner(self, kind: str, children: tuple[int, ...]) -> int:
        """A node over others."""
        key = (kind, children)
        number = self.nodes.get(key)
        if number is None:
            number = self.nodes[key] = len(self.nodes)
            self.steps.append(_Step(kind, children, number))
        return number

    def leaf(self, rule: Rule) -> int:
        """A condition."""
        key = _leaf_key(rule)
        number = self.nodes.get(key)
        if number is None:
            number = self.nodes[key] = len(self.nodes)
            self.leaves.append((number, rule))
        return number

    def arrange(self) -> dict[int, int]:
        """The nodes' places: leaves by the column they read, then inner nodes; makes the groups."""
        columns: dict[tuple[str, ...], list[tuple[int, Rule]]] = {}
        for number, rule in self.leaves:
            columns.setdefault(_column_key(rule), []).append((number, rule))
        places: dict[int, int] = {}
        for column, members in columns.items():
            members.sort(key=lambda member: SeriesGroup.rank(member[1]))
            self.groups.append(_group(column, len(places), [rule for _, rule in members]))
            for number, _ in members:
                places[number] = len(places)
        for step in self.steps:
            places[step.out] = len(places)
        return places


def _leaf_key(rule: Rule) -> tuple[Any, ...]:
    """What makes two conditions the same."""
    match rule:
        case TraitIs(trait, test):
            return ("trait", trait, test.operator, typed(test.operand))
        case Did():
            return ("did", key_of(rule), rule.within, rule.at_least, rule.at_most)
        case SumIs():
            kind = "average" if rule.average else "sum"
            return (kind, key_of(rule), rule.within, rule.test.operator, typed(rule.test.operand))
        case MeasureIs(term, test):
            return ("measured", repr(term), test.operator, typed(test.operand))
        case ConsentIs(purpose, channel):
            return ("consent", purpose, channel)
        case InGroup(where):
            tests = ((w.property, w.test.operator, typed(w.test.operand)) for w in where)
            return ("group", *tests)
        case _:
            return ("constant", isinstance(rule, All))


def _column_key(rule: Rule) -> tuple[str, ...]:
    """What a condition reads of a person."""
    match rule:
        case TraitIs(trait):
            return ("trait", trait)
        case Did() | SumIs():
            return ("series", key_of(rule))
        case MeasureIs(term):
            return ("measured", repr(term))
        case ConsentIs(purpose, channel):
            return ("consent", purpose, channel)
        case InGroup():
            return ("group",)
        case _:
            return ("constant",)


def _group(column: tuple[str, ...], start: int, rules: list[Rule]) -> Group:
    """The conditions that read one column."""
    match column[0]:
        case "trait":
            return TraitGroup(start, column[1], [r for r in rules if isinstance(r, TraitIs)])
        case "series":
            counted = [r for r in rules if isinstance(r, Did | SumIs)]
            return SeriesGroup(start, column[1], counted)
        case "measured":
            return MeasureGroup(start, [r for r in rules if isinstance(r, MeasureIs)])
        case "consent":
            return ConsentGroup(start, [r for r in rules if isinstance(r, ConsentIs)])
        case "group":
            return MembershipGroup(start, [r for r in rules if isinstance(r, InGroup)])
        case _:
            return ConstantGroup(start, rules)
