"""A state full of people with a past, put there without going through the log, and events of theirs to come.

The past is made once for a few dozen people, by the folding that the engine does, and given to everybody: what a
document costs depends on its size and shape, not on whose it is. Identity, the people list and the members of
segments are stored as the engine would have.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from bench.path import JOURNEYS, NAMES, journey, segment
from duyen import collect, profiles
from duyen.identity import Evidence, person_id
from duyen.model.event import Collected, Event
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.model.times import DAY, Millis
from duyen.runtime.directory import directory_row
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.identify import evidence_key
from duyen.step import Plan
from duyen.stores.rows import EvidenceRow, Head

PATTERNS = 48
"""Pasts that differ."""
PAST: Millis = 60 * DAY
AT_ONCE = 10_000


class Pattern(NamedTuple):
    """One past: the head it makes, and the chunks beside it."""

    head: Head
    chunks: list[tuple[Event, ...]]


def programme(house: House, segments: int) -> None:
    """Tell the house so many segments, and the journeys of the bench of the whole path."""
    changes = [
        ResourceChange("segment", f"s{n}", {"rule": segment(n)}, "bench", 0)
        for n in range(segments)
    ]
    changes += [ResourceChange("journey", f"j{n}", journey(n), "bench", 0) for n in range(JOURNEYS)]
    house.tell(Lane.CONTROL, list(changes))
    engine = Engine(house)
    engine.drain()
    engine.close()


def call(rng: random.Random, who: int, id: str, time: Millis, received: Millis) -> Collected:
    """One event of a shop, of a visitor who is known."""
    told = {
        "messageId": id,
        "userId": f"u{who}",
        "event": rng.choice(NAMES),
        "properties": {
            "product_id": f"p{rng.randrange(3_000)}",
            "total": f"{rng.randrange(900)}.00",
        },
        "context": {"page": {"url": "https://shop.example/p"}, "locale": "vi-VN"},
    }
    judged = collect.validate(
        told, "track", received=received, source="bench", trusted=True, new_id=lambda: "x"
    )
    if not isinstance(judged, Collected):
        raise TypeError(judged)
    return msgspec.structs.replace(judged, time=time)


def calls(count: int, people: int, seed: int, now: Millis) -> Iterator[Collected]:
    """Events to come; told up to now, a moment after one another. Nobody comes twice before everybody has come.

    Who comes back changes more segments than who is just here, so that more people must not mean more of them.
    """
    rng = random.Random(seed)
    order = rng.sample(range(people), min(count, people))
    for n in range(count):
        time = now - (count - n) // 5
        yield call(rng, order[n % people], f"{seed}-{n}-{rng.getrandbits(48):x}", time, time)


def _pattern(rng: random.Random, history: int, plan: Plan, now: Millis) -> Pattern:
    """One person's past: so many events, folded and spilled one by one as they came."""
    person, chunks = Person("pattern"), []
    times = sorted(now - rng.randrange(PAST) for _ in range(history))
    for time in times:
        event = collect.normalise(call(rng, 0, f"{rng.getrandbits(64):x}", time, time))
        profiles.absorb(person, event, plan.specs, names=False)
        spilled = profiles.spill(person)
        if spilled:
            chunks.append(spilled)
            person.chunks += 1
    person.specs = plan.specs_print
    standing = dict.fromkeys(plan.standing(person, {}, now), now)
    until = plan.compiled.evaluate([person], now).until
    person.watch, person.turns = plan.watch.print, int(until.min())
    return Pattern(Head(person, standing, person.turns), chunks)


def populate(house: House, people: int, history: int, now: Millis) -> None:
    """Store so many people `u0`, `u1` … with so many events each."""
    rng, plan = random.Random(history), house.plan()
    patterns = [_pattern(rng, history, plan, now) for _ in range(PATTERNS)]
    numbers = iter(range(people))
    while some := list(islice(numbers, AT_ONCE)):
        with house.state.writing():
            _store(house, [(n, patterns[n % PATTERNS]) for n in some])


def _store(house: House, some: list[tuple[int, Pattern]]) -> None:
    heads, evidence, identifiers, chunks, members = [], [], [], [], []
    for n, (head, spilled) in some:
        name = ("user_id", f"u{n}")
        id, first = person_id(name), Evidence(head.person.first, f"first-{n}", (name,), True)
        person = msgspec.structs.replace(
            head.person, id=id, identifiers={name[0]: {name[1]: first.time}}
        )
        heads.append(Head(person, head.standing, head.wake))
        key = evidence_key(first.identifiers, first.trusted)
        evidence.append(EvidenceRow(key, id, id, first.time, first.id, True, first.identifiers))
        identifiers.append((*name, id, id))
        chunks += [(id, place, events) for place, events in enumerate(spilled)]
        members += [(segment, id, since) for segment, since in head.standing.items()]
    state = house.state
    state.put_heads(heads)
    state.put_chunks(chunks)
    state.put_evidence(evidence)
    state.put_identifiers(identifiers)
    state.put_people([directory_row(head.person) for head in heads])
    state.put_members(sorted(members), [])
