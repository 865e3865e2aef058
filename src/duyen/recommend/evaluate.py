"""Offline comparison of recommenders on the same cases: what would each have put into the next basket?

A time split: recommenders learn from interactions before an instant and are asked about baskets at or after it.
Two tasks:

    basket   one item of a later basket is hidden, the others are the seeds (completing a basket)
    next     the person's earlier items are the seeds; wanted are the new items of their first later basket

Measures at k: hit rate (some wanted item is among the k) and NDCG with binary gain (Järvelin & Kekäläinen 2002).
Offline numbers choose what to try; effects are measured on hold-outs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import log2
from typing import NamedTuple

import numpy as np

from duyen.model.catalogue import Item
from duyen.model.times import Millis
from duyen.recommend.interface import (
    Bools,
    Interactions,
    Ints,
    Query,
    Scored,
    Shelf,
    Snapshot,
    State,
    why,
)


class Case(NamedTuple):
    """One question of a test: what is known, and which items would have been right."""

    query: Query
    wanted: frozenset[str]


class Score(NamedTuple):
    """How a recommender did over `cases` questions; `answered`: share with at least one item."""

    hit_rate: float
    ndcg: float
    answered: float
    cases: int


class RandomChoice:
    """The floor of every comparison: items drawn at random from the shelf, the same for the same seed."""

    def __init__(self, items: Iterable[Item], seed: int) -> None:
        self._shelf = Shelf.of(items)
        self._rng = np.random.default_rng(seed)

    def recommend(self, query: Query) -> list[Scored]:
        """Any items that are neither seeds nor excluded."""
        out = {*query.seeds, *query.exclude}
        drawn = self._rng.permutation(len(self._shelf))[: query.limit + len(out)]
        ids = [one for one in map(self._shelf.id, drawn.tolist()) if one not in out]
        return [Scored(one, 0.0, why("random")) for one in ids[: query.limit]]

    def state(self) -> State:
        """Nothing was learned."""
        return State("random", {"ids": self._shelf.ids}, {})


def before(interactions: Interactions, split: Millis) -> Interactions:
    """The interactions to learn from."""
    return _kept(interactions, interactions.time < split)


def after(interactions: Interactions, split: Millis) -> Interactions:
    """The interactions to be asked about."""
    return _kept(interactions, interactions.time >= split)


def split_at(interactions: Interactions, share: float) -> Millis:
    """The instant before which `share` of the baskets lie."""
    _, first = np.unique(interactions.basket, return_index=True)
    return int(np.quantile(interactions.time[first], share))


def basket_cases(test: Interactions, limit: int, most: int, seed: int) -> list[Case]:
    """Up to `most` baskets of two items or more, one item of each hidden at random."""
    rng = np.random.default_rng(seed)
    baskets = [items for _, items in _by_basket(test) if len(items) >= 2]
    chosen = rng.permutation(len(baskets))[:most]
    return [_hidden(baskets[place], int(rng.integers(1 << 30)), limit) for place in chosen]


def next_cases(
    train: Interactions, test: Interactions, limit: int, most: int, seed: int
) -> list[Case]:
    """Up to `most` people with a history and a later basket that holds something new to them."""
    history = _by_person(train)
    cases = []
    for person, wanted in _first_baskets(test).items():
        known = history.get(person, [])
        new = frozenset(wanted) - frozenset(known)
        if known and new:
            cases.append(Case(Query(tuple(known), frozenset(known), limit), new))
    chosen = np.random.default_rng(seed).permutation(len(cases))[:most]
    return [cases[place] for place in chosen]


def evaluate(snapshot: Snapshot, cases: Sequence[Case]) -> Score:
    """Ask every question and count."""
    hits, gain, answered = 0, 0.0, 0
    for case in cases:
        answer = snapshot.recommend(case.query)
        ranks = [rank for rank, one in enumerate(answer) if one.item in case.wanted]
        answered += bool(answer)
        hits += bool(ranks)
        gain += sum(1 / log2(rank + 2) for rank in ranks) / _ideal(case)
    count = max(len(cases), 1)
    return Score(hits / count, gain / count, answered / count, len(cases))


def _ideal(case: Case) -> float:
    """The gain of the best possible answer."""
    return sum(1 / log2(rank + 2) for rank in range(min(len(case.wanted), case.query.limit)))


def _hidden(items: list[str], draw: int, limit: int) -> Case:
    """A basket with one of its items hidden."""
    place = draw % len(items)
    seeds = tuple(items[:place] + items[place + 1 :])
    return Case(Query(seeds, frozenset(), limit), frozenset([items[place]]))


def _kept(interactions: Interactions, kept: Bools) -> Interactions:
    """Some rows."""
    person, basket, item, time, weight, ids = interactions
    return Interactions(person[kept], basket[kept], item[kept], time[kept], weight[kept], ids)


def _by_basket(interactions: Interactions) -> Iterator[tuple[int, list[str]]]:
    """Each basket with its items, each once."""
    order = np.lexsort((interactions.item, interactions.basket))
    baskets, starts = np.unique(interactions.basket[order], return_index=True)
    ends = [*starts[1:].tolist(), len(order)]
    items = interactions.item[order]
    for basket, start, end in zip(baskets.tolist(), starts.tolist(), ends, strict=True):
        yield basket, _names(interactions, np.unique(items[start:end]))


def _by_person(interactions: Interactions) -> dict[int, list[str]]:
    """Each known person's items, the newest first, each once."""
    order = np.lexsort((interactions.item, -interactions.time, interactions.person))
    known = order[interactions.person[order] >= 0]
    people, starts = np.unique(interactions.person[known], return_index=True)
    ends = [*starts[1:].tolist(), len(known)]
    return {
        person: list(dict.fromkeys(_names(interactions, interactions.item[known[start:end]])))
        for person, start, end in zip(people.tolist(), starts.tolist(), ends, strict=True)
    }


def _first_baskets(interactions: Interactions) -> dict[int, list[str]]:
    """The items of each known person's first basket."""
    order = np.lexsort((interactions.basket, interactions.time, interactions.person))
    known = order[interactions.person[order] >= 0]
    people, starts = np.unique(interactions.person[known], return_index=True)
    first = dict(zip(interactions.basket[known[starts]].tolist(), people.tolist(), strict=True))
    return {first[basket]: items for basket, items in _by_basket(interactions) if basket in first}


def _names(interactions: Interactions, items: Ints) -> list[str]:
    """Ids of item numbers."""
    return [one.decode() for one in interactions.item_ids[items].tolist()]
