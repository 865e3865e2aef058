"""When scheduled journeys call: each tick once, and none that was over before the schedule was there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.model.times import DAY, HOUR, Millis, format_time, parse_time
from duyen.runtime.clock import Clock
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.scheduler import Scheduler
from duyen.runtime.settings import load

START = parse_time("2026-11-21T00:00:00Z")


class Stopped(Clock):
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.at: Millis = START

    def now(self) -> Millis:
        """The present instant."""
        return self.at


class Shop:
    """One scheduled journey in a house of its own."""

    def __init__(self, folder: Path) -> None:
        self.house = House(load(str(folder), {}), engine=True)
        self.clock = self.house.clock = Stopped()
        self.engine = Engine(self.house)
        self.scheduler = Scheduler(self.house)
        self.house.wait_applied = lambda *_: True  # type: ignore[method-assign]

    def put(self, at: Millis, *, live: bool = True, name: str = "n") -> None:
        """The journey, calling everybody once a week."""
        entry = {"schedule": {"at": format_time(at), "every": "7d"}}
        body = {"name": name, "live": live, "entry": entry, "steps": ["exit"]}
        change = ResourceChange("journey", "j", body, "an", self.clock.at)
        self.house.tell(Lane.CONTROL, [change])
        self.engine.drain()

    def called(self) -> str:
        """The last tick told, after one more look."""
        self.scheduler.journeys()
        self.engine.drain()
        told = self.house.state.meta("tick:j")
        return told and format_time(int(told))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop whose clock stands at START."""
    found = Shop(tmp_path)
    yield found
    found.engine.close()
    found.house.close()


def test_a_tick_fires_once_at_its_time(shop: Shop) -> None:
    shop.put(START + HOUR)
    assert shop.called() == ""
    shop.clock.at = START + HOUR
    assert shop.called() == format_time(START + HOUR)
    shop.clock.at += DAY
    assert shop.called() == format_time(START + HOUR)


def test_a_schedule_that_begins_now_fires(shop: Shop) -> None:
    shop.put(START)
    assert shop.called() == format_time(START)


def test_a_tick_from_before_the_schedule_was_put_does_not_fire(shop: Shop) -> None:
    shop.put(START - HOUR)
    assert shop.called() == ""
    shop.clock.at = START + 7 * DAY
    assert shop.called() == format_time(START - HOUR + 7 * DAY)


def test_a_moved_schedule_does_not_fire_for_the_past(shop: Shop) -> None:
    shop.put(START)
    assert shop.called() == format_time(START)
    shop.clock.at = START + 2 * HOUR
    shop.put(START + HOUR)
    assert shop.called() == format_time(START)


def test_what_was_due_while_paused_does_not_fire_on_resuming(shop: Shop) -> None:
    shop.put(START)
    assert shop.called() == format_time(START)
    shop.put(START, live=False)
    shop.clock.at = START + 10 * DAY
    assert shop.called() == format_time(START)
    shop.put(START)
    assert shop.called() == format_time(START)


def test_another_name_does_not_make_a_missed_tick_forgotten(shop: Shop) -> None:
    shop.put(START + HOUR)
    shop.clock.at = START + 15 * DAY
    shop.put(START + HOUR, name="another")
    assert shop.called() == format_time(START + HOUR + 14 * DAY)


ORPHANS = """
import subprocess, sys, time
from duyen.runtime.scheduler import Job
job = Job("long", [], 0, 0)
job._command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
job._due = 0
real = subprocess.Popen
subprocess.Popen = lambda command, stdout, **more: real(command, **more)
job.look(1)
print(job._process.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_a_job_ends_with_a_killed_scheduler() -> None:
    scheduler = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True)
    assert scheduler.stdout is not None
    told = {scheduler.stdout.readline().strip(), scheduler.stdout.readline().strip()}
    assert "up" in told
    scheduler.kill()
    scheduler.wait()
    # The job holds the other end of the pipe: it closes once the job is gone.
    assert scheduler.stdout.read() == ""
    scheduler.stdout.close()
