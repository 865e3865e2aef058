"""After the rules of identity changed: a sweep ends where a fresh start under the new rules does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from duyen import collect, profiles
from duyen.identity import Rules, parse_blocked, parse_rules
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime import definitions, foresight, sweep
from duyen.runtime.engine import Engine
from duyen.runtime.foresight import Foresight
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from tests.runtime.test_unmerge import NOW, Town, call, people_of

SETTINGS: list[dict[str, Any]] = [
    {},
    {"blocked": ["u0"]},
    {"blocked": ["/u[01]/", "e0@*"]},
    {"identity": {"user_id": {"limit": 2}, "anonymous_id": {"limit": 1}}},
    {"identity": {"email": {"limit": 0}}},
    {"identity": {"email": {"priority": 1, "protect": "merges"}, "user_id": {"priority": 2}}},
    {"identity": {"email": {"protect": "anonymous"}, "anonymous_id": {"blocked": ["a0"]}}},
    {
        "identity": {
            "user_id": {"limit": 1, "within": "5m"},
            "anonymous_id": {"limit": 2, "within": "10m"},
        }
    },
    {"identity": {"user_id": {"limit": 2, "within": "20m"}}, "blocked": ["a1"]},
]


def change(body: dict[str, Any]) -> ResourceChange:
    return ResourceChange("settings", "workspace", body, "t", NOW)


class SweptTown(Town):
    """A town whose rules change, again and again, while people come and go."""

    most: ClassVar[int] = 2

    @rule(body=st.sampled_from(SETTINGS))
    def rules_change(self, body: dict[str, Any]) -> None:
        self.house.tell(Lane.CONTROL, [change(body)])
        self.engine.control()
        identity, blocked = body.get("identity", {}), body.get("blocked", [])
        self.under = Rules.of(parse_rules(identity), parse_blocked(blocked))

    @rule(slices=st.integers(1, 4))
    def the_sweep_goes_on(self, slices: int) -> None:
        for _ in range(slices):
            self.engine.sweep(self.most)

    @rule()
    def engine_comes_to_it_between(self) -> None:
        """What arrives is applied while a sweep is under way."""
        if self.waiting:
            self.house.tell(Lane.LIVE, list(self.waiting))
            self.waiting = []
            self.engine.lane(Lane.LIVE, 100)

    @rule()
    def the_engine_is_killed(self) -> None:
        self.engine.close()
        self.house.close()
        self.house = House(load(str(self.folder)), engine=True)
        self.engine = Engine(self.house)

    @invariant()
    def people_are_those_of_the_whole_set(self) -> None:
        self.check()

    def check(self) -> None:
        """Everybody is who they would be if all had been told under the present rules."""
        if self.waiting or not self.told or sweep.under_way(self.house.state):
            return
        events = [collect.normalise(each) for each in self.told]
        vetoes = [veto for veto in self.vetoes if veto.id not in self.lifted]
        people = people_of(events, vetoes, self.under)
        people.pop("", None)
        heads = self.house.state.heads(self.house.state.people_after("", 100))
        assert {id: {e.id for e in h.person.recent} for id, h in heads.items()} == {
            id: {e.id for e in own} for id, (own, _) in people.items()
        }
        for id, (own, identifiers) in people.items():
            mine, again = heads[id].person, profiles.refold(id, own, {})
            assert mine.identifiers == identifiers
            for part in ("traits", "first", "last", "events", "history"):
                assert profiles.knowledge(mine)[part] == profiles.knowledge(again)[part]
            for namespace, values in identifiers.items():
                for value in () if namespace.startswith("claimed.") else values:
                    assert self.house.state.person_of(namespace, value) == id
        assert self.house.state.count_people() == len(heads)

    def teardown(self) -> None:
        """Whatever happened, the sweep comes to its end, and the law holds there."""
        if self.waiting:
            self.house.tell(Lane.LIVE, list(self.waiting))
            self.waiting = []
        self.engine.drain()
        self.check()
        super().teardown()


TestSweptTown = SweptTown.TestCase
TestSweptTown.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class LongSweptTown(SweptTown):
    """The same, thousands of times."""


TestLongSweptTown = pytest.mark.slow(LongSweptTown.TestCase)
TestLongSweptTown.settings = settings(
    max_examples=2_000,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def town(tmp_path: Path) -> Any:
    """A folder with one engine."""
    made = SweptTown()
    yield made
    made.teardown()


def tell(town: SweptTown, *told: tuple[str, int, dict[str, str]]) -> None:
    for id, ago, who in told:
        town.told.append(call(id, NOW - ago * 60_000, True, who))
    town.house.tell(Lane.LIVE, list(town.told[-len(told) :]))
    town.engine.drain()


def test_a_rebuild_takes_the_steps_of_a_sweep_again(town: SweptTown) -> None:
    tell(
        town,
        ("m1", 9, {"anonymousId": "a1", "userId": "u0"}),
        ("m2", 8, {"anonymousId": "a2", "userId": "u0"}),
        ("m3", 7, {"userId": "u0"}),
        ("m4", 6, {"anonymousId": "a2", "email": "e1@x.test"}),
    )
    assert town.house.state.count_people() == 1
    town.rules_change({"blocked": ["u0"]})
    town.engine.sweep(1)
    town.the_engine_is_killed()
    town.engine.drain()
    town.check()
    assert town.house.state.count_people() == 2
    done = sweep.finished(town.house.state)
    assert done is not None
    assert (done.split, done.merged) == (1, 0)
    town.engine.close()
    town.house.close()
    result = rebuild(load(str(town.folder)))
    town.house = House(load(str(town.folder)), engine=True)
    town.engine = Engine(town.house)
    assert result.different == []
    assert result.same == result.people == 2
    assert sweep.under_way(town.house.state) is None
    assert sweep.finished(town.house.state) == done
    town.rules_change({})
    town.engine.drain()
    town.check()
    assert town.house.state.count_people() == 1


def foresee(town: SweptTown, body: dict[str, Any], **more: Any) -> Foresight:
    now = town.house.program().settings
    then = definitions.build([("settings", "workspace", 0, body, "t", NOW)], 0).settings
    return foresight.foresee(town.house.state, town.house.log, now, then, **more)


def many(town: SweptTown, pairs: int) -> None:
    """So many couples who share one device, one of them signed in there without an address of their own."""
    told: list[tuple[str, int, dict[str, str]]] = []
    for n in range(pairs):
        told.append((f"a{n:05d}", 9, {"anonymousId": f"d{n}", "userId": f"w{n}"}))
        told.append((f"b{n:05d}", 8, {"anonymousId": f"d{n}", "userId": f"h{n}"}))
    tell(town, *told)


def test_what_other_rules_would_do_is_told_before_they_are_saved(town: SweptTown) -> None:
    many(town, 40)
    assert town.house.state.count_people() == 80
    before = len(list(town.house.state.batches()))
    one_each = {"identity": {"user_id": {"limit": 2}}}
    found = foresee(town, one_each)
    assert found[:4] == (40, 0, 0, True)
    assert {sample.kind for sample in found.samples} == {"merge"}
    assert len(found.samples[0].people) == 2
    assert {name[0] for name in found.samples[0].becomes[0]} == {"user_id", "anonymous_id"}
    assert len(list(town.house.state.batches())) == before, "a look changes nothing"
    town.rules_change(one_each)
    town.engine.drain()
    town.told.clear()
    assert town.house.state.count_people() == 40
    done = sweep.finished(town.house.state)
    assert done is not None
    assert (done.merged, done.split) == (40, 0)
    back = foresee(town, {"blocked": ["/d.*/"]})
    assert back[:4] == (0, 40, 0, True)
    assert foresee(town, one_each)[:4] == (0, 0, 0, True)


def test_values_that_identify_again_are_followed_through_the_log(town: SweptTown) -> None:
    town.rules_change({"blocked": ["/d.*/"], "identity": {"user_id": {"limit": 2}}})
    many(town, 20)
    assert town.house.state.count_people() == 40
    town.told.clear()
    then = {"identity": {"user_id": {"limit": 2}}}
    assert foresee(town, then)[:4] == (20, 0, 0, True)
    town.rules_change(then)
    town.engine.drain()
    assert town.house.state.count_people() == 20


def test_who_would_be_known_by_nothing_is_counted(town: SweptTown) -> None:
    tell(town, ("m1", 9, {"anonymousId": "guest"}), ("m2", 8, {"anonymousId": "a1"}))
    found = foresee(town, {"blocked": ["guest"]})
    assert found[:4] == (0, 0, 1, True)
    assert [(sample.kind, sample.becomes) for sample in found.samples] == [("aside", ())]
    town.rules_change({"blocked": ["guest"]})
    town.engine.drain()
    assert town.house.state.count_people() == 1
    done = sweep.finished(town.house.state)
    assert done is not None
    assert done.aside == 1


def test_where_there_is_no_time_for_everybody_the_number_is_an_estimate(
    town: SweptTown, monkeypatch: pytest.MonkeyPatch
) -> None:
    many(town, 1_500)
    monkeypatch.setattr(foresight, "_WINDOW", 8)
    ticks = iter(range(10**9))
    found = foresee(
        town, {"identity": {"user_id": {"limit": 2}}}, seconds=130, clock=lambda: float(next(ticks))
    )
    assert not found.exact
    assert 1_100 < found.merged < 1_900
    assert foresee(town, {"identity": {"user_id": {"limit": 2}}}).merged == 1_500
    town.told.clear()
