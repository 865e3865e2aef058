"""What is peculiar to shared baskets: more than popularity explains, and by which item."""

import math

import pytest

from duyen.model.catalogue import Item
from duyen.recommend import Query, interactions
from duyen.recommend.bought_together import (
    BoughtTogether,
    BoughtTogetherSettings,
    BoughtTogetherSnapshot,
)


def fitted(baskets: list[str], **settings: float) -> BoughtTogetherSnapshot:
    """Each basket is a text whose letters are items."""
    rows = [(str(n), item) for n, basket in enumerate(baskets) for item in basket]
    numbers, items = zip(*rows, strict=True)
    data = interactions([None] * len(rows), numbers, items, [0] * len(rows))
    chosen = BoughtTogetherSettings(**{"support": 1, **settings})  # type: ignore[arg-type]
    shelf = [Item(id=one, name=one) for one in sorted({*items})]
    return BoughtTogether(chosen).fit(data, shelf)


def answer(snapshot: BoughtTogetherSnapshot, seeds: str, limit: int = 10) -> list[str]:
    return [one.item for one in snapshot.recommend(Query(tuple(seeds), limit=limit))]


def test_what_is_in_every_basket_is_near_to_nothing_in_particular() -> None:
    baskets = ["xab", "xab", "xab", "xc", "xd", "xe", "xf", "xg", "xh"]
    assert answer(fitted(baskets), "a") == ["b", "x"]


def test_the_likeness_is_the_stated_formula() -> None:
    snapshot = fitted(["ab", "ab", "abc", "ac"], damp=1.0, shrink=0.5)
    scores = {one.item: one.score for one in snapshot.recommend(Query(("a",)))}
    voices = [1.0, 1.0, 0.5, 1.0]
    a, b, c = sum(voices), sum(voices[:3]), sum(voices[2:])
    assert scores == pytest.approx(
        {"b": 2.5 / (math.sqrt(a * b) + 0.5), "c": 1.5 / (math.sqrt(a * c) + 0.5)}
    )


def test_each_item_names_the_seed_that_speaks_most_for_it() -> None:
    snapshot = fitted(["ab", "ab", "ab", "ac", "dc", "dc", "dc"])
    found = {one.item: one.why for one in snapshot.recommend(Query(("a", "d")))}
    assert found == {"b": "bought_together|with=a", "c": "bought_together|with=d"}


def test_several_seeds_add_up() -> None:
    baskets = ["ax", "ax", "bx", "bx", "ay", "ay", "ay", "zz"]
    assert answer(fitted(baskets), "a") == ["y", "x"]
    assert answer(fitted(baskets), "ab") == ["x", "y"]


def test_rare_pairs_and_huge_baskets_say_nothing() -> None:
    assert answer(fitted(["ab", "ac", "ac"], support=2), "a") == ["c"]
    assert answer(fitted(["ab", "acdefgh"], largest_basket=6), "a") == ["b"]


def test_only_so_many_neighbours_and_seeds_are_kept() -> None:
    assert len(answer(fitted(["abcdefgh"], neighbours=3), "a")) == 3
    assert answer(fitted(["ab", "cd"], seeds=1), "ac") == ["b"]


def test_an_item_twice_in_a_basket_is_one() -> None:
    assert fitted(["aab", "ab"]).recommend(Query(("a",))) == fitted(["ab", "ab"]).recommend(
        Query(("a",))
    )
