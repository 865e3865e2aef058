"""What the door takes in, from whom, and what it says to the rest."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from segment.analytics.client import Client

from duyen.model.log import Lane
from duyen.stores.interface import open_stores
from tests.api.server import ORIGIN, Server, problem, running, until
from tests.conftest import find_free_port

CALL = {"type": "track", "event": "Product Viewed", "userId": "collect-1"}


def post(server: Server, path: str, body: Any, key: str = "", **headers: str) -> httpx.Response:
    """One call as a client makes it."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    auth = (key or server.server_key, "") if key != "none" else None
    return httpx.post(server.url + path, content=content, auth=auth, headers=headers, timeout=60)


def test_an_acknowledged_event_becomes_a_person(server: Server, owner: httpx.Client) -> None:
    server.tell({**CALL, "traits": {"name": "Nguyễn Thị Ánh Tuyết"}})
    found = owner.get("/v1/profiles/user_id:collect-1").json()
    assert found["events"] == 1
    assert found["verified"] is True
    assert owner.get("/v1/profiles/user_id:collect-1/events").json()["data"][0]["trusted"] is True


def test_malformed_json_is_one_clear_sentence(server: Server) -> None:
    for path in ("/v1/track", "/v1/batch", "/v1/decide", "/v1/visitor"):
        problem(post(server, path, b'{"type": "track", '), 400)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/decide", "/v1/visitor"])
def test_an_oversized_body_is_refused_before_it_is_read(server: Server, path: str) -> None:
    body = b'{"x": "' + b"x" * 9_000_000 + b'"}'
    error = problem(post(server, path, body), 413)
    assert "send less" in error["message"]


def test_a_gzip_bomb_is_refused(server: Server) -> None:
    body = gzip.compress(b" " * 60_000_000)
    assert len(body) < 100_000
    answer = post(server, "/v1/batch", body, **{"content-encoding": "gzip"})
    problem(answer, 413)


def test_a_gzipped_batch_is_read(server: Server) -> None:
    body = gzip.compress(json.dumps({"batch": [{**CALL, "userId": "gz"}]}).encode())
    answer = post(server, "/v1/batch", body, **{"content-encoding": "gzip"})
    assert answer.json()["accepted"] == 1


def test_keys_that_are_not_ours(server: Server) -> None:
    problem(post(server, "/v1/track", CALL, "wk_nothing"), 401, "key.unknown")
    problem(post(server, "/v1/track", CALL, "none"), 401, "key.unknown")
    problem(
        httpx.post(server.url + "/v1/track", json=CALL, headers={"authorization": "Basic %%%"}),
        400,
        "key.unreadable",
    )


def test_a_browser_key_works_only_from_its_sites(server: Server) -> None:
    body = {**CALL, "userId": "", "anonymousId": "a-origin", "writeKey": server.browser_key}
    allowed = post(server, "/v1/track", body, "none", origin=ORIGIN)
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    refused = post(server, "/v1/track", body, "none", origin="https://elsewhere.example")
    problem(refused, 403, "key.origin")
    assert "access-control-allow-origin" not in refused.headers


def test_a_servers_key_is_refused_to_browsers(server: Server) -> None:
    answer = post(server, "/v1/track", CALL, origin=ORIGIN)
    problem(answer, 403, "key.not_for_browsers")


