"""Companies and their people through the engine: late calls, merges and vetoes, a rebuild, a backup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from duyen import collect, profiles
from duyen.model.event import Collected
from duyen.model.group import Told, group_values
from duyen.model.log import Lane
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.rules import evaluate, parse_rule
from duyen.runtime import grouping
from duyen.runtime.batch import Batch
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.identify import Identified
from duyen.runtime.lakework import flush
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.stores.query import Query
from duyen.stores.shards import ALL
from duyen.stores.state import State
from tests.runtime.test_unmerge import NOW, WHO, Shop, Town, people_of

BUSINESS = {"name": "Business", "rule": {"group": {"plan": "pro"}}}
GROUPS = st.sampled_from(["acme", "an-phat"])
PLANS = st.sampled_from(["free", "pro", None])


def grouped(
    id: str, time: int, trusted: bool, who: dict[str, str], group: str, **traits: Any
) -> Collected:
    """A group call; an address goes into the context's traits."""
    told = dict(who)
    email = told.pop("email", "")
    judged = collect.validate(
        {
            "messageId": id,
            "groupId": group,
            "traits": traits,
            **told,
            **({"context": {"traits": {"email": email}}} if email else {}),
        },
        "group",
        received=NOW,
        source="t",
        trusted=trusted,
        new_id=lambda: id,
    )
    assert isinstance(judged, Collected)
    return msgspec.structs.replace(judged, time=time)


def members(state: State) -> dict[str, dict[str, int]]:
    """The members of each group as they are found by it."""
    rows = state._db.execute("SELECT group_id, person, since FROM group_members").fetchall()
    found: dict[str, dict[str, int]] = {}
    for group, person, since in rows:
        found.setdefault(group, {})[person] = since
    return found


def by_group(state: State) -> dict[str, dict[str, int]]:
    """The same as the documents of people say it."""
    found: dict[str, dict[str, int]] = {}
    for id, head in state.heads(state.people_after("", 1_000)).items():
        for group, since in head.person.groups.items():
            found.setdefault(group, {})[id] = since
    return found


class Companies(Town):
    """The town of the unmerge stories, where people belong to companies too, and nearly all follow in slices."""

    def open(self) -> None:
        """A segment of those whose company has a plan."""
        super().open()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(grouping, "AT_ONCE", 1)
        self.house.tell(Lane.CONTROL, [ResourceChange("segment", "pro", BUSINESS, "t", NOW)])
        self.apply()

    def apply(self) -> None:
        """Work until nothing waits."""
        self.engine.drain()

    def teardown(self) -> None:
        """As it was."""
        self.patch.undo()
        super().teardown()

    @rule(
        who=WHO,
        group=GROUPS,
        plan=PLANS,
        ago=st.integers(0, 40),
        how=st.sampled_from(["server", "page"]),
    )
    def joins(self, who: dict[str, str], group: str, plan: str | None, ago: int, how: str) -> None:
        """Somebody belongs to a company, now or since long ago; what is known of it changes."""
        id, time = f"m{len(self.told):03d}", NOW - ago * 60_000
        told = grouped(id, time, how == "server", who, group, plan=plan)
        self.told.append(told)
        self.waiting.append(told)

    @invariant()
    def groups_are_those_of_the_whole_set(self) -> None:
        if self.waiting or not self.told:
            return
        events = [collect.normalise(each) for each in self.told]
        told: dict[str, Told] = {}
        for event in events:
            if group := profiles.group_of(event):
                told[group] = profiles.tell_group(told.get(group, {}), event)
        state = self.house.state
        assert state.groups(["acme", "an-phat"]) == told
        vetoes = [veto for veto in self.vetoes if veto.id not in self.lifted]
        people = people_of(events, vetoes, self.under)
        heads = state.heads(state.people_after("", 100))
        for id, (own, _) in people.items():
            person = heads[id].person
            assert person.groups == profiles.refold(id, own, {}).groups
            assert person.group_traits == {id: group_values(id, told[id]) for id in person.groups}
        assert members(state) == by_group(state)
        assert not state.group_walks(ALL, 1)
        inside = {id for id, head in heads.items() if in_business(head.person)}
        assert {id for id, head in heads.items() if "pro" in head.standing} == inside
        assert {person for person, _ in state.members("pro", "", 100)} == inside


