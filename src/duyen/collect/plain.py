"""Calls that need no second look: judged in one pass of the decoder and a few comparisons.

Nearly every call is one of a kind that SDKs send all day: ids are short texts, times RFC 3339 in UTC or with an
offset, free parts objects of modest depth. What is anything else is no error here; it is left to the full judge,
which knows the reasons and the odd forms that are taken all the same. Both say the same of every call they share.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from duyen.collect.call import NO_CONTEXT, PARTS, Batch, Call
from duyen.model.event import CallType, Collected
from duyen.model.times import Millis
from duyen.model.values import MAX_DEPTH

MAX_EVENT_BYTES = 32 * 1024
"""Of one call: its properties, traits and context together."""
MAX_TEXT = 200
"""Characters of an id or a name."""
EARLIEST: Millis = 631_152_000_000
"""1990-01-01: an event before it has a broken clock."""

_EPOCH, _MILLI = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_read = datetime.fromisoformat
_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
_Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]


def _level(deeper: Any) -> Any:
    """A JSON value whose containers hold values of the level below."""
    return None | bool | _Whole | float | str | list[deeper] | dict[str, deeper]


def _object() -> Any:
    """An object with at most MAX_DEPTH containers inside one another, itself among them."""
    value: Any = None | bool | _Whole | float | str
    for _ in range(MAX_DEPTH - 1):
        value = _level(value)
    return dict[str, value] | None


PlainCall = Call[CallType, _Text]
PlainBatch = Batch[PlainCall, _Text]

# The free parts once more, to be read as a whole and thrown away: numbers that fit, text that is text, not too deep.
_Parts = msgspec.defstruct(
    "_Parts",
    [(name, _object(), None) for name in PARTS],
    rename="camel",
    gc=False,
)
_Batch = msgspec.defstruct(
    "_Batch",
    [("batch", list[_Parts]), ("context", _object(), None)],  # type: ignore[valid-type]
    rename="camel",
)

_decode_call = msgspec.json.Decoder(PlainCall).decode
_decode_batch = msgspec.json.Decoder(PlainBatch).decode
_read_call = msgspec.json.Decoder(_Parts).decode
_read_batch = msgspec.json.Decoder(_Batch).decode
_ODD = (msgspec.MsgspecError, ValueError, RecursionError)


def plain_batch(body: bytes) -> PlainBatch | None:
    """The calls of a batch, or None where something in it needs the full judge."""
    try:
        _read_batch(body)
        return _decode_batch(body)
    except _ODD:
        return None


def plain_call(body: bytes) -> PlainCall | None:
    """One call, or None where something in it needs the full judge."""
    try:
        _read_call(body)
        return _decode_call(body)
    except _ODD:
        return None


class PlainJudge:
    """What is the same for all plain calls of one body."""

    __slots__ = (
        "_clean", "_context", "_imported", "_offset", "_received", "_sent_at", "_source", "_trusted", "_type",
    )  # fmt: skip

    def __init__(
        self,
        body: bytes,
        call_type: str,
        *,
        received: Millis,
        source: str,
        trusted: bool,
        imported: bool,
        sent_at: str | None,
        context: msgspec.Raw,
    ) -> None:
        # Control characters come into a JSON text by an escape only; but for the last of them.
        self._clean = b"\\" not in body and b"\x7f" not in body
        self._type, self._received, self._source = call_type, received, source
        self._trusted, self._imported = trusted, imported
        self._sent_at, self._context = sent_at, context
        self._offset: tuple[str, Millis] | None = None

    def event(self, call: PlainCall, new_id: Any) -> Collected | None:
        """The event of a call, or None where it needs the full judge."""
        kind: Any = self._type or call.type
        if kind == "track":
            name = (call.event or "").strip()
            if not name:
                return None
        elif kind == "identify" or kind == "page" or kind == "screen":
            name = (call.name or "").strip()
        else:
            return None
        id = (call.message_id or "").strip()
        user = (call.user_id or "").strip()
        anonymous = (call.anonymous_id or "").strip()
        if not (user or anonymous) or call.previous_id or call.group_id:
            return None
        if not self._clean and not (id + user + anonymous + name).isprintable():
            return None
        properties, traits = call.properties, call.traits
        context = call.context or self._context
        first, second, third = len(properties), len(traits), len(context)
        if first + second + third > MAX_EVENT_BYTES:
            return None
        if first == 4 or second == 4 or third == 4:  # the length of `null`
            return None
        time = self._time(call)
        if time is None:
            return None
        return Collected(
            id or new_id(),
            kind,
            time,
            self._received,
            self._source,
            self._trusted,
            name,
            user,
            anonymous,
            "",
            "",
            properties,
            traits,
            context or NO_CONTEXT,
            self._imported,
        )

    def _time(self, call: PlainCall) -> Millis | None:
        """The event's own time by our clock, or None where it is not plain."""
        received = self._received
        own, library = call.timestamp, call.original_timestamp
        told = own or library
        if not told:
            return received
        try:
            time = (_read(told) - _EPOCH) // _MILLI
        except (ValueError, TypeError):  # no time, or one without an offset
            return None
        sent = None if own and library else call.sent_at or self._sent_at
        if sent:
            if self._offset is None or self._offset[0] != sent:
                try:
                    clock = (_read(sent) - _EPOCH) // _MILLI
                except (ValueError, TypeError):
                    return None
                self._offset = (sent, received - clock)
            time += self._offset[1]
        if time < EARLIEST:
            return None
        return time if time < received else received
