"""Every registered policy keeps the contract; a new one is found here by its entry point."""

import pytest

from duyen.decide.policy import Policy, policy, registered
from duyen.model.errors import InvalidRule
from duyen.testing.policies import CHECKS, Check, check_policy, learns_the_best_arm, simulate

NAMES = sorted(registered())
LEARNERS = [name for name in NAMES if name != "uniform"]


def fresh(name: str) -> Policy:
    """A registered policy, made afresh where it keeps a state."""
    kind = type(registered()[name])
    return kind()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_policy(name: str, check: Check) -> None:
    check(lambda: fresh(name))


@pytest.mark.parametrize("name", LEARNERS)
def test_learner(name: str) -> None:
    learns_the_best_arm(lambda: fresh(name))


def test_ours_are_registered() -> None:
    assert {"thompson", "uniform"} <= set(NAMES)


def test_an_unknown_policy_is_named() -> None:
    with pytest.raises(InvalidRule, match=r"“greedy”.*thompson"):
        policy("greedy")


class Sleepy:
    """Always the first arm: breaks the promise that every eligible arm has a chance."""

    name, version = "sleepy", "1"

    def weigh(self, arms, eligible):  # type: ignore[no-untyped-def]
        from duyen.decide.policy import Weighed

        chances = arms.values * 0
        chances[eligible.argmax()] = 1.0
        return Weighed(arms.values, chances)


def test_the_checks_find_a_policy_that_drops_arms() -> None:
    with pytest.raises(AssertionError, match="has a chance"):
        check_policy(Sleepy)


def test_the_checks_find_a_policy_that_does_not_learn() -> None:
    with pytest.raises(AssertionError):
        learns_the_best_arm(lambda: fresh("uniform"))


def test_thompson_earns_more_than_uniform() -> None:
    import numpy as np

    rng = np.random.default_rng(3)
    rates, values = rng.beta(2, 60, 30), np.ones(30)
    worth = {
        name: float(simulate(fresh(name), rates, values, rounds=80, batch=1_000, seed=4) @ rates)
        for name in ("thompson", "uniform")
    }
    assert worth["thompson"] > 1.6 * worth["uniform"], worth