def in_business(person: Person) -> bool:
    """Whether a company of theirs has the plan, by what is known of it now."""
    return any(values.get("plan") == "pro" for values in person.group_traits.values())


TestCompanies = Companies.TestCase
TestCompanies.settings = settings(
    max_examples=40,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


# -- stories


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def joins(user: str, group: str, **traits: Any) -> dict[str, Any]:
    """A group call of the company's server."""
    return {"type": "group", "userId": user, "groupId": group, "traits": traits}


def test_a_company_and_its_people_are_found_from_either_side(shop: Shop) -> None:
    shop.tell(joins("an", "acme", name="Ánh Dương", plan="pro"), joins("binh", "acme"))
    shop.tell(joins("an", "zeta"), joins("chi", "bee", name="Đông Á"))
    state = shop.house.state
    listed = state.list_groups("", None, 9)
    assert [group.id for group in listed] == ["acme", "bee", "zeta"]
    assert [group.id for group in state.list_groups("dong", None, 9)] == ["bee"]
    behind = (listed[0].folded, listed[0].id)
    assert [group.id for group in state.list_groups("", behind, 1)] == ["bee"]
    an = shop.person("user_id", "an")
    assert an.group_traits == {
        "acme": {"name": "Ánh Dương", "plan": "pro", "id": "acme"},
        "zeta": {"id": "zeta"},
    }
    people = {row.person for row, _ in state.list_group("acme", "", 9)}
    assert people == {an.id, shop.person("user_id", "binh").id}
    assert (state.count_group("acme"), state.count_groups()) == (2, 3)


def test_a_merge_takes_its_people_out_of_nothing_and_a_veto_gives_them_back(shop: Shop) -> None:
    shop.tell(joins("an", "acme"), {"event": "Visit", "anonymousId": "tablet"})
    shop.tell({"type": "group", "anonymousId": "tablet", "groupId": "zeta"})
    shop.tell({"type": "identify", "userId": "an", "anonymousId": "tablet"})
    an = shop.person("user_id", "an")
    assert set(an.groups) == {"acme", "zeta"}
    assert members(shop.house.state) == by_group(shop.house.state)
    assert shop.unmerge(("user_id", "an"), "anonymous_id:tablet") is not None
    assert set(shop.person("user_id", "an").groups) == {"acme"}
    assert set(shop.person("anonymous_id", "tablet").groups) == {"zeta"}
    assert members(shop.house.state) == by_group(shop.house.state)


def test_a_rebuild_makes_the_same_companies(shop: Shop) -> None:
    shop.tell(joins("an", "acme", plan="pro", size=9), joins("binh", "acme", plan="free"))
    shop.tell(joins("an", "acme", size=None), joins("an", "zeta"))
    shop.tell({"type": "identify", "userId": "an", "anonymousId": "a"})
    state = shop.house.state
    before = state.groups(["acme", "zeta"]), members(state)
    shop.close()
    result = rebuild(load(str(shop.folder)))
    assert (result.different, result.people) == ([], 2)
    with closing(House(load(str(shop.folder)))) as house:
        assert (house.state.groups(["acme", "zeta"]), members(house.state)) == before


def wants(shop: Shop) -> None:
    """A segment of a company's plan, and a journey that begins there."""
    journey = {"name": "Hello", "entry": {"segment": "pro"}, "steps": [{"wait": "1d"}]}
    now = shop.house.clock.now()
    shop.house.tell(
        Lane.CONTROL,
        [
            ResourceChange("segment", "pro", BUSINESS, "t", now),
            ResourceChange("journey", "hello", journey, "t", now),
        ],
    )
    shop.engine.drain()


def inside(shop: Shop) -> set[str]:
    """Who is in the segment, by what is stored."""
    return {person for person, _ in shop.house.state.members("pro", "", 1_000)}


def on_the_way(shop: Shop) -> set[str]:
    """Who began the journey."""
    state = shop.house.state
    heads = state.heads(state.people_after("", 1_000)).items()
    return {id for id, h in heads if any(p.journey == "hello" for p in h.person.places.values())}


def test_a_change_reaches_every_colleague_though_the_engine_dies_on_the_way(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "AT_ONCE", 3)
    wants(shop)
    shop.tell(*(joins(f"u{n}", "acme", plan="free") for n in range(20)))
    everybody = set(shop.house.state.group_members("acme", "", 99))
    assert len(everybody) == 20
    told = grouped("later", NOW, True, {"userId": "u0"}, "acme", plan="pro")
    now = shop.house.clock.now()
    # What is imported is known, and nobody sets out because of it.
    shop.house.tell(Lane.BULK, [msgspec.structs.replace(told, time=now, imported=True)])
    assert shop.engine.lane(Lane.BULK, 100)
    assert len(inside(shop)) in (3, 4)
    assert shop.engine.groups(most=4)
    first = inside(shop)
    assert 4 < len(first) < 20
    shop.engine.close()
    shop.engine = Engine(shop.house)
    while shop.engine.groups(most=4):
        pass
    assert first < inside(shop) == everybody
    assert on_the_way(shop) == set()


def test_a_change_of_now_lets_colleagues_set_out_and_history_does_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "AT_ONCE", 2)
    wants(shop)
    shop.tell(*(joins(f"u{n}", "acme", plan="free") for n in range(9)))
    shop.tell(joins("u0", "acme", plan="pro"))
    everybody = set(shop.house.state.group_members("acme", "", 99))
    assert inside(shop) == on_the_way(shop) == everybody
    shop.tell(joins("u0", "acme", plan="free"))
    assert inside(shop) == set()


