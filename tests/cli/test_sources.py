"""`duyen sources` on a folder without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from duyen import cli
from duyen.runtime.house import House
from duyen.runtime.settings import load
from duyen.runtime.sources import Sources

SECRET = "what the shop signs with"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DUYEN_DATA", "DUYEN_PORT", "DUYEN_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    assert CliRunner().invoke(cli.app, ["init", str(tmp_path / "shop")]).exit_code == 0
    return tmp_path / "shop"


def ask(folder: Path, *words: str, given: str = "") -> dict[str, Any]:
    done = CliRunner().invoke(
        cli.app, ["sources", *words, "--data", str(folder), "--json"], input=given
    )
    assert done.exit_code == 0, done.output
    assert SECRET not in done.output
    found: dict[str, Any] = json.loads(done.output.strip().splitlines()[-1])
    return found


def test_a_source_is_declared_listed_changed_and_removed(folder: Path) -> None:
    made = ask(folder, "put", "tra", "--kind", "shopify", "--secret", "-", given=f"{SECRET}\n")
    assert made["url"].endswith("/v1/hooks/tra")
    ask(folder, "put", "tra", "--kind", "shopify", "--name", "Trà Việt", "--paused")
    (row,) = ask(folder, "list")["sources"]
    assert (row["name"], row["live"], row["last_seen"]) == ("Trà Việt", False, None)
    house = House(load(str(folder), {}))
    source = Sources(house).all()["tra"]
    assert Sources(house).secret(source) == SECRET
    assert SECRET not in source.secret
    house.close()
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in folder.glob("*.db*"))
    ask(folder, "remove", "tra")
    assert ask(folder, "list")["sources"] == []


def test_woocommerce_gets_a_secret_and_haravan_a_token(folder: Path) -> None:
    assert len(ask(folder, "put", "woo", "--kind", "woocommerce")["secret"]) >= 32
    made = ask(folder, "put", "hrv", "--kind", "haravan", "--secret", SECRET)
    assert len(made["verify_token"]) == 32


def test_a_webhook_is_tried_before_it_is_put(folder: Path, tmp_path: Path) -> None:
    written, sent = tmp_path / "tills.yaml", tmp_path / "sale.json"
    written.write_text("kind: webhook\ncalls:\n  - {event: \"'Came'\", userId: who}\n")
    sent.write_text('{"who": "an"}')
    tried = ask(folder, "test", str(written), str(sent))
    assert tried["calls"][0]["call"]["event"] == "Came"
    made = ask(folder, "put", "tills", "--file", str(written))
    assert len(made["secret"]) >= 32
    assert ask(folder, "test", "tills", str(sent))["calls"][0]["call"]["userId"] == "an"
