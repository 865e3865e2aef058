"""`duyen init`: a folder with settings, a starter program, and the installation's secret."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duyen.cli.common import AsJson, conclude, say


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    folder: Annotated[
        Path, typer.Argument(help="Folder to make; it holds settings, program and data.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a data folder: duyen.toml, a starter program, and the installation's secret."""
    from duyen.runtime.house import House
    from duyen.runtime.settings import load
    from duyen.runtime.space import need_space

    # What is known of customers is for the eyes of the user who runs this.
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    need_space(folder)
    written = [name for name, text in files().items() if _write(folder / name, text)]
    House(load(str(folder))).close()
    say(f"{folder} is ready." if written else f"{folder} was there already; nothing was changed.")
    for name in written:
        say(f"  {name}")
    say()
    say("Next:")
    say(f"  duyen apply {folder}                              put the program into effect")
    say(f"  duyen admin create you@example.com --data {folder}")
    say(f"  duyen keys create --kind write --origin https://your.shop --data {folder}")
    say(f"  duyen serve --data {folder}")
    conclude({"folder": str(folder), "written": written}, as_json)


def _write(path: Path, text: str) -> bool:
    """Write a file unless it is there already."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return True


def files() -> dict[str, str]:
    """The files of a fresh folder."""
    starter = Path(__file__).with_name("starter")
    found = {
        str(path.relative_to(starter)): path.read_text(encoding="utf-8")
        for path in sorted(starter.rglob("*"))
        if path.is_file()
    }
    found[".gitignore"] = found.pop("gitignore")
    return found
