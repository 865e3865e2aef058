"""A flush is killed at any commit, and read while it works: readers see one moment of the state, nothing twice."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from duyen.runtime.lakework import flush
from duyen.stores.query import Query
from tests.floor_plan import ROOT
from tests.lake.test_owners import Shop

KILLED = """
import os, signal, sys
from pathlib import Path
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.settings import load
from duyen.stores import delta_files

left, first, work = int(sys.argv[2]), sys.argv[3] == "before", delta_files.commit

def commit(*args, **more):
    global left
    left -= 1
    if left < 0 and first:
        os.kill(os.getpid(), signal.SIGKILL)
    work(*args, **more)
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

delta_files.commit = commit
flush(House(load(sys.argv[1], {})))
"""


@pytest.fixture
def shop(tmp_path: Path) -> Any:
    made = Shop(tmp_path)
    yield made
    made.close()
    made.query.close()


@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_each_commit_of_a_flush(shop: Shop, when: str) -> None:
    shop.tell(10, userId="u1", anonymousId="a")
    shop.tell(20, anonymousId="a")
    flush(shop.house)
    before = shop.rows()
    shop.tell(5, userId="u2", anonymousId="a")
    for commits in range(8):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(shop.settings.folder), str(commits), when],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            check=False,
        )
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
        if shop.rows() != before:
            break  # killed in the tidying behind what was published
    flush(shop.house)
    assert shop.rows() != before
    shop.agrees()
    assert shop.lake.damage() == []


def test_readers_see_one_moment_while_others_write(shop: Shop) -> None:
    """Every person of an event is among the people, with as many events, at every moment."""
    shop.tell(30, userId="u0", anonymousId="b0")
    flush(shop.house)
    wrong: list[Any] = []
    asked = [0]
    done = threading.Event()
    question = (
        "SELECT coalesce(e.person, p.person), n, p.events FROM people p"
        " FULL JOIN (SELECT person, count(*) AS n FROM events GROUP BY person) e"
        " ON e.person = p.person WHERE n IS DISTINCT FROM p.events"
    )

    def read() -> None:
        query = Query(shop.lake.folder)
        try:
            while not done.is_set() or not asked[0]:
                wrong.extend(query.sql(question).rows)
                asked[0] += 1
        finally:
            query.close()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for turn in range(1, 9):
            shop.tell(30 - turn, userId=f"u{turn % 3}", anonymousId=f"b{turn % 2}")
            shop.tell(30 + turn, anonymousId=f"b{turn % 2}")
            flush(shop.house)
            shop.lake.compact()
            shop.lake.settle()
    finally:
        done.set()
        reader.join()
    assert asked[0]
    assert wrong == []
    shop.agrees()
