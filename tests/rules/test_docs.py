"""The page for marketers: its samples are read, and do what they are said to do."""

from __future__ import annotations

import re

import pytest
import yaml

from duyen.model.consent import Statement
from duyen.model.errors import InvalidRule
from duyen.model.times import DAY
from duyen.rules import evaluate, inline, parse_rule, to_data
from duyen.rules.parse import KINDS, OPERATORS
from tests.conftest import ROOT
from tests.rules.strategies import START, Life, Told

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
SAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
STAFF = parse_rule({"trait": "staff", "is": True})
NOW = START + 400 * DAY


def told(event: str, days_ago: float, **properties: object) -> Told:
    return event, NOW - int(days_ago * DAY), properties


def holds(sample: int, *history: Told, **traits: object) -> bool:
    """Whether a sample of the page holds for a customer who agreed to marketing."""
    rule = inline(parse_rule(SAMPLES[sample]), {"staff": STAFF})
    agreed = {"default/marketing/email": Statement("granted", 0, "m")}
    return evaluate(rule, Life(traits, agreed, list(history)).whole(rule), NOW).truth


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_is_read_and_written_back(sample: object) -> None:
    rule = parse_rule(sample)
    assert parse_rule(to_data(rule)) == rule


def test_the_page_names_every_kind_and_operator() -> None:
    for word in (*KINDS, *OPERATORS):
        assert f"`{word}" in PAGE, word


def test_put_together() -> None:
    order = told("Order Completed", 89)
    assert holds(0, order, city="Hà Nội")
    assert not holds(0, order, city="Hà Nội", staff=True)
    assert not holds(0, told("Order Completed", 90), city="Hà Nội")
    assert holds(0, told("Order Completed", 399, total="2000000"), city="Hà Nội")


def test_properties() -> None:
    fits = {"total": 100_000, "shipping": {"city": "Đà Nẵng"}}
    two = [told("Order Completed", days, **fits) for days in (1, 2)]
    assert holds(1, *two)
    assert not holds(1, *two[:1], told("Order Completed", 2, **(fits | {"total": 500_000})))
    assert not holds(1, *two[:1], told("Order Completed", 2, **(fits | {"coupon": "A"})))


def test_drifting_away() -> None:
    assert holds(3, told("Order Completed", 31), told("Order Completed", 89))
    assert holds(3, told("Order Completed", 30), told("Order Completed", 89))
    assert not holds(3, told("Order Completed", 29.99), told("Order Completed", 89))
    assert not holds(3, told("Order Completed", 31), told("Order Completed", 90))


def test_shoes() -> None:
    looks = [told("Product Viewed", days, category="shoes") for days in (1, 2, 3)]
    assert holds(4, *looks)
    assert not holds(4, *looks[:2], told("Product Viewed", 1, category="hats"))
    assert not holds(4, *looks, told("Order Completed", 1))


def test_spenders_of_the_north() -> None:
    orders = [told("Order Completed", days, total="1000000.00") for days in (10, 300)]
    assert holds(5, *orders, city="Thành phố HÀ NỘI")
    assert not holds(5, *orders[:1], city="Hà Nội")
    assert not holds(5, *orders, city="Hải Phòng", loyalty_id="L1")


def test_the_error_of_the_page() -> None:
    with pytest.raises(InvalidRule) as caught:
        parse_rule({"all": [{"did": "a"}, {"did_nt": "b"}]})
    assert f"`{caught.value.at}`: {caught.value.message}" in PAGE


def test_a_company_that_ordered_nothing() -> None:
    rule = parse_rule(SAMPLES[6])
    large, free = {"plan": "business", "employees": 100}, {"plan": "free", "employees": 500}
    for groups, holding in (
        ({"a": large}, True),
        ({"a": large | {"employees": 99}, "b": free}, False),
        ({"a": free, "b": large}, True),
        ({}, False),
    ):
        assert evaluate(rule, Life({}, {}, [], groups).whole(rule), NOW).truth is holding
