"""Who was always anonymous and does not come back is forgotten: at an instant, wholly, and the same way every time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partialmethod
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duyen import collect
from duyen.model.event import Collected
from duyen.model.log import Entry, Lane, Unmerge
from duyen.model.program import ResourceChange, Tick
from duyen.model.times import DAY, HOUR
from duyen.runtime import reports
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.stores.lake import READERS_HOURS, Lake
from duyen.stores.query import Query

START = 1_790_000_000_000
KEPT = 395


class Town:
    """A folder with one engine, in time that the test moves."""

    def __init__(self, folder: Path) -> None:
        self.settings = load(str(folder), {"DUYEN_CLOCK": "simulated"})
        self.now, self.told = START, 0
        self.open()
        self.passes(0)

    def open(self) -> None:
        self.house = House(self.settings, engine=True)
        self.engine = Engine(self.house)

    def close(self) -> None:
        self.engine.close()
        self.house.close()

    def rebuild(self) -> Any:
        self.close()
        result = rebuild(self.settings)
        self.open()
        return result

    def passes(self, millis: int) -> None:
        """Time passes, and the engine does nothing about it yet."""
        self.now += millis
        self.house.tell(Lane.CONTROL, [Tick(self.now)])
        self.engine.control()

    def later(self, days: float) -> None:
        """Time passes, and whatever is due happens."""
        self.passes(round(days * DAY))
        self.engine.drain()

    def put(self, kind: Any, id: str, body: dict[str, Any]) -> None:
        self.house.tell(Lane.CONTROL, [ResourceChange(kind, id, body, "t", self.now)])
        self.engine.drain()

    def say(self, late: int = 0, lane: Lane = Lane.LIVE, **who: Any) -> str:
        """Somebody does something now, or is said to have done it so many days ago."""
        self.told += 1
        id = f"m{self.told}"
        call = {"messageId": id, "event": "Seen", "type": "track", **who}
        judged = collect.validate(
            call, received=self.now, source="t", trusted=True, new_id=lambda: id
        )
        assert isinstance(judged, Collected)
        parts = {name: getattr(judged, name) for name in judged.__struct_fields__}
        entry: Entry = Collected(**{**parts, "time": self.now - late * DAY})
        self.house.tell(lane, [entry])
        return id

    def tell(self, **who: Any) -> str:
        id = self.say(**who)
        self.engine.drain()
        return id

    def people(self) -> dict[frozenset[str], frozenset[str]]:
        """What everybody is known by -> what they did."""
        state, found = self.house.state, {}
        for id, head in state.heads(state.people_after("", 1_000)).items():
            names = {value for values in head.person.identifiers.values() for value in values}
            events = (*state.chunks(id), *head.person.recent)
            found[frozenset(names)] = frozenset(event.id for event in events)
        return found

    def forgotten(self) -> int:
        program = self.house.program()
        told = reports.overview(self.house.state, program, self.now)["people"]["forgotten"]
        assert isinstance(told, int)
        return told


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.close()


ANDROID = {"context": {"device": {"type": "android", "id": "d1"}}}


@dataclass
class Life:
    """Somebody as the model knows them."""

    names: set[str]
    events: set[str] = field(default_factory=set)
    last: int = 0
    stays: bool = False


def model(told: list[tuple[str, set[str], int, int, bool]], now: int) -> dict[Any, Any]:
    """(id, names, arrival, event time, stays): who is known at `now`, by the definition."""
    alive: list[Life] = []

    def let_go(at: int) -> None:
        alive[:] = [one for one in alive if one.stays or one.last + KEPT * DAY > at]

    for id, names, arrival, time, stays in told:
        let_go(arrival)
        one = Life(set(names), {id}, time, stays)
        for other in [other for other in alive if other.names & names]:
            one = Life(
                one.names | other.names,
                one.events | other.events,
                max(one.last, other.last),
                one.stays or other.stays,
            )
            alive.remove(other)
        alive.append(one)
    let_go(now)
    return {frozenset(one.names): frozenset(one.events) for one in alive}


SAYS = st.tuples(
    st.just("say"),
    st.sampled_from(["a1", "a2", "a3"]),
    st.sampled_from(["", "", "", "d1", "user"]),
    st.integers(0, 100),
)
PASSES = st.tuples(st.just("passes"), st.integers(1, 90), st.booleans())
STORY = st.lists(SAYS | PASSES, max_size=30)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(STORY, st.booleans())
def test_whoever_comes_in_time_stays_and_nobody_else(
    tmp_path_factory: pytest.TempPathFactory, story: list[Any], again: bool
) -> None:
    """However events and timers queue behind each other, the outcome is that of the definition."""
    town = Town(tmp_path_factory.mktemp("town"))
    told: list[tuple[str, set[str], int, int, bool]] = []
    for what, *how in story:
        if what == "say":
            name, also, late = how
            who: dict[str, Any] = {"anonymousId": name}
            names = {name, *([also] if also else [])}
            who |= ANDROID if also == "d1" else {"userId": "user"} if also else {}
            id = town.say(late, **who)
            told.append((id, names, town.now, town.now - late * DAY, also == "user"))
        else:
            days, works = how
            town.passes(days * DAY)
            if works or (told and town.now - told[0][2] > 100 * DAY):
                town.engine.drain()
    town.engine.drain()
    assert town.people() == model(told, town.now)
    before = town.people()
    if again:
        result = town.rebuild()
        assert result.different == []
        assert town.people() == before
    town.later(2 * KEPT)
    assert all("user" in names for names in town.people())
    town.close()


def traces(town: Town, *words: str) -> list[str]:
    """Tables of the state in which one of these stands; the log's own record of events is not part of it."""
    state, found = town.house.state, []
    tables = "heads chunks evidence identifiers members people facts decisions outbox redirects aside group_members"
    for table in tables.split():
        rows = state._db.execute(f"SELECT * FROM {table}").fetchall()
        told = b"".join(
            part if isinstance(part, bytes) else str(part).encode() for row in rows for part in row
        )
        found += [table for word in words if word.encode() in told]
    return found


