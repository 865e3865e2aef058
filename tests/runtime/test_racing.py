"""Two engines at one state: nobody is lost or made twice, whoever commits in the middle of whose batch."""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from duyen.model.event import Collected
from duyen.model.log import Lane, Unmerge
from duyen.model.program import ResourceChange
from duyen.model.times import DAY
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.runtime.sharding import shard_of_entry
from duyen.runtime.tally import EVENTS
from duyen.stores.shards import ALL
from tests import postgres
from tests.runtime.test_unmerge import NOW, Town, call

pytestmark = pytest.mark.postgres
EVEN = frozenset(shard for shard in ALL if shard % 2 == 0)
POINTS = ("put_evidence", "put_heads")
"""Before anything is written, and when most of it is."""


class Part:
    """A share that a test gives."""

    def __init__(self, shards: frozenset[int]) -> None:
        self.shards = shards

    def close(self) -> None:
        """Nobody else knows of it."""


class Died(Exception):
    """What a kill -9 is to a transaction."""


class Two:
    """A schema with two engines, each with connections of its own."""

    def __init__(self, identity: dict[str, Any] | None = None) -> None:
        self._open = ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="duyen-two-"))
        self._open.callback(shutil.rmtree, self.folder)
        self.url = self._open.enter_context(postgres.schema())
        (self.folder / "duyen.toml").write_text(f'store_url = "{self.url}"\n')
        self._watch = self._open.enter_context(psycopg.connect(self.url, autocommit=True))
        self.houses = [House(load(str(self.folder)), engine=True) for _ in range(2)]
        for house in self.houses:
            self._open.callback(house.close)
        self.parts = [Part(EVEN), Part(ALL - EVEN)]
        self.engines = [Engine(h, p) for h, p in zip(self.houses, self.parts, strict=True)]
        change = ResourceChange("settings", "workspace", {"identity": identity or {}}, "t", NOW)
        self.tell(Lane.CONTROL, change)
        self.drain()

    def close(self) -> None:
        self._open.close()

    def tell(self, lane: Lane, *entries: Any) -> None:
        if entries:
            self.houses[0].tell(lane, list(entries))

    def drain(self) -> None:
        """Both work until nothing waits."""
        while sum(engine.turn() for engine in self.engines):
            pass

    @contextmanager
    def in_the_middle(self, of: int, point: str, meanwhile: Callable[[], Any]) -> Iterator[None]:
        """`meanwhile` happens once, when this engine is about to do what `point` names."""
        state: Any = self.houses[of].state
        threads: list[threading.Thread] = []

        def interrupted(*given: Any) -> Any:
            delattr(state, point)
            threads.append(threading.Thread(target=meanwhile))
            threads[0].start()
            while threads[0].is_alive() and not self._somebody_waits():
                time.sleep(0.001)
            return getattr(state, point)(*given)

        setattr(state, point, interrupted)
        try:
            yield
        finally:
            for thread in threads:
                thread.join()
            if point in vars(state):
                delattr(state, point)

    def _somebody_waits(self) -> bool:
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = current_setting('application_name')"
        )
        return self._watch.execute(query).fetchone() is not None

    def dies(self, which: int, point: str) -> None:
        """An engine is killed where `point` names; its connection ends with it, and it starts again."""
        state: Any = self.houses[which].state

        def killed(*given: Any) -> Any:
            raise Died

        setattr(state, point, killed)
        try:
            while self.engines[which].turn():
                pass
        except Died:
            pass
        finally:
            delattr(state, point)

    def people(self) -> dict[str, set[str]]:
        state = self.houses[0].state
        heads = state.heads(state.people_after("", 1_000))
        return {id: {e.id for e in head.person.recent} for id, head in heads.items()}


