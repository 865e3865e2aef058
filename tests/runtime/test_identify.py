"""Identity in the engine: joins, splits, late evidence and giants, always the people of the whole set."""

import sys
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


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.sampled_from(["kiosk", "own"]), st.booleans()), max_size=50
    ),
    st.lists(st.integers(1, 9), max_size=9),
)
def test_strangers_who_share_a_tablet_past_its_cap_stay_strangers(
    tmp_path_factory: pytest.TempPathFactory,
    told: list[tuple[int, str, bool]],
    cuts: list[int],
) -> None:
    """Told as it happened, in whatever batches: the people are those of the whole set under the same cap."""
    calls = [
        call(
            f"k{n:03d}",
            NOW - 1_000_000 + n,
            trusted,
            userId=f"u{user}",
            anonymousId="kiosk" if device == "kiosk" else f"a{user}",
        )
        for n, (user, device, trusted) in enumerate(sorted(told, key=lambda one: not one[2]))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("duyen.runtime.identify.MAX_COMPONENT_EVIDENCE", 8)
        patch.setattr(sys.modules["duyen.identity.resolve"], "MAX_COMPONENT_EVIDENCE", 8)
        opened = House(load(str(tmp_path_factory.mktemp("kiosk"))), engine=True)
        engine = Engine(opened)
        waiting = list(calls)
        for size in [*cuts, len(calls)]:
            part, waiting = waiting[:size], waiting[size:]
            if part:
                opened.tell(Lane.LIVE, list(part))
                engine.drain()
        heads = opened.state.heads(opened.state.people_after("", 1_000)).values()
        whose = {e.id: head.person.id for head in heads for e in head.person.recent}
        expected = {
            id: person
            for person, ids in people_of_the_set([collect.normalise(c) for c in calls]).items()
            for id in ids
        }
        users = [{e.identifiers[-1] for e in h.person.recent if e.trusted} for h in heads]
        engine.close()
        opened.close()
    assert set(whose) == {c.id for c in calls}
    assert all(len(named) <= 1 for named in users), (
        "no two users whom the server knows are one person"
    )
    assert whose == expected


def test_a_user_met_at_a_full_tablet_is_a_person_of_their_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("duyen.runtime.identify.MAX_COMPONENT_EVIDENCE", 5)
    engine = Engine(house)
    for n in range(20):
        seen = call(f"s{n}", NOW + n, True, userId=f"u{n}", anonymousId="kiosk")
        house.tell(Lane.LIVE, [seen])
        engine.drain()
    owners = {house.state.person_of("user_id", f"u{n}") for n in range(20)}
    assert len(owners) == 20
    heads = house.state.heads(sorted(o for o in owners if o))
    assert all(head.person.events == 1 for head in heads.values())
    again = [
        call(f"t{n}", NOW + 100 + n, True, userId=f"u{n}", anonymousId="kiosk") for n in range(20)
    ]
    house.tell(Lane.LIVE, list(again))
    engine.drain()
    heads = house.state.heads(sorted(o for o in owners if o))
    assert all(head.person.events == 2 for head in heads.values())
    (component,) = house.state.components([("anonymous_id", "kiosk")]).values()
    assert len(house.state.evidence_of([component])) == 5
    engine.close()