def test_nothing_is_left_but_that_somebody_was_forgotten(town: Town) -> None:
    town.put("segment", "seen", {"name": "Seen", "rule": {"did": "Seen"}})
    for _ in range(70):  # more than a head holds
        town.say(anonymousId="browser-one", properties={"what": "secret"})
    town.tell(anonymousId="browser-one", **ANDROID)
    town.tell(userId="u1")
    assert town.house.state.count_in("seen") == 2
    before = set(traces(town, "browser-one", "secret"))
    assert {"heads", "chunks", "evidence", "identifiers", "people"} <= before
    town.later(KEPT - 1)
    assert town.house.state.count_people() == 2
    town.later(1)
    assert town.forgotten() == 1
    assert town.house.state.count_people() == town.house.state.count_in("seen") == 1
    assert traces(town, "browser-one", "secret") == []
    assert town.house.state.next_wake() > town.now
    assert town.people() == {frozenset({"u1"}): frozenset({"m72"})}


def test_an_engine_that_dies_in_the_middle_has_forgotten_nothing(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(Exception):
        """What a kill -9 is to a transaction."""

    def killed(*_: Any) -> None:
        raise Died

    town.tell(anonymousId="browser-one")
    before = town.people(), traces(town, "browser-one")
    town.passes(KEPT * DAY)
    for point in ("remove_heads", "drop_identifiers", "forget_records", "record_batch"):
        with monkeypatch.context() as patch:
            patch.setattr(type(town.house.state), point, killed)
            with pytest.raises(Died):
                town.engine.timers()
        assert (town.people(), traces(town, "browser-one")) == before
        town.close()
        town.open()
    town.engine.drain()
    assert (town.people(), town.forgotten()) == ({}, 1)


def test_who_signed_in_agreed_or_ordered_stays(town: Town) -> None:
    said = {"purpose": "marketing", "channel": "email", "state": "denied"}
    order = {"order_id": "o1", "total": 10, "currency": "VND"}
    town.tell(anonymousId="a1", event="Consent Updated", properties=said)
    town.tell(anonymousId="a2", event="Order Completed", properties=order)
    town.tell(anonymousId="a3", context={"traits": {"email": "an@example.test"}})
    town.tell(anonymousId="a4", userId="u4")
    town.tell(anonymousId="a5")
    town.later(3 * KEPT)
    assert len(town.people()) == 4
    assert town.forgotten() == 1


def test_who_stands_in_a_journey_is_forgotten_after_it(town: Town) -> None:
    steps = [{"wait": "500d"}]
    journey = {"name": "Long", "entry": {"event": "Seen"}, "steps": steps}
    town.put("journey", "long", journey)
    town.tell(anonymousId="a1")
    town.later(KEPT + 1)
    assert len(town.people()) == 1
    town.later(500 - KEPT)
    assert town.people() == {}


def test_the_setting_holds_for_everybody_who_is_known(town: Town) -> None:
    town.put("settings", "workspace", {"anonymous_days": "none"})
    town.tell(anonymousId="a1")
    town.later(2 * KEPT)
    assert len(town.people()) == 1
    town.put("settings", "workspace", {"anonymous_days": 800})
    assert len(town.people()) == 1
    town.put("settings", "workspace", {"anonymous_days": 30})
    assert town.people() == {}
    assert town.rebuild().different == []
    assert (town.people(), town.forgotten()) == ({}, 1)


def test_settings_that_cannot_be_read_forget_nobody(town: Town) -> None:
    town.tell(anonymousId="a1")
    town.put("settings", "workspace", {"timezone": 7})
    town.later(2 * KEPT)
    assert len(town.people()) == 1


def test_all_parts_of_an_old_history_are_put_together_first(town: Town) -> None:
    """Imported in many batches, with timers in between: two years of somebody who never was away for long."""
    for months in range(24, 0, -3):
        town.tell(anonymousId="a1", late=months * 30, lane=Lane.BULK)
    assert len(next(iter(town.people().values()))) == 8
    town.tell(anonymousId="gone", late=2 * KEPT, lane=Lane.BULK)
    assert len(town.people()) == 2
    town.later(1)
    assert list(town.people()) == [frozenset({"a1"})]


def test_who_returns_under_the_same_id_is_somebody_new(town: Town) -> None:
    town.put("segment", "often", {"name": "Often", "rule": {"did": "Seen", "at_least": 2}})
    town.tell(anonymousId="a1", **ANDROID)
    town.tell(anonymousId="a1")
    assert town.house.state.count_in("often") == 1
    town.passes(KEPT * DAY)  # the timer queues
    town.tell(anonymousId="a1")
    assert town.people() == {frozenset({"a1"}): frozenset({"m3"})}
    assert town.house.state.count_in("often") == 0
    assert town.house.state.person_of("android.id", "d1") is None
    result = town.rebuild()
    assert (result.different, result.same) == ([], 1)


def test_others_known_by_the_same_things_are_resolved_again(town: Town) -> None:
    """Taken apart from who signed in on the same device, and gone: the one who stays is who they were."""
    town.tell(anonymousId="a1", userId="u1")
    town.tell(anonymousId="a1")
    sides = (("user_id", "u1"),), (("anonymous_id", "a1"),)
    town.house.tell(Lane.LIVE, [Unmerge("apart", town.now, "t", *sides)])
    town.engine.drain()
    assert len(town.people()) == 2
    town.later(KEPT)
    assert frozenset({"u1"}) in town.people()
    known = town.people()
    town.tell(anonymousId="a9")
    assert town.rebuild().different == []
    assert known.items() <= town.people().items()


def test_other_rules_of_identity_bring_nobody_back(town: Town) -> None:
    town.tell(anonymousId="a1", **ANDROID)
    town.tell(userId="u1", anonymousId="a2")
    town.later(KEPT)
    town.put("settings", "workspace", {"blocked": ["d1"]})
    town.put("settings", "workspace", {"blocked": []})
    assert list(town.people()) == [frozenset({"u1", "a2"})]


def rows(town: Town) -> dict[str, set[str]]:
    query = Query(town.settings.folder / "lake")
    found: dict[str, set[str]] = {}
    for person, id in query.sql("SELECT person, id FROM events").rows:
        found.setdefault(person, set()).add(id)
    query.close()
    return found


def on_the_disk(town: Town, word: str) -> bool:
    """Whether a file of the lake's events still has such a row."""
    return any(
        word in str(pq.read_table(file, partitioning=None).column("id").to_pylist())
        for file in (town.settings.folder / "lake" / "events").glob("part=*/*.parquet")
    )


def test_the_lake_forgets_once_a_day(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    # Delta looks at the wall's clock for how long a file has been dead.
    monkeypatch.setattr(Lake, "vacuum", partialmethod(Lake.vacuum, hours=0))
    town.tell(userId="u1")
    for name in ("a1", "a2"):
        town.tell(anonymousId=name, **ANDROID)
    town.tell(anonymousId="b1")
    flush(town.house)
    assert sorted(map(len, rows(town).values())) == [1, 1, 2]
    town.later(KEPT)
    town.tell(anonymousId="b1")
    flush(town.house)
    assert sorted(map(sorted, rows(town).values())) == [["m1"], ["m5"]]
    assert on_the_disk(town, "m4"), "for those whose questions began before"
    town.passes((READERS_HOURS + 1) * HOUR)
    flush(town.house)
    assert not any(on_the_disk(town, gone) for gone in ("m2", "m3", "m4"))
    town.put("settings", "workspace", {"anonymous_days": 1})
    town.later(0.5)
    flush(town.house)
    assert len(rows(town)) == 2
    town.later(0.6)
    flush(town.house)
    assert list(rows(town).values()) == [{"m1"}]


def test_a_lake_written_anew_holds_nobody_who_is_forgotten(town: Town) -> None:
    town.tell(anonymousId="a1")
    town.tell(anonymousId="b1")
    town.later(KEPT)
    town.tell(anonymousId="b1")
    flush(town.house)
    assert list(rows(town).values()) == [{"m3"}]
    assert town.rebuild().different == []
    flush(town.house)
    assert list(rows(town).values()) == [{"m3"}]
