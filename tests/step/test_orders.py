"""Stories of orders that are told more than once, changed, cancelled and given back."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from duyen.measure import get_large, message_counter
from duyen.model.effect import Add
from duyen.model.happening import Happened
from duyen.model.person import GLOBAL, TREATED, Cell, Contact
from duyen.model.values import MICRO
from duyen.step import Work, needs_history, step_batch
from duyen.testing.story import Story

WORDS: list[tuple[str, dict[str, Any]]] = [
    ("Order Completed", {"total": 100, "order_id": "7"}),
    ("Order Updated", {"total": 80, "order_id": "7"}),
    ("Order Completed", {"total": 80, "order_id": "7"}),
    ("Order Refunded", {"total": 30, "order_id": "7"}),
]


def treated() -> Story:
    """Somebody of an experiment who clicked in a mail."""
    story = Story()
    story.person.cells[GLOBAL] = Cell(TREATED, story.now - 1)
    touched: dict[str, tuple[int, ...]] = {"clicked": (story.now,)}
    story.person.ledger.append(
        Contact("k", story.now, "email", "marketing", "m", "default", "j", "sent", "", touched)
    )
    return story.passes("1m")


def sums(story: Story, counter: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for effect in story.effects:
        if isinstance(effect, Add) and effect.counter == counter:
            for name, amount in effect.amounts.items():
                found[name] = found.get(name, 0) + amount
    return found


@pytest.mark.parametrize("places", list(permutations(range(4))))
def test_one_order_in_any_order_of_its_words(places: tuple[int, ...]) -> None:
    story = treated()
    for place in places:
        name, properties = WORDS[place]
        story.event(name, id=f"w{place}", ago=f"{4 - place}s", **properties)
    outcome = story.person.outcomes[GLOBAL]
    assert (outcome.orders, outcome.revenue) == (1, 50 * MICRO)
    message = sums(story, message_counter("m"))
    assert (message["orders"], get_large(message, "revenue")) == (1, 80 * MICRO)


def test_a_cancelled_order_leaves_nothing_behind() -> None:
    story = treated().event("Order Completed", order_id="7", total=100)
    story.event("Order Cancelled", order_id="7")
    outcome = story.person.outcomes[GLOBAL]
    assert (outcome.orders, outcome.revenue) == (0, 0)
    message = sums(story, message_counter("m"))
    assert (message["orders"], get_large(message, "revenue")) == (0, 0)


def test_a_known_order_asks_for_the_history() -> None:
    story = Story().event("Order Completed", order_id="7", total=1)
    person, happened = story.person, [Happened(e) for e in story.person.recent]
    assert not needs_history(person, happened), "a message that is known already changes nothing"
    again = Story().event("Order Completed", id="x", order_id="7", total=1).person.recent
    assert needs_history(person, [Happened(again[0])])
    fresh = Story().person
    twice = Story().event("Order Completed", id="y", order_id="7", total=1).person.recent
    assert not needs_history(fresh, [Happened(again[0])])
    assert needs_history(fresh, [Happened(again[0]), Happened(twice[0])])


def test_sales_of_a_batch() -> None:
    story = Story()
    story.event("Order Completed", id="a", order_id="7", total=100)
    first = story.person.recent[0]
    more = Story().event("Order Updated", id="b", order_id="7", total=60).person.recent[0]
    gone = Story().event("Order Cancelled", id="c", order_id="7").person.recent[0]
    work = Work(Story().person, [Happened(first), Happened(more), Happened(gone)])
    step_batch([work], story.plan, story.now)
    assert [(sale.orders, sale.micros // MICRO) for sale in work.sales] == [
        (1, 100),
        (-1, -100),
        (1, 60),
        (-1, -60),
    ]
