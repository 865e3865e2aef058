"""What a decision reads besides the person and the program: counters, items and recommenders as of now."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
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


class HouseView:
    """The shared state behind decisions, read at most every half second; satisfies `decide.View`."""

    def __init__(self, state: State, models: Path) -> None:
        self._state, self._snapshots = state, Snapshots(models)
        self._counters: dict[str, dict[str, int]] = {}
        self._items: dict[str, Item | None] = {}
        self._models: dict[str, tuple[str, Snapshot | None]] = {}
        self._read_at = -1.0
        self._seen = -1
        self._control = -1
        self.counters_version = self.items_version = 0
        self.code_version = __version__

    def refresh(self) -> None:
        """Read again what others have changed; call before a request's decisions."""
        moment = time.monotonic()
        if moment - self._read_at < FRESH_SECONDS:
            return
        self._read_at = moment
        self._models.clear()
        seen = self._state.changed()
        if seen == self._seen:
            return
        self._seen = seen
        control = self._state.position(Lane.CONTROL)
        if control != self._control:  # the catalogue changes in the control lane alone
            self._control = control
            self._items.clear()
            self.items_version += 1
        counters = self._state.counters("arm:")
        if counters != self._counters:
            self._counters = counters
            self.counters_version += 1

    def counter(self, name: str, /) -> Mapping[str, int]:
        """The counts of one arm."""
        return self._counters.get(name, _EMPTY)

    def item(self, id: str, /) -> Item | None:
        """One item of the catalogue."""
        if id not in self._items:
            found = self._state.items([id]).get(id)
            self._items[id] = msgspec.convert(found, Item) if found else None
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
        """The snapshot and its version, the same until the next refresh: one request, one model."""
        found = self._models.get(recommender)
        if found is None:
            found = self._models[recommender] = self._snapshots.newest(recommender)
        return found
