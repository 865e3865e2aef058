"""Probability matching against an independent integration, and at the edges of what can be counted."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from duyen.decide.policy import Arms, FloatArray
from duyen.decide.thompson import FLOOR, Table, Thompson, posterior


def exactly(a: FloatArray, b: FloatArray, values: FloatArray) -> FloatArray:
    """P(largest) by brute force: densities on 400,000 even steps of the score."""
    top = values.max()
    x = (np.arange(400_000) + 0.5) / 400_000 * top
    densities, cumulated = [], []
    for one, other, value in zip(a, b, values, strict=True):
        share = np.minimum(x / value, 1 - 1e-12)
        log_density = (one - 1) * np.log(share) + (other - 1) * np.log1p(-share)
        density = np.where(x < value, np.exp(log_density - log_density.max()), 0.0)
        density /= density.sum()
        densities.append(density)
        cumulated.append(np.cumsum(density) - density / 2)
    return np.array(
        [
            sum(d * np.prod([c for j, c in enumerate(cumulated) if j != i], axis=0))
            for i, d in enumerate(densities)
        ]
    )


def test_two_known_arms() -> None:
    """P(Beta(2,1) > Beta(1,1)) = 2/3: the density 2x integrated over x."""
    table = Table(np.array([2.0, 1.0]), np.array([1.0, 1.0]), np.ones(2))
    assert table.best(np.ones(2, bool)) == pytest.approx([2 / 3, 1 / 3], abs=3e-4)


@pytest.mark.parametrize(
    ("a", "b", "values"),
    [
        ([1, 1, 1], [1, 1, 1], [1, 1, 1]),
        ([1, 3, 9], [20, 60, 100], [1, 1, 1]),
        ([31, 29, 1], [970, 900, 40], [1, 1, 1]),
        ([500, 520, 2], [10_000, 10_100, 50], [1, 1, 1]),
        ([1, 5, 2], [30, 80, 9], [3.0, 1.0, 0.5]),
        ([40, 10, 1], [2, 1, 1], [1.0, 1.2, 0.9]),
    ],
)
def test_against_brute_force(a: list[int], b: list[int], values: list[float]) -> None:
    arms = [np.array(part, float) for part in (a, b, values)]
    table = Table(*arms)
    assert table.best(np.ones(3, bool)) == pytest.approx(exactly(*arms), abs=0.003)


@pytest.mark.parametrize("views_of_the_best", [500, 50_000])
def test_some_of_many_arms_get_what_a_table_of_their_own_gives(views_of_the_best: int) -> None:
    """One grid serves any eligible set, of a young placement and of one that has learned for long."""
    rng = np.random.default_rng(1)
    rates = rng.beta(2, 80, 400)
    good = rates > np.quantile(rates, 0.97)
    views = np.where(good, rng.integers(400, views_of_the_best, 400), rng.integers(0, 500, 400))
    wins = rng.binomial(views, rates).astype(float)
    a, b = posterior(Arms(views.astype(float), wins, np.ones(400)))
    values = rng.uniform(1, 2, 400)
    whole = Table(a, b, values)
    for share in (0.9, 0.6, 0.5, 0.3, 0.1, 0.03):
        some = rng.random(400) < share
        own = Table(a[some], b[some], values[some]).best(np.ones(some.sum(), bool))
        assert whole.best(some)[some] == pytest.approx(own, abs=0.006)


def test_arms_that_know_the_same_get_the_same() -> None:
    arms = Arms(np.full(1_000, 50.0), np.full(1_000, 2.0), np.ones(1_000))
    chances = Thompson().weigh(arms, np.ones(1_000, bool)).propensities
    assert chances == pytest.approx(np.full(1_000, 0.001), rel=1e-6)


def test_the_floor_is_kept_by_hopeless_arms() -> None:
    arms = Arms(np.array([1e6, 1e6]), np.array([5e5, 10.0]), np.ones(2))
    chances = Thompson().weigh(arms, np.ones(2, bool)).propensities
    assert chances[1] == pytest.approx(FLOOR / 2, rel=1e-6)


def test_a_new_arm_starts_from_the_placements_average() -> None:
    a, b = posterior(Arms(np.array([10_000.0, 0.0]), np.array([200.0, 0.0]), np.ones(2)))
    assert a[1] / (a[1] + b[1]) == pytest.approx(0.02, rel=0.02)
    a, b = posterior(Arms(np.zeros(2), np.zeros(2), np.ones(2)))
    assert (a == 1).all()
    assert (b == 1).all()


COUNTS = st.integers(0, 10**9)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(COUNTS, COUNTS, st.floats(0, 1e9, allow_subnormal=False)), min_size=1, max_size=12
    ),
    st.randoms(use_true_random=False),
)
def test_any_counters_give_a_distribution(arms: list[tuple[int, int, float]], rng: object) -> None:
    views, successes, values = (np.array(part, float) for part in zip(*arms, strict=True))
    eligible = np.array([rng.random() < 0.7 for _ in arms])  # type: ignore[attr-defined]
    eligible[0] = True
    scores, chances = Thompson().weigh(Arms(views, successes, values), eligible)
    assert np.isfinite(scores).all()
    assert chances.sum() == pytest.approx(1.0, abs=1e-9)
    assert (chances[eligible] > 0).all()
    assert (chances[~eligible] == 0).all()