class Racing(Town):
    """The town of the unmerge stories with two engines that cross each other's way wherever they can."""

    def open(self) -> None:
        """A schema with two engines."""
        self.two = Two(self.identity)
        self.house = self.two.houses[0]

    def teardown(self) -> None:
        self.two.close()

    @rule(
        first=st.integers(0, 1),
        how=st.sampled_from(["in turn", *POINTS, "dies " + POINTS[0], "dies " + POINTS[1]]),
        cut=st.integers(0, 9),
        stale=st.booleans(),
    )
    def engine_comes_to_it(self, first: int, how: str, cut: int, stale: bool) -> None:
        """All that waits is one or two blocks; one engine is in the middle of its batch when the other one works."""
        two, second = self.two, 1 - first
        part, self.waiting = self.waiting, []
        two.tell(Lane.LIVE, *part[:cut])
        two.tell(Lane.LIVE, *part[cut:])
        if stale:  # each believes that all is its own
            two.parts[first].shards = two.parts[second].shards = ALL
        if how in POINTS:
            with two.in_the_middle(first, how, two.engines[second].turn):
                two.engines[first].turn()
        elif how.startswith("dies"):
            two.dies(first, how.removeprefix("dies "))
        two.parts[0].shards, two.parts[1].shards = EVEN, ALL - EVEN
        two.drain()

    @invariant()
    def each_event_counts_once(self) -> None:
        if not self.waiting:
            sums = self.house.state.activity_sums(0)
            assert sums.get(EVENTS, 0) == len(self.told)


Racing.TestCase.settings = settings(
    max_examples=10, stateful_step_count=14, suppress_health_check=list(HealthCheck)
)
test_two_engines = Racing.TestCase


class Limited(Racing):
    """The same where one person may have two addresses at most, and the later ones found people of their own."""

    identity = {"user_id": {"limit": 1}, "email": {"limit": 2}}  # noqa: RUF012


class RacingLong(Racing):
    """Many more interleavings."""


RacingLong.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
Limited.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, suppress_health_check=list(HealthCheck)
)
LONG = pytest.mark.timeout(1_800)
test_two_engines_for_long = LONG(pytest.mark.slow(RacingLong.TestCase))
test_two_engines_under_limits = LONG(pytest.mark.slow(Limited.TestCase))


@pytest.fixture
def two() -> Iterator[Two]:
    made = Two()
    yield made
    made.close()


def seen(id: str, shards: frozenset[int], *, named: str = "user_id", **who: str) -> Collected:
    """An event whose work belongs to these shards, by a name found for it under `named`."""
    for n in range(1_000):
        key = "userId" if named == "user_id" else "anonymousId"
        told = call(id, NOW - 1_000, True, {key: f"{named[0]}{n}", **who})
        if shard_of_entry(told) in shards:
            return told
    raise AssertionError("no name for these shards")


def race(two: Two, point: str, *told: Collected | Unmerge) -> Sequence[int]:
    """The first engine is in the middle of its batch when the second one works; how often each began anew."""
    two.tell(Lane.LIVE, *told)
    with two.in_the_middle(0, point, two.engines[1].turn):
        two.engines[0].turn()
    two.drain()
    return [engine.raced for engine in two.engines]


@pytest.mark.parametrize("point", POINTS)
def test_two_engines_that_meet_the_same_stranger(two: Two, point: str) -> None:
    """Both find nobody under the address, and both would found somebody."""
    lan = seen("m0", EVEN, email="lan@x.test")
    hers = seen("m1", ALL - EVEN, named="anonymous_id", email="lan@x.test")
    assert sum(race(two, point, lan, hers)) == 1
    assert list(two.people().values()) == [{"m0", "m1"}]


