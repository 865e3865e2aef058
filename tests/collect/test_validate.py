"""Good calls become events; bad ones are kept with reasons, and never take their neighbours along."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.collect import (
    MAX_BATCH_BYTES,
    MAX_BATCH_CALLS,
    MAX_EVENT_BYTES,
    normalise,
    open_batch,
    open_call,
    validate,
    validate_batch,
)
from duyen.model.errors import InvalidInput, TooLarge
from duyen.model.event import CallType, Collected, Rejected
from duyen.model.log import decode_entries, encode_entry
from duyen.model.times import parse_time

NOW = parse_time("2026-11-22T09:30:00Z")


def ids() -> Callable[[], str]:
    """Ids that count up."""
    numbers = itertools.count(1)
    return lambda: f"new-{next(numbers)}"


def judge(call: Any, call_type: CallType | None = None, **more: Any) -> Collected | Rejected:
    given: dict[str, Any] = {"received": NOW, "source": "web", "trusted": False, "new_id": ids()}
    return validate(call, call_type, **(given | more))


def judge_batch(body: Any) -> list[Collected | Rejected]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return validate_batch(raw, received=NOW, source="web", trusted=False, new_id=ids())


def accepted(call: Any, call_type: CallType | None = None, **more: Any) -> Collected:
    found = judge(call, call_type, **more)
    assert isinstance(found, Collected), found
    return found


def reasons(call: Any, call_type: CallType | None = None, **more: Any) -> str:
    found = judge(call, call_type, **more)
    assert isinstance(found, Rejected), found
    assert all(reason.endswith(".") for reason in found.reasons)
    return " ".join(found.reasons)


TRACK = {"type": "track", "event": "Product Viewed", "userId": "u1"}


def test_a_call_keeps_its_free_parts_as_the_bytes_that_came() -> None:
    body = b'{"type":"track","event":"X","userId":"u1","properties":{"total": 19.90, "b":[]}}'
    event = accepted(body)
    assert bytes(event.properties) == b'{"total": 19.90, "b":[]}'
    assert (event.name, event.user_id, event.source, event.received) == ("X", "u1", "web", NOW)


@given(st.sampled_from(["properties", "traits", "context"]), st.sampled_from([{}, {"a": 1}, None]))
def test_an_accepted_call_survives_the_log(part: str, value: Any) -> None:
    event = accepted({**TRACK, part: value})
    (again,) = decode_entries(b"[" + encode_entry(event) + b"]")
    assert isinstance(again, Collected)
    assert normalise(again) == normalise(event)


@pytest.mark.parametrize(
    ("told", "time"),
    [
        ({}, "2026-11-22T09:30:00Z"),
        ({"timestamp": "2026-11-22T09:00:00Z"}, "2026-11-22T09:00:00Z"),
        ({"timestamp": "2026-11-22T09:00:00"}, "2026-11-22T09:00:00Z"),
        ({"timestamp": "2026-11-22T16:00:00.250+07:00"}, "2026-11-22T09:00:00.250Z"),
        # The sender's clock is an hour behind: ten seconds before it was sent is ten seconds ago.
        (
            {"timestamp": "2026-11-22T08:29:50Z", "sentAt": "2026-11-22T08:30:00Z"},
            "2026-11-22T09:29:50Z",
        ),
        # It stood at 1970; what it knows is how long ago things happened.
        (
            {"timestamp": "1970-01-01T00:00:10Z", "sentAt": "1970-01-01T00:00:20Z"},
            "2026-11-22T09:29:50Z",
        ),
        ({"timestamp": "2026-11-22T10:00:00Z"}, "2026-11-22T09:30:00Z"),
        ({"timestamp": "2026-11-22T10:00:00Z", "sentAt": "2026-11-22T09:59:00Z"}, "2026-11-22T09:30:00Z"),
        (
            {"originalTimestamp": "2026-11-22T08:00:00Z", "sentAt": "2026-11-22T08:00:10Z"},
            "2026-11-22T09:29:50Z",
        ),
        # A library that dates each call itself, and a caller who says when it was.
        (
            {
                "originalTimestamp": "2026-11-22T08:00:00Z",
                "timestamp": "2026-11-22T07:20:00Z",
                "sentAt": "2026-11-22T08:00:10Z",
            },
            "2026-11-22T07:20:00Z",
        ),
        ({"sentAt": "2026-11-22T09:00:00Z"}, "2026-11-22T09:30:00Z"),
        ({"timestamp": "2026-2-02T09:00:00Z"}, "2026-02-02T09:00:00Z"),
        ({"timestamp": "2026-2-2"}, "2026-02-02T00:00:00Z"),
    ],
)  # fmt: skip
def test_an_event_happened_at_its_own_time_by_our_clock(told: dict[str, str], time: str) -> None:
    assert accepted({**TRACK, **told}).time == parse_time(time)


def test_a_batch_tells_when_it_was_sent_and_where() -> None:
    call = {**TRACK, "timestamp": "2026-11-22T08:29:50Z"}
    first, second = judge_batch(
        {
            "batch": [call, {**call, "context": {"ip": "10.0.0.1"}}],
            "sentAt": "2026-11-22T08:30:00Z",
            "context": {"locale": "vi-VN"},
        }
    )
    assert isinstance(first, Collected)
    assert isinstance(second, Collected)
    assert first.time == second.time == NOW - 10_000
    assert normalise(first).context == {"locale": "vi-VN"}
    assert normalise(second).context == {"ip": "10.0.0.1"}


def test_numbers_are_ids_and_an_id_is_made_where_there_is_none() -> None:
    event = accepted({**TRACK, "userId": 42, "anonymousId": 7.0, "messageId": " m1 "})
    assert (event.user_id, event.anonymous_id, event.id) == ("42", "7", "m1")
    assert accepted(TRACK).id == "new-1"


DEEP: dict[str, Any] = {"a": 1}
for _ in range(8):
    DEEP = {"a": DEEP}


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ({**TRACK, "type": "purchase"}, "type must be one of"),
        ({"event": "X", "userId": "u1"}, "type must be one of"),
        ({**TRACK, "type": ["track"]}, "type must be text or a number"),
        ({"type": "track", "event": "X"}, "userId or anonymousId"),
        ({"type": "track", "event": "X", "userId": "  "}, "userId or anonymousId"),
        ({"type": "track", "userId": "u1"}, "event's name"),
        ({**TRACK, "event": ""}, "event's name"),
        ({**TRACK, "event": 7}, "event's name"),
        ({**TRACK, "event": "x" * 201}, "event has 201 characters"),
        ({**TRACK, "userId": "x" * 201}, "userId has 201 characters"),
        ({**TRACK, "userId": "a\u0000b"}, "control characters"),
        ({**TRACK, "userId": True}, "userId must be text or a number"),
        ({**TRACK, "anonymousId": {"a": 1}, "groupId": []}, "groupId must be text or a number"),
        ({**TRACK, "properties": [1]}, "properties must be a JSON object"),
        ({**TRACK, "traits": "x"}, "traits must be a JSON object"),
        ({**TRACK, "context": 3}, "context must be a JSON object"),
        ({**TRACK, "properties": DEEP}, "nested more than 8 levels"),
        ({**TRACK, "properties": {"n": 2**64}}, "more than 64 bits"),
        ({**TRACK, "properties": {"x": "y" * MAX_EVENT_BYTES}}, "at most 32,768"),
        ({**TRACK, "timestamp": "yesterday"}, "“yesterday” is no time"),
        ({**TRACK, "timestamp": 1_700_000_000}, "is no time"),
        ({**TRACK, "timestamp": "2026-13-01T00:00:00Z"}, "is no time"),
        ({**TRACK, "timestamp": "2026-2-30"}, "is no time"),
        ({**TRACK, "timestamp": "1989-12-31T23:59:59Z"}, "before 1990"),
        ({**TRACK, "timestamp": "2026-11-22T09:00:00Z", "sentAt": "noon"}, "“noon” is no time"),
        ({"type": "group", "userId": "u1"}, "group needs groupId"),
        ({"type": "alias", "userId": "u1"}, "alias needs previousId and userId"),
        ({"type": "alias", "previousId": "p", "anonymousId": "a"}, "alias needs previousId and userId"),
        (b'{"type":"track","event":"X","userId":"\xff"}', "not JSON"),
        (b'{"type":"track","event":"X","userId":"u1","properties":{"a":"\xff"}}', "cannot be read"),
        (b'{"type":"track","event":"X","userId":"u1","properties":{"a":1e999}}', "cannot be read"),
        (b'{"type":"track"', "not JSON"),
        (b"", "not JSON"),
        (b"[]", "must be a JSON object"),
        (b"{" * 100_000, "not JSON"),
    ],
)  # fmt: skip
def test_a_bad_call_is_kept_with_its_reason(call: Any, reason: str) -> None:
    assert reason in reasons(call)
    kept = judge(call)
    assert isinstance(kept, Rejected)
    assert kept.payload == (
        call.decode("utf-8", "replace")
        if isinstance(call, bytes)
        else msgspec.json.encode(call).decode()
    )


def test_all_reasons_are_told_at_once() -> None:
    told = reasons({"type": "track", "properties": 3, "timestamp": "x"})
    assert "userId or anonymousId" in told
    assert "properties" in told
    assert "timestamp" in told


def test_a_context_is_judged_anew_wherever_it_differs() -> None:
    contexts: list[Any] = [{"ip": "1"}, {"ip": "1"}, DEEP, {"ip": "1"}, [], None]
    judged = judge_batch({"batch": [{**TRACK, "context": context} for context in contexts]})
    assert [isinstance(one, Collected) for one in judged] == [True, True, False, True, False, True]


def test_lists_count_as_levels_too() -> None:
    nested: Any = 1
    for _ in range(8):
        nested = [nested]
    assert "nested" in reasons({**TRACK, "properties": {"a": nested}})
    accepted({**TRACK, "properties": {"a": nested[0], "b": [{}, {}, {}, {}, {}, {}, {}, {}]}})


def test_eight_levels_are_deep_enough() -> None:
    shallow: Any = DEEP["a"]
    assert isinstance(judge({**TRACK, "properties": shallow}), Collected)


def test_a_dict_that_is_no_json_is_rejected_too() -> None:
    assert "not JSON" in reasons({**TRACK, "properties": {"when": object()}})


# -- batches

BAD: list[Any] = [
    17,
    "text",
    None,
    [],
    {},
    {"type": "track"},
    {**TRACK, "userId": ["u1"]},
    {**TRACK, "properties": "none"},
    {**TRACK, "timestamp": "?"},
]
BROKEN = [
    b'{"type":"track","event":"X","userId":"u1","properties":{"price":NaN}}',
    b'{"type":"track","event":"X","userId":"u1","properties":{"a":"\xc3"}}',
    b'{"type":"track","event":"\xff","userId":"u1"}',
    b'{"type":"track","event":"X","userId":"u1","properties":{"a":'
    + b"[" * 3000
    + b"]" * 3000
    + b"}}",
    b'{"type":"track","event":"X","userId":"u1","properties":{"a":"\\ud800"}}',
    b'{"type":"track","event":"X","userId":"u1","properties":{"a":"\\q ]}"}}',
    b'{type:"track"}',
    b"",
]


@given(
    st.lists(
        st.one_of(
            st.sampled_from([json.dumps(one).encode() for one in BAD]),
            st.sampled_from(BROKEN),
            st.integers(0, 99).map(lambda n: json.dumps({**TRACK, "messageId": f"good-{n}"}).encode()),
        ),
        min_size=1,
        max_size=12,
    )
)  # fmt: skip
def test_a_bad_call_never_takes_its_good_neighbours_along(calls: list[bytes]) -> None:
    if calls == [b""]:
        return  # an empty batch
    body = b'{"writeKey":"wk","batch":[' + b" ,\n".join(calls) + b'],"sentAt":null}'
    judged = judge_batch(body)
    assert len(judged) == len(calls)
    for call, found in zip(calls, judged, strict=True):
        if b"good-" in call:
            assert isinstance(found, Collected)
            assert found.id.encode() in call
        else:
            assert isinstance(found, Rejected)
            assert found.reasons
            assert found.payload == call.decode("utf-8", "replace")
    assert open_batch(body).write_key == "wk"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip
FIELDS = st.sampled_from(
    [
        "type", "messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name",
        "timestamp", "originalTimestamp", "sentAt", "properties", "traits", "context", "writeKey",
    ]
)  # fmt: skip
CALLS = st.dictionaries(
    FIELDS,
    JSON
    | st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "2026-01-01T00:00:00Z"])
    | st.datetimes().map(lambda d: d.isoformat())
    | st.fixed_dictionaries({"device": JSON, "externalIds": JSON, "traits": JSON, "page": JSON}),
)  # fmt: skip


@given(CALLS)
def test_whatever_comes_is_an_event_that_can_be_read_or_a_rejected_one(
    call: dict[str, Any],
) -> None:
    found = judge(call)
    if isinstance(found, Collected):
        event = normalise(found)
        assert event.time <= event.received
        assert list(event.identifiers) == sorted(set(event.identifiers))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
    else:
        assert found.reasons


TEXTS = st.sampled_from(
    ["u1", " u 1 ", "", "Ánh", "a\u0001", "a\x7f", "\u200b", "x" * 200, "x" * 201, "\\"]
)
TIMES = st.sampled_from(
    [
        "2026-11-22T09:00:00Z", "2026-11-22T09:00:00.9999999Z", "2026-11-22T16:00:00.250+07:00", "2026-11-22",
        "2026-11-22T09:00:00", "2026-2-2", "1970-01-01T00:00:10Z", "2100-01-01T00:00:00Z", "noon", "", None,
    ]
)  # fmt: skip
PARTS = st.sampled_from(
    [
        None, {}, {"a": 1}, {"a": 2**63}, {"a": 2**64}, {"a": -(2**63) - 1}, {"a": [[[[[[[1]]]]]]]},
        {"a": [[[[[[[[1]]]]]]]]}, DEEP, [], "x", {"email": "a@b.vn"}, {"x": "y" * MAX_EVENT_BYTES},
    ]
)  # fmt: skip
USUAL = st.fixed_dictionaries(
    {"type": st.sampled_from(["track", "identify", "page", "screen", "group", "alias", "x"])},
    optional={
        **dict.fromkeys(
            ["messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name"], TEXTS
        ),
        **dict.fromkeys(["timestamp", "originalTimestamp", "sentAt"], TIMES),
        **dict.fromkeys(["properties", "traits", "context"], PARTS),
    },
)


@given(st.lists(USUAL, max_size=4), TIMES, PARTS)
def test_calls_that_look_plain_are_judged_as_all_others_are(
    calls: list[dict[str, Any]], sent: str | None, context: Any
) -> None:
    body = json.dumps({"batch": calls, "sentAt": sent, "context": context}).encode()
    # A member that nobody reads, of a type that it cannot have, sends the whole batch to the full judge.
    odd = body[:-1] + b', "writeKey": 7}'
    assert judge_batch(body) == judge_batch(odd)
    for call in calls:
        raw = json.dumps(call).encode()
        opened = open_call(raw, "track")
        (found,) = opened.check(received=NOW, source="web", trusted=False, new_id=ids())
        assert found == judge(raw, "track")


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_are_judged_and_never_raise(body: bytes) -> None:
    assert isinstance(judge(body, "track"), Collected | Rejected)
    for reader in (open_batch, lambda raw: open_call(raw, "track")):
        try:
            opened = reader(body)
        except InvalidInput:
            continue
        else:
            opened.check(received=NOW, source="web", trusted=False, new_id=ids())


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"batch":{}}', b'{"batch":[{}', b"7", b'{"a":[NaN]}']
)
def test_what_is_no_batch_is_told_in_a_sentence(body: bytes) -> None:
    with pytest.raises(InvalidInput) as told:
        open_batch(body)
    assert told.value.code in ("collect.malformed_json", "collect.not_a_batch")


def test_limits_of_a_batch() -> None:
    with pytest.raises(TooLarge, match="512,000"):
        open_batch(b" " * (MAX_BATCH_BYTES + 1))
    with pytest.raises(TooLarge, match="2,500"):
        open_batch(b'{"batch":[' + b"{}," * MAX_BATCH_CALLS + b"{}]}")
    assert (
        len(judge_batch(b'{"batch":[' + b"{}," * (MAX_BATCH_CALLS - 1) + b"{}]}"))
        == MAX_BATCH_CALLS
    )
    assert judge_batch({"batch": []}) == []


def test_a_single_call_takes_the_type_of_its_route() -> None:
    opened = open_call(b'{"userId":"u1","writeKey":"wk_1","type":"track"}', "identify")
    assert opened.write_key == "wk_1"
    (event,) = opened.check(received=NOW, source="web", trusted=True, new_id=ids())
    assert isinstance(event, Collected)
    assert event.type == "identify"
    with pytest.raises(InvalidInput):
        open_call(b"{", "track")
    (bad,) = open_call(b'{"userId":[]}', "page").check(
        received=NOW, source="web", trusted=True, new_id=ids()
    )
    assert isinstance(bad, Rejected)


# -- the published examples


def examples(shared_data: Path) -> list[dict[str, Any]]:
    file = shared_data / "segment_spec" / "examples.jsonl"
    if not file.is_file():
        pytest.skip(f"the published example calls are not at {file}")
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_every_published_call_becomes_an_event(shared_data: Path) -> None:
    """Examples without ids get one, as an SDK would add it. What is no call (a context alone, the arguments of a
    Node function) is rejected with reasons."""
    events, rejected = [], []
    for example in examples(shared_data):
        payload = example["payload"] if example["form"] == "http_json" else example["normalised"]
        for call in payload.get("batch", [payload]):
            kind = call.get("type") or call.get("action")
            told = {"type": kind, "anonymousId": "a1", "previousId": "before", **call}
            found = judge(json.dumps(told).encode())
            if isinstance(found, Rejected):
                assert kind is None or (kind == "track" and "event" not in call), (call, found)
                rejected.append(found)
            else:
                events.append(normalise(found))
    assert all(event.name and event.identifiers for event in events)
    assert len(events) > 110
    assert len(rejected) < 20
