"""The sources there are, with what came of each; declaring them, and taking them away."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Path, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import whole
from duyen.api.office import By, Caller, Of, Office, late, maybe_when, reply, when
from duyen.api.program import put_all
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.sources import SourceRow, SourceStored, SourceTrial, SourceTried
from duyen.connectors.kinds import KINDS
from duyen.model.errors import NotFound
from duyen.model.program import ResourceChange
from duyen.model.source import Source
from duyen.runtime import receive
from duyen.runtime.heard import OUTCOMES, standing
from duyen.runtime.sources import (
    Declared,
    address,
    as_written,
    declare,
    read_source,
    sources_of,
    verify_token,
)

router = APIRouter(tags=["sources"])
Id = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]{0,59}$",
        description="Id of the source, of your choice.",
    ),
]


def _shown(office: Office, stored: Any) -> SourceRow:
    _, id, _, body, author, time = stored
    source = msgspec.convert({**body, "id": id}, Source)
    known = standing(office.state, id)
    counts: Any = {outcome: known.counts.get(outcome, 0) for outcome in OUTCOMES}
    own = source.kind == "haravan"
    return SourceRow(
        id=id,
        kind=source.kind,
        name=source.name or id,
        live=source.live,
        prefix=source.prefix,
        currency=source.currency,
        brand=source.brand,
        url=address(office.house.settings.base_url, source) or None,
        verify_token=verify_token(office.house.secrets, id) if own else None,
        topics=list(KINDS[source.kind].topics),
        definition=as_written(source),
        counts=counts,
        last_seen=maybe_when(known.seen or None),
        trouble=known.trouble or None,
        troubled_at=maybe_when(known.troubled or None),
        updated_at=when(time),
        author=author,
    )


def _stored(office: Office, id: str) -> Any:
    found = next((each for each in office.state.resources("source") if each[1] == id), None)
    if found is None:
        raise NotFound("source.none", f"There is no source “{id}”.")
    return found


@router.get("/v1/sources", response_model=Page[SourceRow], summary="The sources there are.")
def list_sources(office: Of, caller: By) -> Response:
    """By id, each with its address, what came of its deliveries, and what was wrong last."""
    known = sources_of(office.state)
    stored = office.state.resources("source")
    return whole([_shown(office, each) for each in stored if each[1] in known])


@router.get("/v1/sources/{id}", response_model=SourceRow, summary="One source.")
def get_source(id: Id, office: Of, caller: By) -> Response:
    """Its secret is never shown."""
    return reply(_shown(office, _stored(office, id)))


@router.put(
    "/v1/sources/{id}",
    response_model=SourceStored,
    responses=late(Done),
    summary="Declare a source, or change one.",
)
async def put_source(
    id: Id,
    body: Annotated[
        dict[str, Any],
        Body(
            description="`kind`, `name`, `live`, `prefix`, `currency`, `brand`, `secret`, `auth`, `calls`."
        ),
    ],
    office: Of,
    caller: By,
) -> Response:
    """The whole source is exchanged, but for its secret, which stays where none is given."""
    made = await run_in_threadpool(_declared, office, caller, id, body)
    if not await put_all(office, [made.change]):
        return reply(Done(applied=False), 202)
    shown: Any = await run_in_threadpool(lambda: _shown(office, _stored(office, id)))
    return reply({**shown, "secret": made.secret} if made.secret else shown)


@router.post(
    "/v1/sources/preview",
    response_model=SourceTried,
    summary="What a delivery of a source would come to.",
)
def preview_source(body: Annotated[SourceTrial, Body()], office: Of, caller: By) -> Response:
    """Nothing is stored, and no secret is asked for."""
    source = read_source("preview", body["definition"])
    topic, currency = body.get("topic", ""), office.program().settings.currency
    return reply(receive.tried(source, body["body"], topic, office.now(), currency))


@router.delete(
    "/v1/sources/{id}",
    response_model=Done,
    responses=late(Done),
    summary="Take a source away.",
)
async def delete_source(id: Id, office: Of, caller: By) -> Response:
    """Its address answers 404 from now on; what it told stays."""
    await run_in_threadpool(_stored, office, id)
    change = ResourceChange("source", id, None, caller.author, office.now())
    applied = await put_all(office, [change])
    return reply(Done(applied=applied), 200 if applied else 202)


def _declared(office: Office, caller: Caller, id: str, body: Any) -> Declared:
    return declare(office.house, office.state, id, body, caller.author, office.now())
