"""What the door takes in, from whom, and what it says to the rest."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from segment.analytics.client import Client

from tests.api.server import ORIGIN, Server, problem, until

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
    assert after["traits"] == before["traits"]
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
