"""Companies and their people through the engine: late calls, merges and vetoes, a rebuild, a backup."""

from __future__ import annotations

from collections.abc import Iterator
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
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.stores.state import State
from tests.runtime.test_unmerge import NOW, WHO, Shop, Town, people_of

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
    """The town of the unmerge stories, where people belong to companies too."""

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
            assert person.group_traits == {id: group_values(told[id]) for id in person.groups}
        assert members(state) == by_group(state)


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
    assert an.group_traits == {"acme": {"name": "Ánh Dương", "plan": "pro"}, "zeta": {}}
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
    house = House(load(str(shop.folder)))
    assert (house.state.groups(["acme", "zeta"]), members(house.state)) == before
    house.close()
