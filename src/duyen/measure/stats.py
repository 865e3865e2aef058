"""What an experiment changed: sums that add up, and intervals computed from them.

Everything is computed from seven sums per arm, so that shards, days and engines can be added. The two arms are
compared as they were drawn (intention to treat). How well the intervals hold is shown by simulation in
tests/measure/test_coverage.py; docs/measure.md has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import exp, sqrt
from typing import Literal

import msgspec

from duyen.measure.counters import get_large, put, put_large

LEVEL = 0.95
_Z = 1.959963984540054
"""The 97.5 % point of the normal distribution."""

FEWEST_BUYERS = 20
"""Revenue is compared once each arm has so many buyers; before that, a single order would decide."""
SHARED_BUYERS = 1000
"""The spread of spending among buyers of both arms together weighs as much as so many buyers of one's own."""

_WIDEST = 1e4
"""Variance of a logarithm beyond which an interval says nothing anyway, and exp() would overflow."""

Method = Literal["wilson", "newcombe", "log_ratio", "mover_log"]


class Arm(msgspec.Struct, frozen=True):
    """The sufficient statistics of one arm; amounts in micros, squares of them in micros squared.

    `converted` are people with at least one order; `*_sq` sum the squares of people's totals; `crossed` are
    people who turned out to be in both arms and stay in this one.
    """

    n: int = 0
    converted: int = 0
    orders: int = 0
    orders_sq: int = 0
    revenue: int = 0
    revenue_sq: int = 0
    crossed: int = 0

    def __add__(self, other: Arm) -> Arm:
        return Arm(*(a + b for a, b in zip(self.sums(), other.sums(), strict=True)))

    def __sub__(self, other: Arm) -> Arm:
        return Arm(*(a - b for a, b in zip(self.sums(), other.sums(), strict=True)))

    def sums(self) -> tuple[int, ...]:
        """The seven sums in order."""
        return tuple(msgspec.structs.astuple(self))

    def as_fields(self) -> dict[str, int]:
        """The fields of a counter that add these sums; without those that change nothing."""
        fields: dict[str, int] = {}
        for name in ("n", "converted", "orders", "orders_sq", "crossed"):
            put(fields, name, getattr(self, name))
        put_large(fields, "revenue", self.revenue)
        put_large(fields, "revenue_sq", self.revenue_sq)
        return fields

    @classmethod
    def from_fields(cls, fields: Mapping[str, int]) -> Arm:
        """The sums that a counter holds."""
        small = {
            name: fields.get(name, 0)
            for name in ("n", "converted", "orders", "orders_sq", "crossed")
        }
        return cls(
            **small,
            revenue=get_large(fields, "revenue"),
            revenue_sq=get_large(fields, "revenue_sq"),
        )


class Estimate(msgspec.Struct, frozen=True):
    """A number with its 95 % interval, and the people it rests on."""

    value: float
    low: float
    high: float
    n: int
    method: Method


class Effect(msgspec.Struct, frozen=True):
    """Treated against held out: the difference of the means, and relative to the held-out's mean.

    An estimate is None where there is not enough data for it; `needs` then says what is missing:
    `people` (two in each arm), `buyers` (FEWEST_BUYERS in each arm), `held_out_buyers` (at least one).
    """

    difference: Estimate | None
    relative: Estimate | None
    needs: str = ""


class Lift(msgspec.Struct, frozen=True):
    """What the programme changed per person: share of people who bought, and revenue in micros."""

    treated: Arm
    held_out: Arm
    conversion: Effect
    revenue: Effect

    @property
    def crossed(self) -> int:
        """People who were merged from both arms; they stay in the first."""
        return self.treated.crossed + self.held_out.crossed


def lift(treated: Arm, held_out: Arm) -> Lift:
    """The effect on conversion and on revenue per customer, each with its interval."""
    return Lift(treated, held_out, _conversion(treated, held_out), _revenue(treated, held_out))


def proportion(successes: int, n: int) -> Estimate | None:
    """A share with Wilson's score interval (Wilson 1927)."""
    if n <= 0:
        return None
    low, high = _wilson(successes, n)
    return Estimate(successes / n, low, high, n, "wilson")


def revenue_per_person(arm: Arm, other: Arm) -> Estimate | None:
    """Mean revenue in micros per person of one arm; the other arm lends what it knows of the spread."""
    mean = _mean(arm, other)
    if mean is None:
        return None
    low, high = mean.limits()
    return Estimate(mean.value, low, high, arm.n, "mover_log")


