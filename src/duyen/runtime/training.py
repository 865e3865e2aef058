"""Recommenders learn from the lake's order lines and publish snapshots. A job of its own (`duyen recommend train`)."""

from __future__ import annotations

from functools import partial

import msgspec

from duyen.model.catalogue import Item
from duyen.recommend import interactions, recommenders, save
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.stores.models import Models
from duyen.stores.query import Query


def train(house: House) -> dict[str, int]:
    """Fit every registered recommender on all order lines; returns how many rows each learned from."""
    flush(house)
    columns = Query(house.folder / "lake").purchases().to_pydict()
    lines = interactions(columns["person"], columns["basket"], columns["item"], columns["time"])
    items = [msgspec.convert(item, Item) for item in house.state.items().values()]
    models = Models(house.folder / "models")
    learned = {}
    for name, kind in recommenders().items():
        snapshot = kind(kind.Settings()).fit(lines, items)
        models.publish(f"recommend-{name}", partial(save, snapshot))
        learned[name] = lines.rows
    return learned
