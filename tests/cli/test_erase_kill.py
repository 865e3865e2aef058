"""An erasure that is killed again and again: in the end whoever was asked for is gone, and nobody else."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duyen import cli
from duyen.cli.common import tell
from duyen.model.log import Lane
from duyen.runtime.house import House
from duyen.runtime.lakework import flush
from duyen.runtime.settings import load
from tests.cli.test_unmerge import told
from tests.runtime.places import found_in

PEOPLE, KILLS = 400, 7
SEED = int(os.environ.get("DUYEN_SEED", "1"))
runner = CliRunner()


@pytest.mark.slow
def test_an_erasure_survives_any_kill(tmp_path: Path) -> None:
    folder, who = tmp_path / "shop", tmp_path / "who.txt"
    assert runner.invoke(cli.app, ["init", str(folder)]).exit_code == 0
    house = House(load(str(folder), {}))
    for turn in range(6):
        some = [
            told(house, messageId=f"{turn}-{n}", userId=f"khach-{n:03d}") for n in range(PEOPLE)
        ]
        tell(house, Lane.LIVE, list(some))
    flush(house)
    house.close()
    gone = [f"khach-{n:03d}" for n in range(0, PEOPLE, 2)]
    who.write_text("\n".join(f"user_id:{name}" for name in gone), "utf-8")
    rng = random.Random(SEED)
    ask = ["erase", "--file", str(who), "--yes"]
    killed = 0
    for _ in range(KILLS):
        command = [sys.executable, "-m", "duyen", *ask, "--data", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0.6, 3.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        house = House(load(str(folder), {}))
        if house.state.erasures(None, 1):
            ask = ["erasures", "run"]  # it was asked for; the scheduler goes on like this
        house.close()
    assert killed, "nothing was killed: the story has not been told"
    ended = runner.invoke(cli.app, [*ask, "--data", str(folder)])
    assert ended.exit_code == 0, ended.output
    assert found_in(folder, "", gone) == {}
    house = House(load(str(folder), {}))
    (row,) = house.state.erasures(None, 9)
    receipt = json.loads(row.body)["receipt"]
    assert (receipt["people"], receipt["erased"]["log_entries"]) == (PEOPLE // 2, PEOPLE // 2 * 6)
    assert house.state.count_people() == PEOPLE // 2
    house.close()
    assert len(found_in(folder, "", ["khach-001", "khach-399"])) == 2
