"""The engines of a database deal its shards out among them, whoever comes, goes or dies."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from duyen.identity import person_id
from duyen.model.effect import Fact
from duyen.model.errors import Conflict
from duyen.stores.interface import Stores, open_stores
from duyen.stores.postgres import crew
from duyen.stores.postgres.crew import Seat
from duyen.stores.shards import ALL, END, SHARDS, bounds, from_mask, shard_of, to_mask, within
from tests import postgres
from tests.api.server import until

WAITING = """
    SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'
    AND application_name = current_setting('application_name')
"""


@pytest.fixture(autouse=True)
def _in_our_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks again by themselves: the test says when."""
    monkeypatch.setattr(crew, "RENEW_SECONDS", 3600.0)


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.schema() as found:
        yield found


def machine(url: str) -> Stores:
    return open_stores(url, Path())


def look(*seats: Seat) -> list[int]:
    """Everybody looks twice: once to leave what is too much, once to take what was left. How many each has."""
    for _ in range(2):
        for seat in seats:
            seat._look()
    held = [shard for seat in seats for shard in seat.shards]
    assert len(held) == len(set(held)), "nobody holds what another one holds"
    return [len(seat.shards) for seat in seats]


@pytest.mark.postgres
def test_engines_come_and_go(url: str) -> None:
    first = Seat(url)
    assert first.shards == ALL
    second = Seat(url)
    assert second.shards == frozenset()
    assert look(first, second) == [8, 8]
    third = Seat(url)
    assert sorted(look(first, second, third)) == [5, 5, 6]
    assert [len(one.shards) for one in machine(url).engines()] == [
        len(seat.shards) for seat in sorted((first, second, third), key=lambda s: s._name)
    ]
    first.close()
    assert look(second, third) == [8, 8]
    second.close()
    third.close()
    assert machine(url).engines() == []


@pytest.mark.postgres
def test_what_a_dead_engine_held_is_taken_over(url: str) -> None:
    first, second = Seat(url), Seat(url)
    look(first, second)
    with psycopg.connect(url, autocommit=True) as admin:
        query = (
            "SELECT pg_terminate_backend(session::int, 5000) FROM leases WHERE holder = %s LIMIT 1"
        )
        admin.execute(query, (first._name,))
    assert look(second) == [SHARDS]
    assert len(machine(url).engines()) == 1
    second.close()
    first.close()


@pytest.mark.postgres
def test_a_lease_that_nobody_renews_ends(url: str) -> None:
    first, second = Seat(url), Seat(url)
    look(first, second)
    with psycopg.connect(url, autocommit=True) as admin:
        query = "UPDATE leases SET until = '-infinity' WHERE %s IN (role, holder)"
        admin.execute(query, (first._name,))
    assert look(second) == [SHARDS]
    assert look(first, second) == [8, 8], "it was only slow"
    second.close()
    first.close()


@pytest.mark.postgres
def test_who_works_alone_has_no_company(url: str) -> None:
    """A rebuild begins where no engine is; engines that come meanwhile wait for its end."""
    seat = Seat(url)
    with pytest.raises(Conflict, match="engine"):
        machine(url).claim("engine")
    seat.close()
    alone = machine(url).claim("engine")
    seat = Seat(url)
    assert look(seat) == [0]
    assert machine(url).running("engine")
    alone.close()
    assert look(seat) == [SHARDS]
    seat.close()


def test_every_id_lies_in_one_shard() -> None:
    ids = ["", "p", "p_", "p_4", "zz", *(person_id(("user_id", f"u{n}")) for n in range(4_000))]
    for id in ids:
        low, high = bounds(shard_of(id))
        assert low <= id < high
    assert bounds(SHARDS - 1)[1] == END
    counts = [sum(shard_of(id) == shard for id in ids) for shard in ALL]
    assert min(counts) > 180, "hashes spread"


def test_a_set_of_shards_as_a_number_and_as_a_condition() -> None:
    some = frozenset({0, 3, 15})
    assert from_mask(to_mask(some)) == some
    assert from_mask(to_mask(ALL)) == ALL
    assert within(ALL) == ("", [])
    condition, values = within({3})
    assert condition == " AND ((person >= ? AND person < ?))"
    assert values == list(bounds(3))
    assert within(()) == (" AND (1 = 0)", [])


@pytest.mark.postgres
def test_no_smaller_number_shows_after_a_larger_one(url: str) -> None:
    """Facts are numbered before they show: the lake, which reads on behind the largest, waits for who is under way."""
    slow, quick, reader = (machine(url).state(writing=writing) for writing in (True, True, False))
    seen: list[list[str]] = []

    def look_at_facts() -> None:
        with reader.reading():
            seen.append([person for _, person, *_ in reader.facts(0, 9)])

    looking = threading.Thread(target=look_at_facts)
    with psycopg.connect(url, autocommit=True) as admin:
        with slow.writing():
            slow.put_facts([Fact("first", 1, "x", {})])
            with quick.writing():
                quick.put_facts([Fact("second", 1, "x", {})])
            looking.start()
            until(lambda: seen or admin.execute(WAITING).fetchone())
            assert not seen
        looking.join()
    assert seen == [["first", "second"]]
    for state in (slow, quick, reader):
        state.close()


@pytest.mark.postgres
def test_who_is_alone_waits_for_all_and_all_for_them(url: str) -> None:
    one, other = machine(url).state(writing=True), machine(url).state(writing=True)
    told: list[str] = []

    def alone() -> None:
        with one.writing(alone=True):
            told.append(one.meta("word"))

    waiting = threading.Thread(target=alone)
    with psycopg.connect(url, autocommit=True) as admin:
        with other.writing():
            other.set_meta("word", "said")
            waiting.start()
            until(lambda: told or admin.execute(WAITING).fetchone())
            assert not told
        waiting.join()
    assert told == ["said"], "the view is that of the moment at which the waiting ended"
    one.close()
    other.close()
