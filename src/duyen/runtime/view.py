"""What a decision reads besides the person and the program: counters, items and recommenders as of now."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from duyen import __version__, decide
from duyen.messages.view import item_view
from duyen.model.catalogue import Item
from duyen.model.log import Lane
from duyen.model.message import Recommend
from duyen.model.person import Person
from duyen.recommend import Query, Scored, Snapshot
from duyen.runtime.snapshots import Snapshots
from duyen.stores.state import State

FRESH_SECONDS = 0.5
_EMPTY: Mapping[str, int] = {}
_versions = count(1)

Counters = Mapping[str, Mapping[str, int]]
Items = dict[str, Item | None]
Models = dict[str, tuple[str, Snapshot | None]]


class HouseView:
    """The shared state behind decisions as of one look at it; satisfies `decide.View`.

    Items and models that nobody asked for before are read when they are asked for, and stay.
    """

    code_version = __version__

    def __init__(
        self,
        state: State,
        snapshots: Snapshots,
        counters: tuple[int, Counters],
        items: tuple[int, Items],
        models: Models,
    ) -> None:
        self._state, self._snapshots = state, snapshots
        self.counters_version, self._counters = counters
        self.items_version, self._items = items
        self._models = models

    def counter(self, name: str, /) -> Mapping[str, int]:
        """The counts of one arm."""
        return self._counters.get(name, _EMPTY)

    def item(self, id: str, /) -> Item | None:
        """One item of the catalogue."""
        if id not in self._items:
            self._items |= _read_items(self._state, [id])
        return self._items[id]

    def snapshot(self, recommender: str, /) -> str:
        """The version of a recommender's snapshot, or nothing before the first training."""
        return self._model(recommender)[0]

    def recommend(
        self, recommender: str, /, seeds: Sequence[str], exclude: frozenset[str], limit: int
    ) -> Sequence[Scored]:
        """Ask the snapshot of a recommender; nothing where there is none yet."""
        _, snapshot = self._model(recommender)
        if snapshot is None:
            return ()
        return snapshot.recommend(Query(tuple(seeds), exclude, limit))

    def recommended(
        self, person: Person, wish: Recommend | None, currency: str
    ) -> list[dict[str, Any]]:
        """Items for a mail as its template sees them: new to the person, for sale, filled up with popular ones."""
        if wish is None:
            return []
        seeds, bought = decide.tastes(person)
        found: dict[str, dict[str, Any]] = {}
        for name, start in ((wish.recommender, seeds), (wish.fallback, ())):
            for scored in self.recommend(name, start, bought, 3 * wish.limit):
                item = self.item(scored.item)
                if len(found) < wish.limit and item is not None and not decide.item_problem(item):
                    shown = item_view(item, str(scored.why))
                    shown["currency"] = item.currency or currency
                    found.setdefault(item.id, shown)
        return list(found.values())

    def _model(self, recommender: str) -> tuple[str, Snapshot | None]:
        """The snapshot and its version, the same as long as this view is: one request, one model."""
        found = self._models.get(recommender)
        if found is None:
            found = self._models[recommender] = self._snapshots.newest(recommender)
        return found


class Views:
    """Gives the present view, looking at most every half second whether others have changed something.

    `state` is read here, `later` by the views themselves: a connection of whoever decides by them, where that is
    another thread.
    """

    def __init__(self, state: State, models: Path, later: State | None = None) -> None:
        self._state, self._later = state, later or state
        self._snapshots = Snapshots(models)
        self._seen = self._control = -1
        self._looked = -FRESH_SECONDS
        self._counters: tuple[int, Counters] = (next(_versions), {})
        self._items: tuple[int, Items] = (next(_versions), {})
        self._models: Models = {}
        self._newest = self._view()

    def newest(self, wanted: Iterable[str] = ()) -> HouseView:
        """The present view; items that are `wanted` are read before anybody asks for them."""
        moment = time.monotonic()
        if moment - self._looked >= FRESH_SECONDS:
            self._looked = moment
            self._look()
        items = self._items[1]
        if missing := [id for id in wanted if id not in items]:
            items |= _read_items(self._state, missing)
        return self._newest

    def _look(self) -> None:
        models = {name: self._snapshots.newest(name) for name in list(self._models)}
        before = self._counters, self._items
        seen = self._state.changed()
        if seen != self._seen:
            self._seen = seen
            control = self._state.position(Lane.CONTROL)
            if control != self._control:  # the catalogue changes in the control lane alone
                self._control = control
                self._items = next(_versions), {}
            counters = self._state.counters("arm:")
            if counters != self._counters[1]:
                self._counters = next(_versions), counters
        if before != (self._counters, self._items) or any(
            found[0] != self._models[name][0] for name, found in models.items()
        ):
            self._models = models
            self._newest = self._view()

    def _view(self) -> HouseView:
        return HouseView(self._later, self._snapshots, self._counters, self._items, self._models)


def _read_items(state: State, ids: Sequence[str]) -> Items:
    found = state.items(ids)
    return {id: msgspec.convert(found[id], Item) if id in found else None for id in ids}
