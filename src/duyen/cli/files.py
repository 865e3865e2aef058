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
    settings = sorted(place.glob("settings.y*ml"))
    _check_folders(folder, place, tuple(KINDS), bool(settings))
    found: Files = {}
    for path in settings[:1]:
        found["settings", SETTINGS_ID] = _one(path)
    for word, kind in KINDS.items():
        for path in sorted((place / word).glob("*.y*ml")):
            found[kind, path.stem] = _one(path)
    return found


def _check_folders(folder: Path, place: Path, words: tuple[str, ...], settings: bool) -> None:
    """Refuse a folder without a program, and definitions where nobody would look for them."""
    from difflib import get_close_matches

    from duyen.model.errors import InvalidRule, NotFound

    folders = {path.name for path in place.iterdir() if path.is_dir()}
    if place == folder and not settings and not folders & {*words, "catalog"}:
        raise NotFound(
            "program.folder",
            f"“{place}” holds no program; name the folder with settings.yaml and {', '.join(words)}.",
        )
    for name in sorted(folders - {*words, "catalog"}):
        near = get_close_matches(name, words, n=1)
        if near and any((place / name).glob("*.y*ml")):
            raise InvalidRule(
                "program.folder", f"“{name}” is no folder of a program; did you mean “{near[0]}”?"
            )


def _one(path: Path) -> dict[str, Any]:
    import yaml

    from duyen.model.errors import InvalidRule

    try:
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise InvalidRule(
            "program.yaml", f"{_place(path)} is not written in UTF-8; save it as UTF-8."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark else ""
        words = getattr(error, "problem", None) or str(error)
        raise InvalidRule(
            "program.yaml", f"{_place(path)} cannot be read{place}: {words}."
        ) from error
    if not isinstance(body, dict):
        raise InvalidRule("program.yaml", f"{_place(path)} must be a map of fields.")
    return body


def _place(path: Path) -> str:
    """A definition's file with its folder: `segments/buyers.yaml`."""
    return path.name if path.stem == "settings" else f"{path.parent.name}/{path.name}"


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
    from duyen.runtime.definitions import as_yaml

    path = folder / "program" / (f"{id}.yaml" if word == "settings" else f"{word}/{id}.yaml")
    if word == "settings":
        path = folder / "program" / "settings.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_yaml(body), encoding="utf-8")
    return path
