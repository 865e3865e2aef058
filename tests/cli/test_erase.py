"""`duyen erase` on a folder without a server, and the receipt that it leaves."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duyen import cli
from duyen.cli.common import tell
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.log import Lane
from duyen.runtime.house import House
from duyen.runtime.settings import load
from tests.cli.test_unmerge import told
from tests.runtime.places import found_in

runner = CliRunner()
KEY = "user_id:khach-1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people."""
    place = tmp_path / "shop"
    assert runner.invoke(cli.app, ["init", str(place)]).exit_code == 0
    house = House(load(str(place), {}))
    people = [told(house, messageId=f"m{n}", userId=f"khach-{n}") for n in (1, 2)]
    tell(house, Lane.LIVE, list(people))
    house.close()
    return place


def test_who_is_erased_is_named_twice(folder: Path) -> None:
    at = ["--data", str(folder)]
    asked = runner.invoke(cli.app, ["erase", KEY, *at], input="user_id:khach-2\n")
    assert asked.exit_code == 1
    assert "Nothing was erased" in asked.output
    assert found_in(folder, "", ["khach-1"])
    done = runner.invoke(cli.app, ["erase", KEY, *at], input=f"{KEY}\n")
    assert done.exit_code == 0, done.output
    assert found_in(folder, "", ["khach-1"]) == {}
    gone = runner.invoke(cli.app, ["erase", KEY, "--yes", *at])
    assert isinstance(gone.exception, NotFound)
    nobody = runner.invoke(cli.app, ["erase", *at])
    assert isinstance(nobody.exception, InvalidInput)


def test_the_receipt_is_written_and_verified(folder: Path, tmp_path: Path) -> None:
    at = ["--data", str(folder)]
    who = tmp_path / "who.txt"
    who.write_text(f"{KEY}\n\nuser_id:khach-2\n", "utf-8")
    receipts = tmp_path / "receipts"
    call = ["erase", "--file", str(who), "--receipts", str(receipts), "--yes", "--json", *at]
    done = runner.invoke(cli.app, call)
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.strip().splitlines()[-1])
    assert (said["people"], said["log_entries"]) == (2, 2)
    (file,) = receipts.iterdir()
    assert said["receipts"] == [file.stem]
    shown = runner.invoke(cli.app, ["erasures", "receipt", file.stem, *at])
    assert json.loads(shown.output) == json.loads(file.read_text("utf-8"))
    listed = runner.invoke(cli.app, ["erasures", "list", "--json", *at])
    assert json.loads(listed.output.splitlines()[-1])["erasures"][0]["done"]
    look = ["erasures", "verify", str(file), *at]
    assert runner.invoke(cli.app, look).exit_code == 0
    about = runner.invoke(cli.app, [*look, "--person", KEY])
    assert about.exit_code == 0, about.output
    other = runner.invoke(cli.app, [*look, "--person", "user_id:khach-3"])
    assert other.exit_code == 1
    file.write_text(file.read_text("utf-8").replace('"people": 2', '"people": 3'), "utf-8")
    changed = runner.invoke(cli.app, look)
    assert changed.exit_code == 1
    assert "was changed" in changed.output


def test_who_comes_back_with_a_backup_is_erased_again(folder: Path, tmp_path: Path) -> None:
    at, copy = ["--data", str(folder)], tmp_path / "b.backup"
    assert runner.invoke(cli.app, ["backup", str(copy), *at]).exit_code == 0
    receipts = tmp_path / "receipts"
    done = runner.invoke(cli.app, ["erase", KEY, "--yes", "--receipts", str(receipts), *at])
    assert done.exit_code == 0, done.output
    back = tmp_path / "back"
    assert runner.invoke(cli.app, ["restore", str(copy), str(back)]).exit_code == 0
    assert found_in(back, "", ["khach-1"])
    again = ["erasures", "again", *map(str, receipts.iterdir()), "--data", str(back)]
    ended = runner.invoke(cli.app, again)
    assert ended.exit_code == 0, ended.output
    assert found_in(back, "", ["khach-1"]) == {}
    assert found_in(back, "", ["khach-2"])
