"""The starter program of the simulated shop, as files and as the bodies that the API takes."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

ORDER = ("placements", "segments", "messages", "offers", "journeys", "forms")
"""What is named must be there before what names it."""


def folder() -> Path:
    """Where the files lie: settings.yaml and a folder for each kind."""
    return Path(str(resources.files("duyen.simulate"))) / "program"


def settings() -> dict[str, Any]:
    """The workspace's settings."""
    found: dict[str, Any] = yaml.safe_load((folder() / "settings.yaml").read_text("utf-8"))
    return found


def definitions() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind as in the URL, id, body) of every definition, in an order in which they can be put."""
    for kind in ORDER:
        for file in sorted((folder() / kind).glob("*.yaml"), key=lambda file: file.stem):
            yield kind, file.stem, yaml.safe_load(file.read_text("utf-8"))
