"""A program as files: settings.yaml, a folder for each kind, and catalog/*.jsonl."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duyen.model.program import ResourceKind

    Key = tuple[ResourceKind, str]
    Files = dict[Key, dict[str, Any]]


def program_folder(folder: Path) -> Path:
    """Where the definitions of a folder lie: in its `program`, or in itself."""
    from duyen.model.errors import NotFound

    inside = folder / "program"
    found = inside if inside.is_dir() else folder
    if not found.is_dir():
        raise NotFound(
            "program.folder", f"There is no folder “{folder}”; make one with `duyen init {folder}`."
        )
    return found


def read(folder: Path) -> Files:
    """Every definition of a folder by (kind, id); raises InvalidRule with the file's name."""
    from duyen.runtime.definitions import KINDS, SETTINGS_ID

    place = program_folder(folder)
    found: Files = {}
    settings = place / "settings.yaml"
    if settings.is_file():
        found["settings", SETTINGS_ID] = _one(settings)
    for word, kind in KINDS.items():
        for path in sorted((place / word).glob("*.y*ml")):
            found[kind, path.stem] = _one(path)
    return found


def _one(path: Path) -> dict[str, Any]:
    import yaml

    from duyen.model.errors import InvalidRule

    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        words = getattr(error, "problem", None) or str(error)
        raise InvalidRule("program.yaml", f"{path.name} cannot be read{place}: {words}.") from error
    if not isinstance(body, dict):
        raise InvalidRule("program.yaml", f"{path.name} must be a map of fields.")
    return body


def read_items(folder: Path) -> Iterator[dict[str, Any]]:
    """The items of catalog/*.jsonl, one JSON object a line."""
    import msgspec

    from duyen.model.errors import InvalidRule

    for path in sorted((folder / "catalog").glob("*.jsonl")):
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if not line.strip():
                continue
            try:
                item = msgspec.json.decode(line)
            except msgspec.DecodeError as error:
                raise InvalidRule(
                    "program.jsonl", f"{path.name}, line {number}: {error}."
                ) from error
            yield item


def write(folder: Path, word: str, id: str, body: dict[str, Any]) -> Path:
    """Write a definition where `apply` finds it."""
    import yaml

    path = folder / "program" / (f"{id}.yaml" if word == "settings" else f"{word}/{id}.yaml")
    if word == "settings":
        path = folder / "program" / "settings.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(body, allow_unicode=True, sort_keys=False, width=100)
    path.write_text(text, encoding="utf-8")
    return path
