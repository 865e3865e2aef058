"""What a person is handed: everything, once, in forms that machines and people can open."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from duyen.runtime.portability import COLUMNS, hand_over
from tests.runtime.test_erasure import MAIL, NAME, USER, Trail, live


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Trail]:
    found = Trail(tmp_path)
    yield found
    found.sender.close()
    found.engine.close()
    found.house.close()


def handed(shop: Trail, person: str) -> zipfile.ZipFile:
    file = io.BytesIO()
    (head,) = shop.house.state.heads([person]).values()
    now = shop.house.clock.now()
    hand_over(file, head, shop.house.state, shop.house.program(), {"orders": 1}, now)
    return zipfile.ZipFile(file)


def table(archive: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    text = archive.read(f"{name}.csv").decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_a_person_is_handed_everything(shop: Trail) -> None:
    person = live(shop)
    archive = handed(shop, person)
    assert archive.testzip() is None
    data = json.loads(archive.read("data.json"))
    assert data["person"] == person
    assert {row["value"] for row in data["identifiers"]} >= {USER, MAIL}
    assert {row["name"]: row["value"] for row in data["profile"]}["name"] == NAME
    assert {row["name"] for row in data["profile"]} >= {"name", "address", "phone", "orders"}
    assert [(row["id"], row["name"]) for row in data["groups"]] == [
        ("acme", "acme"),
        ("home", "home"),
    ]
    (consent,) = data["consents"]
    assert (consent["purpose"], consent["state"]) == ("marketing", "granted")
    (head,) = shop.house.state.heads([person]).values()
    assert len(data["events"]) == head.person.events
    assert data["events"] == sorted(data["events"], key=lambda row: (row["time"], row["id"]))
    (message,) = data["messages"]
    assert (message["address"], message["state"]) == (MAIL, "sent")
    assert [row["id"] for row in data["decisions"]] == ["d1"]
    for name in COLUMNS:
        assert len(table(archive, name)) == len(data[name]), name
    readme = archive.read("README.txt").decode("utf-8-sig")
    assert "DỮ LIỆU CÁ NHÂN" in readme
    assert "YOUR PERSONAL DATA" in readme
    assert all(f"{name}.csv" in readme for name in COLUMNS)
    # Nothing of anybody else.
    assert not [name for name in archive.namelist() if b"kh-2" in archive.read(name)]


def test_a_cell_is_no_formula(shop: Trail) -> None:
    shop.told(shop.call("identify", userId="x", traits={"name": '=HYPERLINK("http://x")'}))
    archive = handed(shop, shop.person("user_id", "x") or "")
    cells = {row["name"]: row["value"] for row in table(archive, "profile")}
    assert cells["name"].startswith("'=")
    told = {row["name"]: row["value"] for row in json.loads(archive.read("data.json"))["profile"]}
    assert told["name"] == '=HYPERLINK("http://x")'
