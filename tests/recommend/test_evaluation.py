"""The offline comparison, on cases whose answer is known and on a year of real orders."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.recommend import measure, online_retail
from duyen.model.catalogue import Item
from duyen.recommend import Interactions, Query, Scored, State, interactions
from duyen.recommend.evaluate import (
    Case,
    RandomChoice,
    after,
    basket_cases,
    before,
    evaluate,
    next_cases,
    split_at,
)


class Fixed:
    """Always the same items."""

    def __init__(self, items: Sequence[str]) -> None:
        self._items = items

    def recommend(self, query: Query) -> list[Scored]:
        return [Scored(one, 1.0, "fixed") for one in self._items[: query.limit]]

    def state(self) -> State:
        return State("fixed", {}, {})


@pytest.fixture
def story() -> Interactions:
    """p buys a and b, then b and c, then d; q buys a; a stranger buys c and d."""
    rows = [
        ("p", "1", "a", 10), ("p", "1", "b", 10), ("q", "2", "a", 20),
        ("p", "3", "b", 30), ("p", "3", "c", 30), ("p", "4", "d", 40),
        (None, "5", "c", 50), (None, "5", "d", 50),
    ]  # fmt: skip
    person, basket, item, time = zip(*rows, strict=True)
    return interactions(person, basket, item, time)


def test_measures_by_hand() -> None:
    cases = [
        Case(Query(limit=3), frozenset("a")),
        Case(Query(limit=3), frozenset("bx")),
        Case(Query(limit=3), frozenset("z")),
    ]
    found = evaluate(Fixed("abc"), cases)
    assert found.hit_rate == pytest.approx(2 / 3)
    assert found.ndcg == pytest.approx((1 + 0.6309298 / 1.6309298 + 0) / 3)
    assert (found.answered, found.cases) == (1.0, 3)
    assert evaluate(Fixed(""), cases).answered == 0.0


def test_a_split_lets_nobody_see_the_future(story: Interactions) -> None:
    assert before(story, 30).time.tolist() == [10, 10, 20]
    assert after(story, 30).time.tolist() == [30, 30, 40, 50, 50]
    assert split_at(story, 0.5) == 30


def test_next_asks_for_what_is_new_in_the_first_later_basket(story: Interactions) -> None:
    train, test = before(story, 30), after(story, 30)
    assert next_cases(train, test, 5, 10, seed=1) == [
        Case(Query(("a", "b"), frozenset("ab"), 5), frozenset("c"))
    ]


def test_a_basket_hides_one_of_its_items(story: Interactions) -> None:
    found = basket_cases(after(story, 30), 5, 10, seed=1)
    assert sorted(sorted({*case.query.seeds, *case.wanted}) for case in found) == [
        ["b", "c"],
        ["c", "d"],
    ]
    assert all(len(case.wanted) == 1 and not case.wanted & {*case.query.seeds} for case in found)
    assert len(basket_cases(story, 5, 2, seed=1)) == 2


def test_chance_is_the_same_for_the_same_seed() -> None:
    shelf = [Item(id=one, name=one) for one in "abcdefgh"]
    query = Query(("a",), frozenset("b"), 3)
    one, other = (RandomChoice(shelf, 5).recommend(query) for _ in range(2))
    assert one == other
    assert len(one) == 3
    assert not {"a", "b"} & {scored.item for scored in one}


def test_bought_together_beats_popular_beats_chance_on_real_orders(shared_data: Path) -> None:
    data, items = online_retail(shared_data)
    found = {(row["recommender"], row["task"]): row for row in measure(data, items)}
    for task in ("basket", "next"):
        chance, popular, together = (
            found[name, task]["hit_rate"] for name in ("random", "popular", "bought_together")
        )
        assert together > popular > chance, task
    assert (
        found["bought_together", "basket"]["hit_rate"] > 4 * found["popular", "basket"]["hit_rate"]
    )
    assert found["bought_together", "basket"]["cases"] == 2_000
