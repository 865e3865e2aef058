"""Rejected calls over HTTP and by command: listed, put right, sent in again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.api.server import Server, problem

PATH = "/v1/rejected/replay"


def reject(server: Server, user: str, id: str) -> None:
    """A call whose event has no name, beside one that is good."""
    bad = {"type": "track", "userId": user, "event": 7, "messageId": id}
    server.tell(bad, {"type": "track", "userId": f"{user}-friend", "event": "Seen"})


def row_of(owner: httpx.Client, id: str) -> dict[str, Any]:
    rows = owner.get("/v1/rejected?limit=200").json()["data"]
    found: dict[str, Any] = next(row for row in rows if row["id"] == id)
    return found


def test_a_call_is_put_right_and_enters_once(server: Server, owner: httpx.Client) -> None:
    reject(server, "replay-1", "bad-1")
    assert row_of(owner, "bad-1")["replayed"] is None
    right = {"type": "track", "userId": "replay-1", "event": "Seen"}
    for _ in range(2):
        answer = owner.post(PATH, json={"id": "bad-1", "payload": right})
        assert answer.status_code == 200, answer.text
        assert answer.json() == {
            "applied": True,
            "data": [{"id": "bad-1", "state": "replayed", "reasons": []}],
            "next": None,
        }
    events = owner.get("/v1/profiles/user_id:replay-1/events").json()["data"]
    assert [(row["id"], row["trusted"]) for row in events] == [("bad-1", True)]
    assert row_of(owner, "bad-1")["replayed"]


def test_what_is_still_wrong_says_why(server: Server, owner: httpx.Client) -> None:
    reject(server, "replay-2", "bad-2")
    answer = owner.post(PATH, json={"ids": ["bad-2"]}).json()
    assert answer["data"][0]["state"] == "rejected"
    assert "event" in answer["data"][0]["reasons"][0]
    owner.post(PATH, json={"id": "bad-2", "payload": {"type": "nonsense", "userId": "x"}})
    assert "type must be one of" in row_of(owner, "bad-2")["reasons"][0]


def test_all_of_a_source_in_pages(server: Server, owner: httpx.Client) -> None:
    for n in range(3):
        reject(server, f"replay-all-{n}", f"bad-all-{n}")
    source = row_of(owner, "bad-all-0")["source"]
    seen: list[str] = []
    body: dict[str, Any] = {"all": True, "source": source}
    while True:
        answer = owner.post(PATH, json=body).json()
        seen += [line["id"] for line in answer["data"]]
        if answer["next"] is None:
            break
        body["cursor"] = answer["next"]
    assert {f"bad-all-{n}" for n in range(3)} <= set(seen)
    assert owner.post(PATH, json={"all": True, "source": "nobody"}).json()["data"] == []


def test_the_same_request_again_gets_the_same_answer(server: Server, owner: httpx.Client) -> None:
    reject(server, "replay-3", "bad-3")
    headers = {"idempotency-key": "replay-3"}
    first = owner.post(PATH, json={"ids": ["bad-3"]}, headers=headers)
    right = {"type": "track", "userId": "replay-3", "event": "Seen"}
    owner.post(PATH, json={"id": "bad-3", "payload": right})
    assert owner.post(PATH, json={"ids": ["bad-3"]}, headers=headers).json() == first.json()
    assert owner.post(PATH, json={"ids": ["bad-3"]}).json()["data"][0]["state"] == "replayed"


def test_what_cannot_be_asked(owner: httpx.Client, anybody: httpx.Client) -> None:
    unclear: list[dict[str, Any]] = [{}, {"ids": ["a"], "all": True}, {"ids": []}, {"all": False}]
    for body in unclear:
        problem(owner.post(PATH, json=body), 400, "rejected.which")
    lone: list[dict[str, Any]] = [
        {"id": "a"},
        {"ids": ["a"], "payload": {}},
        {"all": True, "payload": {}},
    ]
    for body in lone:
        problem(owner.post(PATH, json=body), 400, "rejected.payload")
    problem(owner.post(PATH, json={"ids": ["no-such-call"]}), 404, "rejected.unknown")
    problem(owner.post(PATH, json={"ids": ["x"] * 101}), 400, "rejected.too_many")
    problem(owner.post(PATH, json={"all": True, "cursor": "WzFd"}), 400, "list.cursor")
    problem(anybody.post(PATH, json={"all": True}), 401)


def test_the_commands(server: Server, owner: httpx.Client, tmp_path: Path) -> None:
    reject(server, "replay-4", "bad-4")
    file = tmp_path / "right.json"
    file.write_text(json.dumps({"type": "track", "userId": "replay-4", "event": "Seen"}))

    def run(*arguments: str) -> Any:
        command = [sys.executable, "-m", "duyen", "rejected", *arguments, "--json"]
        done = subprocess.run(
            command, env=server.environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout.strip().splitlines()[-1])

    assert "bad-4" in [row["id"] for row in run("list", "--limit", "200")["rejected"]]
    assert "bad-4" in [line["id"] for line in run("replay", "--all")["data"]]
    put_right = run("replay", "bad-4", "--payload", str(file))
    line = {"id": "bad-4", "state": "replayed", "reasons": []}
    assert put_right == {"applied": True, "data": [line]}
    assert owner.get("/v1/profiles/user_id:replay-4").json()["events"] == 1
