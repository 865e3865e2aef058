"""Whether a call of the Segment protocol can be an event; if not, why, in sentences.

A body is decoded into structs whose free parts (properties, traits, context) stay the bytes that came.
Plain calls (`plain.py`) are events at once. Only what is odd or wrong takes the slow way: it is read
again, call by call, so that a bad call never takes its good neighbours along.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, get_args

import msgspec

from duyen.collect.call import NO_CONTEXT, NO_PROPERTIES, NO_TRAITS, TEXTS, Batch, Call
from duyen.collect.plain import (
    EARLIEST,
    MAX_EVENT_BYTES,
    MAX_TEXT,
    PlainCall,
    PlainJudge,
    plain_batch,
    plain_call,
)
from duyen.collect.split import split_batch
from duyen.model.errors import InvalidInput, TooLarge
from duyen.model.event import CallType, Collected, Rejected
from duyen.model.times import Millis
from duyen.model.values import MAX_DEPTH

MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_CALLS = 2_500

NewId = Callable[[], str]
_Text = str | int | float | None
_Raw = msgspec.Raw

_TYPES = frozenset(get_args(CallType))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)([T ].*|)$", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMPTY = _Raw(b"")
_SMALL_CONTEXT = 2_048
"""Bytes of a batch's own context that are kept with each of its rejected calls."""


OddCall = Call[_Text, _Text]
_RawBatch = Batch[_Raw, _Text]
_decode_call = msgspec.json.Decoder(OddCall).decode
_decode_batch = msgspec.json.Decoder(Batch[OddCall, _Text]).decode
_decode_raw_batch = msgspec.json.Decoder(_RawBatch).decode
_decode_any = msgspec.json.Decoder().decode
_packs = msgspec.msgpack.Encoder().encode
# What a decoder says about bytes that are no JSON, no UTF-8, or nested beyond Python's own limit.
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


class Opened:
    """A body that could be read: the key it names, and its calls, not yet judged."""

    __slots__ = (
        "_body",
        "_calls",
        "_context",
        "_pieces",
        "_plain",
        "_sent_at",
        "_type",
        "write_key",
    )

    def __init__(
        self,
        body: bytes,
        calls: list[OddCall] | None = None,
        *,
        plain: list[PlainCall] | None = None,
        write_key: _Text = None,
        sent_at: _Text = None,
        context: _Raw = _EMPTY,
        call_type: str = "",
        pieces: list[bytes] | None = None,
    ) -> None:
        self._body, self._calls, self._plain, self._pieces = body, calls, plain, pieces
        self._sent_at, self._context, self._type = sent_at, context, call_type
        self.write_key = write_key if isinstance(write_key, str) else ""

    @property
    def count(self) -> int:
        """How many calls there are."""
        for calls in (self._plain, self._calls, self._pieces):
            if calls is not None:
                return len(calls)
        return 0

    def check(
        self,
        *,
        received: Millis,
        source: str,
        trusted: bool,
        new_id: NewId,
        imported: bool = False,
    ) -> list[Collected | Rejected]:
        """Judge each call, in the order in which they came."""
        judge = _Judge(received, source, trusted, new_id, imported, self._sent_at, self._context)
        if self._plain is not None:
            return self._check_plain(self._plain, judge)
        if self._calls is None:
            return [judge.piece(piece, self._type) for piece in self._items()]
        judged: list[Collected | Rejected] = []
        for index, call in enumerate(self._calls):
            found = judge.call(call, self._type)
            if isinstance(found, Collected):
                judged.append(found)
            else:
                judged.append(
                    judge.reject(self._items()[index], found, call.message_id, self._type)
                )
        return judged

    def _check_plain(self, calls: list[PlainCall], judge: _Judge) -> list[Collected | Rejected]:
        """Judge calls that looked plain; the full judge has those that are not after all."""
        plain = PlainJudge(
            self._body,
            self._type,
            received=judge.received,
            source=judge.source,
            trusted=judge.trusted,
            imported=judge.imported,
            sent_at=self._sent_at if isinstance(self._sent_at, str) else None,
            context=self._context,
        )
        return [
            plain.event(call, judge.new_id) or judge.piece(self._items()[index], self._type)
            for index, call in enumerate(calls)
        ]

    def _items(self) -> list[bytes]:
        """The bytes of each call; read again only when one of them is to be rejected."""
        if self._pieces is None:
            self._pieces = [bytes(raw) for raw in _decode_raw_batch(self._body).batch]
        return self._pieces


