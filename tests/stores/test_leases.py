"""A role on PostgreSQL: who was given up for dead cannot write any more, not even in the middle of something."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from duyen.model.errors import Conflict
from duyen.stores.attempts import AttemptRow
from duyen.stores.interface import Stores, open_stores
from duyen.stores.postgres import leases
from tests import postgres
from tests.api.server import until

pytestmark = pytest.mark.postgres


@pytest.fixture(autouse=True)
def _standing_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody renews: a holder that stands still, seen by the others."""
    monkeypatch.setattr(leases, "RENEW_SECONDS", 3600.0)


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.schema() as found:
        yield found


@pytest.fixture
def admin(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def machine(url: str) -> Stores:
    return open_stores(url, Path())


def run_out(admin: psycopg.Connection[tuple[object, ...]]) -> None:
    """What an hour without a renewal does."""
    admin.execute("UPDATE leases SET until = '-infinity'")


def test_who_was_replaced_writes_nothing(
    url: str, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    first, second = machine(url), machine(url)
    old, attempts = first.state(writing=True), first.attempts()
    claims = [first.claim(role) for role in ("engine", "sender")]
    with old.writing():
        old.set_meta("by", "first")
    run_out(admin)
    claims += [second.claim(role) for role in ("engine", "sender")]
    with pytest.raises(Conflict, match="taken over") as error, old.writing():
        old.set_meta("by", "first again")
    assert error.value.code == "role.replaced"
    with pytest.raises(Conflict, match="taken over"):
        attempts.put([AttemptRow("k", 1, 1)])
    new = second.state(writing=True)
    assert new.meta("by") == "first"
    with new.writing():
        new.set_meta("by", "second")
    assert old.meta("by") == "second"
    for claim in claims:
        claim.close()
    old.close()
    new.close()
    attempts.close()


def test_a_batch_under_way_ends_before_anybody_takes_over(
    url: str, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    first, second = machine(url), machine(url)
    old, claim = first.state(writing=True), first.claim("engine")
    seen: list[str] = []

    def take_over() -> None:
        lease, new = second.claim("engine"), second.state(writing=True)
        seen.append(new.meta("word"))
        new.close()
        lease.close()

    def waits() -> bool:
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        row = admin.execute(query).fetchone()
        return row is not None and row[0] != 0

    with old.writing():
        old.set_meta("word", "whole")
        run_out(admin)
        successor = threading.Thread(target=take_over)
        successor.start()
        until(waits)
        assert seen == []
    successor.join()
    assert seen == ["whole"]
    old.close()
    claim.close()


def test_a_holder_whose_session_ended_is_followed_at_once(
    url: str, admin: psycopg.Connection[tuple[object, ...]]
) -> None:
    first, second = machine(url), machine(url)
    claim = first.claim("engine")
    assert second.running("engine")
    admin.execute("SELECT pg_terminate_backend(session::int, 5000) FROM leases")
    assert not second.running("engine")
    second.claim("engine").close()
    claim.close()


def test_many_who_want_a_role_leave_it_to_one(url: str) -> None:
    machine(url).claim("engine").close()
    got: list[object] = []

    def want() -> None:
        try:
            got.append(machine(url).claim("engine"))
        except Conflict as error:
            got.append(error.code)

    threads = [threading.Thread(target=want) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = [one for one in got if not isinstance(one, str)]
    assert len(held) == 1
    assert got.count("engine.running") == 5
    held[0].close()  # type: ignore[attr-defined]
