"""What just happened: the newest events, decisions and contacts, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from duyen.api import views
from duyen.api.office import Office, when
from duyen.api.shapes.common import PersonRef
from duyen.api.shapes.overview import Happened
from duyen.model.decision import Decision
from duyen.model.event import Event
from duyen.model.person import Contact
from duyen.model.program import Program
from duyen.model.times import Millis

LATEST = 30
_NOT_NAMED: Mapping[str, Any] = {}


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
            lines.append((contact.time, _contact(contact, of, program)))
        for decision in state.decisions_of(person.id, 4):
            lines.append((decision.time, _decision(decision, of, program, office, names)))
    lines.sort(key=lambda pair: (-pair[0], pair[1]["id"]))
    return [line for _, line in lines[:LATEST]]


def _event(event: Event, of: PersonRef) -> Happened:
    return _line(event.id, event.received, "event", of, event.name, detail=_detail(event))


def _detail(event: Event) -> str | None:
    """What of an event is worth showing in a line."""
    for name in ("total", "name", "product", "title", "path", "url", "product_id"):
        value = event.properties.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and value != "":
            return str(value)[:120]
    return None


def _contact(contact: Contact, of: PersonRef, program: Program) -> Happened:
    return _line(
        contact.key,
        contact.time,
        "contact",
        of,
        contact.message,
        program.messages,
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
    return _line(
        decision.id,
        decision.time,
        "decision",
        of,
        decision.placement,
        program.placements,
        detail=detail,
        state=decision.reason,
    )


def _line(
    id: str,
    time: Millis,
    kind: Literal["event", "decision", "contact"],
    of: PersonRef,
    subject: str,
    known: Mapping[str, Any] = _NOT_NAMED,
    *,
    detail: str | None = None,
    state: str | None = None,
    reason: str | None = None,
) -> Happened:
    """A line; `known` are the definitions among which the subject has a name."""
    return Happened(
        id=f"{kind[0]}:{id}",
        time=when(time),
        kind=kind,
        person=of,
        subject=subject,
        subject_name=_name(subject, known),
        detail=detail,
        state=state,
        reason=reason,
    )


def _name(id: str, known: Mapping[str, Any]) -> str | None:
    found = known.get(id)
    return found.name if found else None