def open_batch(body: bytes) -> Opened:
    """Read the body of /v1/batch. Raises TooLarge, or InvalidInput where it is no batch at all."""
    if len(body) > MAX_BATCH_BYTES:
        raise TooLarge(
            "collect.batch_too_large",
            f"The batch has {len(body):,} bytes; send at most {MAX_BATCH_BYTES:,} at once.",
        )
    plain = plain_batch(body)
    if plain is not None:
        count = len(plain.batch)
        opened = Opened(
            body,
            plain=plain.batch,
            write_key=plain.write_key,
            sent_at=plain.sent_at,
            context=plain.context,
        )
    else:
        opened, count = _open_odd(body)
    if count > MAX_BATCH_CALLS:
        raise TooLarge(
            "collect.too_many_calls",
            f"The batch has {count:,} calls; send at most {MAX_BATCH_CALLS:,} at once.",
        )
    return opened


def open_call(body: bytes, call_type: CallType) -> Opened:
    """Read the body of /v1/track and its like. Raises TooLarge or InvalidInput."""
    if len(body) > MAX_BATCH_BYTES:
        raise TooLarge(
            "collect.event_too_large",
            f"The call has {len(body):,} bytes; an event may have {MAX_EVENT_BYTES:,}.",
        )
    plain = plain_call(body)
    if plain is not None:
        return Opened(
            body, plain=[plain], write_key=plain.write_key, call_type=call_type, pieces=[body]
        )
    try:
        call = _decode_call(body)
    except msgspec.ValidationError:
        return Opened(body, None, call_type=call_type, pieces=[body])
    except _UNREADABLE as error:
        raise _malformed(error) from None
    return Opened(body, [call], write_key=call.write_key, call_type=call_type, pieces=[body])


def validate_batch(
    body: bytes, *, received: Millis, source: str, trusted: bool, new_id: NewId
) -> list[Collected | Rejected]:
    """Open a batch and judge its calls; raises as `open_batch` does."""
    return open_batch(body).check(received=received, source=source, trusted=trusted, new_id=new_id)


def validate(
    call: bytes | dict[str, Any],
    call_type: CallType | None = None,
    *,
    received: Millis,
    source: str,
    trusted: bool,
    new_id: NewId,
    sent_at: str | None = None,
    imported: bool = False,
) -> Collected | Rejected:
    """Judge one call; without `call_type` the call names its own. Never raises for what it is given."""
    judge = _Judge(received, source, trusted, new_id, imported, sent_at, _EMPTY)
    if isinstance(call, dict):
        try:
            call = msgspec.json.encode(call)
        except (TypeError, *_UNREADABLE) as error:
            why = (f"The call is not JSON: {error}.",)
            return judge.reject(repr(call).encode(), why, None, call_type or "")
    return judge.piece(call, call_type or "")


