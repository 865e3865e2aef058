"""Traits, segments, journeys, messages, offers, placements and forms: the same calls, written once, for each kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Body, Depends, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import Part, whole
from duyen.api.office import (
    By,
    Caller,
    Of,
    Office,
    late,
    reply,
    when,
)
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.program import Resource, SegmentResource, Version
from duyen.api.shapes.traits import TraitResource, Use
from duyen.model.errors import Conflict, InvalidRule, NotFound
from duyen.model.log import Lane
from duyen.model.program import ResourceChange, ResourceKind
from duyen.runtime.definitions import KINDS, as_yaml
from duyen.runtime.operations import FIELDS, changes, deletable

router = APIRouter(tags=["program"])
Id = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$", description="Id of the definition.")
]
Definition = Annotated[
    dict[str, Any], Body(description="The definition in its YAML form, as JSON.")
]


def kind_of(request: Request) -> ResourceKind:
    """The kind of definition that a path is about."""
    return KINDS[request.url.path.split("/")[2]]


Kind = Annotated[ResourceKind, Depends(kind_of)]
Stored = tuple[str, str, int, dict[str, Any], str, int]


def resource(stored: Stored, problem: str | None) -> Resource:
    """A definition as it is shown; `problem` is why it stands still."""
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
        problem=problem,
    )


def shown(office: Office, stored: Stored) -> Resource:
    """A definition with what is known of it besides; of a segment, how many people are in it."""
    kind, id, *_ = stored
    found = resource(stored, office.broken().get((kind, id)))
    if kind == "segment":
        return SegmentResource(**found, count=office.state.count_in(id))
    if kind == "trait":
        return TraitResource(**found, used_by=_uses(office, id))
    return found


def _uses(office: Office, trait: str) -> list[Use]:
    """What names a computed trait."""
    program = office.program()
    return [
        Use(kind=kind, id=id, name=getattr(program, FIELDS[kind])[id].name)
        for kind, id in office.uses().get(trait, ())
    ]


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
    return reply(await run_in_threadpool(shown, office, stored))


def _wish(
    office: Office, caller: Caller, kind: ResourceKind, id: str, body: dict[str, Any] | None
) -> list[ResourceChange]:
    return changes(office.state, office.program(), {(kind, id): body}, caller.author, office.now())


def _name(stored: Stored) -> tuple[str, str]:
    """What definitions are sorted by."""
    return str(stored[3].get("name", stored[1])), stored[1]


def list_all(kind: Kind, office: Of, caller: By, part: Part) -> Response:
    """By name."""
    after = part.behind(str, str)
    found = sorted(office.state.resources(kind), key=_name)
    behind = [stored for stored in found if after is None or _name(stored) > after]
    return part.page(behind, lambda some: [shown(office, one) for one in some], _name, len(found))


def get_one(kind: Kind, id: Id, office: Of, caller: By) -> Response:
    """With its version, author and YAML; `problem` says why it stands still, where it does."""
    return reply(shown(office, current(office, kind, id)))


async def put_one(kind: Kind, id: Id, body: Definition, office: Of, caller: By) -> Response:
    """Checked against the whole program; 202 where the engine has not taken it up after 5 s."""
    told = await run_in_threadpool(_wish, office, caller, kind, id, body)
    return await settle(office, kind, id, told)


async def delete_one(kind: Kind, id: Id, office: Of, caller: By) -> Response:
    """Refused while something else names it; its versions are kept, and undo brings it back."""
    return await _removed(office, await run_in_threadpool(_without, office, caller, kind, id))


def list_versions(kind: Kind, id: Id, office: Of, caller: By) -> Response:
    """Newest first, with who made each."""
    return whole(
        [
            Version(version=number, definition=body, author=author, time=when(time))
            for number, body, author, time in _versions(office, kind, id)
        ]
    )


async def undo(kind: Kind, id: Id, office: Of, caller: By) -> Response:
    """The version before the present one becomes the newest."""
    told = await run_in_threadpool(_before, office, caller, kind, id)
    if told and told[0].body is None:
        return await _removed(office, told)
    return await settle(office, kind, id, told)


async def _removed(office: Office, told: list[ResourceChange]) -> Response:
    applied = await put_all(office, told)
    return reply(Done(applied=applied), 200 if applied else 202)


def _without(office: Office, caller: Caller, kind: ResourceKind, id: str) -> list[ResourceChange]:
    current(office, kind, id)
    deletable(office.program(), kind, id)
    return _wish(office, caller, kind, id, None)


def _versions(office: Office, kind: str, id: str) -> list[Any]:
    found = list(office.state.resource_versions(kind, id))
    if not found:
        raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”.")
    return found


def _before(office: Office, caller: Caller, kind: ResourceKind, id: str) -> list[ResourceChange]:
    versions = _versions(office, kind, id)
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


class Verb(NamedTuple):
    """One call that every kind of definition has."""

    name: str
    method: str
    path: str
    call: Callable[..., Any]
    summary: str


VERBS = (
    Verb("list", "GET", "", list_all, "The {word} there are."),
    Verb("get", "GET", "/{id}", get_one, "One {kind}."),
    Verb("put", "PUT", "/{id}", put_one, "Put a {kind}."),
    Verb("delete", "DELETE", "/{id}", delete_one, "Delete a {kind}."),
    Verb("versions_of", "GET", "/{id}/versions", list_versions, "Every version of a {kind}."),
    Verb(
        "undo",
        "POST",
        "/{id}/undo",
        undo,
        "Go back to the version of a {kind} before the present one.",
    ),
)


_SHOWN: dict[str, type] = {"segment": SegmentResource, "trait": TraitResource}


def _add(word: str, kind: ResourceKind, verb: Verb) -> None:
    one: Any = _SHOWN.get(kind, Resource)
    shapes = {
        "list": Page[one],
        "versions_of": Page[Version],
        "delete": Done,
        "undo": one | Done,  # where the version before is that there was none
    }
    router.add_api_route(
        f"/v1/{word}{verb.path}",
        verb.call,
        methods=[verb.method],
        response_model=shapes.get(verb.name, one),
        responses=None if verb.method == "GET" else late(Done),
        summary=verb.summary.format(word=word, kind=kind),
        name=f"{verb.name}_{kind}",
        operation_id=f"{verb.name}_{kind}",
    )


for _word, _kind in KINDS.items():
    for _verb in VERBS:
        _add(_word, _kind, _verb)