def test_a_second_change_on_the_way_is_walked_once_more(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "AT_ONCE", 1)
    wants(shop)
    shop.tell(*(joins(f"u{n}", "acme", plan="free") for n in range(12)))
    for n, plan in enumerate(("pro", "free", "pro")):
        told = grouped(f"c{n}", NOW + n, True, {"userId": "u1"}, "acme", plan=plan)
        now = shop.house.clock.now()
        shop.house.tell(Lane.LIVE, [msgspec.structs.replace(told, time=now + n)])
        shop.engine.lane(Lane.LIVE, 100)
        shop.engine.groups(most=3)
    state = shop.house.state
    walks = state.group_walks(ALL, 99)
    assert walks
    assert len(walks) == len({(walk.group, walk.shard) for walk in walks})
    shop.engine.drain()
    assert inside(shop) == set(state.group_members("acme", "", 99))
    assert not state.group_walks(ALL, 1)


def test_traits_that_no_rule_reads_have_nobody_looked_at(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(shop)
    shop.tell(*(joins(f"u{n}", "acme", plan="free") for n in range(5)))
    looked: list[int] = []
    run = shop.engine._run

    def watched(batch: Batch) -> Identified:
        found = run(batch)
        looked.append(len(batch.nudged))
        return found

    monkeypatch.setattr(shop.engine, "_run", watched)
    shop.tell(joins("u0", "acme", size=7))
    shop.tell(joins("u0", "acme", plan="pro"))
    assert looked == [0, 5]


def test_a_rebuild_walks_as_the_engine_did(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouping, "AT_ONCE", 2)
    wants(shop)
    shop.tell(*(joins(f"u{n}", "acme", plan="free") for n in range(9)))
    shop.tell(joins("u3", "acme", plan="pro"), joins("u1", "zeta", plan="pro"))
    before = inside(shop), on_the_way(shop), members(shop.house.state)
    assert len(before[0]) == 9
    shop.close()
    assert rebuild(load(str(shop.folder))).different == []
    with closing(House(load(str(shop.folder)))) as again:
        shop.house = again
        assert (inside(shop), on_the_way(shop), members(again.state)) == before


def test_the_lake_says_of_companies_what_the_documents_say(shop: Shop) -> None:
    wants(shop)
    shop.tell(*(joins(f"u{n}", f"g{n % 3}", plan="free") for n in range(9)))
    shop.tell(joins("u0", "g0", plan="pro"), joins("u1", "g0"), joins("u5", "g2", size=3))
    flush(shop.house)
    with closing(Query(shop.folder / "lake")) as query:
        for rule in (BUSINESS["rule"], {"group": {}}, {"group": {"id": "g2", "size": {"gt": 2}}}):
            asked = parse_rule(rule)
            heads = shop.house.state.heads(shop.house.state.people_after("", 99))
            holds = sorted(id for id, h in heads.items() if evaluate(asked, h.person, NOW).truth)
            assert holds
            assert query.members(asked, NOW) == holds
