"""What every recommender must keep to, whatever it learns.

    @pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.__name__)
    def test_my_recommender(check): check(MyRecommender)

or all at once: `check_recommender(MyRecommender)`. A broken promise is an AssertionError that names it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from duyen.model.catalogue import Item
from duyen.model.times import DAY
from duyen.recommend.interface import (
    Interactions,
    Query,
    Recommender,
    Scored,
    Snapshot,
    interactions,
    read_state,
    read_why,
    save,
    why,
)

Check = Callable[[type[Recommender]], None]
NOT_FOR_SALE = "postage"
SHELF = tuple(f"item-{number:02d}" for number in range(30))


def items() -> list[Item]:
    """A small catalogue: thirty products, and postage, which is in every basket and never for sale."""
    products = [Item(id=one, name=f"Product {one}", price="10.00") for one in SHELF]
    return [*products, Item(id=NOT_FOR_SALE, name="Postage", sellable=False)]


def shopping(baskets: int = 400, seed: int = 7) -> Interactions:
    """Baskets with a taste: people of five kinds take mostly from their own six products."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int | None, int, str, int]] = []
    for basket in range(baskets):
        kind = int(rng.integers(5))
        person = None if basket % 7 == 0 else basket % 40
        own = rng.permutation(6)[: 2 + int(rng.integers(3))] + kind * 6
        stray = rng.integers(len(SHELF), size=1)
        taken = [SHELF[number] for number in {*own.tolist(), *stray.tolist()}]
        rows += [(person, basket, item, basket * DAY // 4) for item in [*taken, NOT_FOR_SALE]]
    people, numbers, taken_items, times = zip(*rows, strict=True)
    return interactions(people, numbers, taken_items, times)


def fits_without_any_data(recommender: type[Recommender]) -> None:
    """A shop that opened today: no items, no baskets, or one item without a basket."""
    nothing = interactions([], [], [], [])
    for catalogue in ([], items(), items()[:1]):
        snapshot = _make(recommender, nothing, catalogue)
        for query in (Query(), Query((SHELF[0],)), Query((SHELF[0],), frozenset(SHELF))):
            _promises(snapshot, query, catalogue)


def fits_one_item(recommender: type[Recommender]) -> None:
    """A catalogue of one: nothing is left to recommend to someone who has it."""
    only = items()[:1]
    bought = interactions(["p"], ["b"], [only[0].id], [DAY])
    snapshot = _make(recommender, bought, only)
    assert snapshot.recommend(Query((only[0].id,))) == [], "a seed came back"
    _promises(snapshot, Query(), only)


def leaves_out_seeds_and_excluded(recommender: type[Recommender]) -> None:
    """What the person has, or must not be shown, is not recommended; asked with many questions."""
    snapshot = _make(recommender, shopping(), items())
    for query in _questions():
        _promises(snapshot, query, items())


def recommends_only_what_is_for_sale(recommender: type[Recommender]) -> None:
    """Neither postage, which is in every basket, nor items the catalogue does not know."""
    fewer = [one for one in items() if one.id not in SHELF[:10]]
    snapshot = _make(recommender, shopping(), fewer)
    for query in _questions():
        _promises(snapshot, query, fewer)


def keeps_to_the_limit(recommender: type[Recommender]) -> None:
    """Never more than asked for, each item once, and more when more is asked for."""
    snapshot = _make(recommender, shopping(), items())
    for limit in (0, 1, 5, 1000):
        _promises(snapshot, Query((SHELF[0],), limit=limit), items())
    longer, shorter = (snapshot.recommend(Query((SHELF[0],), limit=n)) for n in (8, 3))
    assert longer[: len(shorter)] == shorter, "a longer answer does not begin with the shorter one"


def ignores_unknown_seeds(recommender: type[Recommender]) -> None:
    """Items we never heard of change nothing: other scripts, empty, very long, with a zero byte."""
    snapshot = _make(recommender, shopping(), items())
    strange = ("trà sữa", "", "x" * 5_000, "item-00\0", "\U0001f9cb")
    plain = snapshot.recommend(Query((SHELF[3],)))
    assert snapshot.recommend(Query((SHELF[3], *strange), frozenset(strange))) == plain
    _promises(snapshot, Query(strange), items())


def answers_the_same_each_time(recommender: type[Recommender]) -> None:
    """The same data in any order of rows, fitted again, gives the same answers."""
    data = shopping()
    shuffled = np.random.default_rng(3).permutation(data.rows)
    person, basket, item, time, weight, ids = data
    other = Interactions(
        person[shuffled], basket[shuffled], item[shuffled], time[shuffled], weight[shuffled], ids
    )
    first, second = _make(recommender, data, items()), _make(recommender, other, items()[::-1])
    for query in _questions():
        _agree(first.recommend(query), second.recommend(query))
        assert first.recommend(query) == first.recommend(query), "asked twice, answered twice"


def comes_back_from_its_files(recommender: type[Recommender]) -> None:
    """Saved and mapped into memory again, it gives the same answers."""
    for data in (shopping(), interactions([], [], [], [])):
        snapshot = _make(recommender, data, items())
        with tempfile.TemporaryDirectory() as folder:
            save(snapshot, Path(folder) / "kept")
            state = read_state(Path(folder) / "kept")
            assert state.recommender == recommender.name, "the snapshot names another recommender"
            again = recommender.restore(state)
            for query in _questions():
                assert again.recommend(query) == snapshot.recommend(query), f"differs for {query}"


def says_why(recommender: type[Recommender]) -> None:
    """Each item comes with a stable code and plain text to fill its sentence."""
    snapshot = _make(recommender, shopping(), items())
    for query in _questions():
        for one in snapshot.recommend(query):
            code, params = read_why(one.why)
            assert code.replace("_", "").isalnum(), f"“{code}” is no code"
            assert why(code, **params) == one.why, f"“{one.why}” is not written by `why`"


CHECKS: tuple[Check, ...] = (
    fits_without_any_data,
    fits_one_item,
    leaves_out_seeds_and_excluded,
    recommends_only_what_is_for_sale,
    keeps_to_the_limit,
    ignores_unknown_seeds,
    answers_the_same_each_time,
    comes_back_from_its_files,
    says_why,
)


def check_recommender(recommender: type[Recommender]) -> None:
    """Hold a recommender to every promise."""
    for check in CHECKS:
        check(recommender)


def _make(recommender: type[Recommender], data: Interactions, catalogue: list[Item]) -> Snapshot:
    """A snapshot with the recommender's default settings."""
    return recommender(recommender.Settings()).fit(data, catalogue)


def _questions() -> list[Query]:
    """Questions with none, one and many seeds and exclusions."""
    rng = np.random.default_rng(11)
    asked = [Query(), Query(limit=1000), Query((NOT_FOR_SALE,))]
    for size in (1, 1, 2, 3, 6, 12):
        drawn = [SHELF[number] for number in rng.permutation(len(SHELF))[: 2 * size]]
        asked.append(Query(tuple(drawn[:size]), frozenset(drawn[size:]), 5))
    return asked


def _promises(snapshot: Snapshot, query: Query, catalogue: list[Item]) -> None:
    """What holds of every answer."""
    answer = snapshot.recommend(query)
    ids = [one.item for one in answer]
    scores = [one.score for one in answer]
    for_sale = {one.id for one in catalogue if one.sellable}
    assert len(ids) <= query.limit, f"{len(ids)} items for a limit of {query.limit}"
    assert len(set(ids)) == len(ids), f"an item twice: {ids}"
    assert not set(ids) & {*query.seeds, *query.exclude}, f"a seed or an excluded item: {ids}"
    assert set(ids) <= for_sale, f"not for sale: {set(ids) - for_sale}"
    assert scores == sorted(scores, reverse=True), f"scores do not fall: {scores}"
    assert all(np.isfinite(scores)), f"a score is no number: {scores}"


def _agree(one: list[Scored], other: list[Scored]) -> None:
    """The same items for the same reasons; scores may differ by the rounding of sums."""
    assert [found.item for found in one] == [found.item for found in other], "other items"
    assert [found.why for found in one] == [found.why for found in other], "other reasons"
    assert np.allclose([found.score for found in one], [found.score for found in other])
