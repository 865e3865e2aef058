"""One profile that was two people: taking it apart, and taking that back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import whole
from duyen.api.office import By, Of, Office, late, reply, when
from duyen.api.person import Key, head_of
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.unmerge import Apart, HolderRow, Lifted, LiftedRow, Unmerged, VetoRow
from duyen.model.log import Lane, Lift, Unmerge
from duyen.runtime.unmerge import Veto, holders, lift, unmerge, vetoes_of

router = APIRouter(tags=["people"])

VetoId = Annotated[str, Path(description="The id of a veto of this person.", max_length=200)]


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
    """What they are named with later never joins them again, until the veto is lifted; twice is once."""
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


@router.get(
    "/v1/profiles/{key:path}/vetoes",
    response_model=Page[VetoRow],
    summary="What was decided never to be one with a person.",
)
def list_vetoes(key: Key, office: Of, caller: By) -> Response:
    """Newest first, with author and time; those that were lifted again too."""
    found = vetoes_of(office.state, head_of(office, key).person)
    return whole([_veto_row(each) for each in found])


def _veto_row(veto: Veto) -> VetoRow:
    lifted = veto.lifted
    return VetoRow(
        id=veto.id,
        time=when(veto.time),
        author=veto.author,
        identifiers=[":".join(each) for each in veto.own],
        never=[":".join(each) for each in veto.never],
        lifted=LiftedRow(time=when(lifted.time), author=lifted.author) if lifted else None,
    )


@router.delete(
    "/v1/profiles/{key:path}/vetoes/{veto}",
    response_model=Lifted,
    responses=late(Done),
    summary="Take back that a profile was taken apart.",
)
async def lift_veto(key: Key, veto: VetoId, office: Of, caller: By) -> Response:
    """The evidence decides again, with all the rules of a merge; a refusal of either holds. Twice is once."""
    told = await run_in_threadpool(_lift, office, key, veto, caller.author)
    if told is not None and not await office.write(Lane.LIVE, [told]):
        return reply(Done(applied=False), 202)
    head = await run_in_threadpool(head_of, office, key)
    return reply(Lifted(applied=True, person=head.person.id))


def _lift(office: Office, key: str, veto: str, author: str) -> Lift | None:
    return lift(office.state, head_of(office, key).person, veto, author, office.now())
