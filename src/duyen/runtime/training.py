"""Recommenders learn from the lake's order lines and publish snapshots. A job of its own (`duyen recommend train`).

A shop that has sold nothing yet ranks by what people look at, put into their cart and wish for: recommenders that say
so (`learns_interest`) learn from that until there is an order.
"""

from __future__ import annotations

from functools import partial

import msgspec

from duyen.model.catalogue import Item
from duyen.recommend import Interactions, interactions, recommenders, save
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.stores.models import Models
from duyen.stores.query import Query


def train(house: House) -> dict[str, int]:
    """Fit every registered recommender; returns how many rows each learned from."""
    flush(house)
    lake = Query(house.folder / "lake")
    columns = lake.purchases().to_pydict()
    lines = interactions(columns["person"], columns["basket"], columns["item"], columns["time"])
    shown = lines if lines.rows else _interests(lake)
    items = [msgspec.convert(item, Item) for item in house.state.items().values()]
    models = Models(house.folder / "models")
    learned = {}
    for name, kind in recommenders().items():
        told = shown if getattr(kind, "learns_interest", False) else lines
        snapshot = kind(kind.Settings()).fit(told, items)
        models.publish(f"recommend-{name}", partial(save, snapshot))
        learned[name] = told.rows
    return learned


def _interests(lake: Query) -> Interactions:
    told = lake.interests().to_pydict()
    return interactions(told["person"], told["basket"], told["item"], told["time"], told["weight"])
