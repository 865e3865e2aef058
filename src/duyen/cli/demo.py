"""The demo's folder: keys, an administrator and the shop's program, made on first start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from duyen.cli import files
from duyen.cli.common import say

if TYPE_CHECKING:
    from duyen.runtime.house import House
    from duyen.runtime.settings import Settings

EMAIL = "admin@duyen.local"
FILE = "demo.json"


class Demo(msgspec.Struct):
    """What the demo was made with; the file is readable by its owner only."""

    write_key: str
    server_key: str
    secret_key: str
    email: str
    password: str


def prepare(settings: Settings) -> Demo:
    """Make the demo's folder where it is not made yet, and say how to sign in."""
    from duyen.model.errors import Conflict
    from duyen.runtime.house import House

    path = settings.folder / FILE
    if not path.exists() and (settings.folder / "secret.key").exists():
        raise Conflict(
            "demo.folder",
            f"“{settings.folder}” holds a company's own data; give the demo another folder with --data.",
        )
    house = House(settings)
    try:
        demo = read(settings.folder) if path.exists() else _write(path)
        _put(house, demo)
    finally:
        house.close()
    say(f"Sign in at {settings.base_url} as {demo.email} with the password {demo.password}")
    say(f"(kept in {path}; the shop is at {settings.base_url}/shop, its customers are simulated)")
    return demo


def read(folder: Path) -> Demo:
    """The keys of a demo's folder; raises NotFound."""
    from duyen.model.errors import NotFound

    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Demo)
    except (OSError, msgspec.DecodeError) as error:
        raise NotFound(
            "demo.missing", f"There is no demo in “{folder}”; start one with `duyen serve --demo`."
        ) from error


def _write(path: Path) -> Demo:
    """Draw keys and a password, and keep them where only their owner reads them."""
    from duyen.runtime.access import new_password
    from duyen.runtime.secrets import new_key

    demo = Demo(new_key("write"), new_key("write"), new_key("secret"), EMAIL, new_password())
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(demo), indent=1))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    return demo


def _put(house: House, demo: Demo) -> None:
    """Tell the log what the demo needs and does not have; a start that was cut off is made good."""
    from duyen.cli.common import tell
    from duyen.model.log import Lane
    from duyen.model.program import CatalogueChange, ResourceChange
    from duyen.runtime.access import admin_change, known_key
    from duyen.runtime.operations import changes
    from duyen.simulate import starter
    from duyen.simulate.shop import as_catalogue_items

    now, author = house.clock.now(), "demo"
    known = {(kind, id) for kind, id, *_ in house.state.resources()}
    entries: list[ResourceChange | CatalogueChange] = [
        change
        for change in (
            known_key(demo.write_key, "write", ("*",), "the demo shop's pages", author, now),
            known_key(demo.server_key, "write", (), "the demo shop's server", author, now),
            known_key(demo.secret_key, "secret", (), "the simulated customers", author, now),
        )
        if (change.resource, change.id) not in known
    ]
    if ("admin", demo.email) not in known:
        entries.append(admin_change(demo.email, demo.password, author, now))
    if not any(kind == "settings" for kind, _ in known):
        wish = files.read(starter.folder())
        entries += changes(house.state, house.program(), wish, author, now)
        items = tuple(as_catalogue_items(house.settings.base_url))
        entries.append(CatalogueChange(items, now, author))
    if entries:
        tell(house, Lane.CONTROL, list(entries))
