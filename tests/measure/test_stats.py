"""Sums add up exactly; estimates against numbers worked out elsewhere."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from duyen.measure import Arm, get_large, lift, proportion, put_large
from duyen.measure.stats import FEWEST_BUYERS
from duyen.model.values import MICRO

AMOUNTS = st.integers(-(10**24), 10**24)
COUNTS = st.integers(0, 10**6)
ARMS = st.builds(Arm, COUNTS, COUNTS, COUNTS, COUNTS, AMOUNTS, st.integers(0, 10**45))


def added(*fields: dict[str, int]) -> dict[str, int]:
    """What a counter holds after these additions."""
    total: dict[str, int] = {}
    for each in fields:
        for name, amount in each.items():
            total[name] = total.get(name, 0) + amount
    return total


def shop(n: int, buyers: int, each: int = 100, spread: int = 0) -> Arm:
    """An arm whose buyers spend `each` units, half of them `spread` more, half less."""
    micros = [(each + (spread if b % 2 else -spread)) * MICRO for b in range(buyers)]
    return Arm(n, buyers, buyers, buyers, sum(micros), sum(m * m for m in micros))


@given(st.lists(AMOUNTS, max_size=30))
def test_large_numbers_add_up_exactly(amounts: list[int]) -> None:
    fields: list[dict[str, int]] = []
    for amount in amounts:
        fields.append({})
        put_large(fields[-1], "revenue", amount)
    assert get_large(added(*fields), "revenue") == sum(amounts)
    assert all(abs(part) < 2**30 for each in fields for part in each.values())


def test_a_million_customers_who_spend_a_thousand_million_each_fit_into_64_bits() -> None:
    person = (10**9 + 7) * MICRO
    fields: dict[str, int] = {}
    put_large(fields, "revenue_sq", person**2)
    assert person**2 > 2**64
    assert all(abs(part) * 10**6 < 2**63 for part in fields.values())
    million = {name: part * 10**6 for name, part in fields.items()}
    assert get_large(million, "revenue_sq") == person**2 * 10**6


def test_names_that_begin_alike_do_not_mix() -> None:
    fields: dict[str, int] = {}
    put_large(fields, "revenue", 5)
    put_large(fields, "revenue_sq", 7)
    assert (get_large(fields, "revenue"), get_large(fields, "revenue_sq")) == (5, 7)


@given(ARMS, ARMS, ARMS)
def test_arms_add_up(a: Arm, b: Arm, c: Arm) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + b - b == a
    assert Arm.from_fields(added(a.as_fields(), b.as_fields())) == a + b
    assert Arm.from_fields(added(a.as_fields(), (Arm() - b).as_fields())) == a - b


def test_wilson() -> None:
    """Newcombe (1998), Stat. Med. 17:857, table I: 81 of 263 gives 0.2553 to 0.3662."""
    found = proportion(81, 263)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert proportion(0, 0) is None


def test_newcombe() -> None:
    """Newcombe (1998), Stat. Med. 17:873, table II (a), method 10: 56/70 - 48/80 is 0.0524 to 0.3339."""
    found = lift(shop(70, 56), shop(80, 48)).conversion.difference
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert found.n == 150


def test_the_same_in_both_arms_is_no_effect() -> None:
    found = lift(shop(9_000, 900, spread=50), shop(1_000, 100, spread=50))
    for effect in (found.conversion, found.revenue):
        assert effect.difference is not None
        assert effect.difference.value == 0
        assert effect.difference.low < 0 < effect.difference.high
        assert effect.relative is not None
        assert effect.relative.low < 0 < effect.relative.high


def test_a_plain_effect_is_found() -> None:
    found = lift(shop(90_000, 11_000), shop(10_000, 1_000))
    assert found.conversion.difference is not None
    assert found.conversion.difference.low > 0
    assert found.revenue.difference is not None
    assert found.revenue.difference.value == pytest.approx((11 / 90 - 0.1) * 100 * MICRO)
    assert found.revenue.difference.low > 0


def test_equal_baskets_leave_only_the_uncertainty_of_who_buys() -> None:
    """With no spread of spending, revenue is conversion times the basket, and so are its limits, nearly."""
    found = lift(shop(90_000, 9_000), shop(10_000, 1_000))
    assert found.revenue.relative is not None
    assert found.conversion.relative is not None
    assert found.revenue.relative.low == pytest.approx(found.conversion.relative.low)
    assert found.revenue.relative.high == pytest.approx(found.conversion.relative.high)


def test_not_enough_data_is_said() -> None:
    nobody = lift(Arm(), Arm())
    assert (nobody.conversion.difference, nobody.conversion.needs) == (None, "people")
    assert nobody.revenue.needs == "people"
    few = lift(shop(900, 90), shop(100, FEWEST_BUYERS - 1))
    assert few.conversion.difference is not None
    assert (few.revenue.difference, few.revenue.needs) == (None, "buyers")
    none = lift(shop(900, 90), shop(100, 0))
    assert none.conversion.difference is not None
    assert (none.conversion.relative, none.conversion.needs) == (None, "held_out_buyers")


def test_refunds_beyond_what_was_bought_give_no_interval() -> None:
    returned = Arm(100, 50, 50, 50, -5 * MICRO, MICRO**2)
    assert lift(shop(900, 90), returned).revenue.needs == "buyers"


def test_crossed_people_are_counted() -> None:
    assert lift(Arm(n=5, crossed=2), Arm(n=5, crossed=1)).crossed == 3


@given(ARMS, ARMS)
def test_any_sums_give_an_answer(a: Arm, b: Arm) -> None:
    """Sums that cannot be (more buyers than people) must not stop a report."""
    lift(Arm() + a, b)
