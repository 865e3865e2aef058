"""The suppression list: addresses that are never written to, whoever has them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Path, Response

from duyen.api.lists import Part
from duyen.api.office import By, Of, Office, late, reply, when
from duyen.api.shapes.common import Done, Page
from duyen.api.shapes.suppressions import Suppressed, SuppressionLine, ToSuppress
from duyen.model.errors import InvalidInput
from duyen.model.log import Lane
from duyen.runtime.suppressing import MOST, Listed, add, remove
from duyen.stores.state.suppressions import SuppressionRow

router = APIRouter(tags=["rights"])
_PLACE = attrgetter("digest", "said")
Address = Annotated[str, Path(description="The address, percent-encoded.", max_length=300)]


@router.get(
    "/v1/suppressions", response_model=Page[SuppressionLine], summary="The suppression list."
)
def list_suppressions(office: Of, caller: By, part: Part) -> Response:
    """In the order of the hashes."""
    found = office.state.suppressions(part.behind(str, str) or ("", ""), part.enough)

    def rows(shown: Sequence[SuppressionRow]) -> list[SuppressionLine]:
        return [_line(one) for one in shown]

    return part.page(found, rows, _PLACE, office.state.count_suppressions())


def _line(row: SuppressionRow) -> SuppressionLine:
    return SuppressionLine(
        address=row.address or None,
        hash=row.digest,
        never=row.said,
        since=when(row.time),
        reason=row.reason,
        author=row.author,
    )


@router.post(
    "/v1/suppressions",
    response_model=Suppressed,
    responses=late(Done),
    summary="Never write to these addresses again.",
)
async def add_suppressions(body: ToSuppress, office: Of, caller: By) -> Response:
    """Also not what waits for them already, and not to whoever is known by them later."""
    if not 0 < len(body["addresses"]) <= MOST:
        raise InvalidInput("suppression.many", f"Name 1 to {MOST:,} addresses.", at="addresses")
    listed = add(
        office.house.secrets,
        body["addresses"],
        caller.author,
        office.now(),
        purpose=body.get("purpose", "*"),
        reason=body.get("reason", ""),
    )
    return await _told(office, listed)


@router.delete(
    "/v1/suppressions/{address}",
    response_model=Suppressed,
    responses=late(Done),
    summary="Take an address off the list.",
)
async def remove_suppression(address: Address, office: Of, caller: By) -> Response:
    """What the person who has it has refused themselves still holds."""
    listed = remove(office.house.secrets, [address], caller.author, office.now())
    return await _told(office, listed)


async def _told(office: Office, listed: Listed) -> Response:
    if listed.told and not await office.write(Lane.CONTROL, listed.told):
        return reply(Done(applied=False), 202)
    return reply(Suppressed(applied=True, addresses=listed.addresses, wrong=listed.wrong[:100]))
