"""From what a source told to entries of the log: judged like the calls of any other program."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from duyen import collect
from duyen.catalog.items import read_item, to_data
from duyen.connectors.delivery import Delivery, Told, Unreadable
from duyen.connectors.kinds import KINDS
from duyen.connectors.topics import framed
from duyen.model.errors import InvalidInput
from duyen.model.event import Collected, Rejected
from duyen.model.program import CatalogueChange
from duyen.model.source import Source
from duyen.model.times import MINUTE, Millis, format_time, parse_time
from duyen.stores.state import State

GUESTS = "guests"
"""What the key is for under which ids of guests are made."""
MOST_KEPT = 64 * 1024
"""Bytes that are kept of a delivery that cannot be read."""
AHEAD: Millis = 5 * MINUTE
"""A clock that is further ahead than this is said to be wrong."""


def judged(source: Source, told: Told, received: Millis) -> list[Collected | Rejected]:
    """The calls of a delivery as events, or as rejected calls with their reasons."""
    return [
        collect.validate(
            call,
            received=received,
            source=source.id,
            trusted=True,
            new_id=lambda call=call: str(call.get("messageId", "")) or source.id,  # type: ignore[misc]
        )
        for call in told.calls
    ]


def changed(
    source: Source, told: Told, state: State, received: Millis
) -> tuple[CatalogueChange | None, list[str]]:
    """What a delivery changes in the catalogue, and what is wrong with items of it."""
    items: list[dict[str, Any]] = []
    wrong: list[str] = []
    for raw in told.items:
        try:
            items.append(to_data(read_item(raw)))
        except InvalidInput as error:
            wrong.append(error.message)
    # What is sold no more stays known under its name; an older word that comes late does not bring it back.
    for before in state.items(told.gone).values():
        since = {**before.get("attributes", {}), "updated_at": format_time(received)}
        items.append({**before, "sellable": False, "attributes": since})
    if not items:
        return None, wrong
    return CatalogueChange(tuple(items), received, f"source:{source.id}", dated=True), wrong


def ahead(told: Told, received: Millis) -> Millis:
    """How far the clock of whoever sent this is ahead, as far as it tells; 0 where it may be right."""
    times = [call["timestamp"] for call in told.calls if isinstance(call.get("timestamp"), str)]
    try:
        most = max((parse_time(each) for each in times), default=0) - received
    except ValueError:
        return 0
    return most if most > AHEAD else 0


def unread(
    source: Source, body: bytes, reasons: tuple[str, ...], received: Millis
) -> Collected | Rejected:
    """A delivery that cannot be read, or not all of it, kept as it came."""
    return Rejected(
        id=f"{source.id}:{blake2b(body, digest_size=12).hexdigest()}",
        received=received,
        source=source.id,
        reasons=reasons,
        payload=body[:MOST_KEPT].decode("utf-8", "replace"),
        trusted=True,
    )


def parsed(body: bytes) -> Any:
    """A body as JSON; raises InvalidInput."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise InvalidInput("source.malformed", f"The body is not valid JSON: {error}.") from error


def tried(source: Source, body: Any, topic: str, received: Millis, currency: str) -> dict[str, Any]:
    """What a delivery would come to; `topic` is what the header of a shop would say."""
    header = "x-wc-webhook-topic" if source.kind == "woocommerce" else f"x-{source.kind}-topic"
    sent = framed(topic, body) if source.broker else body
    delivery = Delivery(source, {header: topic}, sent, received, b"a trial", currency)
    try:
        told = KINDS[source.kind].read(delivery)
    except Unreadable as error:
        told = Told(faults=[str(error)])
    calls = []
    for call, one in zip(told.calls, judged(source, told, received), strict=True):
        calls.append({"call": call, "reasons": list(getattr(one, "reasons", ()))})
    items = [*told.items, *({"id": id, "sellable": False} for id in told.gone)]
    return {"calls": calls, "items": items, "faults": told.faults, "ignored": told.ignored}
