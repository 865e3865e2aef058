"""The page on decisions: its samples are what they say, and every code is in it."""

import json
import random
import re

import msgspec
import pytest
import yaml

from duyen.decide import Rulebook, check, choose, read_context, registered
from duyen.decide.reasons import EXCLUSIONS, EXPLANATIONS
from duyen.model.catalogue import Item, Offer, Placement
from duyen.model.program import Program
from duyen.rules import parse_rule
from duyen.runtime import definitions
from tests.conftest import ROOT
from tests.decide.shop import NOW, USER, Shop, ask, person, program

PAGE = (ROOT / "docs" / "decisions.md").read_text(encoding="utf-8")
SAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
JSON = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
HERO = msgspec.convert(SAMPLES[0], Placement)


def offer() -> Offer:
    body = dict(SAMPLES[1])
    eligible = parse_rule(body.pop("eligible"))
    return msgspec.structs.replace(msgspec.convert(body, Offer), eligible=eligible)


def test_the_samples_decide_as_they_say() -> None:
    sold = offer()
    offers = program(sold, placement=HERO)
    check(sold, Rulebook(offers))
    for city, expected in (("Hà Nội", "free-ship-hanoi"), ("Huế", "")):
        decision = choose(HERO, person(city=city), USER, offers, Shop(), NOW, random.Random(1))
        assert decision.chosen == expected


def test_the_items_sample_names_a_recommender() -> None:
    aside = msgspec.convert(SAMPLES[2], Placement)
    assert (aside.fill, aside.limit) == ("items", 4)
    assert Program(placements={aside.id: aside}).placements


def test_the_samples_of_the_moment_decide_as_they_say() -> None:
    cups, push = SAMPLES[3], SAMPLES[4]
    sold = definitions.parse("offer", cups["id"], cups)
    assert isinstance(sold, Offer)
    shop = Shop()
    shop.items = {"chen-su": Item("chen-su", "Chén sứ")}
    told = read_context(json.loads(JSON[0])["context"])
    decision = ask(program(sold, placement=HERO), None, shop, placement=HERO, context=told)
    assert decision.content == {"title": "Chén sứ cho bàn 12", "url": "/chen-su"}
    assert ask(program(sold, placement=HERO), None, shop, placement=HERO).chosen == ""
    assert msgspec.convert(push, Placement).quiet_hours == "respect"


@pytest.mark.parametrize("code", [*EXCLUSIONS, *EXPLANATIONS])
def test_every_code_is_on_the_page(code: str) -> None:
    assert f"`{code}`" in PAGE


def test_every_policy_is_on_the_page() -> None:
    for name in registered():
        assert f"policy: {name}" in PAGE
