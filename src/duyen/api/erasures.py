"""Erasing people: the profile at once, everything else by the scheduler, and a signed receipt."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import Part
from duyen.api.office import By, Of, Office, late, reply, when
from duyen.api.person import Key, head_of
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.erasures import Erasing, ErasureRow, Receipted, ToErase
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.log import Lane
from duyen.runtime.erasing import MOST
from duyen.runtime.erasure import asked
from duyen.stores.state.erasures import ErasureRow as Stored

router = APIRouter(tags=["rights"])
_ASKED = attrgetter("time", "id")
ErasureId = Annotated[str, Path(description="The id of an erasure.", max_length=200)]


@router.post(
    "/v1/erasures",
    response_model=Erasing,
    responses=late(Done),
    summary="Erase people for good.",
)
async def erase(body: ToErase, office: Of, caller: By) -> Response:
    """Their profiles go at once, whatever waits for them is not sent. There is no way back."""
    if not 0 < len(body["profiles"]) <= MOST:
        raise InvalidInput("erase.many", f"Name 1 to {MOST:,} profiles.", at="profiles")
    return await _erase(office, body["profiles"], caller.author)


@router.delete(
    "/v1/profiles/{key:path}",
    response_model=Erasing,
    responses=late(Done),
    summary="Erase one person for good.",
)
async def erase_profile(key: Key, office: Of, caller: By) -> Response:
    """As `POST /v1/erasures` with this profile."""
    return await _erase(office, [key], caller.author)


async def _erase(office: Office, keys: Sequence[str], author: str) -> Response:
    persons = await run_in_threadpool(_persons, office, keys)
    told = asked(persons, author, office.now())
    if not await office.write(Lane.CONTROL, told):
        return reply(Done(applied=False), 202)
    ids = [one.id for one in told]
    return reply(Erasing(applied=True, people=len(persons), erasures=ids))


def _persons(office: Office, keys: Sequence[str]) -> list[str]:
    return sorted({head_of(office, key).person.id for key in keys})


@router.get("/v1/erasures", response_model=Page[ErasureRow], summary="Erasures, newest first.")
def list_erasures(office: Of, caller: By, part: Part) -> Response:
    """Whether each is done; whom it was about nobody can say any more."""
    found = office.state.erasures(part.behind(int, str), part.enough)

    def rows(shown: Sequence[Stored]) -> list[ErasureRow]:
        return [_row(one) for one in shown]

    return part.page(found, rows, _ASKED)


@router.get(
    "/v1/erasures/{id}", response_model=Receipted, summary="One erasure, with its signed receipt."
)
def one_erasure(id: ErasureId, office: Of, caller: By) -> Response:
    """The receipt names nobody; `duyen erasures verify` says whether it is genuine, and about whom."""
    found = office.state.erasure(id)
    if found is None:
        raise NotFound("erasure.unknown", f"There is no erasure “{id[:80]}”.", at="id")
    receipt = msgspec.json.decode(found.body) if found.done and found.body else None
    return reply(Receipted(receipt=receipt, **_row(found)))


def _row(row: Stored) -> ErasureRow:
    return ErasureRow(
        id=row.id,
        asked=when(row.time),
        author=row.author,
        done=when(row.done) if row.done else None,
    )
