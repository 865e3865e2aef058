"""Segments, journeys, messages, offers and placements: the same six calls for each kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Body, Path, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.office import (
    By,
    Caller,
    Cursor,
    Limit,
    Of,
    Office,
    get_cursor,
    put_cursor,
    reply,
    when,
)
from duyen.api.shapes import Done, Page, Resource, SegmentResource, Version
from duyen.model.errors import Conflict, InvalidRule, NotFound
from duyen.model.log import Lane
from duyen.model.program import ResourceChange, ResourceKind
from duyen.runtime.definitions import KINDS
from duyen.runtime.operations import changes, deletable

router = APIRouter(tags=["program"])
Id = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$", description="Id of the definition.")
]
Definition = Annotated[
    dict[str, Any], Body(description="The definition in its YAML form, as JSON.")
]
Stored = tuple[str, str, int, dict[str, Any], str, int]


def as_yaml(body: dict[str, Any]) -> str:
    """A definition as `duyen export` writes it."""
    text: str = yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=100)
    return text


def resource(stored: Stored) -> Resource:
    """A definition as it is shown."""
    _, id, version, body, author, time = stored
    return Resource(
        id=id,
        name=str(body.get("name", id)),
        definition=body,
        yaml=as_yaml(body),
        version=version,
        updated_at=when(time),
        author=author,
        live=bool(body.get("live", True)),
    )


def shown(office: Office, kind: str, stored: Stored) -> Resource:
    """A definition with what is known of it besides: of a segment, how many people are in it."""
    found = resource(stored)
    if kind == "segment":
        return SegmentResource(**found, count=office.state.count_in(found["id"]))
    return found


def current(office: Office, kind: str, id: str) -> Stored:
    """A definition as it is now; raises NotFound."""
    versions = office.state.resource_versions(kind, id)
    if not versions or versions[0][1] is None:
        raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”.")
    version, body, author, time = versions[0]
    return kind, id, version, body or {}, author, time


async def put_all(office: Office, told: list[ResourceChange]) -> bool:
    """Tell the log, and whether it is in effect."""
    return not told or await office.write(Lane.CONTROL, list(told))


async def settle(office: Office, kind: str, id: str, told: list[ResourceChange]) -> Response:
    """Answer a change: the definition as it is now, or 202 where the engine has not come to it."""
    if not await put_all(office, told):
        return reply(Done(applied=False), 202)
    stored = await run_in_threadpool(current, office, kind, id)
    return reply(await run_in_threadpool(shown, office, kind, stored))


def _wish(
    office: Office, caller: Caller, kind: ResourceKind, id: str, body: dict[str, Any] | None
) -> list[ResourceChange]:
    return changes(office.state, office.program(), {(kind, id): body}, caller.author, office.now())


def lister(kind: str) -> Callable[..., Response]:
    """GET /v1/{kind}s."""

    def list_all(office: Of, caller: By, cursor: Cursor = None, limit: Limit = 50) -> Response:
        """By name."""
        after: Any = get_cursor(cursor, str, str)
        found = sorted(
            office.state.resources(kind),
            key=lambda stored: (str(stored[3].get("name", stored[1])), stored[1]),
        )
        behind = [
            stored
            for stored in found
            if after is None or (str(stored[3].get("name", stored[1])), stored[1]) > after
        ]
        data = [shown(office, kind, stored) for stored in behind[:limit]]
        following = put_cursor(data[-1]["name"], data[-1]["id"]) if len(behind) > limit else None
        return reply(Page[Resource](data=data, next=following, total=len(found)))

    return list_all


def getter(kind: str) -> Callable[..., Response]:
    """GET /v1/{kind}s/{id}."""

    def get_one(id: Id, office: Of, caller: By) -> Response:
        """With its version, author and YAML."""
        return reply(shown(office, kind, current(office, kind, id)))

    return get_one


def putter(kind: ResourceKind) -> Callable[..., Awaitable[Response]]:
    """PUT /v1/{kind}s/{id}."""

    async def put_one(id: Id, body: Definition, office: Of, caller: By) -> Response:
        """Checked against the whole program; 202 where the engine has not taken it up after 5 s."""
        told = await run_in_threadpool(_wish, office, caller, kind, id, body)
        return await settle(office, kind, id, told)

    return put_one


def deleter(kind: ResourceKind) -> Callable[..., Awaitable[Response]]:
    """DELETE /v1/{kind}s/{id}."""

    def prepared(office: Office, caller: Caller, id: str) -> list[ResourceChange]:
        current(office, kind, id)
        deletable(office.program(), kind, id)
        return _wish(office, caller, kind, id, None)

    async def delete_one(id: Id, office: Of, caller: By) -> Response:
        """Refused while something else names it; its versions are kept, and undo brings it back."""
        told = await run_in_threadpool(prepared, office, caller, id)
        applied = await put_all(office, told)
        return reply(Done(applied=applied), 200 if applied else 202)

    return delete_one


def versioner(kind: str) -> Callable[..., Response]:
    """GET /v1/{kind}s/{id}/versions."""

    def list_versions(id: Id, office: Of, caller: By) -> Response:
        """Newest first, with who made each."""
        found = office.state.resource_versions(kind, id)
        if not found:
            raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”.")
        data = [
            Version(version=number, definition=body, author=author, time=when(time))
            for number, body, author, time in found
        ]
        return reply(Page[Version](data=data, next=None, total=len(data)))

    return list_versions


def undoer(kind: ResourceKind) -> Callable[..., Awaitable[Response]]:
    """POST /v1/{kind}s/{id}/undo."""

    def prepared(office: Office, caller: Caller, id: str) -> list[ResourceChange]:
        versions = office.state.resource_versions(kind, id)
        if not versions:
            raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”.")
        if len(versions) < 2:
            raise Conflict("program.first_version", f"The {kind} “{id}” has no earlier version.")
        before = versions[1][1]
        if before is None:
            deletable(office.program(), kind, id)
        try:
            return _wish(office, caller, kind, id, before)
        except InvalidRule as error:
            raise Conflict(
                "program.cannot_undo", f"The version before cannot come back: {error.message}"
            ) from error

    async def undo(id: Id, office: Of, caller: By) -> Response:
        """The version before the present one becomes the newest."""
        told = await run_in_threadpool(prepared, office, caller, id)
        if told and told[0].body is None:
            applied = await put_all(office, told)
            return reply(Done(applied=applied), 200 if applied else 202)
        return await settle(office, kind, id, told)

    return undo


def _add(word: str, kind: ResourceKind) -> None:
    one: Any = SegmentResource if kind == "segment" else Resource
    add, base = router.add_api_route, f"/v1/{word}"
    late: Any = {202: {"model": Done, "description": "Stored; the engine has not come to it yet."}}

    def named(verb: str) -> Any:
        return {"name": f"{verb}_{kind}", "operation_id": f"{verb}_{kind}"}

    add(
        base,
        lister(kind),
        response_model=Page[one],
        summary=f"The {word} there are.",
        **named("list"),
    )
    add(
        f"{base}/{{id}}",
        getter(kind),
        response_model=one,
        summary=f"One {kind}.",
        **named("get"),
    )
    add(
        f"{base}/{{id}}",
        putter(kind),
        methods=["PUT"],
        response_model=one,
        responses=late,
        summary=f"Put a {kind}.",
        **named("put"),
    )
    add(
        f"{base}/{{id}}",
        deleter(kind),
        methods=["DELETE"],
        response_model=Done,
        responses=late,
        summary=f"Delete a {kind}.",
        **named("delete"),
    )
    add(
        f"{base}/{{id}}/versions",
        versioner(kind),
        response_model=Page[Version],
        summary=f"Every version of a {kind}.",
        **named("versions_of"),
    )
    add(
        f"{base}/{{id}}/undo",
        undoer(kind),
        methods=["POST"],
        response_model=one,
        responses=late,
        summary=f"Go back to the version of a {kind} before the present one.",
        **named("undo"),
    )


for _word, _kind in KINDS.items():
    _add(_word, _kind)
