"""Entries of the log: everything durable that was ever told to us, in three lanes."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from duyen.model.decision import Decision
from duyen.model.event import Collected, Identifier, Rejected
from duyen.model.program import CatalogueChange, Nudge, ResourceChange, Tick
from duyen.model.times import Millis


class Lane(IntEnum):
    """Control is always read first, live next, bulk in slices between them."""

    CONTROL = 0
    LIVE = 1
    BULK = 2


class Delivered(msgspec.Struct, frozen=True, tag_field="kind", tag="delivered", omit_defaults=True):
    """A sender's receipt: the fate of one outbox row. `state`: sent | failed | cancelled | expired."""

    key: str
    person: str
    message: str
    state: str
    time: Millis
    reason: str = ""
    provider_id: str = ""


class Unmerge(msgspec.Struct, frozen=True, tag_field="kind", tag="unmerge", omit_defaults=True):
    """Somebody decided: none of `kept` is ever one person with any of `apart` again."""

    id: str
    time: Millis
    author: str
    kept: tuple[Identifier, ...]
    apart: tuple[Identifier, ...]


class Lift(msgspec.Struct, frozen=True, tag_field="kind", tag="lift", omit_defaults=True):
    """Somebody took an `Unmerge` back: the veto of the id `veto` holds no more, wherever in the log it stands."""

    id: str
    time: Millis
    author: str
    veto: str


class Replayed(msgspec.Struct, frozen=True, tag_field="kind", tag="replayed", omit_defaults=True):
    """A rejected call was judged again: it stands beside this as an event, or has these reasons now."""

    id: str
    time: Millis
    author: str
    reasons: tuple[str, ...] = ()


class ImportMark(msgspec.Struct, frozen=True, tag_field="kind", tag="import"):
    """How many results of an import (`name`: its file and mapping) are in the log up to here."""

    name: str
    reached: int


class Heard(msgspec.Struct, frozen=True, tag_field="kind", tag="heard", omit_defaults=True):
    """What came of a source's deliveries since this was told last: how many of each outcome.

    `trouble`: what was wrong with the last one that something was wrong with.
    """

    source: str
    time: Millis
    counts: dict[str, int]
    trouble: str = ""


Entry = (
    Collected
    | Rejected
    | Replayed
    | ImportMark
    | Heard
    | Decision
    | Delivered
    | Unmerge
    | Lift
    | ResourceChange
    | CatalogueChange
    | Nudge
    | Tick
)

encode_entry = msgspec.json.Encoder().encode
decode_entries = msgspec.json.Decoder(list[Entry]).decode
