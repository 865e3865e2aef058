"""Every installed recommender keeps every promise; a new one is held to them without a new test."""

import pytest

from duyen.recommend import Recommender, recommenders
from duyen.testing.recommenders import CHECKS, Check

INSTALLED = recommenders()


def test_the_shipped_ones_are_installed() -> None:
    assert {"popular", "bought_together"} <= INSTALLED.keys()


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("recommender", INSTALLED.values(), ids=list(INSTALLED))
def test_an_installed_recommender(recommender: type[Recommender], check: Check) -> None:
    check(recommender)
