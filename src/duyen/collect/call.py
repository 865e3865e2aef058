"""What a call of the Segment protocol is made of, declared once.

Each judge reads it with a kind of text of its own: `plain.py` takes what nearly every client sends and nothing
else, `validate.py` whatever can be understood.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from duyen.model.event import Collected

# The very objects that `omit_defaults` recognises, for an empty Raw has no JSON of its own.
_NOTHING = Collected(id="", type="track", time=0, received=0, source="")
NO_PROPERTIES, NO_TRAITS, NO_CONTEXT = _NOTHING.properties, _NOTHING.traits, _NOTHING.context

Kind = TypeVar("Kind")
Text = TypeVar("Text")
Item = TypeVar("Item")


class Call(msgspec.Struct, Generic[Kind, Text], rename="camel", gc=False):
    """One call; its free parts stay the bytes that came, and what we do not use is skipped."""

    type: Kind | None = None
    message_id: Text | None = None
    user_id: Text | None = None
    anonymous_id: Text | None = None
    previous_id: Text | None = None
    group_id: Text | None = None
    event: Text | None = None
    name: Text | None = None
    timestamp: Text | None = None
    original_timestamp: Text | None = None
    sent_at: Text | None = None
    write_key: Text | None = None
    properties: msgspec.Raw = NO_PROPERTIES
    traits: msgspec.Raw = NO_TRAITS
    context: msgspec.Raw = NO_CONTEXT


class Batch(msgspec.Struct, Generic[Item, Text], rename="camel", gc=False):
    """The body of a batch, and what it says for all of its calls."""

    batch: list[Item]
    write_key: Text | None = None
    sent_at: Text | None = None
    context: msgspec.Raw = NO_CONTEXT


PARTS = tuple(f.name for f in msgspec.structs.fields(Call) if f.type is msgspec.Raw)
"""The free parts of a call."""
TEXTS = tuple(f.encode_name for f in msgspec.structs.fields(Call) if f.name not in PARTS)
"""The other fields, by their names in JSON."""
