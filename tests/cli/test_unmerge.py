"""`duyen unmerge` on a folder without a server."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from duyen import cli, collect
from duyen.cli.common import tell
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Collected
from duyen.model.log import Lane
from duyen.runtime.house import House
from duyen.runtime.settings import load

runner = CliRunner()


def told(house: House, **call: Any) -> Collected:
    judged = collect.validate(
        {"type": "track", "event": "Seen", **call},
        received=house.clock.now(),
        source="t",
        trusted=True,
        new_id=lambda: "m",
    )
    assert isinstance(judged, Collected)
    return judged


def test_a_profile_is_taken_apart_from_the_command_line(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert runner.invoke(cli.app, ["init", str(folder)]).exit_code == 0
    house = House(load(str(folder), {}))
    tell(
        house,
        Lane.LIVE,
        [
            told(house, messageId="m1", anonymousId="a"),
            told(house, messageId="m2", anonymousId="a", userId="u"),
        ],
    )
    house.close()
    at = ["--data", str(folder), "--json"]
    done = runner.invoke(cli.app, ["unmerge", "user_id:u", "anonymous_id:a", *at])
    assert done.exit_code == 0, done.output
    said = json.loads(done.output.strip().splitlines()[-1])
    assert said["applied"] is True
    (row,) = said["apart"]
    assert row["identifier"] == "anonymous_id:a"
    assert row["person"]
    again = runner.invoke(cli.app, ["unmerge", "user_id:u", "anonymous_id:a", *at])
    assert again.exit_code == 0, again.output
    assert "two people already" in again.output
    wrong = runner.invoke(cli.app, ["unmerge", "user_id:u", "email:x@x.test", *at])
    assert isinstance(wrong.exception, InvalidInput)
    assert wrong.exception.code == "profile.not_theirs"
    listed = runner.invoke(cli.app, ["vetoes", "anonymous_id:a", *at])
    assert listed.exit_code == 0, listed.output
    (veto,) = json.loads(listed.output.strip().splitlines()[-1])["vetoes"]
    assert (veto["identifiers"], veto["never"]) == (["anonymous_id:a"], ["user_id:u"])
    assert veto["lifted"] is None
    lifted = runner.invoke(cli.app, ["vetoes", "user_id:u", "--lift", veto["id"], *at])
    assert lifted.exit_code == 0, lifted.output
    assert "taken back" in lifted.output
    said = json.loads(lifted.output.strip().splitlines()[-1])
    assert said["applied"] is True
    assert said["vetoes"][0]["lifted"]["author"] == veto["author"]
    none = runner.invoke(cli.app, ["vetoes", "user_id:u", "--lift", "other", *at])
    assert isinstance(none.exception, NotFound)
