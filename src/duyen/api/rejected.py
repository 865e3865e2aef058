"""Calls that could not become events: bad input is data, and can be sent in again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import Part, get_cursor, put_cursor
from duyen.api.office import (
    By,
    Of,
    Office,
    late,
    reply,
    when,
)
from duyen.api.shapes.common import Page
from duyen.api.shapes.rejected import RejectedRow, Replay, Replayed, ReplayedRow
from duyen.model.errors import InvalidInput
from duyen.runtime.replay import START, Outcome, replay, waiting
from duyen.stores.state.records import Kept

router = APIRouter(tags=["rejected"])
_one_by_one = asyncio.Lock()
"""Of two requests for the same call the second finds what the first has done."""


@router.get(
    "/v1/rejected",
    response_model=Page[RejectedRow],
    summary="Calls that were kept with the reasons why they are no events, newest first.",
)
def list_rejected(office: Of, caller: By, part: Part) -> Response:
    """The payload is the call as it came; `replayed` is when it became an event after all."""
    rows = office.state.rejected_before(part.behind(int, str), part.enough)
    sources = office.source_names()

    def shown(calls: Sequence[Kept]) -> list[RejectedRow]:
        return [
            RejectedRow(
                id=kept.id,
                received=when(kept.received),
                source=kept.source,
                source_name=sources.get(kept.source, kept.source),
                reasons=kept.reasons,
                payload=kept.payload,
                replayed=None if kept.replayed is None else when(kept.replayed),
            )
            for kept in calls
        ]

    return part.page(rows, shown, lambda kept: (kept.received, kept.id))


@router.post(
    "/v1/rejected/replay",
    response_model=Replayed,
    responses=late(Replayed),
    summary="Judge rejected calls again: named ones, all of a source or all, or one put right.",
)
async def replay_rejected(body: Replay, office: Of, caller: By) -> Response:
    """`{ids}`, `{all: true, source?}`, or `{id, payload}` with the call put right.

    At most 100 are judged at once; with `all`, send `next` as `cursor` until it is null. A call enters with its own
    time, message id and trust; one that is still wrong stays, with its new reasons. Twice is harmless.
    """
    async with _one_by_one:
        outcome, following = await run_in_threadpool(_judged, office, body, caller.author)
        done = [await office.write(lane, entries) for lane, entries in outcome.told.items()]
    lines = [
        ReplayedRow(id=line.id, state=line.state, reasons=list(line.reasons))
        for line in outcome.lines
    ]
    answer = Replayed(applied=all(done), data=lines, next=following)
    return reply(answer, 200 if answer["applied"] else 202)


def _judged(office: Office, body: Replay, author: str) -> tuple[Outcome, str | None]:
    """What to tell the log, and the cursor behind what was judged."""
    now = office.now()
    ways = [way for way in ("ids", "all", "id") if body.get(way)]
    if len(ways) != 1:
        raise InvalidInput(
            "rejected.which", "Say which calls: {ids}, {all: true}, or {id, payload}.", at="ids"
        )
    payload = body.get("payload")
    if (ways == ["id"]) != (payload is not None):
        raise InvalidInput(
            "rejected.payload", "A payload goes with one id, and an id with its payload.", at="id"
        )
    if ways == ["all"]:
        upto, *after = get_cursor(body.get("cursor"), int, int, str) or (now, *START)
        ids, following = waiting(office.state, (after[0], after[1]), upto, body.get("source") or "")
        cursor = None if following is None else put_cursor(upto, *following)
        return replay(office.state, office.house.secrets, ids, author, now), cursor
    ids = body.get("ids") or [body.get("id") or ""]
    corrected = None if payload is None else {ids[0]: msgspec.json.encode(payload)}
    return replay(office.state, office.house.secrets, ids, author, now, corrected), None