class _Judge:
    """What is the same for all calls of one body."""

    __slots__ = (
        "context",
        "good_context",
        "imported",
        "new_id",
        "received",
        "sent_at",
        "source",
        "trusted",
    )

    def __init__(
        self,
        received: Millis,
        source: str,
        trusted: bool,
        new_id: NewId,
        imported: bool,
        sent_at: _Text,
        context: _Raw,
    ) -> None:
        self.received, self.source, self.trusted = received, source, trusted
        self.new_id, self.imported = new_id, imported
        self.sent_at, self.context = sent_at, context
        self.good_context = b""

    def piece(self, item: bytes, call_type: str) -> Collected | Rejected:
        """Judge one call that was not decoded yet."""
        try:
            call = _decode_call(item)
        except _UNREADABLE as error:
            return self.reject(item, _why_unreadable(item, error), message_id(item), call_type)
        found = self.call(call, call_type)
        if isinstance(found, Collected):
            return found
        return self.reject(item, found, call.message_id, call_type)

    def call(self, call: OddCall, call_type: str) -> Collected | tuple[str, ...]:
        """The event, or the reasons why it is none."""
        bad: list[str] = []
        kind: Any = call_type or call.type
        if kind not in _TYPES:
            bad.append(f"type must be one of {', '.join(sorted(_TYPES))}.")
        properties = _part(call.properties, "properties", bad)
        traits = _part(call.traits, "traits", bad)
        context = self._context(call, bad)
        size = len(properties) + len(traits) + len(context)
        if size > MAX_EVENT_BYTES:
            bad.append(f"The event has {size:,} bytes; at most {MAX_EVENT_BYTES:,} are taken.")
        user, anonymous = (
            _id(call.user_id, "userId", bad),
            _id(call.anonymous_id, "anonymousId", bad),
        )
        previous, group = (
            _id(call.previous_id, "previousId", bad),
            _id(call.group_id, "groupId", bad),
        )
        message = _id(call.message_id, "messageId", bad)
        name = _name(call, kind, bad)
        time = self._time(call, bad)
        if kind == "alias":
            if not (previous and user):
                bad.append("alias needs previousId and userId.")
        elif not (user or anonymous):
            bad.append("Name the person by userId or anonymousId.")
        if kind == "group" and not group:
            bad.append("group needs groupId.")
        if bad:
            return tuple(bad)
        return Collected(
            id=message or self.new_id(),
            type=kind,
            time=time,
            received=self.received,
            source=self.source,
            trusted=self.trusted,
            name=name,
            user_id=user,
            anonymous_id=anonymous,
            previous_id=previous,
            group_id=group,
            properties=properties or NO_PROPERTIES,
            traits=traits or NO_TRAITS,
            context=context or NO_CONTEXT,
            imported=self.imported,
        )

    def _context(self, call: OddCall, bad: list[str]) -> _Raw:
        """The call's context, else the batch's. In a batch many calls repeat the same one."""
        raw = call.context or self.context
        if not raw:
            return raw
        data = bytes(raw)
        if data != self.good_context:
            before = len(bad)
            raw = _part(raw, "context", bad)
            if raw and len(bad) == before:
                self.good_context = data
        return raw

    def reject(
        self, item: bytes, reasons: tuple[str, ...], message_id: _Text, call_type: str
    ) -> Rejected:
        """Keep the call as it came, with its reasons and what else it was judged by."""
        context = bytes(self.context).decode("utf-8", "replace")
        if len(context) > _SMALL_CONTEXT:
            context = ""
            reasons = (*reasons, "The batch's own context is too large to be kept with this call.")
        kind: Any = call_type
        return Rejected(
            id=_good_id(message_id) or self.new_id(),
            received=self.received,
            source=self.source,
            reasons=reasons,
            payload=item.decode("utf-8", "replace"),
            type=kind,
            trusted=self.trusted,
            imported=self.imported,
            sent_at=_good_id(self.sent_at),
            context=context,
        )

    def _time(self, call: OddCall, bad: list[str]) -> Millis:
        """The event's own time: by the sender's clock, corrected by how far that clock is off.

        Beside an `originalTimestamp` of the library, `timestamp` is the caller's own, or was corrected before.
        """
        told = call.timestamp or call.original_timestamp
        if not told:
            return self.received
        time = _instant(told, "timestamp", bad)
        corrected = call.timestamp and call.original_timestamp
        sent = None if corrected else call.sent_at or self.sent_at
        if sent and time is not None:
            clock = _instant(sent, "sentAt", bad)
            if clock is not None:
                time += self.received - clock
        if time is None:
            return self.received
        if time < EARLIEST:
            bad.append(f"timestamp “{told}” is before 1990; check the sender's clock.")
        return min(time, self.received)


def _part(raw: _Raw, field: str, bad: list[str]) -> _Raw:
    """A free part whose whole inside can be read later: a JSON object, not too deep."""
    if not raw or bytes(raw) == b"null":
        return _EMPTY
    try:
        value = _decode_any(raw)
        _packs(value)
    except OverflowError:
        bad.append(f"{field} has a whole number of more than 64 bits; send it as text.")
    except _UNREADABLE as error:
        bad.append(f"{field} cannot be read: {_said(error)}.")
    else:
        if type(value) is not dict:
            bad.append(f"{field} must be a JSON object.")
        elif _too_deep(raw, value):
            bad.append(f"{field} is nested more than {MAX_DEPTH} levels deep.")
    return raw


def _too_deep(raw: _Raw, value: dict[str, Any]) -> bool:
    """Whether containers stand more than MAX_DEPTH deep; most parts do not even have so many."""
    data = bytes(raw)
    if data.count(b"{") + data.count(b"[") <= MAX_DEPTH:
        return False
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in (dict, list)
        ]
        if not level:
            return False
    return True


def _id(value: _Text, field: str, bad: list[str]) -> str:
    """An id as text; "" where there is none."""
    if value is None:
        return ""
    if type(value) is str:
        text = value.strip()
    elif type(value) is float and value.is_integer():
        text = str(int(value))
    else:
        text = str(value)
    if len(text) > MAX_TEXT:
        bad.append(f"{field} has {len(text)} characters; at most {MAX_TEXT} are taken.")
    elif not text.isprintable() and _CONTROL.search(text):
        bad.append(f"{field} has control characters in it.")
    return text


def _good_id(value: _Text) -> str:
    """An id as text; "" where there is none, or none that could be an event's."""
    bad: list[str] = []
    text = _id(value, "messageId", bad)
    return "" if bad else text


