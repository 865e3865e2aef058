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


class Erase(msgspec.Struct, frozen=True, tag_field="kind", tag="erase", omit_defaults=True):
    """Somebody is to be erased, and all that was told of them up to `time`: they, or the company, asked for it.

    `persons` are ids, until the log was rewritten: what is left of them then is `digests`, keyed hashes of their
    identifiers, so that nothing told of that time brings them back, and `refused`, (keyed hash of an address, key of
    the statement) of what they had said no to.
    """

    id: str
    time: Millis
    author: str
    persons: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class Erased(msgspec.Struct, frozen=True, tag_field="kind", tag="erased", omit_defaults=True):
    """An `Erase` was carried through everything: its receipt (JSON).

    With an empty id: the log is rid of what was told too late of anybody erased, up to an offset.
    """

    id: str
    time: Millis
    receipt: str
    upto: int = 0


class Expunged(msgspec.Struct, frozen=True, tag_field="kind", tag="expunged", omit_defaults=True):
    """A stretch of the log, the one that begins behind offset `after`, is about to be rid of people who are erased.

    `found`: id of an `Erase` -> how many entries fall under it; `rejected`: ids of the rejected calls among them.
    """

    time: Millis
    after: int
    found: dict[str, int]
    rejected: tuple[str, ...] = ()


class Suppress(msgspec.Struct, frozen=True, tag_field="kind", tag="suppress", omit_defaults=True):
    """Addresses that are never written to any more, or are again.

    `rows`: (keyed hash, key of what they are never told, the address itself, empty where its person was erased).
    """

    time: Millis
    author: str
    reason: str = ""
    rows: tuple[tuple[str, str, str], ...] = ()
    lifted: tuple[str, ...] = ()


class Gone(msgspec.Struct, frozen=True, tag_field="kind", tag="gone"):
    """Stands where something was told of somebody who was erased, so that all else keeps its place."""


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
    | Erase
    | Erased
    | Expunged
    | Gone
    | Suppress
    | ResourceChange
    | CatalogueChange
    | Nudge
    | Tick
)

encode_entry = msgspec.json.Encoder().encode
decode_entries = msgspec.json.Decoder(list[Entry]).decode
