"""Who may be shown what, with a stable reason where not."""

import random

import pytest

from duyen.decide import Rulebook, Truths, check, choose
from duyen.decide.eligibility import REASONS, shelves
from duyen.decide.reasons import (
    BROKEN,
    CAP,
    DENIED,
    NOT_LIVE,
    NOT_SELLABLE,
    OTHER_BRAND,
    OUT_OF_STOCK,
    RULE,
    UNKNOWN_ITEM,
)
from duyen.model.catalogue import Item, Offer, Placement
from duyen.model.consent import Statement
from duyen.model.errors import InvalidRule
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.rule import All, AnyOf, Did, InSegment, Not, Rule
from duyen.model.times import DAY, Millis
from duyen.rules import Verdict, evaluate
from tests.decide.shop import HANOI, HOME, NOW, USER, Shop, offer, person, program, trait_is


def excluded(offers: Program, who: Person, shop: Shop | None = None) -> dict[str, str]:
    """Offer id -> reason, of those left out at home."""
    shelf = shelves(offers).at(HOME)
    codes = shelf.excluded(Truths(who, NOW), shop or Shop())
    return {id: REASONS[code] for id, code in zip(shelf.ids, codes, strict=True) if code}


def test_not_live_and_other_brands() -> None:
    offers = program(offer("off", live=False), offer("sister", brand="sister"), offer("ok"))
    assert excluded(offers, person()) == {"off": NOT_LIVE, "sister": OTHER_BRAND}


def test_offers_of_other_placements_are_no_candidates() -> None:
    offers = program(offer("here"), offer("there", placements=("cart",)))
    assert shelves(offers).at(HOME).ids == ["here"]


def test_the_rule() -> None:
    offers = program(offer("local", eligible=HANOI))
    assert excluded(offers, person(city="Hà Nội")) == {}
    assert excluded(offers, person(city="Huế")) == {"local": RULE}


def test_a_rule_that_names_a_segment() -> None:
    offers = program(
        offer("in", eligible=InSegment("hanoi")),
        offer("out", eligible=Not(InSegment("hanoi"))),
        segments={"hanoi": HANOI},
    )
    assert excluded(offers, person(city="Hà Nội")) == {"out": RULE}
    assert excluded(offers, person()) == {"in": RULE}


def test_true_and_one_are_two_conditions() -> None:
    """The two rules are equal to Python, and mean different things."""
    offers = program(
        offer("number", eligible=trait_is("plan", 1)),
        offer("truth", eligible=trait_is("plan", True)),
    )
    assert excluded(offers, person(plan=True)) == {"number": RULE}
    assert excluded(offers, person(plan=1)) == {"truth": RULE}


@pytest.mark.parametrize(
    "key", ["default/vouchers/web", "*/vouchers/*", "default/*/web", "*/*/*", "*/vouchers/web"]
)
def test_a_no_to_the_purpose(key: str) -> None:
    offers = program(offer("voucher", purpose="vouchers"), offer("plain"))
    who = person()
    who.consent["default/personalisation/web"] = Statement("granted", NOW, "g")
    who.consent[key] = Statement("denied", NOW, "d")
    assert excluded(offers, who)["voucher"] == DENIED


@pytest.mark.parametrize("key", ["default/vouchers/email", "sister/vouchers/web"])
def test_a_no_elsewhere_is_no_no_here(key: str) -> None:
    who = person()
    who.consent[key] = Statement("denied", NOW, "d")
    assert excluded(program(offer("voucher", purpose="vouchers")), who) == {}


def test_the_cap_counts_views_within_its_window() -> None:
    offers = program(offer("twice", cap=2, cap_window="24h"))
    who = person()
    who.shown["twice"] = [NOW - 1, NOW - DAY]
    assert excluded(offers, who) == {}, "the older one has just left the window"
    who.shown["twice"] = [NOW, NOW - DAY + 1]
    assert excluded(offers, who) == {"twice": CAP}


def test_a_cap_of_zero_shows_nobody() -> None:
    assert excluded(program(offer("never", cap=0)), person()) == {"never": CAP}


def test_the_item_of_an_offer() -> None:
    shop = Shop()
    shop.items = {
        "fee": Item("fee", "Fee", sellable=False),
        "gone": Item("gone", "Gone", stock=0),
        "last": Item("last", "Last", stock=1),
        "book": Item("book", "Book"),
    }
    offers = program(*(offer(id, item=id) for id in ("fee", "gone", "last", "book", "lost")))
    found = excluded(offers, person(), shop)
    assert found == {"fee": NOT_SELLABLE, "gone": OUT_OF_STOCK, "lost": UNKNOWN_ITEM}


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (offer("b", value="a lot"), "offer.value"),
        (offer("b", value="-1"), "offer.value"),
        (offer("b", cap=1, cap_window="soon"), "offer.cap_window"),
        (offer("b", eligible=InSegment("gone")), "rule.unknown_segment"),
    ],
)
def test_an_offer_that_makes_no_sense_is_left_out_and_said_so(broken: Offer, code: str) -> None:
    offers = program(broken, offer("ok"))
    assert excluded(offers, person()) == {"b": BROKEN}
    with pytest.raises(InvalidRule) as refused:
        check(broken, Rulebook(offers))
    assert refused.value.code == code
    check(offers.offers["ok"], Rulebook(offers))


def test_each_condition_is_asked_once_for_all_rules_and_placements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Rule] = []

    def counting(rule: Rule, who: Person, as_of: Millis) -> Verdict:
        asked.append(rule)
        return evaluate(rule, who, as_of)

    monkeypatch.setattr("duyen.decide.rulebook.evaluate", counting)
    bought = Did("Order Completed", within=DAY)
    rules = [All((HANOI, bought)), AnyOf((bought, Not(bought))), bought]
    offers = program(
        *(offer(f"o{n}", eligible=rules[n % 3], placements=("home", "cart")) for n in range(9))
    )
    who = person(city="Hà Nội")
    truths = Truths(who, NOW)
    for place in (HOME, Placement("cart")):
        choose(place, who, USER, offers, Shop(), NOW, random.Random(1), truths=truths)
    assert asked == [bought]