def _name(call: OddCall, kind: object, bad: list[str]) -> str:
    """The event's name of a track call, the page's or screen's name of theirs."""
    value = call.event if kind == "track" else call.name
    if kind == "track" and (type(value) is not str or not value.strip()):
        bad.append("track needs the event's name as text in `event`.")
        return ""
    return _id(value, "event" if kind == "track" else "name", bad)


def _moment(told: _Text) -> datetime:
    """Read RFC 3339 as it should be, and with the single digits that some clients write (2026-1-02)."""
    try:
        return datetime.fromisoformat(told)  # type: ignore[arg-type]
    except ValueError:
        found = _DATE.match(str(told))
        if found is None:
            raise
        year, month, day, rest = found.groups()
        return datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}{rest}")


def _instant(told: _Text, field: str, bad: list[str]) -> Millis | None:
    """Read an instant; without an offset it is UTC."""
    try:
        moment = _moment(told)
    except (TypeError, ValueError):
        bad.append(f"{field} “{told}” is no time; write for example 2026-11-22T09:30:00Z.")
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    apart = moment - _EPOCH
    return apart.days * 86_400_000 + apart.seconds * 1_000 + apart.microseconds // 1_000


def judge_again(rejected: Rejected, payload: bytes, id: str) -> Collected | Rejected:
    """Judge a rejected call by what it came with, its payload as it was or put right; `id` is what it is told under.

    An event has the time that it would have had at first. Never raises for what it is given.
    """
    judge = _Judge(
        rejected.received,
        rejected.source,
        rejected.trusted,
        lambda: id,
        rejected.imported,
        rejected.sent_at or None,
        _Raw(rejected.context.encode()),
    )
    found = judge.piece(payload, rejected.type)
    return msgspec.structs.replace(found, id=id)


def _open_odd(body: bytes) -> tuple[Opened, int]:
    """Read a batch in which something is not plain."""
    try:
        read = _decode_batch(body)
    except _UNREADABLE:
        return _open_piecewise(body)
    opened = Opened(
        body,
        read.batch,
        write_key=read.write_key,
        sent_at=read.sent_at,
        context=read.context,
    )
    return opened, len(read.batch)


def _open_piecewise(body: bytes) -> tuple[Opened, int]:
    """Read a batch in which some call is wrong, leaving each call as the bytes that came."""
    try:
        read = _decode_raw_batch(body)
        pieces = [bytes(raw) for raw in read.batch]
    except msgspec.ValidationError as error:
        raise InvalidInput(
            "collect.not_a_batch",
            f"A batch is an object with a list of calls in `batch`: {_said(error)}.",
        ) from None
    except _UNREADABLE as error:
        read, pieces = _cut(body, error)
    opened = Opened(
        body,
        None,
        write_key=read.write_key,
        sent_at=read.sent_at,
        context=read.context,
        pieces=pieces,
    )
    return opened, len(pieces)


def _cut(body: bytes, error: BaseException) -> tuple[_RawBatch, list[bytes]]:
    """Read a batch that is no JSON because some call in it is none."""
    cut = split_batch(body)
    if cut is None:
        raise _malformed(error)
    try:
        return _decode_raw_batch(cut[0]), cut[1]
    except _UNREADABLE:
        raise _malformed(error) from None


def _malformed(error: BaseException) -> InvalidInput:
    return InvalidInput("collect.malformed_json", f"The body is not JSON: {_said(error)}.")


def _said(error: BaseException) -> str:
    """What a decoder said, without its prefix and full stop, fit for the middle of our sentence."""
    if isinstance(error, RecursionError):
        return f"it is nested more than {MAX_DEPTH} levels deep"
    return str(error).removeprefix("JSON is malformed: ").rstrip(".") or type(error).__name__


def _why_unreadable(item: bytes, error: BaseException) -> tuple[str, ...]:
    """Sentences for a call whose fields have types that no call has."""
    try:
        call = _decode_any(item)
    except _UNREADABLE:
        return (f"The call is not JSON: {_said(error)}.",)
    if not isinstance(call, dict):
        return ("A call must be a JSON object.",)
    wrong = [field for field in TEXTS if isinstance(call.get(field), bool | dict | list)]
    if not wrong:
        return (f"The call cannot be read: {_said(error)}.",)
    return tuple(f"{field} must be text or a number." for field in wrong)


def message_id(item: bytes) -> str:
    """The message id of a call, also of one that cannot be read as one; "" where no event could have it."""
    try:
        found = _decode_any(item)
    except _UNREADABLE:
        return ""
    value = found.get("messageId") if isinstance(found, dict) else None
    return _good_id(value) if type(value) in (str, int, float) else ""
