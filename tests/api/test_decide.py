"""Decisions over HTTP: what the company's server sees, and what a page sees."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.server import ORIGIN, Server, problem, until


@pytest.fixture(scope="module", autouse=True)
def offers(owner: httpx.Client) -> None:
    """One placement with two offers, nobody held out."""
    owner.put("/v1/settings", json={"hold_out": 0})
    owner.put("/v1/placements/hero", json={"name": "Hero", "fallback": {"title": "Chào"}})
    for name in ("tea", "coffee"):
        body = {"name": name.title(), "placements": ["hero"], "content": {"title": name}}
        assert owner.put(f"/v1/offers/{name}", json=body).status_code == 200


def decide(server: Server, body: dict[str, Any], **headers: str) -> httpx.Response:
    """One call."""
    return httpx.post(f"{server.url}/v1/decide", json=body, headers=headers, timeout=60)


def test_the_companys_server_sees_why(server: Server, owner: httpx.Client) -> None:
    answer = owner.post("/v1/decide", json={"profile": "user_id:chosen", "placements": ["hero"]})
    one = answer.json()["decisions"][0]
    assert one["fill"] == "offers"
    assert one["offer"] in ("tea", "coffee")
    assert one["content"] == {"title": one["offer"]}
    assert 0 < one["propensity"] <= 1
    assert {c["arm"] for c in one["candidates"]} == {"tea", "coffee"}

    def kept() -> Any:
        found = owner.get(f"/v1/decisions/{one['id']}")
        return found.json() if found.status_code == 200 else None

    whole = until(kept)
    assert whole["chosen"]["id"] == one["offer"]
    assert whole["propensity"] == one["propensity"]
    assert whole["placement"] == {"id": "hero", "name": "Hero"}
    listed = owner.get("/v1/profiles/user_id:chosen/decisions").json()["data"]
    assert [row["id"] for row in listed] == [one["id"]]


def test_whoever_writes_and_then_reads_finds_it(server: Server, owner: httpx.Client) -> None:
    for number in range(10):
        user = f"user_id:at-once-{number}"
        owner.post("/v1/decide", json={"profile": user, "placements": ["hero"]})
        assert len(owner.get(f"/v1/profiles/{user}/decisions").json()["data"]) == 1
        call = {"type": "identify", "userId": f"told-{number}", "traits": {"city": "Huế"}}
        httpx.post(server.url + "/v1/batch", json={"batch": [call]}, auth=(server.server_key, ""))
        assert owner.get(f"/v1/profiles/user_id:told-{number}").status_code == 200


def test_a_page_sees_the_choice_and_nothing_about_the_person(server: Server) -> None:
    page = {"origin": ORIGIN}
    key = {"writeKey": server.browser_key}
    token = httpx.post(f"{server.url}/v1/visitor", json=key, headers=page).json()
    answer = decide(server, {**key, "visitor": token["token"], "placements": ["hero"]}, **page)
    one = answer.json()["decisions"][0]
    assert set(one) == {"id", "placement", "fill", "offer", "content", "items"}
    renewed = httpx.post(
        f"{server.url}/v1/visitor", json={**key, "token": token["token"]}, headers=page
    )
    assert renewed.json()["anonymousId"] == token["anonymousId"]


def test_a_page_without_a_visitor_token_gets_nothing(server: Server) -> None:
    body = {"writeKey": server.browser_key, "visitor": "forged.token", "placements": ["hero"]}
    problem(decide(server, body, origin=ORIGIN), 401, "visitor.invalid")
    problem(
        decide(server, {**body, "profile": "user_id:chosen"}, origin=ORIGIN), 401, "visitor.invalid"
    )


def test_a_person_is_found_by_any_way_to_write_their_name(
    server: Server, owner: httpx.Client
) -> None:
    traits = {"email": "an.way@x.test", "phone": "0901 234 561"}
    server.tell({"type": "identify", "userId": "many-ways", "traits": traits})
    person = owner.get("/v1/profiles/user_id:many-ways").json()["id"]
    for name in ("email:An.Way@X.test", "phone:0901 234 561", f"id:{person}"):
        answer = owner.post("/v1/decide", json={"profile": name, "placements": ["hero"]})
        assert answer.json()["decisions"][0]["person"] == person, name
    ask = {"placements": ["hero"]}
    for name, code in (
        ("claimed.email:an.way@x.test", "profile.reserved"),
        ("message:m1", "profile.reserved"),
        ("email:nobody", "profile.value"),
    ):
        problem(owner.post("/v1/decide", json={**ask, "profile": name}), 400, code)
    unknown = owner.post("/v1/recommend", json={"profile": "id:p_nobody"})
    problem(unknown, 404, "profile.unknown")


def test_a_decision_for_an_id_makes_no_fact_of_a_claim(server: Server, owner: httpx.Client) -> None:
    call = {"type": "identify", "anonymousId": "claims-1", "traits": {"email": "claim@x.test"}}
    body = {"writeKey": server.browser_key, "batch": [call]}
    told = httpx.post(
        f"{server.url}/v1/batch", json=body, headers={"origin": ORIGIN}, timeout=60
    ).json()
    server.applied(int(told["offset"]))
    person = owner.get("/v1/profiles/anonymous_id:claims-1").json()["id"]
    ask = {"profile": f"id:{person}", "placements": ["hero"]}
    one = owner.post("/v1/decide", json=ask).json()["decisions"][0]
    until(lambda: owner.get(f"/v1/decisions/{one['id']}").status_code == 200)
    found = owner.get(f"/v1/profiles/id:{person}").json()
    assert (one["person"], found["verified"]) == (person, False)


def test_a_hash_that_is_no_hash_proves_nothing(server: Server) -> None:
    page, key = {"origin": ORIGIN}, {"writeKey": server.browser_key}
    token = httpx.post(f"{server.url}/v1/visitor", json=key, headers=page).json()["token"]
    body = {**key, "visitor": token, "placements": ["hero"], "user": {"id": "u", "hash": "é"}}
    problem(decide(server, body, **page), 403, "user.unproved")
    call = {"type": "track", "userId": "u", "event": "Seen", "context": {"user_hash": "é"}}
    batch = {**key, "batch": [call]}
    told = httpx.post(f"{server.url}/v1/batch", json=batch, headers=page, timeout=60)
    assert told.json()["accepted"] == 1


def test_what_is_wrong_with_a_question(server: Server, owner: httpx.Client) -> None:
    ask = {"profile": "user_id:chosen", "placements": ["hero"]}
    nowhere = owner.post("/v1/decide", json={**ask, "placements": ["nowhere"]})
    assert "hero" in problem(nowhere, 404, "placement.unknown")["message"]
    large = {**ask, "context": {"note": "x" * 9_000}}
    problem(owner.post("/v1/decide", json=large), 400, "context.too_large")
    deep = (
        '{"profile":"user_id:u","placements":["hero"],"context":{"a":' + "[" * 9_999 + "]" * 9_999
    )
    problem(owner.post("/v1/decide", content=f"{deep}}}}}"), 400, "request.malformed")
    odd = {"profile": "user_id:u", "recommender": "../secrets"}
    problem(owner.post("/v1/recommend", json=odd), 404, "recommend.unknown_recommender")
    problem(owner.post("/v1/decide", json={**ask, "placements": []}), 400, "decide.placements")
    problem(owner.post("/v1/decide", json={**ask, "profile": "nonsense"}), 400, "profile.missing")
    for after in ("soon", "²", "9" * 30):
        problem(owner.post("/v1/decide", json={**ask, "after": after}), 400, "decide.after")
    problem(owner.get("/v1/decisions/nothing"), 404, "decision.unknown")


def test_it_waits_for_the_callers_own_last_event(server: Server, owner: httpx.Client) -> None:
    told = server.tell({"type": "track", "userId": "fresh", "event": "Seen"})
    ask = {"profile": "user_id:fresh", "placements": ["hero"], "after": told["offset"]}
    assert owner.post("/v1/decide", json=ask).json()["stale"] is False
    late = owner.post("/v1/decide", json={**ask, "after": str(10**12)}).json()
    assert late["stale"] is True
    assert late["decisions"]


def test_a_click_is_counted_for_the_offer(server: Server, owner: httpx.Client) -> None:
    one = owner.post(
        "/v1/decide", json={"profile": "user_id:clicker", "placements": ["hero"]}
    ).json()
    chosen = one["decisions"][0]
    until(lambda: owner.get(f"/v1/decisions/{chosen['id']}").status_code == 200)
    told = {"decision_id": chosen["id"], "placement": "hero", "offer": chosen["offer"]}
    server.tell(
        {"type": "track", "userId": "clicker", "event": "Decision Clicked", "properties": told}
    )
    seen = owner.get(f"/v1/decisions/{chosen['id']}").json()
    assert (seen["viewed"], seen["clicked"]) == (True, True)
    rows = owner.get("/v1/reports/decisions").json()["data"]
    arms = next(row for row in rows if row["id"] == "hero")["arms"]
    assert next(arm for arm in arms if arm["arm"] == chosen["offer"])["clicks"] >= 1


def test_one_name_that_is_not_known_leaves_the_others(server: Server, owner: httpx.Client) -> None:
    names = ["nowhere", "hero", "elsewhere", "hero"]
    answer = owner.post("/v1/decide", json={"profile": "user_id:typo", "placements": names})
    assert answer.status_code == 200
    nowhere, hero, elsewhere = answer.json()["decisions"]
    assert (hero["placement"], hero["fill"]) == ("hero", "offers")
    for one, name in ((nowhere, "nowhere"), (elsewhere, "elsewhere")):
        assert (one["placement"], one["id"], one["fill"]) == (name, None, "fallback")
        assert (one["content"], one["items"], one["offer"]) == ({}, [], None)
        assert one["error"]["code"] == "placement.unknown"
        assert "hero" in one["error"]["message"]
    seen = visitor(server, placements=["nowhere", "hero"])["decisions"][0]
    assert "hero" not in seen["error"]["message"], "a browser learns no names"


def visitor(server: Server, **asked: Any) -> dict[str, Any]:
    """What a page is answered."""
    page, key = {"origin": ORIGIN}, {"writeKey": server.browser_key}
    token = httpx.post(f"{server.url}/v1/visitor", json=key, headers=page).json()["token"]
    answer = decide(server, {**key, "visitor": token, **asked}, **page)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_the_context_decides_fills_the_words_and_is_kept(
    server: Server, owner: httpx.Client
) -> None:
    owner.put("/v1/placements/table", json={"fallback": {"title": "Mời ngồi"}})
    body = {
        "placements": ["table"],
        "when": {"device.type": "mobile", "table": {"gte": 10}},
        "content": {"title": "Bàn {{ context.table }}"},
    }
    assert owner.put("/v1/offers/tables", json=body).status_code == 200
    told = {"device": {"type": "mobile"}, "table": 12, "page": {"path": "/"}}
    one = visitor(server, placements=["table"], context=told)["decisions"][0]
    assert (one["offer"], one["content"]) == ("tables", {"title": "Bàn 12"})
    plain = visitor(server, placements=["table"])["decisions"][0]
    assert (plain["fill"], plain["content"]) == ("fallback", {"title": "Mời ngồi"})

    def kept(id: str) -> Any:
        found = owner.get(f"/v1/decisions/{id}")
        return found.json() if found.status_code == 200 else None

    whole = until(lambda: kept(one["id"]))
    assert whole["features"]["context"] == told
    left_out = until(lambda: kept(plain["id"]))["candidates"][0]
    assert (left_out["arm"], left_out["excluded"]) == ("tables", "context")
    assert owner.get("/v1/offers/tables").json()["definition"]["when"] == body["when"]


def test_definitions_of_the_moment_are_checked(owner: httpx.Client) -> None:
    offer = {"placements": ["hero"], "content": {"title": "x"}}
    for wrong, at in (
        ({"when": ["x"]}, "when"),
        ({"when": {"a": {"almost": 1}}}, "when.a"),
        ({"content": {"title": "{{ person.name }}"}}, "content.title"),
        ({"quiet_hours": "sometimes"}, "quiet_hours"),
    ):
        found = problem(owner.put("/v1/offers/wrong", json={**offer, **wrong}), 422)
        assert found["at"].startswith(at), wrong
    quiet = owner.put("/v1/placements/wrong", json={"quiet_hours": True})
    assert problem(quiet, 422)["at"] == "quiet_hours"


def test_a_recommendation_is_a_decision(server: Server, owner: httpx.Client) -> None:
    owner.put(
        "/v1/catalog/items", json=[{"id": "tea", "name": "Trà"}, {"id": "cup", "name": "Chén"}]
    )
    answer = owner.post("/v1/recommend", json={"profile": "user_id:taster", "items": ["tea"]})
    told = answer.json()
    assert (told["items"], told["reason"], told["stale"]) == ([], "no_candidates", False)
    whole: Any = until(
        lambda: (
            (found := owner.get(f"/v1/decisions/{told['id']}")).status_code == 200 and found.json()
        )
    )
    assert (whole["placement"]["id"], whole["fill"]) == ("@recommend", "fallback")
    assert whole["features"]["seeds"] == ["tea"]
    denied = {"purpose": "personalisation", "channel": "web", "state": "denied"}
    server.tell(
        {"type": "track", "userId": "no-thanks", "event": "Consent Updated", "properties": denied}
    )
    said_no = owner.post("/v1/recommend", json={"profile": "user_id:no-thanks"}).json()
    assert (said_no["items"], said_no["reason"]) == ([], "consent")
