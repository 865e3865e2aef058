"""What a policy is: from what is known of some arms to the probability of choosing each.

A policy never draws. `choose` draws from the probabilities that the policy states, so that the logged
propensity is the probability of the draw itself (law 5), whatever the policy is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from duyen.model.errors import InvalidRule

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
GROUP = "duyen.policies"
"""Entry points of this group are policies: `name = "module:object"`."""


class Arms:
    """What is known of all arms of one placement: three arrays of the same length.

    `views` and `successes` are counts, `values` weigh a success. Immutable by agreement; a policy may
    keep what it computes from them in `memo`, under its own name.
    """

    __slots__ = ("memo", "successes", "values", "views")

    def __init__(self, views: FloatArray, successes: FloatArray, values: FloatArray) -> None:
        self.views, self.successes, self.values = views, successes, values
        self.memo: dict[str, Any] = {}

    def __len__(self) -> int:
        return len(self.values)


class Weighed(NamedTuple):
    """A policy's answer, one number per arm: its score, and its probability (0 where not eligible)."""

    scores: FloatArray
    propensities: FloatArray


@runtime_checkable
class Policy(Protocol):
    """Chooses among arms. `version` changes whenever the same arms could get other probabilities."""

    name: str
    version: str

    def weigh(self, arms: Arms, eligible: BoolArray) -> Weighed:
        """Probabilities over the eligible arms (at least one): each above 0, together 1."""
        ...


class Uniform:
    """Every eligible offer equally often: a fair test, and the yardstick for other policies."""

    name = "uniform"
    version = "1"

    def weigh(self, arms: Arms, eligible: BoolArray) -> Weighed:
        """The same probability for each eligible arm."""
        return Weighed(arms.values, eligible / np.count_nonzero(eligible))


def draw(propensities: FloatArray, chance: float) -> int:
    """The arm that a number in [0, 1) picks, each with its own probability."""
    steps = np.cumsum(propensities)
    index = int(np.searchsorted(steps, chance * steps[-1], side="right"))
    last = int(np.flatnonzero(propensities)[-1])
    return min(index, last)


@cache
def registered() -> Mapping[str, Policy]:
    """Every installed policy by name; ours come through the same door as a stranger's."""
    return {point.name: point.load() for point in entry_points(group=GROUP)}


def policy(name: str) -> Policy:
    """The installed policy of that name."""
    found = registered().get(name)
    if found is None:
        known = ", ".join(sorted(registered())) or "none"
        raise InvalidRule(
            "placement.unknown_policy", f"There is no policy “{name}”; installed are: {known}."
        )
    return found


uniform = Uniform()