def test_a_preflight_is_answered_for_known_sites_only(server: Server) -> None:
    known = httpx.options(server.url + "/v1/batch", headers={"origin": ORIGIN})
    assert known.headers["access-control-allow-origin"] == ORIGIN
    other = httpx.options(server.url + "/v1/batch", headers={"origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in other.headers


def told_traits(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """The traits of a profile; one that is worked out of events is as of when it is asked for."""
    return [
        trait if trait["source"] != "computed" else {**trait, "time": None}
        for trait in profile["traits"]
    ]


def test_a_browser_that_claims_to_be_someone_else_changes_nobody(
    server: Server, owner: httpx.Client
) -> None:
    server.tell({**CALL, "userId": "victim", "traits": {"email": "victim@example.test"}})
    before = owner.get("/v1/profiles/user_id:victim").json()
    claim = {
        "type": "identify",
        "anonymousId": "attacker-1",
        "userId": "victim",
        "traits": {"email": "victim@example.test", "name": "Not the victim"},
        "writeKey": server.browser_key,
    }
    answer = post(server, "/v1/identify", claim, "none", origin=ORIGIN)
    server.applied(int(answer.json()["offset"]))
    after = owner.get("/v1/profiles/user_id:victim").json()
    assert told_traits(after) == told_traits(before)
    assert after["identifiers"] == before["identifiers"]
    attacker = owner.get("/v1/profiles/anonymous_id:attacker-1").json()
    assert attacker["id"] != after["id"]
    assert attacker["verified"] is False


def test_the_companys_hash_lets_a_page_speak_as_that_user_and_no_other(
    server: Server, owner: httpx.Client
) -> None:
    from duyen.runtime.secrets import Secrets

    token = post(
        server, "/v1/visitor", {"writeKey": server.browser_key}, "none", origin=ORIGIN
    ).json()
    right = Secrets.open(server.folder).identity_hash("proved-1")
    for user, status in (("proved-1", 200), ("somebody-else", 403)):
        owner.put("/v1/placements/proof", json={"fill": "offers", "fallback": {"title": "x"}})
        ask = {
            "writeKey": server.browser_key,
            "visitor": token["token"],
            "user": {"id": user, "hash": right},
            "placements": ["proof"],
        }
        answer = post(server, "/v1/decide", ask, "none", origin=ORIGIN)
        assert answer.status_code == status, answer.text


def test_script_in_a_trait_comes_back_as_data(server: Server, owner: httpx.Client) -> None:
    script = "<script>alert(1)</script>"
    server.tell({**CALL, "userId": "xss-1", "traits": {"name": script}, "type": "identify"})
    answer = owner.get("/v1/profiles?query=alert")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert script in [row["name"] for row in answer.json()["data"]]


def test_a_bad_event_is_kept_with_its_reasons(server: Server, owner: httpx.Client) -> None:
    good = {**CALL, "userId": "beside-a-bad-one"}
    told = server.tell(good, {"type": "track", "userId": "x", "event": 7})
    assert told["accepted"] == 1
    assert [row["index"] for row in told["rejected"]] == [1]
    row = owner.get("/v1/rejected").json()["data"][0]
    assert row["reasons"]
    assert '"event"' in row["payload"]
    assert owner.get("/v1/profiles/user_id:beside-a-bad-one").status_code == 200


def test_one_bad_event_alone_is_an_error(server: Server) -> None:
    problem(post(server, "/v1/track", {"event": "No one"}), 400, "collect.rejected")


# -- the client for browsers


def test_a_beacon_names_its_key_in_the_address(server: Server, owner: httpx.Client) -> None:
    calls = {"batch": [{"type": "page", "anonymousId": "beacon-1", "name": "Home"}]}
    answer = httpx.post(
        f"{server.url}/v1/b?writeKey={server.browser_key}",
        content=json.dumps(calls),
        headers={"origin": ORIGIN, "content-type": "text/plain;charset=UTF-8"},
    )
    assert answer.json()["accepted"] == 1
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    server.applied(int(answer.json()["offset"]))
    assert owner.get("/v1/profiles/anonymous_id:beacon-1").json()["events"] == 1
    wrong = httpx.post(f"{server.url}/v1/b?writeKey=wk_no", json=calls, headers={"origin": ORIGIN})
    problem(wrong, 401, "key.unknown")


def test_the_client_for_browsers_is_told_where_to_send(server: Server) -> None:
    path = f"{server.url}/v1/projects/{server.browser_key}/settings"
    answer = httpx.get(path, headers={"origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    told = answer.json()
    assert set(told["integrations"]) == {"Segment.io"}
    to = told["integrations"]["Segment.io"]
    assert to["apiKey"] == server.browser_key
    assert f"{to['protocol']}://{to['apiHost']}" == f"{server.url}/v1"
    event = {"event": "X", "anonymousId": "next-1", "writeKey": to["apiKey"], "type": "track"}
    sent = httpx.post(f"{server.url}/v1/t", json=event, headers={"origin": ORIGIN})
    assert sent.status_code == 200
    problem(httpx.get(path, headers={"origin": "https://elsewhere.example"}), 403, "key.origin")
    problem(httpx.get(f"{server.url}/v1/projects/wk_no/settings"), 401, "key.unknown")
    problem(httpx.post(path), 405, "request.method")


# -- history


def test_history_is_known_at_its_own_time(server: Server, owner: httpx.Client) -> None:
    order = {
        "type": "track",
        "event": "Order Completed",
        "userId": "history-1",
        "messageId": "history-1",
        "timestamp": "2019-03-01T08:00:00Z",
        "properties": {"order_id": "h1", "total": 5},
    }
    answer = post(server, "/v1/import", {"batch": [order, order]})
    assert answer.json()["accepted"] == 2
    until(lambda: owner.get("/v1/profiles/user_id:history-1").status_code == 200)
    [row] = owner.get("/v1/profiles/user_id:history-1/events").json()["data"]
    assert row["time"].startswith("2019-03-01T08:00:00")


def test_history_waits_behind_what_happens_now(server: Server) -> None:
    """In the lane of imports, where a million old orders hold nobody's visit up."""
    order = {"type": "track", "event": "Signed Up", "userId": "history-2", "messageId": "history-2"}
    offset = int(post(server, "/v1/import", {"batch": [order]}).json()["offset"])
    log = open_stores(server.settings.store_url, server.folder).log()
    try:
        assert [block.seq for block in log.read(Lane.BULK, offset - 1, upto=offset)] == [offset]
    finally:
        log.close()


def test_a_page_cannot_write_history(server: Server) -> None:
    body = {"batch": [{**CALL, "anonymousId": "x"}], "writeKey": server.browser_key}
    refused = post(server, "/v1/import", body, "none", origin=ORIGIN)
    problem(refused, 403, "collect.import_from_page")


# -- floods


def test_a_flood_from_one_key_is_told_when_to_come_again(
    tmp_path: Path,
) -> None:
    with running(tmp_path, find_free_port(), "door", browser_rate=1) as small:
        calls = {"batch": [{**CALL, "anonymousId": "f"}] * 12, "writeKey": small.browser_key}
        assert post(small, "/v1/batch", calls, "none", origin=ORIGIN).status_code == 200
        refused = post(small, "/v1/batch", calls, "none", origin=ORIGIN)
        problem(refused, 429, "collect.too_many")
        assert 1 <= int(refused.headers["retry-after"]) <= 3
        assert refused.headers["access-control-expose-headers"] == "retry-after", "pages read it"
        assert refused.headers["access-control-allow-origin"] == ORIGIN
        assert post(small, "/v1/batch", {"batch": calls["batch"]}).status_code == 200


# -- the published examples


def test_every_published_call_is_taken_by_every_way_in(server: Server, shared_data: Path) -> None:
    file = shared_data / "segment_spec" / "examples.jsonl"
    if not file.is_file():
        pytest.skip(f"the published example calls are not at {file}")
    calls = []
    for line in file.read_text().splitlines():
        example = json.loads(line)
        told = example["payload"] if example["form"] == "http_json" else example["normalised"]
        for one in told.get("batch", [told]):
            kind = one.get("type") or one.get("action")
            if kind and (kind != "track" or "event" in one):
                calls.append({"anonymousId": "spec", "previousId": "before", **one, "type": kind})
    assert len(calls) > 100
    assert {call["type"] for call in calls} == {
        "track",
        "identify",
        "page",
        "screen",
        "group",
        "alias",
    }
    for path in ("/v1/batch", f"/v1/b?writeKey={server.server_key}", "/v1/import"):
        key = "none" if "writeKey" in path else ""
        told = post(server, path, {"batch": calls}, key).json()
        assert (told["accepted"], told["rejected"]) == (len(calls), [])
    with httpx.Client(base_url=server.url, auth=(server.server_key, ""), timeout=60) as client:
        for call in calls:
            for path in (call["type"], call["type"][0]):
                answer = client.post(f"/v1/{path}", json=call)
                assert answer.status_code == 200, (call, answer.text)


def test_the_published_segment_client(server: Server, owner: httpx.Client) -> None:
    failures: list[Any] = []
    client = Client(
        server.server_key, host=server.url, sync_mode=True, on_error=lambda e, _: failures.append(e)
    )
    client.identify("segment-1", {"name": "Trần Văn Bình", "email": "binh@example.test"})
    client.track("segment-1", "Order Completed", {"order_id": "o1", "total": "129000"})
    client.page("segment-1", "Shop", "Home")
    client.screen("segment-1", "App", "Home")
    client.group("segment-1", "company-1", {"name": "A company"})
    client.alias("segment-0", "segment-1")
    assert failures == []
    until(lambda: owner.get("/v1/profiles/user_id:segment-1").json().get("events", 0) >= 5)
    found = owner.get("/v1/profiles/email:BINH@example.test").json()
    assert found["name"] == "Trần Văn Bình"
    names = {
        row["name"] for row in owner.get("/v1/profiles/user_id:segment-1/events").json()["data"]
    }
    assert {"Identified", "Order Completed", "Page Viewed", "Screen Viewed", "Grouped"} <= names


def test_the_segment_client_hears_of_a_wrong_key(server: Server) -> None:
    client = Client("wk_wrong", host=server.url, sync_mode=True, max_retries=1)
    with pytest.raises(Exception, match="write key"):
        client.track("u", "E")
