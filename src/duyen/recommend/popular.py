"""Popular: what many baskets hold lately. The measure that every other recommender must beat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
import numpy as np

from duyen.model.catalogue import Item
from duyen.model.times import DAY
from duyen.recommend.interface import (
    Floats,
    Interactions,
    Query,
    Scored,
    Shelf,
    State,
    best,
    why,
)


class PopularSettings(msgspec.Struct, frozen=True):
    """`half_life_days`: after so many days a basket counts half; 0 counts all baskets alike."""

    half_life_days: float = 14.0


class PopularSnapshot:
    """Items in order of popularity, so that an answer reads only the top."""

    def __init__(self, shelf: Shelf, order: Any, scores: Any) -> None:
        self._shelf, self._order, self._scores = shelf, order, scores

    def recommend(self, query: Query) -> list[Scored]:
        """The most popular items that are neither seeds nor excluded."""
        out = {*query.seeds, *query.exclude}
        found: list[Scored] = []
        for place in range(len(self._order)):
            if len(found) >= query.limit:
                break
            item = self._shelf.id(int(self._order[place]))
            if item not in out:
                score = float(self._scores[place])
                found.append(Scored(item, score, why("popular" if score > 0 else "new")))
        return found

    def state(self) -> State:
        """Ids, their order, their scores."""
        arrays = {"ids": self._shelf.ids, "order": self._order, "scores": self._scores}
        return State(Popular.name, arrays, {})


class Popular:
    """Baskets that hold the item, each counted by its age; items never bought come last."""

    name: ClassVar[str] = "popular"
    title: ClassVar[str] = "Popular"
    Settings: ClassVar[type[msgspec.Struct]] = PopularSettings
    learns_interest: ClassVar[bool] = True
    """Where nothing was sold yet, the interest that other events say stands for baskets."""

    def __init__(self, settings: PopularSettings | None = None) -> None:
        self.settings = settings or PopularSettings()

    def fit(self, interactions: Interactions, items: Iterable[Item]) -> PopularSnapshot:
        """Sum weight * 2^(-age / half-life) over baskets, age counted from the newest interaction."""
        shelf = Shelf.of(items)
        number = shelf.align(interactions.item_ids)[interactions.item]
        kept = number >= 0
        weight = self._faded(interactions)[kept]
        scores = np.bincount(number[kept], weights=weight, minlength=len(shelf))
        order = best(scores, len(shelf))
        return PopularSnapshot(shelf, order, scores[order])

    def _faded(self, interactions: Interactions) -> Floats:
        """The weight of each row, faded by its age and shared where one basket holds an item twice."""
        if not interactions.rows:
            return np.empty(0, np.float64)
        pairs = interactions.basket * len(interactions.item_ids) + interactions.item
        _, index, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        weight: Floats = interactions.weight / counts[index]
        if self.settings.half_life_days <= 0:
            return weight
        age = (interactions.time.max() - interactions.time) / (self.settings.half_life_days * DAY)
        return np.asarray(weight * np.exp2(-age), np.float64)

    @classmethod
    def restore(cls, state: State) -> PopularSnapshot:
        """The snapshot whose state this was."""
        arrays = state.arrays
        return PopularSnapshot(Shelf(arrays["ids"]), arrays["order"], arrays["scores"])
