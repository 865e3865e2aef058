"""Reports: what the programme does now, and what it changed."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from duyen.api import views
from duyen.api.office import By, Of, Office, reply, when
from duyen.api.shapes.common import PersonRef
from duyen.api.shapes.lift import LiftReport
from duyen.api.shapes.overview import Happened, Overview
from duyen.api.shapes.reports import DecisionsReport, JourneysReport, MessagesReport
from duyen.model.decision import Decision
from duyen.model.errors import NotFound
from duyen.model.event import Event
from duyen.model.person import GLOBAL, Contact, Person
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.runtime import reports

router = APIRouter(tags=["reports"])
LATEST = 30
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


@router.get(
    "/v1/reports/messages",
    response_model=MessagesReport,
    summary="What became of each message, most sent first.",
)
def messages(office: Of, caller: By) -> Response:
    """Orders are those within the conversion window after a click: a count, not an effect."""
    return reply(reports.messages(office.state, office.program(), office.now()))


@router.get(
    "/v1/reports/journeys", response_model=JourneysReport, summary="What became of each journey."
)
def journeys(office: Of, caller: By) -> Response:
    """With the people who stand at each step now; beyond 20,000 people that part is an estimate."""
    return reply(reports.journeys(office.state, office.program(), office.now()))


@router.get(
    "/v1/reports/decisions",
    response_model=DecisionsReport,
    summary="What each placement chose, and how it did.",
)
def decisions(office: Of, caller: By) -> Response:
    """Views and clicks of each arm, with the interval of its rate."""
    return reply(reports.decisions(office.state, office.program(), office.now()))


# -- what just happened


def latest(office: Office, program: Program) -> list[Happened]:
    """The newest events, decisions and contacts of the people who were last active, or last spoken to."""
    state = office.state
    ids = [row.person for row in state.list_people(None, LATEST)]
    ids += [state.survivor(person) for _, person, _, _, _ in state.recent_facts(LATEST)]
    heads = state.heads(sorted(set(ids)))
    lines: list[tuple[Millis, Happened]] = []
    names: dict[str, str] = {}
    for head in heads.values():
        person = head.person
        of = views.reference(person)
        for event in person.recent[-8:]:
            lines.append((event.received, _event(event, of)))
        for contact in person.ledger[-4:]:
            lines.append((contact.time, _contact(contact, of, program, person)))
        for decision in state.decisions_of(person.id, 4):
            lines.append((decision.time, _decision(decision, of, program, office, names)))
    lines.sort(key=lambda pair: (-pair[0], pair[1]["id"]))
    return [line for _, line in lines[:LATEST]]


def _event(event: Event, of: PersonRef) -> Happened:
    return Happened(
        id=f"e:{event.id}",
        time=when(event.received),
        kind="event",
        person=of,
        subject=event.name,
        subject_name=None,
        detail=_detail(event),
        state=None,
        reason=None,
    )


def _detail(event: Event) -> str | None:
    """What of an event is worth showing in a line."""
    for name in ("total", "name", "product", "title", "path", "url", "product_id"):
        value = event.properties.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)[:120]
    return None


def _contact(contact: Contact, of: PersonRef, program: Program, person: Person) -> Happened:
    return Happened(
        id=f"c:{contact.key}",
        time=when(contact.time),
        kind="contact",
        person=of,
        subject=contact.message,
        subject_name=_name(contact.message, program.messages),
        detail=None,
        state=contact.state,
        reason=contact.reason or None,
    )


def _decision(
    decision: Decision, of: PersonRef, program: Program, office: Office, names: dict[str, str]
) -> Happened:
    chosen = decision.chosen if decision.reason == "chosen" else ""
    detail: str | None = None
    if decision.items and decision.reason == "chosen":
        first = decision.items[0]
        if first not in names:
            names[first] = office.state.items([first]).get(first, {}).get("name", first)
        detail = names[first]
    elif chosen:
        detail = _name(chosen, program.offers) or chosen
    return Happened(
        id=f"d:{decision.id}",
        time=when(decision.time),
        kind="decision",
        person=of,
        subject=decision.placement,
        subject_name=_name(decision.placement, program.placements),
        detail=detail,
        state=decision.reason,
        reason=None,
    )


def _name(id: str, known: Any) -> str | None:
    found = known.get(id)
    return found.name if found else None
