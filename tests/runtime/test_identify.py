"""Identity in the engine: joins, splits, late evidence and giants, always the people of the whole set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duyen import collect, profiles
from duyen.identity import MAX_COMPONENT_EVIDENCE, Evidence, Rules, resolve
from duyen.model.event import Collected, Event
from duyen.model.log import Lane
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

NOW = 1_790_000_000_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    opened = House(load(str(tmp_path)), engine=True)
    yield opened
    opened.close()


def call(id: str, time: int, trusted: bool, **who: str) -> Collected:
    judged = collect.validate(
        {"messageId": id, "event": "Seen", **who},
        "track",
        received=NOW,
        source="t",
        trusted=trusted,
        new_id=lambda: id,
    )
    assert isinstance(judged, Collected)
    return Collected(
        **{
            f: getattr(judged, f)
            for f in judged.__struct_fields__
            if f != "time" and getattr(judged, f)
        },
        time=time,
    )


def story(told: list[tuple[int, int, int, bool]]) -> list[Collected]:
    """(user or 0, anonymous, time, trusted) as calls."""
    return [
        call(
            f"m{n}",
            NOW - time * 1_000,
            trusted,
            **({"userId": f"u{user}"} if user else {}),
            anonymousId=f"a{anonymous}",
        )
        for n, (user, anonymous, time, trusted) in enumerate(told)
    ]


def people_of_the_set(events: list[Event]) -> dict[str, set[str]]:
    """Person -> message ids, resolved at once from everything."""
    evidence = [Evidence(e.time, e.id, e.identifiers, e.trusted) for e in events]
    resolution = resolve(evidence, (), Rules())
    people: dict[str, set[str]] = {}
    for event in events:
        person = resolution.person_of(event.identifiers, event.trusted)
        people.setdefault(person, set()).add(event.id)
    return people


TOLD = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.integers(0, 20), st.booleans()),
    min_size=1,
    max_size=14,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TOLD, st.lists(st.integers(1, 5), max_size=14))
def test_people_do_not_depend_on_batches_or_arrival(
    tmp_path_factory: pytest.TempPathFactory, told: list[Any], cuts: list[int]
) -> None:
    calls = story(told)
    house = House(load(str(tmp_path_factory.mktemp("people"))), engine=True)
    engine = Engine(house)
    waiting = list(calls)
    for size in [*cuts, len(calls)]:
        part, waiting = waiting[:size], waiting[size:]
        if part:
            house.tell(Lane.LIVE, list(part))
            engine.drain()
    expected = people_of_the_set([collect.normalise(c) for c in calls])
    heads = house.state.heads(house.state.people_after("", 100))
    found = {id: {e.id for e in head.person.recent} for id, head in heads.items()}
    assert found == expected
    for id, head in heads.items():
        events = [collect.normalise(c) for c in calls if c.id in expected[id]]
        again = profiles.knowledge(profiles.refold(id, events, {}))
        mine = profiles.knowledge(head.person)
        for name in ("traits", "first", "last", "events", "history"):
            assert mine[name] == again[name]
    engine.close()
    house.close()


def test_a_shared_id_cannot_grow_without_end(house: House) -> None:
    engine = Engine(house)
    crowd = MAX_COMPONENT_EVIDENCE + 300
    calls = [call(f"g{n}", NOW, False, userId="guest", anonymousId=f"a{n}") for n in range(crowd)]
    for start in range(0, crowd, 100):
        house.tell(Lane.LIVE, list(calls[start : start + 100]))
        engine.drain()
    components = house.state.components([("user_id", "guest")])
    assert len(house.state.evidence_of(list(components.values()))) <= MAX_COMPONENT_EVIDENCE + 100
    assert (
        sum(
            h.person.events for h in house.state.heads(house.state.people_after("", 9_999)).values()
        )
        == crowd
    )
    assert house.state.person_of("user_id", "guest")
    engine.close()
