"""Published calls with something broken in them, and what no client sends: no fault of ours, no good event lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.server import Server, problem

FIELDS = (
    "type", "messageId", "userId", "anonymousId", "previousId", "groupId", "event", "name",
    "timestamp", "originalTimestamp", "sentAt", "properties", "traits", "context",
)  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
    | st.sampled_from(
        ["1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z", "9999-99-99", "\x00", "x" * 40_000]
    )
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def published(shared_data: Path) -> list[dict[str, Any]]:
    """Every published example call."""
    file = shared_data / "segment_spec" / "examples.jsonl"
    if not file.is_file():
        pytest.skip(f"the published example calls are not at {file}")
    told = []
    for line in file.read_text().splitlines():
        example = json.loads(line)
        whole = example["payload"] if example["form"] == "http_json" else example["normalised"]
        told += [{"anonymousId": "spec", **one} for one in whole.get("batch", [whole])]
    return told


@given(data=st.data())
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_broken_call_takes_no_good_one_along(
    server: Server, published: list[dict[str, Any]], data: st.DataObject
) -> None:
    good = {"type": "track", "event": "Seen", "anonymousId": "good-neighbour"}
    batch: list[Any] = []
    for call in published:
        broken = dict(call)
        for field in data.draw(st.sets(st.sampled_from(FIELDS), max_size=2)):
            broken[field] = data.draw(VALUES)
        batch += [broken, good]
    for start in range(0, len(batch), 40):
        part = batch[start : start + 40]
        body = json.dumps({"batch": part}).encode()
        if len(body) > 500 * 1024:
            continue
        answer = httpx.post(
            f"{server.url}/v1/batch", content=body, auth=(server.server_key, ""), timeout=60
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        refused = [row["index"] for row in told["rejected"]]
        assert told["accepted"] + len(refused) == len(part)
        assert all(index % 2 == 0 for index in refused), told
        assert all(row["reasons"] and all(row["reasons"]) for row in told["rejected"]), told


def send(server: Server, body: bytes) -> httpx.Response:
    return httpx.post(
        f"{server.url}/v1/track", content=body, auth=(server.server_key, ""), timeout=60
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"event":"Seen","userId":"u","traits":{"a":"' + b"x" * 10_000_000 + b'"}}', 413),
        (
            b'{"event":"Seen","userId":"u","properties":' + b'{"a":' * 9_000 + b"1" + b"}" * 9_001,
            400,
        ),
        (b'{"event":"Seen","userId":"u","properties":{"a":"\xff\xfe"}}', 400),
        (b'{"event":"Seen","userId":"u","timestamp":"1970-01-01T00:00:00Z"}', 400),
    ],
    ids=["a trait of 10 MB", "9,000 levels", "no UTF-8", "a clock at 1970"],
)
def test_what_no_client_sends(server: Server, body: bytes, status: int) -> None:
    problem(send(server, body), status)


def test_what_is_to_come_has_happened_when_it_came(server: Server, owner: httpx.Client) -> None:
    body = b'{"event":"Seen","userId":"from-2100","timestamp":"2100-01-01T00:00:00Z"}'
    answer = send(server, body)
    assert answer.status_code == 200
    server.applied(int(answer.json()["offset"]))
    (event,) = owner.get("/v1/profiles/user_id:from-2100/events").json()["data"]
    assert event["time"] < "2100"
