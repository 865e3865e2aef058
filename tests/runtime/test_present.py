"""What a door decides by: ready before anybody asks, and as new as what was answered before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from duyen.model.effect import Add
from duyen.model.errors import Unavailable
from duyen.model.log import Lane
from duyen.model.program import CatalogueChange, ResourceChange
from duyen.runtime import present
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.present import Present, Watch
from duyen.runtime.settings import load
from duyen.stores.state import State

NOW = 1_750_000_000_000


def offer(id: str, **fields: Any) -> tuple[str, str, dict[str, Any]]:
    return ("offer", id, {"placements": ["home"], "content": {"title": id}, **fields})


HOME: tuple[str, str, dict[str, Any]] = ("placement", "home", {"name": "Home"})


class Town:
    """A data folder with an engine, and the house of a door."""

    def __init__(self, folder: Path) -> None:
        self.writer = House(load(str(folder)), engine=True)
        self.engine = Engine(self.writer)
        self.house = House(load(str(folder)))

    def put(self, *definitions: Any) -> None:
        """What is applied when this returns."""
        told = [ResourceChange(kind, id, body, "t", NOW) for kind, id, body in definitions]
        self.writer.tell(Lane.CONTROL, [*told])
        self.engine.drain()

    def stock(self, id: str, stock: int) -> None:
        """An item of the catalogue."""
        item = {"id": id, "name": id, "price": "1", "stock": stock}
        self.writer.tell(Lane.CONTROL, [CatalogueChange((item,), NOW, "t")])
        self.engine.drain()

    def count(self, arm: str, **amounts: int) -> None:
        """What the engine does with an Add effect."""
        state = self.writer.state
        with state.writing():
            state.add([Add(f"arm:home:{arm}", amounts)])

    def tell(self, story: Callable[[Watch], Coroutine[Any, Any, None]]) -> None:
        """A story with a watch that runs."""

        async def told() -> None:
            watch = Watch(self.house)
            await watch.start()
            try:
                await story(watch)
            finally:
                watch.stop()

        asyncio.run(told())
        self.engine.close()
        self.writer.close()
        self.house.close()


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


async def until(watch: Watch, holds: Callable[[Present], bool]) -> Present:
    """Ask as a door does until something holds."""
    for _ in range(400):
        found = await watch.present()
        if holds(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it never came to hold")


def test_a_change_that_was_applied_is_decided_by(town: Town) -> None:
    async def story(watch: Watch) -> None:
        for n in range(5):
            town.put(HOME, offer(f"o{n}"))
            program = (await watch.present()).program
            assert list(program.offers) == [f"o{each}" for each in range(n + 1)]

    town.tell(story)


def test_counters_and_items_follow(town: Town) -> None:
    town.put(HOME, offer("a", item="tea"))
    town.stock("tea", 1)

    async def story(watch: Watch) -> None:
        first = await watch.present()
        assert first.view.counter("arm:home:a") == {}
        town.count("a", views=3)
        town.stock("tea", 0)
        later = await until(watch, lambda found: found.view.counter("arm:home:a") != {})
        assert later.view.counter("arm:home:a") == {"views": 3}
        item = later.view.item("tea")
        assert item is not None
        assert item.stock == 0
        # Whoever still decides by the view before sees what it saw.
        assert first.view.counter("arm:home:a") == {}
        assert first.view.counters_version != later.view.counters_version

    town.tell(story)


def test_whoever_asks_after_a_rest_waits_for_a_new_look(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present, "AWAKE_SECONDS", 0.0)
    monkeypatch.setattr(present, "FRESH_SECONDS", 0.01)
    town.put(HOME, offer("a"))

    async def story(watch: Watch) -> None:
        await watch.present()
        for _ in range(400):
            if watch.resting:
                break
            await asyncio.sleep(0.01)
        town.count("a", views=3)
        await asyncio.sleep(0.6)  # the last look is half a second ago
        assert watch.resting
        assert (await watch.present()).view.counter("arm:home:a") == {"views": 3}

    town.tell(story)


def test_a_failure_is_told_to_whoever_waits_and_the_next_look_is_a_new_one(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.put(HOME, offer("a"))
    read = State.resources

    def refused(*_: Any) -> Any:
        raise Unavailable("storage.busy", "Not now.")

    async def story(watch: Watch) -> None:
        before = await watch.present()
        monkeypatch.setattr(State, "resources", refused)
        town.writer.state.resources = read.__get__(town.writer.state)  # type: ignore[method-assign]
        town.put(offer("b"))
        with pytest.raises(Unavailable, match="Not now"):
            await watch.present()
        monkeypatch.setattr(State, "resources", read)
        after = await watch.present()
        assert (set(before.program.offers), set(after.program.offers)) == ({"a"}, {"a", "b"})

    town.tell(story)
