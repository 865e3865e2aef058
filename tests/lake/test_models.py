"""Models are published whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from duyen.model.errors import InvalidInput
from duyen.stores.models import Models


def publish(models: Models, text: str) -> Path:
    return models.publish("popular", lambda folder: _write(folder, text))


def _write(folder: Path, text: str) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "model.txt").write_text(text)


def read(folder: Path) -> str:
    return (folder / "deep" / "model.txt").read_text()


def test_the_newest_version_is_in_use(tmp_path: Path) -> None:
    models = Models(tmp_path)
    assert models.current("popular") is None
    first = publish(models, "one")
    second = publish(models, "two")
    assert (first.name, second.name) == ("1", "2")
    assert models.current("popular") == second
    assert read(first) == "one", "who still reads the older one keeps it"


def test_old_versions_are_let_go(tmp_path: Path) -> None:
    models = Models(tmp_path, keep=2)
    for text in "abcd":
        publish(models, text)
    kept = sorted(path.name for path in (tmp_path / "popular").iterdir())
    assert kept == ["3", "4", "current"]


def test_a_model_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    models = Models(tmp_path)
    publish(models, "good")

    def broken(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        models.publish("popular", broken)
    assert sorted(path.name for path in (tmp_path / "popular").iterdir()) == ["1", "current"]
    current = models.current("popular")
    assert current is not None
    assert read(current) == "good"


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "Ă", "x" * 101])
def test_a_name_stays_inside_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput):
        Models(tmp_path).publish(name, lambda folder: None)


KILLED = """
import os, signal, sys
from pathlib import Path
from duyen.stores import models

def die(*_): os.kill(os.getpid(), signal.SIGKILL)

setattr(models, sys.argv[2], die)
models.Models(Path(sys.argv[1])).publish("popular", lambda folder: (folder / "f").write_text("new"))
"""


@pytest.mark.parametrize("point", ["_sync_tree", "_replace", "_sync"])
def test_killed_while_publishing(tmp_path: Path, point: str) -> None:
    models = Models(tmp_path)
    first = publish(models, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), point], env=os.environ)
    assert done.returncode == -signal.SIGKILL
    assert models.current("popular") == first
    assert read(publish(models, "next")) == "next"
    current = models.current("popular")
    assert current is not None
    assert read(current) == "next"
