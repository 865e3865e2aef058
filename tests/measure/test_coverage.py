"""The statistics proved by simulation: known truth, fixed seeds, 2,000 replications each.

A shop of N people is drawn; each of them has two futures made from the same random numbers, one treated and
one held out. The truth of a replication is "all treated minus all held out". Then a tenth of the people is held
out, and lift() sees only the seven sums of each arm. Revenue per person is zero-inflated log-normal.
Only people who buy in either future are drawn one by one; the others are zeros in both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from duyen.measure import Arm, Estimate, lift
from duyen.model.values import MICRO

REPLICATIONS = 2_000
HOLD_OUT = 0.1
BASKET = 350_000.0
"""Median revenue of a buyer, in đồng."""


class Shop(NamedTuple):
    """N people; a share who buy; spread of log revenue; the effects on buying and on the basket."""

    people: int
    share: float
    sigma: float
    more_buyers: float
    larger_baskets: float
    seed: int
    premium: float = 0.0
    """Effect on baskets above the median only: it changes the spread, not only the scale."""


class Futures(NamedTuple):
    """One drawn population: revenue of possible buyers in both futures, and who of them is held out."""

    treated: np.ndarray
    held: np.ndarray
    is_held: np.ndarray
    people: int
    held_out: int


def draw(shop: Shop, rng: np.random.Generator) -> Futures:
    most = shop.share * max(1.0, 1 + shop.more_buyers)
    possible = int(rng.binomial(shop.people, most))
    inclined = rng.random(possible) * most
    basket = BASKET * np.exp(shop.sigma * rng.standard_normal(possible))
    held = np.where(inclined < shop.share, basket, 0.0)
    more = inclined < shop.share * (1 + shop.more_buyers)
    effect = shop.larger_baskets + np.where(basket > BASKET, shop.premium, 0.0)
    treated = np.where(more, basket * (1 + effect), 0.0)
    is_held = rng.random(possible) < HOLD_OUT
    others = int(rng.binomial(shop.people - possible, HOLD_OUT))
    return Futures(treated, held, is_held, shop.people, int(is_held.sum()) + others)


def arm(revenue: np.ndarray, n: int) -> Arm:
    """The sums that counters would hold."""
    units: list[int] = np.rint(revenue[revenue > 0]).astype(np.int64).tolist()
    return Arm(
        n=n,
        converted=len(units),
        orders=len(units),
        orders_sq=len(units),
        revenue=sum(units) * MICRO,
        revenue_sq=sum(each * each for each in units) * MICRO**2,
    )


def truths(drawn: Futures) -> dict[str, float]:
    """All treated minus all held out, of the very people drawn."""
    bought1, bought0 = (drawn.treated > 0).sum(), (drawn.held > 0).sum()
    spent1, spent0 = drawn.treated.sum(), drawn.held.sum()
    return {
        "conversion": float(bought1 - bought0) / drawn.people,
        "conversion, relative": float(bought1 / bought0 - 1),
        "revenue": float(spent1 - spent0) / drawn.people,
        "revenue, relative": float(spent1 / spent0 - 1),
    }


def estimates(drawn: Futures) -> dict[str, Estimate]:
    found = lift(
        arm(drawn.treated[~drawn.is_held], drawn.people - drawn.held_out),
        arm(drawn.held[drawn.is_held], drawn.held_out),
    )
    given = {
        "conversion": found.conversion.difference,
        "conversion, relative": found.conversion.relative,
        "revenue": found.revenue.difference,
        "revenue, relative": found.revenue.relative,
    }
    return {name: each for name, each in given.items() if each is not None}


class Performance(NamedTuple):
    """Over all replications: share of intervals that hold the truth, bias in its standard errors, relative width."""

    coverage: float
    bias: float
    width: float


def perform(shop: Shop) -> dict[str, Performance]:
    rng = np.random.default_rng(shop.seed)
    rows: dict[str, list[tuple[float, float, float, float]]] = {}
    for _ in range(REPLICATIONS):
        drawn = draw(shop, rng)
        truth = truths(drawn)
        for name, each in estimates(drawn).items():
            unit = MICRO if name == "revenue" else 1
            row = (truth[name], each.value / unit, each.low / unit, each.high / unit)
            rows.setdefault(name, []).append(row)
    result = {}
    for name, each_row in rows.items():
        assert len(each_row) == REPLICATIONS, f"{name} was not given each time"
        truth_, value, low, high = np.array(each_row).T
        errors = value - truth_
        result[name] = Performance(
            float(np.mean((low <= truth_) & (truth_ <= high))),
            float(errors.mean() / (errors.std() / REPLICATIONS**0.5)),
            float(np.median(high - low) / (2 * 1.96 * errors.std())),
        )
    return result


SHOPS = {
    "no effect": Shop(20_000, 0.08, 1.0, 0.0, 0.0, 1),
    "an effect": Shop(20_000, 0.08, 1.0, 0.10, 0.05, 2),
    "a large effect": Shop(20_000, 0.08, 1.0, 0.30, 0.20, 3),
    "a harmful effect": Shop(20_000, 0.08, 1.0, -0.10, -0.10, 4),
    "few buyers": Shop(50_000, 0.02, 1.0, 0.10, 0.0, 5),
    "uneven baskets": Shop(60_000, 0.05, 1.3, 0.10, 0.05, 6),
    "a small shop": Shop(5_000, 0.08, 1.0, 0.10, 0.05, 7),
    "very uneven baskets": Shop(20_000, 0.08, 1.5, 0.10, 0.05, 8),
    "dearer baskets for some": Shop(20_000, 0.08, 1.0, 0.0, 0.0, 9, premium=0.4),
}


@pytest.mark.parametrize("name", SHOPS)
@pytest.mark.xdist_group("coverage")
def test_intervals_hold_the_truth_as_often_as_they_say(name: str) -> None:
    """Where baskets are very uneven, the errors are so skewed that 2,000 of them do not settle their mean
    within two standard errors; a difference of means is free of bias by the draw itself."""
    for what, seen in perform(SHOPS[name]).items():
        assert 0.935 <= seen.coverage <= 0.965, (what, seen)
        assert abs(seen.bias) <= (3 if name == "very uneven baskets" else 2), (what, seen)
        assert seen.width <= 1.2, (what, seen)
