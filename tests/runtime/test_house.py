"""What every process leans on when it opens a data folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from duyen.model.errors import Conflict
from duyen.model.times import parse_time
from duyen.runtime.house import day_start
from duyen.runtime.secrets import Secrets


def test_a_secret_that_was_cut_off_signs_nothing(tmp_path: Path) -> None:
    made = Secrets.open(tmp_path)
    assert Secrets.open(tmp_path).links == made.links
    for rest in (b"", (tmp_path / "secret.key").read_bytes()[:31]):
        (tmp_path / "secret.key").write_bytes(rest)
        with pytest.raises(Conflict, match="cut off"):
            Secrets.open(tmp_path)


@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "+07:00"])
def test_the_workspaces_day_begins_in_every_zone_that_settings_take(zone: str) -> None:
    now = parse_time("2026-11-21T18:30:00Z")
    assert day_start(now, zone) == parse_time("2026-11-21T17:00:00Z")
