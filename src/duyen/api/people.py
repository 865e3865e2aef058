"""People: the list and the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from duyen.api import views
from duyen.api.lists import Part, get_cursor, put_cursor
from duyen.api.office import (
    By,
    Of,
    Office,
    reply,
)
from duyen.api.shapes.common import Arm, Page
from duyen.api.shapes.people import PersonRow
from duyen.model.program import Program
from duyen.model.values import fold
from duyen.stores.rows import Head, Row

router = APIRouter(tags=["people"])

BATCH = 200
MOST_BATCHES = 10
"""A page that a filter keeps nearly empty ends after so many batches; its cursor goes on from there."""

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
    part: Part,
    query: Annotated[
        str, Query(max_length=200, description="Words of name, e-mail, phone or identifiers.")
    ] = "",
    segment: Annotated[
        str, Query(max_length=200, description="Only people in this segment now.")
    ] = "",
    arm: Annotated[
        Arm | None, Query(description="Only people in this arm of the global experiment.")
    ] = None,
) -> Response:
    """Newest activity first; words match without diacritics."""
    words = fold(query).replace('"', " ").split()
    fits = _filter(segment if words else "", arm, office.program(), office.now())
    # A filter leaves most rows out, so more are looked at at once.
    size = BATCH if arm is not None or (words and segment) else part.enough
    source = (
        _found(office, words, part.cursor, size)
        if words
        else _listed(office, segment, part.cursor, size)
    )
    data, following = _page(office, source, fits, part.limit)
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
    offset = max(0, place[0]) if place else 0
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
