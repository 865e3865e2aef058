"""The catalogue: items by id, found by words, put one by one or many at once."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Path, Query, Response
from starlette.concurrency import run_in_threadpool

from duyen.api.lists import Part
from duyen.api.office import By, Caller, Of, Office, late, reply
from duyen.api.shapes.catalogue import CatalogueItem, ItemsStored
from duyen.api.shapes.common import Done, Page
from duyen.model.catalogue import Item
from duyen.model.errors import InvalidInput, InvalidRule, NotFound
from duyen.model.log import Lane
from duyen.model.program import CatalogueChange
from duyen.model.values import fold, to_micros

router = APIRouter(tags=["catalogue"])
MOST = 1_000
Id = Annotated[str, Path(max_length=200, description="Id of the item, as the shop has it.")]


def read_item(raw: Any, at: str = "") -> dict[str, Any]:
    """An item as it is stored; raises InvalidRule with the place."""
    try:
        item = msgspec.convert(raw, Item)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        place = ".".join(part for part in (at, path.strip("`.")) if part)
        raise InvalidRule("item.invalid", f"{message}.", at=place) from error
    if not item.id or len(item.id) > 200:
        raise InvalidRule(
            "item.id", "An item has an id of 1 to 200 characters.", at=f"{at}.id".strip(".")
        )
    if item.price and to_micros(item.price) is None:
        raise InvalidRule(
            "item.price",
            f"“{item.price}” is no price; write a decimal such as 129000 or 19.90.",
            at=f"{at}.price".strip("."),
        )
    stored: dict[str, Any] = msgspec.to_builtins(item)
    return stored


def whole(stored: dict[str, Any]) -> CatalogueItem:
    """An item with every field written out."""
    item = msgspec.convert(stored, Item)
    found: Any = {field: getattr(item, field) for field in item.__struct_fields__}
    shown: CatalogueItem = found
    return shown


@router.get(
    "/v1/catalog/items", response_model=Page[CatalogueItem], summary="Items, found by words."
)
def list_items(
    office: Of,
    caller: By,
    part: Part,
    query: Annotated[
        str, Query(max_length=200, description="Part of id, name, category or tags.")
    ] = "",
) -> Response:
    """In order of id; words match without diacritics."""
    (after,) = part.behind(str) or ("",)
    found = office.state.find_items(fold(query.strip()), after, part.enough)
    return part.page(found, lambda items: [whole(item) for item in items], lambda i: (i["id"],))


@router.get("/v1/catalog/items/{id:path}", response_model=CatalogueItem, summary="One item.")
def get_item(id: Id, office: Of, caller: By) -> Response:
    """With every field."""
    found = office.state.items([id]).get(id)
    if found is None:
        raise NotFound("item.unknown", f"There is no item “{id}”.")
    return reply(whole(found))


@router.put(
    "/v1/catalog/items",
    response_model=ItemsStored,
    responses=late(ItemsStored),
    summary="Put many items at once, at most 1,000.",
)
async def put_items(
    body: Annotated[list[dict[str, Any]], Body(description="Whole items; the last of an id wins.")],
    office: Of,
    caller: By,
) -> Response:
    """All or none: one bad item refuses the list, and says which."""
    if len(body) > MOST:
        raise InvalidInput("item.too_many", f"Put at most {MOST} items at once.")
    items = [read_item(raw, f"[{n}]") for n, raw in enumerate(body)]
    applied = await _tell(office, caller, items)
    return reply(ItemsStored(stored=len(items), applied=applied), 200 if applied else 202)


@router.put(
    "/v1/catalog/items/{id:path}",
    response_model=ItemsStored,
    responses=late(ItemsStored),
    summary="Put one item.",
)
async def put_item(
    id: Id,
    body: Annotated[dict[str, Any], Body(description="The whole item.")],
    office: Of,
    caller: By,
) -> Response:
    """The whole item is exchanged."""
    if str(body.setdefault("id", id)) != id:
        raise InvalidRule(
            "item.id", f"The id inside is “{body['id']}”, but it is put as “{id}”.", at="id"
        )
    applied = await _tell(office, caller, [read_item(body)])
    return reply(ItemsStored(stored=1, applied=applied), 200 if applied else 202)


@router.delete(
    "/v1/catalog/items/{id:path}",
    response_model=Done,
    responses=late(Done),
    summary="Take an item out.",
)
async def delete_item(id: Id, office: Of, caller: By) -> Response:
    """It is recommended no more; what was bought stays bought."""
    await run_in_threadpool(get_item, id, office, caller)
    applied = await _tell(office, caller, [], (id,))
    return reply(Done(applied=applied), 200 if applied else 202)


async def _tell(
    office: Office, caller: Caller, items: list[dict[str, Any]], removed: tuple[str, ...] = ()
) -> bool:
    known = await run_in_threadpool(lambda: office.state.items([item["id"] for item in items]))
    items = [item for item in items if known.get(item["id"]) != item]
    if not items and not removed:
        return True
    change = CatalogueChange(tuple(items), office.house.clock.now(), caller.author, removed)
    return await office.write(Lane.CONTROL, [change])
