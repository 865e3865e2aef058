"""The scheduler: starts what is due (lake, training, scheduled journeys). Jobs are processes of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from types import FrameType

from duyen.journeys.plan import last_tick
from duyen.model.journey import ScheduleEntry
from duyen.model.log import Lane
from duyen.model.program import Nudge
from duyen.model.times import Millis
from duyen.runtime.house import House
from duyen.runtime.politeness import BACKGROUND, give_way
from duyen.runtime.settings import Settings
from duyen.runtime.sources import Sources, wanted
from duyen.runtime.supervisor import end_with_parent
from duyen.runtime.uploads import Uploads

LOOK_EVERY = 0.5
HELPER_PAUSE, HELPER_LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a helper that ended is started again."""
PATIENCE = 5.0
"""Seconds that jobs get to end; the supervisor waits longer."""


class Job:
    """A command that runs every so often, never twice at once, and only when there may be something new."""

    def __init__(self, name: str, arguments: list[str], every: float, first: float) -> None:
        self.name, self._every = name, every
        self._command = [sys.executable, "-m", "duyen", *arguments]
        self._due = time.monotonic() + first
        self._seen = -1
        self._process: subprocess.Popen[bytes] | None = None

    def look(self, applied: int) -> None:
        """Start the job where it is due and `applied` (the engine's progress) has moved."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            if self._process.returncode:
                self._seen = -1
            self._process = None
        if time.monotonic() < self._due or applied == self._seen:
            return
        self._due, self._seen = time.monotonic() + self._every, applied
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, preexec_fn=_in_the_background
        )

    def stop(self) -> None:
        """Tell a running job to end; it goes on from its last commit next time."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for a job that was told to end, and end it where it does not."""
        _end(self._process, seconds)


class Helper:
    """A process that runs as long as it is needed; one that ends by itself is started again, ever more slowly."""

    def __init__(self, arguments: list[str]) -> None:
        self._command = [sys.executable, "-m", "duyen", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._due, self._pause, self._started = 0.0, HELPER_PAUSE, 0.0

    def look(self, needed: bool) -> None:
        """Start it where it is needed and not there; end it where it is needed no more."""
        now = time.monotonic()
        if self._process is not None and self._process.poll() is not None:
            held = now - self._started > HELPER_LONGEST_PAUSE
            self._pause = HELPER_PAUSE if held else min(HELPER_LONGEST_PAUSE, 2 * self._pause)
            self._process, self._due = None, now + self._pause
        if not needed:
            self.stop()
        elif self._process is None and now >= self._due:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent
            )
            self._started = now

    def stop(self) -> None:
        """Tell it to end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for it, and end it where it does not."""
        _end(self._process, seconds)


def _end(process: subprocess.Popen[bytes] | None, seconds: float) -> None:
    if process is None:
        return
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _in_the_background() -> None:
    """In a new job: it ends with its parent, and lets whoever answers people go first."""
    end_with_parent()
    give_way(BACKGROUND)


class Scheduler:
    """Looks twice a second."""

    def __init__(self, house: House) -> None:
        self.house = house
        settings = house.settings
        data = ["--data", settings.data]
        self.jobs = [
            Job("lake", ["lake", "flush", *data], settings.lake_every, 5),
            Job("models", ["recommend", "train", *data], settings.models_every, 15),
        ]
        self.uploads = Uploads(house.folder)
        self.imports = Job("imports", ["import", "uploaded", *data], 1, 0)
        self.erasures = Job("erasures", ["erasures", "run", *data], settings.erase_every, 5)
        self.sources = Sources(house)
        self.listener = Helper(["listener", *data])

    def turn(self) -> None:
        """One look."""
        applied = sum(self.house.state.position(lane) for lane in Lane)
        self.journeys()
        for job in self.jobs:
            job.look(applied)
        self.erasures.look(self._to_erase())
        self.listener.look(bool(wanted(self.sources.all())))
        self.imports.look(_number(self.uploads.wished()))

    def _to_erase(self) -> int:
        """Differs where something else is to be carried out; -1 where nothing is."""
        state = self.house.state
        orders = [row.id for row in state.erasures_under_way()]
        late = state.late()
        return _number([*orders, str(len(late))]) if orders or late else -1

    def journeys(self) -> None:
        """Tell the log which scheduled journeys call now."""
        ticks = due_ticks(self.house)
        if ticks:
            offset = self.house.tell(Lane.CONTROL, list(ticks))
            self.house.wait_applied(Lane.CONTROL, offset)

    def stop(self) -> None:
        """End the jobs."""
        jobs: list[Job | Helper] = [*self.jobs, self.erasures, self.imports, self.listener]
        for job in jobs:
            job.stop()
        until = time.monotonic() + PATIENCE
        for job in jobs:
            job.wait(max(0.0, until - time.monotonic()))


def _number(names: list[str]) -> int:
    """Another number for other names; -1 for none."""
    return hash(tuple(names)) & 0x7FFFFFFF if names else -1


def due_ticks(house: House) -> list[Nudge]:
    """The calls of scheduled journeys that are due now.

    A tick that was told already is not told again; of those that were missed while nothing ran only the last is
    told; one that was due before the journey had this schedule, or while it was paused, never is.
    """
    now = house.clock.now()
    ticks = []
    for journey in house.program().journeys.values():
        entry = journey.entry
        if not journey.live or not isinstance(entry, ScheduleEntry):
            continue
        due = last_tick(entry, now)
        if due is None or due <= int(house.state.meta(f"tick:{journey.id}", "-1")):
            continue
        if due >= _in_force(house, journey.id):
            ticks.append(Nudge(f"{journey.id}@{due}", "schedule", due, journey.id))
    return ticks


def _in_force(house: House, id: str) -> Millis:
    """Since when a journey has its present schedule and is not paused; other edits do not count."""
    since, present = 0, None
    for _, body, _, put in house.state.resource_versions("journey", id):
        if body is None or not body.get("live", True):
            break
        if present is not None and body.get("entry") != present:
            break
        since, present = put, body.get("entry")
    return since


def main(settings: Settings) -> None:
    """Run the scheduler of a data folder until told to stop."""
    stopping = False

    def stop(sign: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, stop)
    house = House(settings)
    scheduler = Scheduler(house)
    try:
        while not stopping:
            scheduler.turn()
            time.sleep(LOOK_EVERY)
    finally:
        scheduler.stop()
        house.close()
