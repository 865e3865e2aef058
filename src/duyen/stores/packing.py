"""How values lie in a store: MessagePack where only we read them, JSON where queries do."""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.model.decision import Decision
from duyen.model.effect import Enqueue
from duyen.model.event import Event
from duyen.model.person import Person, Place, Trait
from duyen.stores.rows import Standing

pack = msgspec.msgpack.Encoder().encode
unpack_person = msgspec.msgpack.Decoder(Person).decode


class _OnTheWay(msgspec.Struct):
    """The one part of a document that says where its person stands in journeys; the rest is passed over."""

    places: dict[str, Place] = {}


unpack_places = msgspec.msgpack.Decoder(_OnTheWay).decode
unpack_traits = msgspec.msgpack.Decoder(dict[str, Trait]).decode
unpack_standing = msgspec.msgpack.Decoder(Standing).decode
unpack_events = msgspec.msgpack.Decoder(list[Event]).decode
unpack_enqueue = msgspec.msgpack.Decoder(Enqueue).decode
read_decision = msgspec.json.Decoder(Decision).decode
_json = msgspec.json.Encoder().encode


def text(value: Any) -> str:
    """A value as JSON text."""
    return _json(value).decode()
