"""The suppression list: what it keeps from leaving, over HTTP and on the command line."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import httpx
from typer.testing import CliRunner

from duyen import cli
from tests.api.server import Server, problem, until
from tests.api.test_mail import asks, caught, contact, journey, links

__all__ = ["journey"]
runner = CliRunner()


def line(owner: httpx.Client, address: str) -> dict[str, Any] | None:
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = owner.get("/v1/suppressions", params={"cursor": cursor} if cursor else {}).json()
        rows, cursor = rows + answer["data"], answer["next"]
    return next((row for row in rows if row["address"] == address), None)


def test_nothing_leaves_for_a_listed_address(server: Server, owner: httpx.Client) -> None:
    address = "listed-1@example.test"
    told = {"addresses": [f" {address.upper()} ", "no address"], "reason": "bounced before"}
    answer = owner.post("/v1/suppressions", json=told).json()
    assert answer == {"applied": True, "addresses": 1, "wrong": ["no address"]}
    row = line(owner, address)
    assert row is not None
    assert (row["never"], row["reason"]) == ("*/*/email", "bounced before")
    asks(server, "listed-1")
    found = until(lambda: (c := contact(owner, "listed-1"))["state"] == "cancelled" and c)
    assert found["reason"] == "suppressed"
    assert owner.get("/v1/mail", params={"query": address}).json()["data"] == []
    assert owner.delete(f"/v1/suppressions/{address}").json()["addresses"] == 1
    assert line(owner, address) is None
    asks(server, "listed-1")
    caught(owner, address)


def test_a_purpose_may_be_listed_alone(server: Server, owner: httpx.Client) -> None:
    told = {"addresses": ["listed-2@example.test"], "purpose": "survey"}
    assert owner.post("/v1/suppressions", json=told).status_code == 200
    caught(owner, asks(server, "listed-2"))


def test_what_cannot_be_a_list_is_refused(owner: httpx.Client) -> None:
    wrong: list[dict[str, Any]] = [
        {"addresses": []},
        {"addresses": ["a@b.test"] * 5_001},
        {"addresses": ["a@b.test"], "purpose": "a/b"},
        {"addresses": ["a@b.test"], "purpose": ""},
        {"addresses": ["a@b.test"], "reason": "erased"},
    ]
    for body in wrong:
        answer = owner.post("/v1/suppressions", json=body)
        problem(answer, 400)


def test_the_mail_of_somebody_erased_names_nobody_again(
    server: Server, owner: httpx.Client
) -> None:
    address = asks(server, "erased-reader")
    found = links(owner, caught(owner, address)["id"])
    erased = owner.delete("/v1/profiles/user_id:erased-reader")
    assert erased.status_code == 200, erased.text
    assert httpx.get(server.url + found["c"]).status_code == 302, "whoever reads on is led on"
    assert httpx.post(server.url + found["u"]).status_code == 200
    assert httpx.post(server.url + found["u"]).status_code == 200
    gone = owner.get(f"/v1/profiles/email:{address}")
    problem(gone, 404, "profile.unknown")
    kept = [
        row
        for row in owner.get("/v1/suppressions", params={"limit": 200}).json()["data"]
        if row["reason"] == "erased"
    ]
    assert kept
    assert all(row["address"] is None for row in kept)
    asks(server, "has-the-address-now")
    said = {"purpose": "marketing", "channel": "email", "state": "granted"}
    old = {"timestamp": "2026-01-01T00:00:00Z", "type": "track", "event": "Consent Updated"}
    who = {"userId": "erased-reader-2"}
    server.tell({"type": "identify", **who, "traits": {"email": address}})
    server.tell({**old, **who, "properties": said})
    server.tell({"type": "track", **who, "event": "Wants A Letter"})
    row = until(lambda: (c := contact(owner, "erased-reader-2"))["state"] != "queued" and c)
    assert (row["state"], row["reason"]) == ("cancelled", "suppressed")


def test_a_list_is_read_and_written_on_the_command_line(tmp_path: Path) -> None:
    folder, given, kept = tmp_path / "shop", tmp_path / "list.csv", tmp_path / "kept.csv"
    assert runner.invoke(cli.app, ["init", str(folder)]).exit_code == 0
    given.write_text("Name;x,email\nAn,an@example.test\nB,=b@example.test\n\nwrong\n", "utf-8")
    at = ["--data", str(folder), "--json"]
    done = runner.invoke(cli.app, ["suppressions", "add", "--file", str(given), *at])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.strip().splitlines()[-1])
    assert (said["addresses"], said["wrong"], said["applied"]) == (2, ["wrong"], True)
    done = runner.invoke(cli.app, ["suppressions", "remove", "AN@example.test", *at])
    assert done.exit_code == 0, done.output
    done = runner.invoke(cli.app, ["suppressions", "export", "--to", str(kept), *at])
    assert done.exit_code == 0, done.output
    (row,) = csv.DictReader(kept.read_text("utf-8-sig").splitlines())
    assert row["address"] == "'=b@example.test"
    assert re.fullmatch(r"[0-9a-f]{32}", row["hash"])
