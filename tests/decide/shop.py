"""A small shop for decisions: a view one can write to, and people and events in one line."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from duyen.decide import choose
from duyen.decide.context import NOTHING, Context
from duyen.model import rule
from duyen.model.catalogue import Item, Offer, Placement
from duyen.model.decision import Decision
from duyen.model.event import Event
from duyen.model.person import Person, Trait
from duyen.model.program import Program, Segment, WorkspaceSettings
from duyen.model.times import Millis

NOW: Millis = 1_700_000_000_000
USER = ("user_id", "u1")
_versions = count()
HOME = Placement("home", fallback={"title": "Welcome"})


def trait_is(name: str, value: str | bool | int) -> rule.Rule:
    """The rule that a trait has this value."""
    return rule.TraitIs(name, rule.Test("is", value))


HANOI = trait_is("city", "Hà Nội")


class Suggestion(NamedTuple):
    """What a recommender says of an item."""

    item: str
    score: float = 1.0
    why: str = "popular"


class Shop:
    """Shared state as a decision reads it."""

    code_version = "test"

    def __init__(self) -> None:
        self.counters: dict[str, dict[str, int]] = {}
        self.counters_version = 0
        self.items: dict[str, Item] = {}
        self.shelves: dict[str, list[Suggestion]] = {}
        self.asked: list[tuple[str, tuple[str, ...], frozenset[str], int]] = []

    @property
    def items_version(self) -> int:
        """Another number each time: the tests write into `items` at any moment."""
        return next(_versions)

    def counter(self, name: str, /) -> Mapping[str, int]:
        return self.counters.get(name, {})

    def item(self, id: str, /) -> Item | None:
        return self.items.get(id)

    def snapshot(self, recommender: str, /) -> str:
        return "7"

    def recommend(
        self, recommender: str, /, seeds: Sequence[str], exclude: frozenset[str], limit: int
    ) -> Sequence[Suggestion]:
        self.asked.append((recommender, tuple(seeds), exclude, limit))
        return self.shelves.get(recommender, [])[:limit]

    def add(self, name: str, fields: Mapping[str, int]) -> None:
        """What the engine does with an Add effect."""
        counter = self.counters.setdefault(name, {})
        for field, amount in fields.items():
            counter[field] = counter.get(field, 0) + amount
        self.counters_version += 1


def offer(id: str, **fields: Any) -> Offer:
    """An offer at the home placement."""
    return Offer(id, id.title(), fields.pop("placements", ("home",)), {"title": id}, **fields)


def program(
    *offers: Offer,
    placement: Placement = HOME,
    hold_out: float = 0.0,
    segments: Mapping[str, rule.Rule] | None = None,
    version: int = 1,
) -> Program:
    """A program of these offers at one placement."""
    return Program(
        version=version,
        segments={id: Segment(id, id, rule) for id, rule in (segments or {}).items()},
        offers={each.id: each for each in offers},
        placements={placement.id: placement},
        settings=WorkspaceSettings(hold_out=hold_out),
    )


def ask(
    offers: Program,
    who: Person | None = None,
    shop: Shop | None = None,
    seed: int = 1,
    placement: Placement = HOME,
    now: Millis = NOW,
    context: Context = NOTHING,
) -> Decision:
    """One decision."""
    chance = random.Random(seed)
    view = shop or Shop()
    return choose(placement, who, USER, offers, view, now, chance, person_id="p1", context=context)


def person(**traits: object) -> Person:
    """Somebody with these traits."""
    return Person("p1", traits={name: Trait(value, NOW, "e") for name, value in traits.items()})


def event(name: str, id: str = "e1", time: Millis = NOW, **properties: Any) -> Event:
    """One track call of theirs."""
    return Event(id, "track", name, time, time, "web", False, (USER,), properties, {}, {})
