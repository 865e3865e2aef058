"""What a batch costs does not grow with the people: no statement of the engine walks through a table of them."""

from pathlib import Path

import pytest
from msgspec import Raw, structs

from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime import grouping
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.stores.sqlite.database import SqliteDatabase

OF_PEOPLE = {
    "heads",
    "chunks",
    "evidence",
    "identifiers",
    "members",
    "groups_told",
    "group_members",
    "people",
    "redirects",
    "outbox",
}
NOW = 1_790_000_000_000


def told(n: int, user: str, anonymous: str = "") -> Collected:
    id = f"m{n}-{user}-{anonymous}"
    return Collected(id, "track", NOW + n, NOW + n, "s", True, "Seen", user, anonymous)


def grouped(n: int, user: str) -> Collected:
    """Somebody's company, whose plan changes every time."""
    call = Collected(f"g{n}-{user}", "group", NOW + n, NOW + n, "s", True, "", user)
    traits = Raw(f'{{"plan": {n}}}'.encode())
    return structs.replace(call, group_id="acme", traits=traits)


def test_no_statement_walks_through_the_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "AT_ONCE", 1)
    house = House(load(str(tmp_path)), engine=True)
    database = house.state._db
    assert isinstance(database, SqliteDatabase)
    asked: set[str] = set()
    database.connection.set_trace_callback(asked.add)
    rule = {"any": [{"did": "Seen", "at_least": 2}, {"group": {"plan": 2}}]}
    house.tell(Lane.CONTROL, [ResourceChange("segment", "often", {"rule": rule}, "me", 0)])
    engine = Engine(house)
    for n in range(3):
        house.tell(
            Lane.LIVE,
            [
                *(told(n, f"u{who}") for who in range(5)),
                *(grouped(n, f"u{who}") for who in range(4)),
                *(told(n, f"new{n}-{who}", f"a{n}-{who}") for who in range(3)),
                told(n, "u1", f"shared{n // 2}"),
                told(n, "u2", f"shared{n // 2}"),
            ],
        )
        engine.drain()
    database.connection.set_trace_callback(None)
    assert any("group_walks" in each for each in asked)
    statements = [each for each in asked if each.startswith(("SELECT", "UPDATE", "DELETE"))]
    assert len(statements) > 20
    for statement in statements:
        for _, _, _, detail in database.execute(f"EXPLAIN QUERY PLAN {statement}"):
            verb, table = f"{detail} -".split()[:2]
            walks = verb == "SCAN" and table in OF_PEOPLE and "LIMIT" not in statement
            assert not walks, (detail, statement)
    engine.close()
    house.close()
