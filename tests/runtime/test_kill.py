"""Law 4: what was acknowledged is durable, and effects happen once, whatever is killed and whenever.

The real processes (door, engine, sender) are killed at random moments under load, and everything they made is held
against a run that nobody disturbed: those of one machine on SQLite, and those of two machines on PostgreSQL.
"""

import os
import random
import shutil
from itertools import cycle
from pathlib import Path
from typing import Any

import psycopg
import pytest

from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.stores.shards import SHARDS
from tests import postgres
from tests.api.server import until
from tests.conftest import find_free_port
from tests.runtime.crew import PEOPLE, Crew, outcome, prepare, run

KILLS = 36
SEED = int(os.environ.get("DUYEN_SEED", "1"))


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What comes of the story where nobody is killed."""
    folder = tmp_path_factory.mktemp("calm")
    prepare(folder).close()
    return run({folder: find_free_port()}, 0, 0)


def check(wild: dict[str, Any], calm: dict[str, Any], *, engines: int = 1) -> None:
    """Nothing is lost, and nothing happened twice.

    Where several engines meet one person under several identifiers, a later event of theirs may come first: an order
    before the consent, whose contact is then refused. So there each contact is made once, or was refused and says so.
    """
    assert len(calm["people"]) == PEOPLE
    reactions = ("contacts", "effect") if engines == 1 else ("answered",)
    for part in ("people", "members", *reactions, "decided"):
        assert wild[part] == calm[part], part
    assert len(set(wild["told"])) == len(wild["told"])
    assert set(wild["told"]) <= set(calm["told"])
    for result in (calm, wild):
        assert max(result["mails"].values()) == 1
        for key, (state, reason) in result["fates"].items():
            assert (state, reason) in {("sent", ""), ("failed", "uncertain")}
            assert state != "sent" or result["mails"][key] == 1
    assert set(calm["mails"]) == calm["contacts"]


def check_rebuild(folder: Path, wild: dict[str, Any]) -> None:
    """The log gives the same people and the same fates again."""
    again = rebuild(load(str(folder)))
    assert (again.people, again.same, again.different) == (PEOPLE, PEOPLE, [])
    rebuilt = outcome(folder)
    for part in ("people", "members", "fates"):
        assert rebuilt[part] == wild[part], part


def test_the_processes_of_one_machine(calm: dict[str, Any], tmp_path: Path) -> None:
    prepare(tmp_path).close()
    wild = run({tmp_path: find_free_port()}, KILLS, SEED)
    check(wild, calm)
    check_rebuild(tmp_path, wild)


def sender_of(url: str) -> tuple[int, int]:
    """How many processes have been the sender so far, and which one is."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT token, holder FROM leases WHERE role = 'sender'"
        ).fetchone()
    return (0, 0) if row is None else (row[0], int(row[1].rpartition(" ")[2]))


def parts_taken(folder: Path) -> int:
    """How many shards were at some time worked on without all of the others."""
    house = House(load(str(folder)))
    masks = {batch.shards for batch in house.state.batches()}
    house.close()
    return len(frozenset().union(*(shards for shards in masks if len(shards) < SHARDS)))


@pytest.mark.postgres
def test_the_processes_of_two_machines(calm: dict[str, Any], tmp_path: Path) -> None:
    """Two doors take calls, two engines share the work, a sender works and the other one takes over."""
    folders = [tmp_path / "one", tmp_path / "two"]
    with postgres.schema() as url:
        for folder in folders:
            folder.mkdir()
            (folder / "duyen.toml").write_text(f'store_url = "{url}"\n')
        prepare(folders[0]).close()
        shutil.copy(folders[0] / "secret.key", folders[1] / "secret.key")

        turns = cycle(("engine", "sender", "door"))

        def working(crew: Crew, rng: random.Random) -> tuple[Path, str]:
            """One that works, so that another has to take over: each role in its turn."""
            role = next(turns)
            if role != "sender":
                return rng.choice([name for name in crew.names if name[1] == role])
            found = until(lambda: sender(crew))
            assert found is not None
            return found

        def sender(crew: Crew) -> tuple[Path, str] | None:
            """Who sends now; on a busy machine the next one needs a moment to stand up."""
            crew.look_after()
            _, pid = sender_of(url)
            return next((n for n, process in crew.processes.items() if process.pid == pid), None)

        places = {folder: find_free_port() for folder in folders}
        wild = run(places, KILLS // 3, SEED, pause=2.0, victim=working)
        assert sender_of(url)[0] > 2
        assert parts_taken(folders[0]) >= SHARDS, "both engines work, on shards of their own"
        check(wild, calm, engines=2)
        check_rebuild(folders[1], wild)
