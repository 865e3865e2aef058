"""Cells: the same everywhere, fair, kept from first eligibility on."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from duyen.decide import CELL_ASSIGNED, arm, assign, cell
from duyen.decide.cells import uniform
from duyen.model.effect import Fact
from duyen.model.person import GLOBAL, HELD_OUT, TREATED, Cell, Person
from duyen.model.program import Program, WorkspaceSettings

KNOWN_U1 = 0.27524427738879764
PROGRAM = Program(settings=WorkspaceSettings(hold_out=0.1))


def test_the_hash_is_the_same_in_every_release() -> None:
    """Changing it would put running experiments' people into other arms."""
    assert uniform("global-1", "user_id:u1") == pytest.approx(KNOWN_U1, abs=1e-15)
    assert uniform("global-2", "user_id:u1") != uniform("global-1", "user_id:u1")


@given(st.text(), st.text())
def test_it_lies_in_the_unit_interval(salt: str, id: str) -> None:
    assert 0.0 <= uniform(salt, id) < 1.0


@pytest.mark.parametrize("share", [0.05, 0.1, 0.5])
def test_the_share_is_held_out(share: float) -> None:
    people = 40_000
    held = sum(cell(f"p{n}", "salt", share) == HELD_OUT for n in range(people))
    error = (share * (1 - share) / people) ** 0.5
    assert abs(held / people - share) < 4 * error


def test_no_share_and_the_whole_share() -> None:
    assert cell("p", "s", 0.0) == TREATED
    assert cell("p", "s", 1.0) == HELD_OUT


def test_salts_are_independent() -> None:
    both = sum(
        cell(f"p{n}", "a", 0.5) == HELD_OUT and cell(f"p{n}", "b", 0.5) == HELD_OUT
        for n in range(20_000)
    )
    assert abs(both / 20_000 - 0.25) < 0.0125


def test_a_larger_share_keeps_who_was_held_out() -> None:
    held = [n for n in range(2_000) if cell(f"p{n}", "s", 0.05) == HELD_OUT]
    assert held
    assert all(cell(f"p{n}", "s", 0.2) == HELD_OUT for n in held)


def test_first_eligibility_makes_it_a_fact_once() -> None:
    person = Person("p1")
    effects = assign(person, PROGRAM, 5)
    expected = cell("p1", PROGRAM.settings.hold_out_salt, 0.1)
    assert person.cells[GLOBAL] == Cell(expected, 5)
    assert [type(e) for e in effects] == [Fact]
    assert isinstance(effects[0], Fact)
    assert effects[0].name == CELL_ASSIGNED
    assert effects[0].properties["arm"] == expected
    assert assign(person, PROGRAM, 9) == []
    assert person.cells[GLOBAL].since == 5


def test_what_a_decision_did_wins_over_the_hash() -> None:
    hashed = cell("p1", PROGRAM.settings.hold_out_salt, 0.1)
    other = HELD_OUT if hashed == TREATED else TREATED
    person = Person("p1")
    assign(person, PROGRAM, 5, decided=other)
    assert person.cells[GLOBAL].arm == other
    assert arm(person, "p1", PROGRAM) == other
    assert arm(None, "p1", PROGRAM) == hashed
