"""Bought together: items that share baskets with what the person took, more often than their popularity explains.

Similarity of two items is the cosine of their basket vectors, shrunk where few baskets speak for it:

    s(i, j) = c_ij / (sqrt(c_i * c_j) + shrink)

with c_i the baskets that hold i and c_ij those that hold both (Sarwar et al. 2001, item-based collaborative
filtering, equation 1 on binary baskets). A basket of n items speaks with weight 1 / (n - 1)^damp, because a
wholesaler's list of hundreds says little about any two of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, NamedTuple

import msgspec
import numpy as np

from duyen.model.catalogue import Item
from duyen.recommend.interface import (
    Floats,
    Interactions,
    Ints,
    Query,
    Scored,
    Shelf,
    State,
    best,
    why,
)


class BoughtTogetherSettings(msgspec.Struct, frozen=True):
    """`neighbours` are kept per item; pairs seen in fewer than `support` baskets, and baskets of more than
    `largest_basket` items, are left out; at most `seeds` newest seeds are looked at."""

    neighbours: int = 50
    support: int = 3
    largest_basket: int = 200
    shrink: float = 1.0
    damp: float = 1.0
    seeds: int = 50


class Lists(NamedTuple):
    """Lists of numbers one after another: list n is `values[bounds[n]:bounds[n + 1]]`."""

    bounds: Ints
    values: Ints


class BoughtTogetherSnapshot:
    """The nearest neighbours of each item, as rows one after another."""

    def __init__(self, shelf: Shelf, lists: Lists, scores: Any, seeds: int) -> None:
        self._shelf, self._lists, self._scores, self._seeds = shelf, lists, scores, seeds

    def recommend(self, query: Query) -> list[Scored]:
        """Candidates by the sum of their likeness to the seeds; `why` names the seed that counts most."""
        seeds = self._shelf.numbers(dict.fromkeys(query.seeds[: self._seeds]))
        spans = [(seed, *self._lists.bounds[seed : seed + 2]) for seed in seeds]
        places = [np.arange(start, end) for _, start, end in spans]
        if not places:
            return []
        place = np.concatenate(places)
        because = np.repeat(seeds, [end - start for _, start, end in spans])
        return self._ranked(query, self._lists.values[place], self._scores[place], because)

    def _ranked(
        self, query: Query, candidates: Ints, scores: Floats, because: Ints
    ) -> list[Scored]:
        """Candidates summed up and put in order, without seeds and excluded items."""
        out = self._shelf.numbers({*query.seeds, *query.exclude})
        found, index = np.unique(candidates, return_inverse=True)
        total = np.bincount(index, weights=scores, minlength=len(found))
        total[np.isin(found, out)] = -1.0
        reasons = self._reasons(index, scores, because, len(found))
        return [
            Scored(
                self._shelf.id(int(found[place])),
                float(total[place]),
                why("bought_together", **{"with": self._shelf.id(int(reasons[place]))}),
            )
            for place in best(total, query.limit)
            if total[place] > 0
        ]

    @staticmethod
    def _reasons(index: Ints, scores: Floats, because: Ints, count: int) -> Ints:
        """For each candidate the seed that speaks most for it; equal ones: the earlier seed."""
        strongest = np.zeros(count, np.int64)
        weakest_first = np.argsort(-scores, kind="stable")[::-1]
        strongest[index[weakest_first]] = because[weakest_first]
        return strongest

    def state(self) -> State:
        """Ids, neighbours, likenesses."""
        arrays = {
            "ids": self._shelf.ids,
            "bounds": self._lists.bounds,
            "neighbours": self._lists.values,
            "scores": self._scores,
        }
        return State(BoughtTogether.name, arrays, {"seeds": self._seeds})


class BoughtTogether:
    """Item-to-item from shared baskets."""

    name: ClassVar[str] = "bought_together"
    title: ClassVar[str] = "Bought together"
    Settings: ClassVar[type[msgspec.Struct]] = BoughtTogetherSettings

    def __init__(self, settings: BoughtTogetherSettings | None = None) -> None:
        self.settings = settings or BoughtTogetherSettings()

    def fit(self, interactions: Interactions, items: Iterable[Item]) -> BoughtTogetherSnapshot:
        """Count shared baskets item by item; memory grows with the data, never with pairs of items."""
        shelf = Shelf.of(items)
        baskets, holders = self._baskets(interactions, shelf)
        neighbours, scores, bounds = [], [], [0]
        for found, likeness in self._rows(baskets, holders, len(shelf)):
            neighbours.append(found)
            scores.append(likeness)
            bounds.append(bounds[-1] + len(found))
        values = np.concatenate(neighbours) if neighbours else np.empty(0, np.int64)
        told = np.concatenate(scores) if scores else np.empty(0, np.float64)
        lists = Lists(np.asarray(bounds, np.int64), values)
        return BoughtTogetherSnapshot(shelf, lists, told, self.settings.seeds)

    def _baskets(self, interactions: Interactions, shelf: Shelf) -> tuple[Lists, Lists]:
        """The items of each basket, and the baskets of each item; each pair once."""
        number = shelf.align(interactions.item_ids)[interactions.item]
        kept = number >= 0
        _, basket = np.unique(interactions.basket[kept], return_inverse=True)
        pairs = np.unique(basket.astype(np.int64) * max(len(shelf), 1) + number[kept])
        basket, item = np.divmod(pairs, max(len(shelf), 1))
        size = np.bincount(basket)[basket] if len(basket) else basket
        useful = (size >= 2) & (size <= self.settings.largest_basket)
        _, basket = np.unique(basket[useful], return_inverse=True)
        item = item[useful]
        count = int(basket.max()) + 1 if len(basket) else 0
        order = np.argsort(item, kind="stable")
        return (
            Lists(_bounds(basket, count), item),
            Lists(_bounds(item[order], len(shelf)), basket[order].astype(np.int64)),
        )

    def _rows(self, baskets: Lists, holders: Lists, count: int) -> Iterator[tuple[Ints, Floats]]:
        """Neighbours and likenesses of each item in turn."""
        sizes = np.diff(baskets.bounds)
        voice = 1.0 / np.power(np.maximum(sizes - 1, 1), self.settings.damp)
        mass = np.asarray(
            [voice[holders.values[a:b]].sum() for a, b in _spans(holders.bounds)], np.float64
        )
        for item in range(count):
            mine = holders.values[holders.bounds[item] : holders.bounds[item + 1]]
            others = _gathered(baskets, mine)
            spoken = np.repeat(voice[mine], sizes[mine])
            found, index, times = np.unique(others, return_inverse=True, return_counts=True)
            shared = np.bincount(index, weights=spoken, minlength=len(found))
            likeness = shared / (np.sqrt(mass[item] * mass[found]) + self.settings.shrink)
            likeness[(times < self.settings.support) | (found == item)] = 0.0
            top = best(likeness, self.settings.neighbours)
            top = top[likeness[top] > 0]
            yield found[top], likeness[top]

    @classmethod
    def restore(cls, state: State) -> BoughtTogetherSnapshot:
        """The snapshot whose state this was."""
        arrays = state.arrays
        lists = Lists(arrays["bounds"], arrays["neighbours"])
        return BoughtTogetherSnapshot(
            Shelf(arrays["ids"]), lists, arrays["scores"], int(state.values["seeds"])
        )


def _bounds(keys: Ints, count: int) -> Ints:
    """Where the list of each key begins and the last one ends, for ascending keys."""
    return np.concatenate([[0], np.cumsum(np.bincount(keys, minlength=count))]).astype(np.int64)


def _spans(bounds: Ints) -> Iterator[tuple[int, int]]:
    """Begin and end of each list."""
    return zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)


def _gathered(lists: Lists, wanted: Ints) -> Ints:
    """The values of the wanted lists, one list after another."""
    starts, ends = lists.bounds[wanted], lists.bounds[wanted + 1]
    sizes = ends - starts
    if not len(sizes):
        return np.empty(0, np.int64)
    offsets = np.repeat(starts - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    return lists.values[offsets + np.arange(len(offsets))]