@pytest.mark.parametrize("point", POINTS)
def test_a_merge_meets_an_event_of_whom_it_merges(two: Two, point: str) -> None:
    """One engine adds to a document that the other one is about to fold into another."""
    lan, minh = seen("m0", EVEN), seen("m1", ALL - EVEN, named="anonymous_id")
    two.tell(Lane.LIVE, lan, minh)
    two.drain()
    both = call("m2", NOW, True, {"userId": lan.user_id, "anonymousId": minh.anonymous_id})
    again = call("m3", NOW, True, {"anonymousId": minh.anonymous_id})
    raced = race(two, point, both, again)
    assert sum(raced) == 1
    assert list(two.people().values()) == [{"m0", "m1", "m2", "m3"}]


@pytest.mark.parametrize("point", POINTS)
def test_a_veto_waits_for_whoever_resolves(two: Two, point: str) -> None:
    """It bears on evidence that another engine is just about to store: that one is stored first."""
    lan, tablet = seen("m0", EVEN), seen("m1", ALL - EVEN, named="anonymous_id")
    two.tell(Lane.LIVE, lan, tablet)
    two.drain()
    user, device = ("user_id", lan.user_id), ("anonymous_id", tablet.anonymous_id)
    both = call("m2", NOW, True, {"userId": lan.user_id, "anonymousId": tablet.anonymous_id})
    race(two, point, both, Unmerge("v", NOW, "t", (device,), (user,)))
    assert {"m1"} in two.people().values()
    assert two.houses[0].state.person_of(*user) != two.houses[0].state.person_of(*device)


@pytest.mark.parametrize("point", ["drop_evidence", "forget_records", "put_heads"])
@pytest.mark.parametrize("named", [{}, {"email": "lan@x.test"}])
def test_somebody_is_heard_of_while_being_forgotten(
    two: Two, point: str, named: dict[str, str]
) -> None:
    """Either all of them is gone or nothing is: no name leads to nobody, and nobody is without a name."""
    tablet = seen("m0", EVEN, named="anonymous_id")
    two.tell(Lane.LIVE, tablet)
    two.drain()
    again = call("m1", NOW, True, {"anonymousId": tablet.anonymous_id, **named})
    two.tell(Lane.LIVE, again)
    two.parts[1].shards = ALL
    with two.in_the_middle(0, point, two.engines[1].turn):
        two.engines[0].timers(now=NOW + 400 * DAY, shards=ALL)
    two.drain()
    state = two.houses[0].state
    holders = {person for _, person in state.owners()}
    assert holders == two.people().keys()
    assert list(two.people().values()) in ([], [{"m1"}], [{"m0", "m1"}])
    assert (state.person_of("anonymous_id", tablet.anonymous_id) is None) is not bool(holders)
    if named:
        assert list(two.people().values()) != []


def test_two_engines_that_believe_in_the_same_shards(two: Two) -> None:
    """A lease that ran out under its holder is no reason to count anything twice."""
    two.parts[0].shards = two.parts[1].shards = ALL
    race(two, "put_evidence", *(call(f"m{n}", NOW, True, {"userId": f"u{n}"}) for n in range(9)))
    assert two.houses[0].state.activity_sums(0)[EVENTS] == 9
    assert len(two.people()) == 9


def test_a_rebuild_takes_the_steps_of_both(two: Two) -> None:
    """Shards stood at different places when they were taken over; the record says so."""
    told = [
        call(f"m{n}", NOW - n, True, {"userId": f"u{n % 7}", "anonymousId": f"a{n % 11}"})
        for n in range(40)
    ]
    for n in range(0, 40, 4):
        two.tell(Lane.LIVE, *told[n : n + 4])
        two.engines[n // 4 % 2].turn()
        if n == 20:
            two.parts[0].shards = ALL
            two.engines[0].turn()
            two.parts[0].shards = EVEN
    two.drain()
    before = two.people()
    assert sum(map(len, before.values())) == 40
    again = rebuild(load(str(two.folder)))
    assert (again.same, again.different) == (len(before), [])
    assert two.people() == before
    places = two.houses[0].state.positions(Lane.LIVE)
    two.drain()
    assert two.people() == before
    assert max(places) == two.houses[0].log.newest(Lane.LIVE)
