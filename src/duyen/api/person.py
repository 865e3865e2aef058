"""One person, with everything known of them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from duyen import collect
from duyen.api import views
from duyen.api.lists import Part, newest_first, whole
from duyen.api.office import By, Of, Office, reply
from duyen.api.shapes.common import Page
from duyen.api.shapes.contacts import ContactRow
from duyen.api.shapes.decisions import DecisionRow
from duyen.api.shapes.events import EventRow
from duyen.api.shapes.people import ConsentRow, Membership, Profile
from duyen.model.decision import Decision
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Event
from duyen.model.meaning import known_as
from duyen.model.person import Contact
from duyen.model.times import NEVER, Millis
from duyen.rules import Burst, burst_of, scanned
from duyen.runtime.computed import computed_traits
from duyen.step.plan import plan_of
from duyen.stores.rows import Head

router = APIRouter(tags=["people"])

_TOLD = attrgetter("order")
"""Where an event stands in a history, a contact in a ledger, a decision among others."""
_SAID = attrgetter("time", "key")
_DECIDED = attrgetter("time", "id")

Key = Annotated[
    str, Path(description="`namespace:value` (percent-encoded), or `id:p_…`.", max_length=600)
]


def head_of(office: Office, key: str) -> Head:
    """The person of a key; a merged one leads to the survivor. Raises NotFound."""
    namespace, _, value = key.partition(":")
    if not namespace or not value:
        raise InvalidInput(
            "profile.key",
            "Name a person as “namespace:value”, for example email:an@example.test.",
            at="key",
        )
    if namespace == "id":
        found = office.state.head(value)
    else:
        person = office.state.person_of(namespace, collect.canonical(namespace, value) or value)
        found = office.state.head(person) if person else None
    if found is None:
        raise NotFound("profile.unknown", f"Nobody is known as {namespace}:{value}.")
    return found


@router.get(
    "/v1/profiles/{key:path}/events",
    response_model=Page[EventRow],
    summary="A person's events, newest first.",
)
def list_events(
    key: Key,
    office: Of,
    caller: By,
    part: Part,
    name: Annotated[str, Query(max_length=200, description="Only events of this name.")] = "",
) -> Response:
    """By event time."""
    head = head_of(office, key)
    before, wanted = part.behind(int, str), known_as(name)
    total = None if name else head.person.events
    settings = office.program().settings
    sources, currency, burst = office.source_names(), settings.currency, burst_of(settings)
    events, found = _before(office, head, before, wanted, part.enough, burst)
    machines = scanned(events, burst)

    def rows(shown: Sequence[Event]) -> list[EventRow]:
        return [views.event_row(event, sources, machines, currency) for event in shown]

    return part.page(found, rows, _TOLD, total)


def _before(
    office: Office,
    head: Head,
    before: tuple[Millis, str] | None,
    name: str,
    enough: int,
    burst: Burst,
) -> tuple[list[Event], list[Event]]:
    """As much of a history as tells the newest events of a name before a place, and these, the newest first.

    What is told along with them lies close enough to show a scanner. The length of the history does not matter.
    """
    moment = NEVER if before is None else before[0] + burst.within
    chunks = office.state.chunks_before(head.person.id, moment) if head.person.chunks else iter(())
    events = {event.id: event for event in head.person.recent}
    named = [event for event in events.values() if event.name == name or not name]
    found = newest_first(named, _TOLD, before)
    for last, older in chunks:
        if len(found) >= enough and found[enough - 1].time - burst.within > last:
            break
        events |= {event.id: event for event in older}
        named = [event for event in older if event.name == name or not name]
        found = newest_first({e.id: e for e in (*found, *named)}.values(), _TOLD, before)[:enough]
    return list(events.values()), found


@router.get(
    "/v1/profiles/{key:path}/segments",
    response_model=Page[Membership],
    summary="The segments a person is in now.",
)
def list_segments(key: Key, office: Of, caller: By) -> Response:
    """With the instant at which time alone ends each membership."""
    return whole(_profile(office, key)["segments"])


@router.get(
    "/v1/profiles/{key:path}/consent",
    response_model=Page[ConsentRow],
    summary="What a person said about being contacted.",
)
def list_consent(key: Key, office: Of, caller: By) -> Response:
    """Newest first; `*` stands for any brand, purpose or channel."""
    return whole(_profile(office, key)["consent"])


@router.get(
    "/v1/profiles/{key:path}/decisions",
    response_model=Page[DecisionRow],
    summary="The decisions made for a person, newest first.",
)
def list_decisions(key: Key, office: Of, caller: By, part: Part) -> Response:
    """Each with its candidates, propensity and reason."""
    person, program = head_of(office, key).person, office.program()
    found = office.state.decisions_before(person.id, part.behind(int, str), part.enough)
    of = views.reference(person)

    def rows(shown: Sequence[Decision]) -> list[DecisionRow]:
        return [views.decision_row(d, of, program, office, views.seen(person, d)) for d in shown]

    return part.page(found, rows, _DECIDED)


@router.get(
    "/v1/profiles/{key:path}/contacts",
    response_model=Page[ContactRow],
    summary="What was said to a person, and what the contact policy refused.",
)
def list_contacts(key: Key, office: Of, caller: By, part: Part) -> Response:
    """The contact ledger, newest first, with why each contact came about."""
    person, program = head_of(office, key).person, office.program()
    found = newest_first(person.ledger, _SAID, part.behind(int, str))

    def rows(shown: Sequence[Contact]) -> list[ContactRow]:
        return views.contact_rows(office, person, shown, program)

    return part.page(found, rows, _SAID, len(person.ledger))


@router.get(
    "/v1/profiles/{key:path}", response_model=Profile, summary="One person with all that is known."
)
def one_person(key: Key, office: Of, caller: By) -> Response:
    """A merged key answers with the survivor."""
    return reply(_profile(office, key))


def _profile(office: Office, key: str) -> Profile:
    head, program, now = head_of(office, key), office.program(), office.now()
    computed = computed_traits(office.state, plan_of(program), head.person, now)
    return views.profile(head, program, now, office.source_names(), computed)
