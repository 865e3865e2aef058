"""Calls that could not become events: bad input is data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Response

from duyen.api.office import By, Cursor, Limit, Of, get_cursor, paged, when
from duyen.api.shapes import Page, RejectedRow

router = APIRouter(tags=["rejected"])
Kept = tuple[str, int, str, list[str], str]
"""(id, received, source, reasons, payload) of a rejected call."""


@router.get(
    "/v1/rejected",
    response_model=Page[RejectedRow],
    summary="Calls that were kept with the reasons why they are no events, newest first.",
)
def list_rejected(office: Of, caller: By, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The payload is the call as it came."""
    before: Any = get_cursor(cursor, int, str)
    rows = office.state.rejected_before(before, limit + 1)
    sources = office.source_names()

    def shown(part: Sequence[Kept]) -> list[RejectedRow]:
        return [
            RejectedRow(
                id=id,
                received=when(received),
                source=source,
                source_name=sources.get(source, source),
                reasons=reasons,
                payload=payload,
            )
            for id, received, source, reasons, payload in part
        ]

    return paged(rows, limit, shown, lambda row: (row[1], row[0]))
