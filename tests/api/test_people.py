"""People over HTTP: found by words, known by any of their identifiers."""

from __future__ import annotations

import random
import time
from urllib.parse import quote

import httpx
import pytest

from duyen.model.times import format_time
from tests.api.server import Server, problem


def person(user: str, **traits: str) -> dict[str, object]:
    """An identify call."""
    return {"type": "identify", "userId": user, "traits": traits}


def test_words_match_without_diacritics(server: Server, owner: httpx.Client) -> None:
    server.tell(person("find-1", name="Đặng Thị Hoàng Yến", email="yen.dang@example.test"))
    for words in ("dang hoang yen", "ĐẶNG", "Yến", "yen.dang@example.test", "find-1", "hoàn"):
        found = owner.get("/v1/profiles", params={"query": words}).json()["data"]
        assert "user_id:find-1" in [row["key"] for row in found], words
    assert owner.get("/v1/profiles", params={"query": '"* OR x'}).status_code == 200
    assert owner.get("/v1/profiles?query=find-1%00").json()["data"]
    assert owner.get("/v1/profiles?query=%00").json()["data"] == []


def test_a_list_goes_on_behind_its_cursor(server: Server, owner: httpx.Client) -> None:
    server.tell(*(person(f"page-{n}", name="Paged Together") for n in range(7)))
    seen: list[str] = []
    cursor = None
    while True:
        params = {"query": "paged together", "limit": "3"} | ({"cursor": cursor} if cursor else {})
        page = owner.get("/v1/profiles", params=params).json()
        seen += [row["key"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert sorted(seen) == [f"user_id:page-{n}" for n in range(7)]
    everybody: list[str] = []
    cursor = None
    while True:
        page = owner.get(
            "/v1/profiles", params={"limit": 5} | ({"cursor": cursor} if cursor else {})
        ).json()
        everybody += [row["id"] for row in page["data"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(everybody) == len(set(everybody)) == page["total"]


def test_two_who_turn_out_to_be_one_answer_to_both_names(
    server: Server, owner: httpx.Client
) -> None:
    names = ("anonymous_id:one-a", "user_id:one-b")
    server.tell(
        {"type": "identify", "anonymousId": "one-a", "traits": {"city": "Huế"}},
        person("one-b", name="B"),
    )
    before = [owner.get(f"/v1/profiles/{name}").json()["id"] for name in names]
    assert before[0] != before[1]
    server.tell({"type": "track", "event": "Seen", "anonymousId": "one-a", "userId": "one-b"})
    found = [owner.get(f"/v1/profiles/{name}").json() for name in names]
    assert found[0]["id"] == found[1]["id"]
    assert {"city", "name"} <= {trait["name"] for trait in found[0]["traits"]}
    for old in before:
        assert owner.get(f"/v1/profiles/id:{old}").json()["id"] == found[0]["id"]


def test_keys_with_signs_in_them(server: Server, owner: httpx.Client) -> None:
    for user in ("a/b", "a b", "a:b", "á%2f", "a?b#c"):
        server.tell(person(user, name="Sign"))
        answer = owner.get(f"/v1/profiles/{quote(f'user_id:{user}', safe='')}")
        assert answer.status_code == 200, (user, answer.text)
        assert ("user_id", user) in [
            (i["namespace"], i["value"]) for i in answer.json()["identifiers"]
        ]


def test_events_are_paged_and_filtered(server: Server, owner: httpx.Client) -> None:
    server.tell(
        *(
            {
                "type": "track",
                "userId": "eventful",
                "event": "Even" if n % 2 else "Odd",
                "messageId": f"ev-{n:02d}",
            }
            for n in range(12)
        )
    )
    first = owner.get("/v1/profiles/user_id:eventful/events?limit=8").json()
    second = owner.get(
        f"/v1/profiles/user_id:eventful/events?limit=8&cursor={first['next']}"
    ).json()
    ids = [row["id"] for row in first["data"] + second["data"]]
    assert len(ids) == len(set(ids)) == 12
    assert second["next"] is None
    assert first["total"] == 12
    even = owner.get("/v1/profiles/user_id:eventful/events?name=Even").json()["data"]
    assert len(even) == 6


def test_a_long_history_is_read_from_its_end(server: Server, owner: httpx.Client) -> None:
    """300 events, told in another order than they happened: every page follows the one before."""
    rng = random.Random(1)
    moments = rng.sample(range(100_000), 300)
    calls = [
        {
            "type": "track",
            "userId": "long",
            "messageId": f"long-{n}",
            "event": "Seventh" if n % 7 == 0 else "Seen",
            "timestamp": format_time(1_780_000_000_000 + moment * 1_000),
        }
        for n, moment in enumerate(moments)
    ]
    for start in range(0, 300, 40):
        server.tell(*calls[start : start + 40])
    whole = [calls[n] for n in sorted(range(300), key=moments.__getitem__, reverse=True)]
    for name, limit in (("", 50), ("", 7), ("Seventh", 5)):
        seen: list[str] = []
        cursor = None
        while True:
            params = {"limit": str(limit), "name": name} | ({"cursor": cursor} if cursor else {})
            page = owner.get("/v1/profiles/user_id:long/events", params=params).json()
            seen += [row["id"] for row in page["data"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == [c["messageId"] for c in whole if c["event"] == name or not name]


def test_consent_is_listed_as_it_was_said(server: Server, owner: httpx.Client) -> None:
    said = {"purpose": "marketing", "channel": "email", "state": "granted", "proof": "a form"}
    server.tell(
        {"type": "track", "userId": "agrees", "event": "Consent Updated", "properties": said}
    )
    row = owner.get("/v1/profiles/user_id:agrees/consent").json()["data"][0]
    assert {key: row[key] for key in said} == said


@pytest.mark.parametrize(
    "part", ["", "/events", "/segments", "/consent", "/decisions", "/contacts"]
)
def test_nobody_is_404_and_no_key_is_400(owner: httpx.Client, part: str) -> None:
    problem(owner.get(f"/v1/profiles/user_id:not-here{part}"), 404, "profile.unknown")
    problem(owner.get(f"/v1/profiles/nonsense{part}"), 400, "profile.key")


def test_a_profile_that_was_two_people_is_taken_apart(server: Server, owner: httpx.Client) -> None:
    server.tell({"type": "track", "event": "Seen", "anonymousId": "apart-a"})
    server.tell({"type": "identify", "userId": "apart-u", "anonymousId": "apart-a"})
    path, body = "/v1/profiles/user_id:apart-u/unmerge", {"apart": ["anonymous_id:apart-a"]}
    answer = owner.post(path, json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["applied"] is True
    (taken,) = found["apart"]
    assert taken["identifier"] == "anonymous_id:apart-a"
    assert taken["person"] != found["person"]
    assert owner.get("/v1/profiles/anonymous_id:apart-a").json()["id"] == taken["person"]
    assert owner.get("/v1/profiles/user_id:apart-u").json()["id"] == found["person"]
    assert owner.post(path, json=body).json() == found, "twice is once"
    server.tell({"type": "identify", "userId": "apart-u", "anonymousId": "apart-a"})
    assert owner.get("/v1/profiles/anonymous_id:apart-a").json()["id"] == taken["person"]


def test_a_veto_is_listed_and_taken_back(server: Server, owner: httpx.Client) -> None:
    server.tell({"type": "track", "event": "Seen", "anonymousId": "back-a"})
    server.tell({"type": "identify", "userId": "back-u", "anonymousId": "back-a"})
    profile = "/v1/profiles/user_id:back-u"
    assert owner.get(f"{profile}/vetoes").json()["data"] == []
    owner.post(f"{profile}/unmerge", json={"apart": ["anonymous_id:back-a"]})
    (veto,) = owner.get(f"{profile}/vetoes").json()["data"]
    assert veto["identifiers"] == ["user_id:back-u"]
    assert veto["never"] == ["anonymous_id:back-a"]
    assert veto["author"]
    assert veto["lifted"] is None
    (other,) = owner.get("/v1/profiles/anonymous_id:back-a/vetoes").json()["data"]
    assert other["id"] == veto["id"]
    problem(owner.delete(f"{profile}/vetoes/none"), 404, "veto.unknown")
    answer = owner.delete(f"{profile}/vetoes/{veto['id']}")
    assert answer.status_code == 200, answer.text
    one = owner.get(profile).json()["id"]
    assert answer.json() == {"applied": True, "person": one}
    assert owner.get("/v1/profiles/anonymous_id:back-a").json()["id"] == one
    assert owner.delete(f"{profile}/vetoes/{veto['id']}").json()["person"] == one, "twice is once"
    (lifted,) = owner.get(f"{profile}/vetoes").json()["data"]
    assert lifted["lifted"]["author"] == veto["author"]


def test_what_cannot_be_taken_apart_is_told(
    server: Server, owner: httpx.Client, anybody: httpx.Client
) -> None:
    server.tell(person("whole", email="whole@example.test"))
    path = "/v1/profiles/user_id:whole/unmerge"
    problem(
        owner.post(path, json={"apart": ["email:other@example.test"]}), 400, "profile.not_theirs"
    )
    problem(owner.post(path, json={"apart": []}), 400, "profile.unmerge")
    problem(owner.post(path, json={"apart": ["whole"]}), 400, "profile.key")
    everything = {"apart": ["user_id:whole", "email:whole@example.test"]}
    problem(owner.post(path, json=everything), 400, "profile.unmerge")
    problem(owner.post(path, json={"apart": "email:x"}), 422)
    nobody = "/v1/profiles/user_id:nobody-here/unmerge"
    problem(owner.post(nobody, json={"apart": ["email:x@example.test"]}), 404, "profile.unknown")
    assert anybody.post(path, json={"apart": ["email:whole@example.test"]}).status_code == 401


def test_other_rules_are_looked_at_before_they_are_saved(
    server: Server, owner: httpx.Client
) -> None:
    server.tell({"type": "identify", "userId": "swept-1", "anonymousId": "swept-kiosk"})
    server.tell({"type": "identify", "userId": "swept-2", "anonymousId": "swept-kiosk"})
    server.tell({"type": "track", "event": "Seen", "anonymousId": "swept-kiosk-2"})
    before = owner.get("/v1/settings").json()
    other = {"blocked": [*before["blocked"], "swept-kiosk-2"]}
    found = owner.post("/v1/settings/preview", json=other)
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["merged"], told["split"], told["aside"], told["exact"]) == (0, 0, 1, True)
    (sample,) = told["samples"]
    assert sample["kind"] == "aside"
    assert sample["people"][0]["key"] == "anonymous_id:swept-kiosk-2"
    assert sample["becomes"] == []
    assert owner.get("/v1/settings").json()["blocked"] == before["blocked"], (
        "a look changes nothing"
    )
    problem(owner.post("/v1/settings/preview", json={"blocked": [""]}), 422, "settings.identity")
    try:
        owner.put("/v1/settings", json=other)
        for _ in range(300):
            sweep = owner.get("/v1/settings").json()["sweep"]
            if not sweep["running"]:
                break
            time.sleep(0.02)
        assert (sweep["running"], sweep["part"], sweep["aside"]) == (False, 1.0, 1)
        gone = owner.get("/v1/profiles/anonymous_id:swept-kiosk-2")
        problem(gone, 404, "profile.unknown")
    finally:
        owner.put("/v1/settings", json={"blocked": before["blocked"]})
    for _ in range(300):
        if owner.get("/v1/profiles/anonymous_id:swept-kiosk-2").status_code == 200:
            break
        time.sleep(0.02)
    assert owner.get("/v1/profiles/anonymous_id:swept-kiosk-2").json()["events"] == 1
