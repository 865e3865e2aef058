"""The page on measuring names every method and every reason for not giving a number."""

from typing import get_args

from duyen.measure.report import METHODS
from duyen.measure.stats import FEWEST_BUYERS, SHARED_BUYERS, Method
from tests.conftest import ROOT
from tests.measure.test_coverage import REPLICATIONS, SHOPS

PAGE = (ROOT / "docs" / "measure.md").read_text(encoding="utf-8")


def test_the_methods() -> None:
    for method in get_args(Method):
        assert f"`{method}`" in PAGE
        assert method in METHODS


def test_the_numbers() -> None:
    assert f"revenue {FEWEST_BUYERS} buyers in each" in PAGE
    assert f"{SHARED_BUYERS:,} buyers" in PAGE
    assert f"{REPLICATIONS:,} shops of each of nine kinds" in PAGE
    assert len(SHOPS) == 9
    for need in ("people", "buyers", "held_out_buyers"):
        assert f"`{need}`" in PAGE
