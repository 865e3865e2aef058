"""Reports: what the programme does now, and what it changed."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from duyen.api.latest import latest
from duyen.api.office import By, Of, reply
from duyen.api.shapes.lift import LiftReport
from duyen.api.shapes.overview import Overview
from duyen.api.shapes.reports import DecisionsReport, JourneysReport, MessagesReport
from duyen.model.errors import NotFound
from duyen.model.person import GLOBAL
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.runtime import reports
from duyen.stores.state import State

router = APIRouter(tags=["reports"])
WINDOW = 10.0


class Rate:
    """Events per second over the last WINDOW seconds, from the totals that were asked for."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def of(self, total: int) -> float | None:
        """The mean since the oldest total of the window; None where there is none to compare with."""
        moment = time.monotonic()
        with self._lock:
            if self._seen and total < self._seen[-1][1]:
                self._seen.clear()  # the day has turned
            while len(self._seen) > 1 and self._seen[1][0] <= moment - WINDOW:
                self._seen.popleft()
            first = self._seen[0] if self._seen else None
            if not self._seen or moment - self._seen[-1][0] >= 0.5:
                self._seen.append((moment, total))
        if first is None or moment - first[0] < 0.5 or moment - first[0] > 3 * WINDOW:
            return None
        return (total - first[1]) / (moment - first[0])


_rate = Rate()


@router.get(
    "/v1/reports/overview", response_model=Overview, summary="The living state of the programme."
)
def overview(office: Of, caller: By) -> Response:
    """Cheap enough to be asked every two seconds; "today" is the workspace's day."""
    program, now = office.program(), office.now()
    body = reports.overview(office.state, program, now)
    body["people"]["total"] = office.people_total()
    body["events"]["per_second"] = _per_second(body)
    standing = office.standing()
    body["engine"] = {"waiting": standing.waiting, "still": standing.still}
    body["latest"] = latest(office, program)
    return reply(body)


def _per_second(body: dict[str, Any]) -> float:
    found = _rate.of(body["events"]["today"])
    if found is None:  # nothing to compare with yet: the mean of the last two minutes
        found = sum(body["per_minute"]["events"][-2:]) / 120
    return round(found, 3)


@router.get("/v1/reports/lift", response_model=LiftReport, summary="What the programme changed.")
def lift(
    office: Of,
    caller: By,
    experiment: Annotated[Literal["global"], Query(description="Which experiment.")] = "global",
) -> Response:
    """Treated against held out by intention to treat, with 95 % intervals; `methods` says which."""
    if experiment != GLOBAL:
        raise NotFound("experiment.unknown", f"There is no experiment “{experiment}”.")
    return reply(reports.lift(office.state, office.program(), office.now(), experiment))


REPORTS: dict[str, tuple[type, Callable[[State, Program, Millis], Any], str, str]] = {
    "messages": (
        MessagesReport,
        reports.messages,
        "What became of each message, most sent first.",
        "Orders are those within the conversion window after a click: a count, not an effect.",
    ),
    "journeys": (
        JourneysReport,
        reports.journeys,
        "What became of each journey.",
        "With the people who stand at each step now; beyond 20,000 people that part is an estimate.",
    ),
    "decisions": (
        DecisionsReport,
        reports.decisions,
        "What each placement chose, and how it did.",
        "Views and clicks of each arm, with the interval of its rate.",
    ),
}
"""Name -> shape, computation and words of the reports that need nothing but state, program and moment."""


def _add(name: str) -> None:
    shape, computed, summary, description = REPORTS[name]

    def answer(office: Of, caller: By) -> Response:
        return reply(computed(office.state, office.program(), office.now()))

    router.add_api_route(
        f"/v1/reports/{name}",
        answer,
        response_model=shape,
        summary=summary,
        description=description,
        name=name,
    )


for _report in REPORTS:
    _add(_report)
