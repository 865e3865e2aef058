"""Every operator against every kind of value: on a document, as columns and on the lake."""

from __future__ import annotations

from typing import Any

import pytest

from duyen.model.person import Person, Trait
from duyen.model.rule import (
    All,
    AnyOf,
    Did,
    Operand,
    Operator,
    Rule,
    SumIs,
    TraitIs,
    Where,
)
from duyen.model.rule import Test as Is
from duyen.model.times import DAY
from duyen.model.values import canonical
from duyen.rules import Compiled, Verdict, batch, evaluate, series_needed
from duyen.rules.batch import Matrix
from tests.rules.lake import lake
from tests.rules.strategies import (
    DATES,
    NUMBERS,
    NUMERIC_TEXTS,
    START,
    TEXTS,
    Life,
    Told,
    edges,
    everything,
)

NOWHERE = object()
VALUES: list[Any] = [
    NOWHERE,
    None,
    True,
    False,
    float("nan"),
    [],
    ["x"],
    {},
    {"x": "x"},
    *NUMBERS,
    *TEXTS,
    *NUMERIC_TEXTS,
    *DATES,
    "true",
    "HÀ NỘI mến yêu",
    "hà-nội",
    "Nguyễn Thị Ánh Tuyết",
    "100.0",
    "1" * 41,
    "2026-01-30T23:59:59.9999Z",
    "2026-01-31 00:00",
    "2026-01-31T00:00:00.001+00:00",
    "20260131",
    "0001-01-01",
    "9999-12-31T23:59:59Z",
]
TESTS: list[tuple[Operator, list[Operand]]] = [
    ("is", ["x", "Hà Nội", "ha noi", "100", "true", "", 100, 0, 0.3, 1, True, False, 99.999999]),
    ("is_not", ["x", 100, True, "100"]),
    ("in", [("x", 100, True), ("Hà Nội",), (1, "1"), (False, 0.3)]),
    ("exists", [True, False]),
    ("gt", [100, "99.9999995", 0, -1, "-0.5"]),
    ("gte", [100, "99.9999985", 1e-6]),
    ("lt", [100, 0, "1e2"]),
    ("lte", [99.999998, 0]),
    ("contains", ["Nội", "noi", "đ", "d", "ss", "i", "ÁNH"]),
    ("starts_with", ["ha", "HÀ N", "Đ", "1", "f"]),
    ("before", ["2026-01-31", "2026-01-31T09:00:00+07:00", "0001-01-01"]),
    ("after", ["2026-01-31T00:00:00Z", "2026-01-30"]),
]


def held(value: Any, path: str) -> dict[str, Any]:
    """A map with the value at a path, or nowhere."""
    if value is NOWHERE:
        return {}
    first, _, rest = path.partition(".")
    return {first: held(value, rest) if rest else canonical(value)}


def told_thrice(rules: list[Rule], crowd: list[Life], as_of: int) -> None:
    """All three engines agree on every rule and person; and some say yes and some say no."""
    specs = everything(*rules)
    persons = [life.person(f"p{i}", specs) for i, life in enumerate(crowd)]
    matrix = Compiled({str(i): rule for i, rule in enumerate(rules)}).evaluate(persons, as_of)
    with lake(crowd) as ask:
        for r, rule in enumerate(rules):
            told = [evaluate(rule, person, as_of) for person in persons]
            assert cells(matrix, r) == told, rule
            assert ask(rule, as_of) == sorted(f"p{i}" for i, v in enumerate(told) if v.truth), rule


def cells(matrix: Matrix, row: int) -> list[Verdict]:
    """One rule's row as verdicts."""
    truths, untils = matrix.truth[row].tolist(), matrix.until[row].tolist()
    return [Verdict(*cell) for cell in zip(truths, untils, strict=True)]


@pytest.mark.parametrize(("operator", "operands"), TESTS, ids=[name for name, _ in TESTS])
@pytest.mark.parametrize("path", ["value", "deep.er.value"])
def test_every_operator_on_every_value(
    operator: Operator, operands: list[Operand], path: str
) -> None:
    crowd = [Life(held(value, path), {}, [("e", START, held(value, path))]) for value in VALUES]
    traits = [TraitIs(path, Is(operator, operand)) for operand in operands]
    events = [Did("e", (Where(path, Is(operator, operand)),)) for operand in operands]
    told_thrice([*traits, *events], crowd, START)


@pytest.mark.parametrize(
    "values",
    [
        [1, 1.0, 0, -0.0, 100, 0.3, None],
        [True, False, None],
        [1, True, 0, False, 1.0],
        ["1", "true", "x", None],
        ["1", 1],
        [[], {}, ["x"], None],
        [float("nan"), float("inf"), 1.0],
        [None],
    ],
    ids=["numbers", "bools", "numbers and bools", "texts", "mixed", "lists", "not finite", "none"],
)
def test_columns_of_one_kind_or_of_several(values: list[Any]) -> None:
    rules: list[Rule] = [
        TraitIs("x", Is(operator, operand)) for operator, operands in TESTS for operand in operands
    ]
    persons = [Person("p", traits={"x": Trait(value, 0, "m")}) for value in values]
    matrix = Compiled({str(i): rule for i, rule in enumerate(rules)}).evaluate(persons, START)
    for r, rule in enumerate(rules):
        assert cells(matrix, r) == [evaluate(rule, person, START) for person in persons], rule


