"""What every policy must keep to, whatever it believes.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__name__)
    def test_my_policy(check): check(MyPolicy)

`check_policy` runs those that bind every policy; `learns_the_best_arm` besides is for policies that claim to
learn. A policy is given as something that makes a fresh one. A broken promise is an AssertionError.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np

from duyen.decide.policy import Arms, BoolArray, FloatArray, Policy, draw

Make = Callable[[], Policy]
Check = Callable[[Make], None]


def shop(arms: int, seed: int, most_views: int = 5_000) -> Arms:
    """Arms at every age: unseen ones, well known ones, one that always and one that never succeeds."""
    rng = np.random.default_rng(seed)
    views = rng.integers(0, most_views + 1, arms)
    views[: arms // 5] = 0
    rates = rng.beta(1, 20, arms)
    rates[-1:], rates[-2:-1] = 1.0, 0.0
    values = rng.choice([1.0, 1.0, 2.5, 120_000.0], arms)
    return Arms(views.astype(float), rng.binomial(views, rates).astype(float), values)


def some(arms: Arms, seed: int, share: float) -> BoolArray:
    """A random part of the arms, never none of them."""
    rng = np.random.default_rng(seed)
    eligible = rng.random(len(arms)) < share
    eligible[rng.integers(len(arms))] = True
    return np.asarray(eligible, np.bool_)


def has_a_name_and_a_version(make: Make) -> None:
    """Both are logged with each decision."""
    policy = make()
    assert isinstance(policy, Policy), "has name, version and weigh"
    assert policy.name, "the name is not empty"
    assert policy.version, "the version is not empty"


def propensities_are_a_distribution(make: Make) -> None:
    """Over the eligible arms and no others: together 1, each above 0, as long as there is one arm."""
    for count in (1, 2, 7, 300):
        for share in (0.02, 0.5, 1.0):
            arms = shop(count, count)
            eligible = some(arms, count, share)
            scores, chances = make().weigh(arms, eligible)
            assert scores.shape == chances.shape == (count,), "one number per arm"
            assert np.isfinite(scores).all(), "scores are numbers"
            assert np.isclose(chances.sum(), 1.0, atol=1e-9), f"they add up to {chances.sum()}"
            assert (chances[eligible] > 0).all(), "every eligible arm has a chance"
            assert (chances[~eligible] == 0).all(), "an excluded arm has none"


def is_deterministic(make: Make) -> None:
    """The same knowledge gives the same probabilities: asked again, and by a policy made afresh."""
    arms, eligible = shop(40, 3), some(shop(40, 3), 4, 0.6)
    one = make()
    first, second = one.weigh(arms, eligible), one.weigh(arms, eligible)
    other = make().weigh(shop(40, 3), eligible)
    for again in (second, other):
        assert np.array_equal(first.propensities, again.propensities), "differs when asked again"


def does_not_change_what_it_reads(make: Make) -> None:
    """Counters are shared by all requests."""
    arms = shop(30, 5)
    before = [part.copy() for part in (arms.views, arms.successes, arms.values)]
    eligible = some(arms, 6, 0.5)
    kept = eligible.copy()
    make().weigh(arms, eligible)
    after = (arms.views, arms.successes, arms.values)
    assert all(map(np.array_equal, before, after)), "the arms were changed"
    assert np.array_equal(eligible, kept), "the eligible set was changed"


def order_of_arms_is_nothing(make: Make) -> None:
    """Turned around, the same arms get the same probabilities."""
    arms = shop(25, 8)
    turned = Arms(arms.views[::-1].copy(), arms.successes[::-1].copy(), arms.values[::-1].copy())
    eligible = some(arms, 9, 0.7)
    here = make().weigh(arms, eligible).propensities
    there = make().weigh(turned, eligible[::-1].copy()).propensities[::-1]
    assert np.allclose(here, there, atol=1e-6), "depends on the order of the arms"


def is_drawn_as_stated(make: Make) -> None:
    """What is drawn comes as often as its propensity says (20,000 draws, five standard errors)."""
    arms = shop(12, 10, most_views=60)
    eligible = some(arms, 11, 0.8)
    chances = make().weigh(arms, eligible).propensities
    rng, draws = random.Random(12), 20_000
    counts = np.bincount([draw(chances, rng.random()) for _ in range(draws)], minlength=12)
    error = np.sqrt(chances * (1 - chances) / draws) + 1e-12
    assert (np.abs(counts / draws - chances) < 5 * error + 1 / draws).all(), (counts, chances)


CHECKS: tuple[Check, ...] = (
    has_a_name_and_a_version,
    propensities_are_a_distribution,
    is_deterministic,
    does_not_change_what_it_reads,
    order_of_arms_is_nothing,
    is_drawn_as_stated,
)


def check_policy(make: Make) -> None:
    """All checks that bind every policy."""
    for check in CHECKS:
        check(make)


def simulate(
    policy: Policy, rates: FloatArray, values: FloatArray, rounds: int, batch: int, seed: int
) -> FloatArray:
    """Show arms to people for many rounds; how often each was shown in the last one."""
    rng = np.random.default_rng(seed)
    views, successes = np.zeros(len(rates)), np.zeros(len(rates))
    everyone = np.ones(len(rates), np.bool_)
    shown = np.zeros(len(rates))
    for _ in range(rounds):
        chances = policy.weigh(Arms(views.copy(), successes.copy(), values), everyone).propensities
        shown = rng.multinomial(batch, chances / chances.sum()).astype(float)
        views += shown
        successes += rng.binomial(shown.astype(np.int64), rates)
    return shown


def learns_the_best_arm(make: Make) -> None:
    """For policies that learn: the best arm, by value x rate, gets most of the traffic in the end."""
    rates = np.array([0.02, 0.03, 0.06, 0.01, 0.03])
    values = np.array([1.0, 1.0, 1.0, 7.0, 1.0])
    shown = simulate(make(), rates, values, rounds=60, batch=2_000, seed=13)
    assert shown.argmax() == 3, f"the arm worth 0.07 a view should lead, not {shown}"
    assert shown[3] > 0.6 * shown.sum(), f"it should get most of the traffic: {shown}"
