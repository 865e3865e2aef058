"""The program over HTTP: put, read, delete, undo; and what does not fit together."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime.house import House
from tests.api.server import Server, problem, until

BODY = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>Chào {{ person.name }}</mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)
DEFINITIONS: dict[str, dict[str, Any]] = {
    "traits": {"name": "A trait", "count": "Thing Done", "within": "90d"},
    "segments": {
        "name": "A segment",
        "rule": {"did": "Thing Done", "at_least": 2, "within": "90d"},
    },
    "messages": {"name": "A message", "subject": "Chào {{ person.name }}", "body": BODY},
    "placements": {"name": "A placement", "fill": "offers", "fallback": {"title": "Chào"}},
    "offers": {"name": "An offer", "placements": ["thing"], "content": {"title": "x"}},
    "forms": {"name": "A form", "fields": [{"trait": "email", "type": "email"}]},
    "journeys": {
        "name": "A journey",
        "entry": {"segment": "thing"},
        "steps": [{"wait": "1d"}, {"send": "thing"}, "exit"],
        "live": False,
    },
}


def test_every_kind_is_put_read_and_listed(owner: httpx.Client) -> None:
    for word, body in DEFINITIONS.items():
        put = owner.put(f"/v1/{word}/thing", json=body)
        assert put.status_code == 200, put.text
        found = owner.get(f"/v1/{word}/thing").json()
        assert found["definition"] == body
        assert found["name"] == body["name"]
        assert found["live"] is body.get("live", True)
        assert found["version"] == put.json()["version"]
        assert found["author"].startswith("k_")
        assert "thing" in [row["id"] for row in owner.get(f"/v1/{word}?limit=200").json()["data"]]
    assert owner.get("/v1/segments/thing").json()["count"] == 0


def test_what_stands_still_says_why_and_stands_in_nobodys_way(
    owner: httpx.Client, server: Server
) -> None:
    house = House(server.settings)
    lost = {"name": "Lost", "rule": {"segment": "gone"}}
    magic = {"name": "Magic", "rule": {"by_magic": 1}}
    house.tell(Lane.CONTROL, [ResourceChange("segment", "lost", lost, "another hand", 0)])
    offset = house.tell(Lane.CONTROL, [ResourceChange("segment", "magic", magic, "an", 0)])
    until(lambda: house.applied(Lane.CONTROL, offset))
    house.close()
    told = owner.get("/v1/segments/lost").json()
    assert "gone" in told["problem"]
    rows = {row["id"]: row for row in owner.get("/v1/segments?limit=200").json()["data"]}
    assert "by_magic" in rows["magic"]["problem"]
    try:
        put = owner.put("/v1/segments/in-order", json={"rule": {"did": "Seen"}})
        assert put.status_code == 200, put.text
        assert put.json()["problem"] is None
        assert owner.post("/v1/pause").json() == {"paused": True}
        assert owner.post("/v1/resume").json() == {"paused": False}
    finally:
        assert owner.delete("/v1/segments/lost").status_code == 200
        assert owner.delete("/v1/segments/magic").status_code == 200


def test_putting_the_same_again_makes_no_new_version(owner: httpx.Client) -> None:
    body = {"rule": {"did": "Same"}}
    first = owner.put("/v1/segments/same", json=body).json()["version"]
    assert owner.put("/v1/segments/same", json=body).json()["version"] == first


def test_undo_goes_back_and_back_again(owner: httpx.Client) -> None:
    one, two = {"rule": {"did": "One"}}, {"rule": {"did": "Two"}}
    owner.put("/v1/segments/undone", json=one)
    problem(owner.post("/v1/segments/undone/undo"), 409, "program.first_version")
    owner.put("/v1/segments/undone", json=two)
    assert owner.post("/v1/segments/undone/undo").json()["definition"] == one
    assert owner.delete("/v1/segments/undone").json() == {"applied": True}
    problem(owner.get("/v1/segments/undone"), 404, "segment.unknown")
    assert owner.post("/v1/segments/undone/undo").json()["definition"] == one
    versions = owner.get("/v1/segments/undone/versions").json()["data"]
    assert [v["version"] for v in versions] == [5, 4, 3, 2, 1]
    assert versions[1]["definition"] is None


def test_what_is_in_use_stays(owner: httpx.Client) -> None:
    owner.put("/v1/segments/used", json={"rule": {"did": "Used"}})
    owner.put("/v1/segments/user", json={"rule": {"segment": "used"}})
    error = problem(owner.delete("/v1/segments/used"), 409, "program.in_use")
    assert "used" in error["message"]
    owner.delete("/v1/segments/user")
    assert owner.delete("/v1/segments/used").status_code == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("segments/bad", {"rule": {"dud": "X"}}),
        ("segments/bad", {"rule": {"did": "X", "within": "soon"}}),
        ("segments/bad", {"rule": {"segment": "bad"}}),
        ("segments/bad", {"rule": {"did": "X"}, "colour": "red"}),
        ("segments/bad", {"id": "other", "rule": {"did": "X"}}),
        ("journeys/bad", {"entry": {"event": "X"}, "steps": [{"send": "no-such-message"}]}),
        ("journeys/bad", {"entry": {"segment": "no-such-segment"}, "steps": ["exit"]}),
        ("offers/bad", {"placements": ["no-such-placement"], "content": {}}),
        ("messages/bad", {"subject": "x", "body": "<mjml><mj-body>{% if %}</mj-body></mjml>"}),
        ("messages/bad", {"subject": "x", "body": "<mjml><mj-bodyy></mjml>"}),
        ("forms/bad", {"fields": []}),
        ("forms/bad", {"fields": [{"trait": "a b"}]}),
        ("forms/bad", {"fields": [{"trait": "tea", "type": "choice"}]}),
        ("forms/bad", {"fields": [{"trait": "tea", "type": "file"}]}),
        ("forms/bad", {"fields": [{"trait": "tea", "label": {"fr": "Thé"}}]}),
        ("forms/bad", {"fields": [{"trait": "tea"}, {"trait": "tea"}]}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "consent": [{"purpose": "nobody-named"}]}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "download": "../state.db"}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "download": ".env"}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "embed": ["*"]}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "embed": ["https://a.test/page"]}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "embed": ["https://a.test; script-src *"]}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "redirect": "javascript:alert(1)"}),
        ("forms/bad", {"fields": [{"trait": "tea"}], "redirect": "https://a.test;script-src *"}),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_place(
    owner: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    problem(owner.put(f"/v1/{path}", json=body), 422)
    assert owner.get(f"/v1/{path}").status_code == 404


def test_ids_are_plain(owner: httpx.Client) -> None:
    problem(owner.put("/v1/segments/..%2fx", json={}), 405)
    problem(owner.put("/v1/segments/%3Cscript%3E", json={"rule": {"did": "X"}}), 422)


def test_a_segment_is_previewed_and_its_members_are_exact(
    server: Server, owner: httpx.Client
) -> None:
    server.tell(
        *(
            {
                "type": "track",
                "userId": f"member-{n}",
                "event": "Membership Bought",
                "properties": {"n": n},
            }
            for n in range(5)
        )
    )
    rule = {"did": "Membership Bought", "where": {"n": {"gte": 2}}}
    preview = owner.post("/v1/segments/preview", json={"rule": rule}).json()
    assert (preview["count"], preview["exact"]) == (3, True)
    assert len(preview["sample"]) == 3
    owner.put("/v1/segments/members", json={"rule": rule})
    from tests.api.server import until

    until(lambda: owner.get("/v1/segments/members").json()["count"] == 3)
    page = owner.get("/v1/segments/members/members?limit=2").json()
    rest = owner.get(f"/v1/segments/members/members?cursor={page['next']}").json()
    keys = {row["key"] for row in page["data"] + rest["data"]}
    assert keys == {"user_id:member-2", "user_id:member-3", "user_id:member-4"}
    people = owner.get("/v1/profiles?segment=members").json()
    assert people["total"] == 3
    assert {row["key"] for row in people["data"]} == keys


def test_a_preview_says_what_is_wrong(owner: httpx.Client) -> None:
    problem(owner.post("/v1/segments/preview", json={"rule": {"dud": 1}}), 422)
    assert problem(owner.post("/v1/segments/preview", json={}), 422)["at"] == "rule"


def test_the_catalogue(owner: httpx.Client) -> None:
    items = [{"id": f"cat-{n}", "name": f"Áo dài lụa {n}", "price": "1250000"} for n in range(3)]
    assert owner.put("/v1/catalog/items", json=items).json() == {"stored": 3, "applied": True}
    found = owner.get("/v1/catalog/items?query=ao dai lua&limit=2").json()
    assert [item["id"] for item in found["data"]] == ["cat-0", "cat-1"]
    assert (
        owner.get(f"/v1/catalog/items?query=ao dai lua&cursor={found['next']}").json()["next"]
        is None
    )
    one = owner.get("/v1/catalog/items/cat-2").json()
    assert (one["price"], one["stock"], one["sellable"]) == ("1250000", None, True)
    assert owner.delete("/v1/catalog/items/cat-2").json() == {"applied": True}
    problem(owner.get("/v1/catalog/items/cat-2"), 404, "item.unknown")
    bad = owner.put("/v1/catalog/items", json=[items[0], {"id": "x", "name": "y", "price": "dear"}])
    assert problem(bad, 422, "item.price")["at"] == "[1].price"
    assert (
        problem(owner.put("/v1/catalog/items/a", json={"id": "b", "name": "x"}), 422)["at"] == "id"
    )


def test_settings_are_changed_field_by_field(owner: httpx.Client) -> None:
    before = owner.get("/v1/settings").json()
    changed = owner.put(
        "/v1/settings", json={"name": "Quán thử", "caps": [{"most": 5, "within": "2d"}]}
    )
    assert changed.json()["name"] == "Quán thử"
    assert changed.json()["caps"] == [{"most": 5, "within": "2d", "channel": "*"}]
    assert changed.json()["timezone"] == before["timezone"]
    problem(owner.put("/v1/settings", json={"hold_out": 0.9}), 422, "settings.hold_out")
    problem(owner.put("/v1/settings", json={"colour": "red"}), 422)
    assert owner.get("/v1/settings").json()["name"] == "Quán thử"


def test_the_pause_switch(owner: httpx.Client) -> None:
    assert owner.post("/v1/pause").json() == {"paused": True}
    assert owner.get("/v1/settings").json()["paused"] is True
    assert owner.get("/v1/reports/overview").json()["paused"] is True
    owner.put("/v1/settings", json={"name": "Still paused"})
    assert owner.get("/v1/settings").json()["paused"] is True
    assert owner.post("/v1/resume").json() == {"paused": False}


def test_an_idempotency_key_does_a_thing_once(owner: httpx.Client) -> None:
    for number in range(3):
        owner.put("/v1/segments/once", json={"rule": {"did": f"Once {number}"}})
    named = {"idempotency-key": "undo-once"}
    first = owner.post("/v1/segments/once/undo", headers=named)
    again = owner.post("/v1/segments/once/undo", headers=named)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert owner.get("/v1/segments/once").json()["version"] == 4
    other = owner.post("/v1/segments/once/undo", headers={"idempotency-key": "another"})
    assert other.json()["version"] == 5


def test_an_idempotency_key_is_for_one_body(owner: httpx.Client) -> None:
    named = {"idempotency-key": "preview-1"}
    assert (
        owner.post("/v1/segments/preview", json={"rule": {"did": "A"}}, headers=named).status_code
        == 200
    )
    other = owner.post("/v1/segments/preview", json={"rule": {"did": "B"}}, headers=named)
    problem(other, 422, "request.idempotency_key")
