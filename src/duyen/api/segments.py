"""Segments: who would be in one, and who is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter, Response

from duyen import profiles
from duyen.api import views
from duyen.api.lists import Part
from duyen.api.office import By, Of, Office, reply, when
from duyen.api.program import Id, current
from duyen.api.shapes.common import Page
from duyen.api.shapes.people import PersonRow
from duyen.api.shapes.segments import Member, Rule, SegmentPreview
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.rules import Compiled, burst_of, inline, parse_rule, series_needed
from duyen.stores.rows import Head, Row

router = APIRouter(tags=["program"])

SLICE = 500
SECONDS = 1.5
"""A preview looks at people for so long; beyond that it is an estimate, and says so."""
SAMPLE = 10


@router.post(
    "/v1/segments/preview",
    response_model=SegmentPreview,
    summary="Who would be in a segment with this rule, now.",
)
def preview(body: Rule, office: Of, caller: By) -> Response:
    """Exact where everybody could be looked at in time; else an estimate from a random part of the people."""
    return reply(Preview(office).of(body["rule"], office.program(), office.now()))


class Preview:
    """Evaluates a rule that nobody's accumulators were kept for."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def of(self, raw: dict[str, Any], program: Program, now: Millis) -> SegmentPreview:
        """Count and sample."""
        segments = {s.id: s.rule for s in program.segments.values()}
        rule = inline(parse_rule(raw), segments, program.traits)
        compiled, specs = Compiled({"preview": rule}), series_needed([rule])
        burst = burst_of(program.settings)
        deadline = time.monotonic() + SECONDS
        looked_at, inside, cursor = 0, 0, ""
        sample: list[Head] = []
        ended = False
        while not ended and time.monotonic() < deadline:
            ids = self._office.state.people_after(cursor, SLICE)
            ended = len(ids) < SLICE
            heads = list(self._office.state.heads(ids).values())
            for head in heads:
                profiles.accumulate(head.person, self._history(head), specs, burst)
            truth, _ = compiled.evaluate([head.person for head in heads], now)
            members = [head for head, fits in zip(heads, truth[0], strict=True) if fits]
            inside += len(members)
            looked_at += len(heads)
            sample += members[: SAMPLE - len(sample)]
            cursor = ids[-1] if ids else cursor
        total = looked_at if ended else self._office.people_total()
        return SegmentPreview(
            count=inside if ended else round(inside / looked_at * total),
            looked_at=looked_at,
            total=total,
            exact=ended,
            sample=self._rows(sample, program, now),
        )

    def _history(self, head: Head) -> list[Any]:
        recent = list(head.person.recent)
        older = self._office.state.chunks(head.person.id) if head.person.chunks else []
        return older + recent

    def _rows(self, heads: list[Head], program: Program, now: Millis) -> list[PersonRow]:
        lines = self._office.state.people_rows([head.person.id for head in heads])
        by_id: dict[str, Row] = {row.person: row for row in lines}
        known = [(head, by_id[head.person.id]) for head in heads if head.person.id in by_id]
        return views.person_rows(known, program, now)


@router.get(
    "/v1/segments/{id}/members",
    response_model=Page[Member],
    summary="The people in a segment now, newest activity first.",
)
def list_members(id: Id, office: Of, caller: By, part: Part) -> Response:
    """Membership that ended by time alone is left out, even while its timer queues."""
    current(office, "segment", id)
    program, now = office.program(), office.now()
    found = office.state.list_members(id, part.behind(int, str), part.enough)

    def members(rows: Sequence[Row]) -> Iterator[Member]:
        heads = office.state.heads([row.person for row in rows])
        for row in rows:
            head = heads.get(row.person)
            place = views.standing(head, program, now).get(id) if head is not None else None
            if head is not None and place is not None:
                of, since = views.reference(head.person), when(place[0])
                yield Member(**of, email=row.email or None, since=since)

    total = office.state.count_in(id)
    return part.page(
        found, lambda rows: [*members(rows)], lambda row: (row.last, row.person), total
    )
