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


def test_what_other_rules_would_do_stands_in_the_difference(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert runner.invoke(cli.app, ["init", str(folder)]).exit_code == 0
    house = House(load(str(folder), {}))
    calls = [("m1", {"userId": "u1"}), ("m2", {"userId": "u2"}), ("m3", {"anonymousId": "a2"})]
    tell(house, Lane.LIVE, [told(house, messageId=id, **who) for id, who in calls])
    both: list[Any] = [
        told(house, messageId=f"n{n}", userId=f"u{n}", anonymousId="a") for n in (1, 2)
    ]
    tell(house, Lane.LIVE, both)
    house.close()
    at = ["--data", str(folder), "--json"]
    assert runner.invoke(cli.app, ["apply", str(folder), *at]).exit_code == 0
    settings = folder / "program" / "settings.yaml"
    written = settings.read_text(encoding="utf-8")
    settings.write_text(f"{written}\nidentity:\n  user_id: {{limit: 2}}\n", encoding="utf-8")
    shown = runner.invoke(cli.app, ["diff", str(folder), *at])
    assert shown.exit_code == 0, shown.output
    assert "would merge 1 people with others, split 0, and leave 0" in shown.output
    said = json.loads(shown.output.strip().splitlines()[-1])
    assert said["people"] == {"merged": 1, "split": 0, "aside": 0, "exact": True}
    applied = runner.invoke(cli.app, ["apply", str(folder), *at])
    assert applied.exit_code == 0, applied.output
    again = runner.invoke(cli.app, ["diff", str(folder), *at])
    assert "people" not in json.loads(again.output.strip().splitlines()[-1])
