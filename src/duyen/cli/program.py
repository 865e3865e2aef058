"""`duyen apply`, `diff` and `export`: the program as files under version control."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duyen.cli import files
from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell

if TYPE_CHECKING:
    from duyen.model.log import Entry
    from duyen.runtime.foresight import Foresight
    from duyen.runtime.house import House

Folder = Annotated[Path, typer.Argument(help="Folder made by `duyen init`, or a program folder.")]
Prune = Annotated[
    bool, typer.Option("--prune", help="Also delete what is live but not in the folder.")
]
ITEMS_AT_ONCE = 500
DIFF_SECONDS = 30.0
"""For so long `diff` looks at people under changed rules of identity; then it estimates."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("apply")(apply)
    app.command("diff")(diff)
    app.command("export")(export)


def place_of(folder: Path, data: str | None) -> str | None:
    """The data of a folder made by `duyen init` is that folder itself."""
    return data if data is not None or not (folder / "duyen.toml").is_file() else str(folder)


def apply(folder: Folder, data: Data = None, prune: Prune = False, as_json: AsJson = False) -> None:
    """Put a folder's program and catalogue into effect; only what differs is sent."""
    from duyen.model.log import Lane

    with opened(place_of(folder, data)) as house:
        changes = wanted(house, folder, prune)
        items = differing_items(house, folder)
        entries: list[Entry] = [*changes, *_catalogue(house, items)]
        in_effect = not entries or tell(house, Lane.CONTROL, entries)
    for change in changes:
        say(f"{'deleted' if change.body is None else 'put'}  {change.resource} {change.id}")
    if items:
        say(f"put  {len(items):,} items")
    if not entries:
        say("Everything is in effect already; nothing was sent.")
    elif not in_effect:
        say("It is stored; the engine has not come to it yet.")
    result = {"changed": [f"{c.resource}/{c.id}" for c in changes], "items": len(items)}
    conclude({**result, "applied": in_effect}, as_json)


def wanted(house: House, folder: Path, prune: bool) -> list[Any]:
    """The changes that make the program that of the folder."""
    from duyen.model.errors import InvalidInput
    from duyen.runtime.definitions import KINDS
    from duyen.runtime.operations import changes

    wish: dict[Any, Any] = dict(files.read(folder))
    if prune and not wish:
        raise InvalidInput(
            "program.empty",
            f"There are no definitions in “{folder}”; --prune would delete the whole program. Name another folder.",
        )
    if prune:
        for kind, id, *_ in house.state.resources():
            if kind in KINDS.values():
                wish.setdefault((kind, id), None)
    return changes(house.state, house.program(), wish, author(), house.clock.now())


def differing_items(house: House, folder: Path) -> list[dict[str, Any]]:
    """The folder's items that the catalogue does not have so."""
    from duyen.api.catalogue import read_item

    found = {item["id"]: item for item in map(read_item, files.read_items(folder))}
    known = house.state.items(list(found)) if found else {}
    return [item for id, item in found.items() if known.get(id) != item]


def _catalogue(house: House, items: list[dict[str, Any]]) -> Iterable[Entry]:
    from duyen.model.program import CatalogueChange

    for start in range(0, len(items), ITEMS_AT_ONCE):
        part = tuple(items[start : start + ITEMS_AT_ONCE])
        yield CatalogueChange(part, house.clock.now(), author())


def diff(folder: Folder, data: Data = None, prune: Prune = False, as_json: AsJson = False) -> None:
    """Show what `apply` would change."""
    from duyen.runtime.definitions import as_yaml

    def lines(body: dict[str, Any] | None) -> list[str]:
        return [] if body is None else as_yaml(body).splitlines()

    with opened(place_of(folder, data)) as house:
        changes = wanted(house, folder, prune)
        items = differing_items(house, folder)
        live = {(kind, id): body for kind, id, _, body, _, _ in house.state.resources()}
        foreseen = _foreseen(house, changes)
    for change in changes:
        name = f"{change.resource}/{change.id}"
        before = lines(live.get((change.resource, change.id)))
        for line in difflib.unified_diff(
            before, lines(change.body), f"live/{name}", f"folder/{name}", lineterm=""
        ):
            say(line)
    if items:
        say(f"{len(items):,} items differ.")
    if not changes and not items:
        say("No difference.")
    people = None
    if foreseen is not None:
        people = _say_foreseen(foreseen)
    result = {"changed": [f"{c.resource}/{c.id}" for c in changes], "items": len(items)}
    conclude(result if people is None else {**result, "people": people}, as_json)


def _foreseen(house: House, changes: Iterable[Any]) -> Foresight | None:
    """What the changed settings would do to who is who; None where they do not change its rules."""
    from duyen.runtime import sweep
    from duyen.runtime.foresight import foresee
    from duyen.runtime.operations import prepare

    body = next((c.body for c in changes if c.resource == "settings"), None)
    if body is None:
        return None
    now = house.program().settings
    then: Any = prepare("settings", "workspace", body)
    if sweep.rules_data(now) == sweep.rules_data(then):
        return None
    return foresee(house.state, house.log, now, then, DIFF_SECONDS)


def _say_foreseen(found: Foresight) -> dict[str, Any]:
    """Tell what would become of the people who are known."""
    about = "" if found.exact else "about "
    say(
        f"The rules of identity would merge {about}{found.merged:,} people with others, "
        f"split {about}{found.split:,}, and leave {about}{found.aside:,} known by nothing."
    )
    for each in found.samples:
        became = " | ".join(", ".join(":".join(n) for n in names) for names in each.becomes)
        say(f"  {each.kind}: {', '.join(each.people)} -> {became or 'nobody'}")
    return {
        "merged": found.merged,
        "split": found.split,
        "aside": found.aside,
        "exact": found.exact,
    }


def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write into.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write what is live as files: the program in YAML, the catalogue as JSON lines."""
    import msgspec

    from duyen.runtime.definitions import KINDS

    words: dict[str, str] = {"settings": "settings"}
    words.update((kind, word) for word, kind in KINDS.items())
    with opened(data) as house:
        live = [row for row in house.state.resources() if row[0] in words]
        items = house.state.items()
    written = [files.write(folder, words[kind], id, body) for kind, id, _, body, _, _ in live]
    if items:
        path = folder / "catalog" / "items.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(msgspec.json.encode(items[id]) + b"\n" for id in sorted(items)))
    say(f"{len(written)} definitions and {len(items):,} items are in {folder}.")
    conclude({"definitions": len(written), "items": len(items), "folder": str(folder)}, as_json)
