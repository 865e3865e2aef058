"""Groups over HTTP: the list, what is known of one, and who belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from duyen.api import views
from duyen.api.lists import Part
from duyen.api.office import By, Of, Office, reply, when
from duyen.api.shapes.common import Page
from duyen.api.shapes.groups import Group, GroupMember, GroupRow
from duyen.model.errors import NotFound
from duyen.model.group import Told, group_name, group_values
from duyen.model.times import Millis
from duyen.model.values import canonical, fold
from duyen.stores.rows import Row
from duyen.stores.state.groups import GroupRow as Stored

router = APIRouter(tags=["groups"])

Id = Annotated[str, Path(description="Id of the group, percent-encoded.", max_length=1_000)]


@router.get(
    "/v1/groups", response_model=Page[GroupRow], summary="Groups by name, found by how it begins."
)
def list_groups(
    office: Of,
    caller: By,
    part: Part,
    query: Annotated[
        str, Query(max_length=200, description="How the name begins; without a name, the id.")
    ] = "",
) -> Response:
    """In the order of the alphabet, without regard to diacritics and capitals."""
    begins = fold(query.strip())
    found = office.state.list_groups(begins, part.behind(str, str), part.enough)

    def rows(shown: Sequence[Stored]) -> list[GroupRow]:
        return [_row(office, group.id, group.told) for group in shown]

    total = None if begins else office.state.count_groups()
    return part.page(found, rows, lambda group: (group.folded, group.id), total)


@router.get(
    "/v1/groups/{id:path}/members",
    response_model=Page[GroupMember],
    summary="The people in a group, with when each joined.",
)
def list_members(id: Id, office: Of, caller: By, part: Part) -> Response:
    """In the order of their ids."""
    group = _known(office, id)[0]
    after = part.behind(str)
    found = office.state.list_group(group, after[0] if after else "", part.enough)

    def rows(shown: Sequence[tuple[Row, Millis]]) -> list[GroupMember]:
        of = views.references(office, [row.person for row, _ in shown])
        return [
            GroupMember(**of[row.person], email=row.email or None, since=when(since))
            for row, since in shown
        ]

    return part.page(found, rows, lambda each: (each[0].person,), office.state.count_group(group))


@router.get("/v1/groups/{id:path}", response_model=Group, summary="One group with its traits.")
def one_group(id: Id, office: Of, caller: By) -> Response:
    """Each trait with the event that wrote it last."""
    group, told = _known(office, id)
    there = {name: trait for name, trait in told.items() if trait.value is not None}
    rows = views.trait_rows(there, office.source_names())
    return reply(Group(**_row(office, group, told), traits=rows))


def _known(office: Office, id: str) -> tuple[str, Told]:
    """The group of an id, and what is known of it. Raises NotFound."""
    group: str = canonical(id)
    found = office.state.groups([group])
    if group not in found:
        raise NotFound("group.unknown", f"There is no group “{id[:80]}”.", at="id")
    return group, found[group]


def _row(office: Office, id: str, told: Told) -> GroupRow:
    name = group_name(id, group_values(id, told))
    return GroupRow(id=id, name=name, members=office.state.count_group(id))
