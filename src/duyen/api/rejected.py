"""Calls that could not become events: bad input is data."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from duyen.api.office import By, Cursor, Limit, Of, get_cursor, put_cursor, reply, when
from duyen.api.shapes import Page, RejectedRow

router = APIRouter(tags=["rejected"])


@router.get(
    "/v1/rejected",
    response_model=Page[RejectedRow],
    summary="Calls that were kept with the reasons why they are no events, newest first.",
)
def list_rejected(office: Of, caller: By, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The payload is the call as it came."""
    before: Any = get_cursor(cursor, int, str)
    rows = office.state.rejected_before(before, limit + 1)
    data = [
        RejectedRow(id=id, received=when(received), source=source, reasons=reasons, payload=payload)
        for id, received, source, reasons, payload in rows[:limit]
    ]
    following = put_cursor(rows[limit - 1][1], rows[limit - 1][0]) if len(rows) > limit else None
    return reply(Page[RejectedRow](data=data, next=following, total=None))
