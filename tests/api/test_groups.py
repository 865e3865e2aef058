"""Companies over HTTP: listed by name, with their traits and their people."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx

from tests.api.server import ORIGIN, Server, problem


def joins(user: str, group: str, **traits: Any) -> dict[str, Any]:
    """A group call of the company's server."""
    return {"type": "group", "userId": user, "groupId": group, "traits": traits}


def test_a_company_with_its_traits_and_its_people(server: Server, owner: httpx.Client) -> None:
    server.tell(
        joins("grp-an", "grp/acme", name="Ấn Phát", plan="pro", old=1)
        | {"timestamp": "2026-03-01T00:00:00Z"},
        joins("grp-binh", "grp/acme", plan="enterprise", old=None),
    )
    group = owner.get(f"/v1/groups/{quote('grp/acme', safe='')}").json()
    assert (group["id"], group["name"], group["members"]) == ("grp/acme", "Ấn Phát", 2)
    assert {row["name"]: row["value"] for row in group["traits"]} == {
        "name": "Ấn Phát",
        "plan": "enterprise",
    }
    path = f"/v1/groups/{quote('grp/acme', safe='')}/members"
    first = owner.get(path, params={"limit": 1}).json()
    second = owner.get(path, params={"limit": 1, "cursor": first["next"]}).json()
    assert (first["total"], second["next"]) == (2, None)
    keys = {row["key"] for page in (first, second) for row in page["data"]}
    assert keys == {"user_id:grp-an", "user_id:grp-binh"}
    person = owner.get("/v1/profiles/user_id:grp-an").json()
    assert [(g["id"], g["name"]) for g in person["groups"]] == [("grp/acme", "Ấn Phát")]


def test_companies_are_found_by_how_their_name_begins(server: Server, owner: httpx.Client) -> None:
    server.tell(*(joins("grp-chi", f"grp-{n}", name=f"Đồng Xuân {n}") for n in range(5)))
    found, cursor = [], None
    while True:
        params = {"query": "dong xu", "limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = owner.get("/v1/groups", params=params).json()
        found += [row["id"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == [f"grp-{n}" for n in range(5)]


def test_a_page_says_nothing_of_a_company(server: Server, owner: httpx.Client) -> None:
    server.tell(joins("grp-dung", "grp-mine", plan="free"))
    call = {
        "anonymousId": "grp-stranger",
        "groupId": "grp-mine",
        "traits": {"plan": "enterprise"},
        "writeKey": server.browser_key,
    }
    answer = httpx.post(f"{server.url}/v1/group", json=call, headers={"origin": ORIGIN})
    assert answer.status_code == 200, answer.text
    server.applied(int(answer.json()["offset"]))
    group = owner.get("/v1/groups/grp-mine").json()
    assert (group["members"], group["traits"][0]["value"]) == (1, "free")
    stranger = owner.get("/v1/profiles/anonymous_id:grp-stranger").json()
    assert stranger["groups"] == []


def test_a_group_that_is_not_there(server: Server, owner: httpx.Client) -> None:
    for path in ("/v1/groups/grp-nowhere", "/v1/groups/grp-nowhere/members"):
        problem(owner.get(path), 404, "group.unknown")


def test_segments_offers_and_decisions_ask_what_a_company_is(
    server: Server, owner: httpx.Client
) -> None:
    business = {"group": {"grp-plan": "business"}}
    offer = {
        "name": "B",
        "placements": ["grp-hero"],
        "eligible": business,
        "content": {"title": "B"},
    }
    for path, body in (
        ("segments/grp-business", {"name": "Business", "rule": business}),
        ("placements/grp-hero", {"name": "Hero", "fallback": {"title": "Everybody"}}),
        ("offers/grp-business", offer),
    ):
        assert owner.put(f"/v1/{path}", json=body).status_code in (200, 202)
    first = {"timestamp": "2026-03-01T00:00:00Z"}
    server.tell(
        joins("grp-giang", "grp-big", **{"grp-plan": "free"}) | first,
        joins("grp-mai", "grp-big") | first,
    )

    def titles() -> list[str]:
        asked = [
            owner.post(
                "/v1/decide", json={"profile": f"user_id:{user}", "placements": ["grp-hero"]}
            )
            for user in ("grp-giang", "grp-mai")
        ]
        return [answer.json()["decisions"][0]["content"]["title"] for answer in asked]

    def inside() -> int:
        return int(owner.get("/v1/segments/grp-business/members").json()["total"])

    assert (titles(), inside()) == (["Everybody"] * 2, 0)
    # One of them tells; it holds for both.
    server.tell(joins("grp-giang", "grp-big", **{"grp-plan": "business"}))
    assert (titles(), inside()) == (["B"] * 2, 2)
    preview = owner.post("/v1/segments/preview", json={"rule": business}).json()
    assert preview["count"] == 2
