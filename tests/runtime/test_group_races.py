"""Two engines on the same companies: who joins while the company changes is where its present plan puts them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime.sharding import shard_of_entry
from duyen.stores.shards import ALL
from tests.runtime.test_groups import BUSINESS, Companies, by_group, grouped, in_business, members
from tests.runtime.test_racing import EVEN, Racing, Two
from tests.runtime.test_unmerge import NOW

pytestmark = pytest.mark.postgres
POINTS = ("groups", "put_heads", "put_groups", "put_group_members")


class RacingCompanies(Companies, Racing):
    """Two engines that cross each other's way at what is known of companies and who is in them."""

    def apply(self) -> None:
        """Both work until nothing waits."""
        self.two.drain()

    @rule(
        first=st.integers(0, 1),
        how=st.sampled_from([*POINTS, *(f"dies {point}" for point in POINTS)]),
        cut=st.integers(0, 9),
    )
    def engines_meet_at_companies(self, first: int, how: str, cut: int) -> None:
        """One engine is in the middle of its batch when the other one works, or dies there."""
        two, second = self.two, 1 - first
        part, self.waiting = self.waiting, []
        two.tell(Lane.LIVE, *part[:cut])
        two.tell(Lane.LIVE, *part[cut:])
        if how.startswith("dies"):
            two.dies(first, how.removeprefix("dies "))
        else:
            with two.in_the_middle(first, how, two.engines[second].turn):
                two.engines[first].turn()
        two.drain()


RacingCompanies.TestCase.settings = settings(
    max_examples=12, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
)
test_two_engines = RacingCompanies.TestCase


@pytest.fixture
def two() -> Iterator[Two]:
    made = Two()
    made.tell(Lane.CONTROL, ResourceChange("segment", "pro", BUSINESS, "t", NOW))
    made.drain()
    yield made
    made.close()


def call(id: str, shards: frozenset[int], ago: int, **told: str) -> Collected:
    """A call about the company by somebody whose work belongs to these shards."""
    for n in range(1_000):
        found = grouped(id, NOW - ago, True, {"userId": f"{id}{n}"}, "acme", **told)
        if shard_of_entry(found) in shards:
            return found
    raise AssertionError("no name for these shards")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("first", [0, 1])
def test_who_joins_while_the_company_changes_is_not_left_behind(
    two: Two, point: str, first: int
) -> None:
    two.tell(Lane.LIVE, call("there", EVEN, 9_000, plan="free"))
    two.drain()
    joining = call("joins", ALL - EVEN, 5_000)
    changing = call("changes", EVEN, 1_000, plan="pro")
    two.tell(Lane.LIVE, joining, changing)
    with two.in_the_middle(first, point, two.engines[1 - first].turn):
        two.engines[first].turn()
    two.drain()
    state = two.houses[0].state
    heads = state.heads(state.people_after("", 100))
    assert len(heads) == 3
    assert all(in_business(head.person) and "pro" in head.standing for head in heads.values())
    assert members(state) == by_group(state)
    assert sum(engine.raced for engine in two.engines) or point == "groups"
