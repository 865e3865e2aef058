"""Recommenders behind one interface: what each person may like next, from baskets and the catalogue."""

from duyen.recommend.interface import (
    Interactions,
    Query,
    Recommender,
    Scored,
    Shelf,
    Snapshot,
    State,
    interactions,
    read_why,
    save,
    why,
)
from duyen.recommend.registry import load, recommenders

__all__ = [
    "Interactions",
    "Query",
    "Recommender",
    "Scored",
    "Shelf",
    "Snapshot",
    "State",
    "interactions",
    "load",
    "read_why",
    "recommenders",
    "save",
    "why",
]
