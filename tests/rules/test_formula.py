"""Formulas: what they say, what they refuse and where the mistake is."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.errors import InvalidRule
from duyen.model.person import Person, Trait
from duyen.model.program import ComputedTrait
from duyen.model.rule import Test as Is
from duyen.model.rule import TraitIs
from duyen.rules import inline, parse_computed, resolve
from duyen.rules.computed import shown
from duyen.rules.formula import MOST_PARTS, parse_formula
from duyen.rules.reading import reading

TOLD = {"spent": "99.90", "orders": 4, "refunded": 10, "none": 0, "city": "Huế", "số đơn": 3}
PERSON = Person("p", traits={name: Trait(value, 0, "m") for name, value in TOLD.items()})
PERSON.traits["card"] = Trait({"points": 7}, 0, "m")


def worked_out(text: str) -> Any:
    term = parse_formula(text)
    return shown(term, reading(term, PERSON, 0).value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("spent / orders", 24.975),
        ("(spent - refunded) / orders", 22.475),
        ("spent - refunded - orders", 85.9),
        ("spent - (refunded - orders)", 93.9),
        ("orders * 2 + 1", 9),
        ("2 * -orders", -8),
        ("- - 3", 3),
        ("refunded / orders / 2", 1.25),
        ("10 / 3", 3.333333),
        ("20 / 3", 6.666667),
        ("1 / 2000000", 0),
        ("3 / 2000000", 0.000002),
        ("0.1 + 0.2", 0.3),
        ("spent / none", None),
        ("missing + 1", None),
        ("city * 2", None),
        ("missing or 5", 5),
        ("(missing or 0) + orders", 4),
        ("missing or gone or orders", 4),
        ("none or 7", 0),
        ("missing or spent / none or 2", 2),
        ("card.points * 2", 14),
        ('"số đơn" * 2', 6),
        ("999999999999 * 2", None),
        ("999999999999 * 2 or 1", 1),
        ("+".join(["orders"] * 60), 240),
        ("orders" + " - 1" * 60, -56),
    ],
)
def test_a_formula_is_worked_out(text: str, value: Any) -> None:
    assert worked_out(text) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("spent /", "At character 8: a trait or a number belongs here, the formula ends"),
        ("spent orders", "At character 7: before “orders” a + - * / is missing"),
        ("(spent", "At character 7: a ) is missing"),
        ("spent)", "At character 6: before “)” a + - * / is missing"),
        ("* spent", "At character 1: a trait or a number belongs here, found “*”"),
        ("spent ** 2", "At character 8: a trait or a number belongs here, found “*”"),
        ("spent % 2", "At character 7: “%” cannot be read"),
        ("__import__('os')", "At character 12: “'os')” cannot be read"),
        ("spent > 5", "At character 7: “>” cannot be read"),
        ("1.2345678 * x", "At character 1: “1.2345678” has more than 12 digits"),
        ("1e5", "At character 1: “1e5” cannot be read"),
        ("or", "At character 1: a trait or a number belongs here, found “or”"),
        ('"" + 1', "At character 2: between the quotation marks"),
        ("(" * 99 + "1" + ")" * 99, "nested deeper than"),
        ("1" + "*1" * 200, "more than 100 parts"),
        ("x" * 501, "at most 500 characters"),
        ("  ", "Write a formula"),
        (5, "Write a formula"),
        (None, "Write a formula"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: Any, said: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        parse_formula(text)
    assert said in caught.value.message
    assert (caught.value.code, caught.value.at) == ("trait.formula", "formula")


@given(st.text(alphabet="ab1.0+-*/() or\"'%\n", max_size=30) | st.text(max_size=30))
def test_whatever_is_written_only_a_mistake_comes_out(text: str) -> None:
    with suppress(InvalidRule):
        worked_out(text)


def program(**formulas: str) -> dict[str, ComputedTrait]:
    return {id: parse_computed(id, {"formula": text}) for id, text in formulas.items()}


def test_formulas_are_worked_out_of_formulas() -> None:
    traits = program(a="b + 1", b="orders * 2", orders_twice="a * 2")
    term = resolve("orders_twice", traits)
    assert reading(term, PERSON, 0).value == 18_000_000
    rule = inline(TraitIs("a", Is("is", 9)), {}, traits)
    assert inline(TraitIs("a", Is("is", 9)), {}, traits) == rule


@pytest.mark.parametrize(
    ("formulas", "code", "said"),
    [
        ({"a": "a + 1"}, "trait.cycle", "a → a"),
        ({"a": "b", "b": "c + 1", "c": "a"}, "trait.cycle", "a → b → c → a"),
        ({"a": "b * b", "b": "c * c", "c": "d * d", "d": "e * e",
          "e": "f * f", "f": "g * g", "g": "2"}, "trait.formula", f"more than {MOST_PARTS} parts"),
        ({"a": " / ".join(["x"] * 12)}, "trait.formula", "steps that wait"),
        ({"a": "b.c", "b": "1"}, "trait.formula", "has nothing inside"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_in_is_refused(formulas: dict[str, str], code: str, said: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        resolve("a", program(**formulas))
    assert caught.value.code == code
    assert said in caught.value.message


def test_a_time_is_no_number_and_is_only_before_or_after() -> None:
    traits = program(a="joined + 1") | {"joined": parse_computed("joined", {"first": "Order"})}
    with pytest.raises(InvalidRule, match="is a time, not a number"):
        resolve("a", traits)
    with pytest.raises(InvalidRule, match="is a time: compare it with before or after"):
        inline(TraitIs("joined", Is("gt", 5)), {}, traits)
