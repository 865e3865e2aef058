"""One profile that was two people: taking it apart for good."""

from __future__ import annotations

from fastapi import APIRouter, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.office import By, Of, Office, late, reply
from duyen.api.person import Key, head_of
from duyen.api.shapes.common import Done
from duyen.api.shapes.unmerge import Apart, HolderRow, Unmerged
from duyen.model.log import Lane, Unmerge
from duyen.runtime.unmerge import holders, unmerge

router = APIRouter(tags=["people"])


@router.post(
    "/v1/profiles/{key:path}/unmerge",
    response_model=Unmerged,
    responses=late(Done),
    summary="Take a profile apart that was two people.",
)
async def unmerge_profile(
    key: Key,
    body: Apart,
    office: Of,
    caller: By,
) -> Response:
    """What they are named with later never joins them again; saying it twice changes nothing."""
    told = await run_in_threadpool(_told, office, key, body["apart"], caller.author)
    if told is not None and not await office.write(Lane.LIVE, [told]):
        return reply(Done(applied=False), 202)
    kept = key if told is None else ":".join(told.kept[0])
    return reply(await run_in_threadpool(_answer, office, kept, body["apart"]))


def _told(office: Office, key: str, apart: list[str], author: str) -> Unmerge | None:
    return unmerge(office.state, head_of(office, key).person, apart, author, office.now())


def _answer(office: Office, kept: str, apart: list[str]) -> Unmerged:
    person = head_of(office, kept).person.id
    rows = [
        HolderRow(identifier=name, person=holder) for name, holder in holders(office.state, apart)
    ]
    return Unmerged(applied=True, person=person, apart=rows)