def _conversion(treated: Arm, held_out: Arm) -> Effect:
    if min(treated.n, held_out.n) < 2:
        return Effect(None, None, "people")
    n = treated.n + held_out.n
    share1, share0 = _share(treated), _share(held_out)
    low, high = _square_and_add(
        share1 - share0,
        (share1, *_wilson(treated.converted, treated.n)),
        (share0, *_wilson(held_out.converted, held_out.n)),
    )
    difference = Estimate(share1 - share0, low, high, n, "newcombe")
    if not treated.converted or not held_out.converted:
        return Effect(difference, None, "held_out_buyers")
    relative = _relative(
        _Mean(share1, (1 - share1) / treated.converted),
        _Mean(share0, (1 - share0) / held_out.converted),
        n,
    )
    return Effect(difference, relative)


def _revenue(treated: Arm, held_out: Arm) -> Effect:
    if min(treated.n, held_out.n) < 2:
        return Effect(None, None, "people")
    mean1, mean0 = _mean(treated, held_out), _mean(held_out, treated)
    if mean1 is None or mean0 is None:
        return Effect(None, None, "buyers")
    n = treated.n + held_out.n
    value = mean1.value - mean0.value
    low, high = _square_and_add(
        value, (mean1.value, *mean1.limits()), (mean0.value, *mean0.limits())
    )
    return Effect(Estimate(value, low, high, n, "mover_log"), _relative(mean1, mean0, n))


class _Mean(msgspec.Struct, frozen=True):
    """A positive mean with the variance of its logarithm."""

    value: float
    log_variance: float

    def limits(self) -> tuple[float, float]:
        """The 95 % interval on the logarithm's scale: a mean of spending errs by factors."""
        factor = exp(_Z * sqrt(self.log_variance))
        return self.value / factor, self.value * factor


def _mean(arm: Arm, other: Arm) -> _Mean | None:
    """Revenue per person as (share of buyers) x (revenue per buyer), each part with its own uncertainty.

    With c buyers of n people and v the squared coefficient of variation of revenue per buyer, the variance
    of the mean's logarithm is (1 - c/n + v) / c by the delta method.
    """
    if (
        min(arm.converted, other.converted) < FEWEST_BUYERS
        or arm.revenue <= 0
        or other.revenue <= 0
    ):
        return None
    both = arm.converted + other.converted
    own, others = _spread(arm), _spread(other)
    shared = (arm.converted * own + other.converted * others) / both
    spread = (arm.converted * own + SHARED_BUYERS * shared) / (arm.converted + SHARED_BUYERS)
    log_variance = (1 - _share(arm) + spread) / arm.converted
    return _Mean(arm.revenue / arm.n, min(log_variance, _WIDEST))


def _share(arm: Arm) -> float:
    """The share of people who bought; never above 1, whatever the counters say."""
    return min(1.0, arm.converted / arm.n)


def _spread(arm: Arm) -> float:
    """Squared coefficient of variation of revenue per buyer, by exact integers up to one division."""
    c = arm.converted
    return c * max(0, c * arm.revenue_sq - arm.revenue**2) / ((c - 1) * arm.revenue**2)


def _relative(top: _Mean, bottom: _Mean, n: int) -> Estimate:
    """top / bottom - 1. The interval is the logarithm's; the value is freed of the ratio's upward bias.

    E[1/m] is larger than 1/E[m] by the relative variance of m (Tin 1965), which is divided out.
    """
    ratio = top.value / bottom.value
    factor = exp(_Z * sqrt(top.log_variance + bottom.log_variance))
    value = ratio / (1 + bottom.log_variance) - 1
    return Estimate(value, ratio / factor - 1, ratio * factor - 1, n, "log_ratio")


def _square_and_add(
    value: float, one: tuple[float, float, float], two: tuple[float, float, float]
) -> tuple[float, float]:
    """Limits of a difference from the limits of its parts, each (value, low, high)."""
    low = value - sqrt((one[0] - one[1]) ** 2 + (two[2] - two[0]) ** 2)
    high = value + sqrt((one[2] - one[0]) ** 2 + (two[0] - two[1]) ** 2)
    return low, high


def _wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's score limits of a proportion."""
    share = min(1.0, successes / n)
    middle = share + _Z**2 / (2 * n)
    reach = _Z * sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    below, above = (middle - reach) / (1 + _Z**2 / n), (middle + reach) / (1 + _Z**2 / n)
    return max(0.0, below), min(1.0, above)
