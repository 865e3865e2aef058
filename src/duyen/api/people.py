"""People: the list, the search, and one person with everything known of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from duyen import collect
from duyen.api import views
from duyen.api.office import (
    By,
    Cursor,
    Limit,
    Of,
    Office,
    get_cursor,
    paged,
    put_cursor,
    reply,
    whole,
)
from duyen.api.shapes.common import Arm, Page
from duyen.api.shapes.contacts import ContactRow
from duyen.api.shapes.decisions import DecisionRow
from duyen.api.shapes.events import EventRow
from duyen.api.shapes.people import ConsentRow, Membership, PersonRow, Profile
from duyen.model.decision import Decision
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Event
from duyen.model.person import Contact
from duyen.model.program import Program
from duyen.model.values import fold
from duyen.rules import scanned
from duyen.runtime.computed import computed_traits
from duyen.step.plan import plan_of
from duyen.stores.rows import Head, Row

router = APIRouter(tags=["people"])

BATCH = 200
MOST_BATCHES = 10
"""A page that a filter keeps nearly empty ends after so many batches; its cursor goes on from there."""

Key = Annotated[
    str, Path(description="`namespace:value` (percent-encoded), or `id:p_…`.", max_length=600)
]


Batches = Iterator[list[tuple[Row, str]]]
"""Rows, each with the cursor that goes on behind it."""


@router.get(
    "/v1/profiles",
    response_model=Page[PersonRow],
    summary="People, found by words, segment or arm.",
)
def list_people(
    office: Of,
    caller: By,
    query: Annotated[
        str, Query(max_length=200, description="Words of name, e-mail, phone or identifiers.")
    ] = "",
    segment: Annotated[
        str, Query(max_length=200, description="Only people in this segment now.")
    ] = "",
    arm: Annotated[
        Arm | None, Query(description="Only people in this arm of the global experiment.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest activity first; words match without diacritics."""
    words = fold(query).replace('"', " ").split()
    fits = _filter(segment if words else "", arm, office.program(), office.now())
    # A filter leaves most rows out, so more are looked at at once.
    size = BATCH if arm is not None or (words and segment) else limit + 1
    source = (
        _found(office, words, cursor, size) if words else _listed(office, segment, cursor, size)
    )
    data, following = _page(office, source, fits, limit)
    return reply(
        Page[PersonRow](data=data, next=following, total=_total(office, words, segment, arm))
    )


def _page(
    office: Office, source: Batches, fits: Callable[[Head], bool], limit: int
) -> tuple[list[PersonRow], str | None]:
    """The next people who fit, and the cursor behind them where there are more to look at."""
    chosen: list[tuple[Head, Row]] = []
    following: str | None = None
    more = True
    for number, rows in enumerate(source):
        heads = office.state.heads([row.person for row, _ in rows])
        for row, behind in rows:
            if len(chosen) == limit:
                return views.person_rows(chosen, office.program(), office.now()), following
            following = behind
            head = heads.get(row.person)
            if head is not None and fits(head):
                chosen.append((head, row))
        if number + 1 == MOST_BATCHES:
            break
    else:
        more = False
    return views.person_rows(chosen, office.program(), office.now()), following if more else None


def _filter(segment: str, arm: Arm | None, program: Program, now: int) -> Callable[[Head], bool]:
    def fits(head: Head) -> bool:
        if segment and segment not in views.standing(head, program, now):
            return False
        return arm is None or views.arm_of(head.person) == arm

    return fits


def _found(office: Office, words: list[str], cursor: str | None, size: int) -> Batches:
    """People by words."""
    place = get_cursor(cursor, int)
    offset = place[0] if place else 0
    while True:
        rows = office.state.find_people(words, offset, size)
        if not rows:
            return
        yield [(row, put_cursor(offset + n)) for n, row in enumerate(rows, start=1)]
        offset += len(rows)


def _listed(office: Office, segment: str, cursor: str | None, size: int) -> Batches:
    """Everybody, or a segment's members, by last event."""
    before: Any = get_cursor(cursor, int, str)
    while True:
        state = office.state
        rows = (
            state.list_members(segment, before, size)
            if segment
            else state.list_people(before, size)
        )
        if not rows:
            return
        yield [(row, put_cursor(row.last, row.person)) for row in rows]
        before = (rows[-1].last, rows[-1].person)


def _total(office: Office, words: list[str], segment: str, arm: Arm | None) -> int | None:
    if words or arm is not None:
        return None
    return office.state.count_in(segment) if segment else office.people_total()


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
    name: Annotated[str, Query(max_length=200, description="Only events of this name.")] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """By event time."""
    head = head_of(office, key)
    before: Any = get_cursor(cursor, int, str)
    events = _history(office, head)
    fitting = [
        event
        for event in reversed(events)
        if (not name or event.name == name) and (before is None or event.order < before)
    ]
    total = None if name else head.person.events
    sources, machines = office.source_names(), scanned(events)

    def rows(shown: Sequence[Event]) -> list[EventRow]:
        return [views.event_row(event, sources, machines) for event in shown]

    return paged(fitting, limit, rows, lambda event: event.order, total)


def _history(office: Office, head: Head) -> list[Event]:
    """Everything known to have happened, ascending."""
    events = list(head.person.recent)
    if head.person.chunks:
        events += office.state.chunks(head.person.id)
    return sorted({event.id: event for event in events}.values(), key=lambda event: event.order)


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
def list_decisions(
    key: Key, office: Of, caller: By, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Each with its candidates, propensity and reason."""
    person, program = head_of(office, key).person, office.program()
    before: Any = get_cursor(cursor, int, str)
    found = office.state.decisions_before(person.id, before, limit + 1)
    of = views.reference(person)

    def rows(shown: Sequence[Decision]) -> list[DecisionRow]:
        return [views.decision_row(d, of, program, office, views.seen(person, d)) for d in shown]

    return paged(found, limit, rows, lambda d: (d.time, d.id))


@router.get(
    "/v1/profiles/{key:path}/contacts",
    response_model=Page[ContactRow],
    summary="What was said to a person, and what the contact policy refused.",
)
def list_contacts(
    key: Key, office: Of, caller: By, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """The contact ledger, newest first, with why each contact came about."""
    person, program = head_of(office, key).person, office.program()
    before: Any = get_cursor(cursor, int, str)
    newest = sorted(person.ledger, key=lambda contact: (contact.time, contact.key), reverse=True)
    fitting = [c for c in newest if before is None or (c.time, c.key) < before]

    def rows(shown: Sequence[Contact]) -> list[ContactRow]:
        return views.contact_rows(office, person, shown, program)

    return paged(fitting, limit, rows, lambda c: (c.time, c.key), len(person.ledger))


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