@pytest.mark.parametrize("operator", ["is", "is_not", "gt", "gte", "lt", "lte"])
def test_every_sum_of_every_value(operator: Operator) -> None:
    crowd = [
        Life({}, {}, [("e", START, held(value, "x")), ("e", START, {"x": "0.1"})])
        for value in VALUES
    ]
    bounds: list[Operand] = [100.1, "0.1", 0, "0.100001", 1.1]
    told_thrice([SumIs("e", "x", Is(operator, bound)) for bound in bounds], crowd, START)


HISTORIES: list[list[Told]] = [
    [("e", START + day * DAY, {"x": x}) for day, x in told]
    for told in (
        [],
        [(0, 5)],
        [(0, 5), (0, 5)],
        [(0, 5), (1, 5)],
        [(0, 5), (0, 5), (1, 5)],
        [(0, 5), (1, 5), (1, 5)],
        [(0, 5), (1, 5), (2, 5)],
        [(0, 5), (1, -5), (2, 5)],
        [(0, -5), (1, 10), (1, -10), (3, 5)],
        [(0, 10), (0, -5), (2, 10)],
        [(i, 1) for i in range(5)],
        [(i // 20, 1) for i in range(80)],
    )
]


def windowed(within: int | None) -> list[Rule]:
    """Counts and sums over one window."""
    counts: list[Rule] = [
        Did("e", (), within, least, most)
        for least in range(4)
        for most in (None, 0, 1, 2, 3)
        if most is None or most >= least
    ]
    operators: list[Operator] = ["is", "is_not", "gt", "gte", "lt", "lte"]
    sums: list[Rule] = [
        SumIs("e", "x", Is(operator, bound), (), within)
        for operator in operators
        for bound in (-5, 0, 5, 10)
    ]
    return counts + sums


@pytest.mark.parametrize("within", [None, 1, DAY, 2 * DAY, 2 * DAY + 1, 100 * DAY])
def test_every_count_and_sum_at_every_edge_of_its_window(within: int | None) -> None:
    rules = windowed(within)
    crowd = [Life({}, {}, history) for history in HISTORIES]
    compiled = Compiled({str(i): rule for i, rule in enumerate(rules)})
    persons = [life.person("p", everything(*rules)) for life in crowd]
    moments = sorted({edge for h in HISTORIES[:-1] for edge in edges(rules[0], h)})
    for as_of in moments:
        matrix = compiled.evaluate(persons, as_of)
        for r, rule in enumerate(rules):
            told = [evaluate(rule, person, as_of) for person in persons]
            assert cells(matrix, r) == told, (rule, as_of)


def test_two_windows_in_one_rule_have_their_own_edges_on_the_lake() -> None:
    one, two = Did("e", within=DAY), SumIs("e", "x", Is("gte", 10), within=2 * DAY)
    crowd = [Life({}, {}, history) for history in HISTORIES[:6]]
    rules: list[Rule] = [All((one, two)), AnyOf((one, two)), All((two, Did("e", at_least=2)))]
    moments = sorted({edge for h in HISTORIES[:6] for edge in edges(rules[0], h)})
    with lake(crowd) as ask:
        for rule in rules:
            persons = [life.person(f"p{i}", everything(rule)) for i, life in enumerate(crowd)]
            for as_of in moments:
                told = [p.id for p in persons if evaluate(rule, p, as_of).truth]
                assert ask(rule, as_of) == told, (rule, as_of)


def test_giant_amounts_and_long_series_are_summed_exactly() -> None:
    giant = [("e", START + i, {"x": 999_999_999_999}) for i in range(30)]
    back = [("e", START + i, {"x": -999_999_999_999}) for i in range(30)]
    many = [("e", START + i, {"x": "0.1"}) for i in range(200)]
    crowd = [Life({}, {}, told) for told in (giant, back, many, giant + back)]
    tests = [Is("gte", 999_999_999_999), Is("is", 20), Is("lt", 0), Is("is", 0), Is("gt", "19.9")]
    told_thrice(
        [SumIs("e", "x", test, (), within) for test in tests for within in (None, 500)],
        crowd,
        START + 300,
    )


def test_a_batch_taken_in_slices_is_the_same_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = windowed(2 * DAY)
    compiled = Compiled({str(i): rule for i, rule in enumerate(rules)})
    persons = [Life({}, {}, told).person("p", everything(*rules)) for told in HISTORIES]
    whole = compiled.evaluate(persons, START + 2 * DAY)
    monkeypatch.setattr(batch, "_CELLS", 1)
    monkeypatch.setattr(batch, "_NARROW", 5)
    sliced = compiled.evaluate(persons, START + 2 * DAY)
    assert (whole.truth == sliced.truth).all()
    assert (whole.until == sliced.until).all()
    assert compiled.evaluate([], START).truth.shape == (len(rules), 0)


def test_a_trimmed_document_is_enough_for_columns_too() -> None:
    rules = windowed(2 * DAY)
    persons = [Life({}, {}, history).person("p", series_needed(rules)) for history in HISTORIES]
    as_of = START + 5 * DAY
    matrix = Compiled({str(i): r for i, r in enumerate(rules)}).evaluate(persons, as_of)
    for r, rule in enumerate(rules):
        assert cells(matrix, r) == [evaluate(rule, person, as_of) for person in persons]
