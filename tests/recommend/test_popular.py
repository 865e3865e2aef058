"""What is peculiar to popularity: recent baskets count more, each once."""

from duyen.model.catalogue import Item
from duyen.model.times import DAY
from duyen.recommend import Query, interactions
from duyen.recommend.popular import Popular, PopularSettings

ITEMS = [Item(id=one, name=one) for one in "ABC"]


def ranking(rows: list[tuple[str, str, int]], **settings: float) -> list[tuple[str, float, str]]:
    """(basket, item, day) rows -> (item, score, why)."""
    baskets, items, days = zip(*rows, strict=True)
    data = interactions(["p"] * len(rows), baskets, items, [day * DAY for day in days])
    snapshot = Popular(PopularSettings(**settings)).fit(data, ITEMS)
    return [(one.item, one.score, one.why) for one in snapshot.recommend(Query())]


def test_a_basket_counts_half_after_the_half_life() -> None:
    rows = [("1", "A", 0), ("2", "A", 0), ("3", "A", 0), ("4", "B", 14), ("5", "B", 14)]
    assert ranking(rows, half_life_days=14) == [
        ("B", 2.0, "popular"),
        ("A", 1.5, "popular"),
        ("C", 0.0, "new"),
    ]
    assert [item for item, _, _ in ranking(rows, half_life_days=0)] == ["A", "B", "C"]


def test_a_basket_counts_once_however_many_lines_it_has() -> None:
    rows = [("1", "A", 0), ("1", "A", 0), ("1", "A", 0), ("2", "B", 0), ("3", "B", 0)]
    assert ranking(rows, half_life_days=0)[:2] == [("B", 2.0, "popular"), ("A", 1.0, "popular")]
