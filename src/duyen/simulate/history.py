"""The past of the simulated shop: what its customers did before anybody spoke to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from duyen.model.times import DAY, HOUR, Millis, format_time
from duyen.simulate.calls import (
    Scene,
    agreed,
    bought,
    looked,
    visited,
    who_they_are,
)
from duyen.simulate.world import World

HANOI: Millis = 7 * HOUR
"""The shop's local time is ahead of UTC by this, all year."""


def past_days(
    world: World, customers: int, days: int, end: Millis, known: dict[int, None]
) -> Iterator[list[dict[str, Any]]]:
    """The calls of each of the last `days` whole local days before `end`, in order of time.

    The visits are the same whenever it is told. Those who sign up are added to `known`,
    in the order in which they do.
    """
    midnight = (end + HANOI) // DAY * DAY - HANOI
    for day in range(days):
        begin = midnight - (days - day) * DAY
        told = [
            pair
            for number in range(customers)
            for pair in _visits_of(world, number, day, begin, known)
        ]
        told.sort(key=lambda pair: pair[0])
        yield [call for _, calls in told for call in calls]


def _visits_of(
    world: World, number: int, day: int, begin: Millis, known: dict[int, None]
) -> Iterator[tuple[Millis, list[dict[str, Any]]]]:
    customer = world.customer(number)
    for visit in world.visits(customer, day):
        time = begin + int(visit.moment * DAY)
        scene = Scene(
            prefix=f"past-{visit.key}-{world.seed}",
            anonymous_id=f"past-{world.seed}-{number}-{visit.device}",
            timestamp=format_time(time),
        )
        calls = [visited(scene, "/shop")]
        calls += [looked(scene, item) for item in world.looked_at(visit)]
        order = world.plain_order(visit)
        signs_up = world.rng("signs up", visit.key).random() < customer.signs_up
        if number not in known and (order or signs_up):
            known[number] = None
            calls.append(who_they_are(scene, customer))
            calls += agreed(scene, customer)
        if order:
            calls.append(bought(scene, customer, order, f"P{visit.key}"))
        yield time, calls
