"""What a person gets wrong on the command line: one sentence with what to do, and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from duyen import cli
from duyen.model.errors import DuyenError

runner = CliRunner()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose program is in effect."""
    folder = tmp_path_factory.mktemp("mistakes") / "shop"
    for words in (["init", str(folder)], ["apply", str(folder)]):
        assert runner.invoke(cli.app, words).exit_code == 0
    return folder


def _refused(*words: str) -> str:
    done = runner.invoke(cli.app, list(words))
    assert isinstance(done.exception, DuyenError), done.output
    return done.exception.message


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("segments/x.yaml", b"name: [\n", "segments/x.yaml cannot be read in line 2"),
        (
            "segments/x.yaml",
            "name: Trà".encode("utf-16"),
            "segments/x.yaml is not written in UTF-8",
        ),
        ("journeys/x.yml", b"- a\n", "journeys/x.yml must be a map of fields"),
        ("settings.yml", b"port: 3\n", "“port” is not a field"),
        ("segmnts/x.yaml", b"name: x\n", "did you mean “segments”?"),
    ],
)
@pytest.mark.parametrize("command", ["apply", "diff"])
def test_a_wrong_file_of_a_program_is_named(
    shop: Path, tmp_path: Path, command: str, name: str, content: bytes, sentence: str
) -> None:
    """Nothing of a program with a mistake takes effect, and no misnamed folder is passed over in silence."""
    path = tmp_path / "program" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert sentence in _refused(command, str(tmp_path), "--data", str(shop))


def test_a_folder_without_a_program_is_not_in_effect(shop: Path, tmp_path: Path) -> None:
    """An empty folder is no program, though nothing in it differs."""
    assert "holds no program" in _refused("apply", str(tmp_path), "--data", str(shop))
    (tmp_path / "program").mkdir()
    assert runner.invoke(cli.app, ["apply", str(tmp_path), "--data", str(shop)]).exit_code == 0


def test_a_recommender_that_is_not_there_is_not_one_that_knows_nothing(shop: Path) -> None:
    """A typing mistake is told apart from a recommender that has not learned."""
    words = ("recommend", "for", "user_id:a", "--recommender", "populer", "--data", str(shop))
    assert "There is no recommender “populer”; there are: bought_together, popular" in _refused(
        *words
    )


@pytest.mark.parametrize("limit", ["0", "-5"])
@pytest.mark.parametrize("words", [["sql", "select 1"], ["segment", "members", "loyal-but-quiet"]])
def test_a_limit_is_at_least_one(shop: Path, words: list[str], limit: str) -> None:
    """No rows at most is no question."""
    done = runner.invoke(cli.app, [*words, "--limit", limit, "--data", str(shop)])
    assert done.exit_code == 2


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc here to be refused by")
def test_what_the_system_refuses_is_one_sentence() -> None:
    """A folder that cannot be made ends the command with its name, without a traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "duyen", "init", "/proc/shop", "--json"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONWARNINGS": "error"},
    )
    assert done.returncode == 1
    assert done.stderr.startswith("“/proc/shop” cannot be used: ")
    assert done.stderr.count("\n") == 1
    assert json.loads(done.stdout.splitlines()[-1])["error"]["code"] == "system.refused"


def test_a_folder_of_somebody_else_is_said_to_be_one(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may not write there reads whose folder it is, not what SQLite says."""
    shut = shop / "state.db"
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != shut)
    for words in (["report", "overview"], ["segment", "list"], ["pause"]):
        assert _refused(*words, "--data", str(shop)).startswith(f"“{shut}” cannot be written")


def test_a_pause_that_does_not_hold_yet_is_not_called_one(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the engine hangs, nobody is told that nothing leaves."""
    monkeypatch.setattr("duyen.cli.operate.tell", lambda *_: False)
    done = runner.invoke(cli.app, ["pause", "--json", "--data", str(shop)])
    assert "Nothing leaves" not in done.stdout
    assert "end `duyen serve`" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1]) == {"paused": True, "applied": False}
