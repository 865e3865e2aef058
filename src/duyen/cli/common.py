"""What commands share: where the data is, how a result is told, and waiting for the engine."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

if TYPE_CHECKING:
    from duyen.model.log import Entry, Lane
    from duyen.model.times import Millis
    from duyen.runtime.house import House
    from duyen.runtime.settings import Settings

Data = Annotated[
    str | None,
    typer.Option("--data", help="Folder of the data; else DUYEN_DATA, else the present folder's."),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="End with one JSON object on the last line of the output.")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="Look at everything as of this instant, or the end of this day (2011-12-09).",
    ),
]

LEAST_TO_OPEN = 1024 * 1024
"""Bytes; the database cannot even be read on a disk without room for its shared memory."""


def settings_of(data: str | None, **given: Any) -> Settings:
    """The settings of a data folder; the present folder is one where it holds a duyen.toml."""
    from duyen.runtime.settings import load

    if data is None and "DUYEN_DATA" not in os.environ and Path("duyen.toml").is_file():
        data = "."
    return load(data, **given)


def initialised(data: str | None, **given: Any) -> Settings:
    """The settings of a folder that was made by `duyen init`; else says so."""
    from duyen.model.errors import NotFound

    settings = settings_of(data, **given)
    if not (settings.folder / "secret.key").is_file():
        raise NotFound(
            "data.missing",
            f"There is no data in “{settings.folder}”; make it with `duyen init {settings.folder}`, "
            f"or name another folder with --data.",
        )
    _need_writable(settings.folder)
    return settings


def _need_writable(folder: Path) -> None:
    """Say whose folder it is before a database does; even a question needs to write beside what it reads."""
    from duyen.model.errors import Unavailable

    shut = [path for path in (folder, *sorted(folder.glob("*.db"))) if not os.access(path, os.W_OK)]
    if shut:
        raise Unavailable(
            "data.not_writable",
            f"“{shut[0]}” cannot be written by this user; give the folder to the one who runs Duyên (chown), "
            "or give the command as that user.",
        )


@contextmanager
def opened(data: str | None, **given: Any) -> Iterator[House]:
    """The house of a data folder, for reading and for telling the log."""
    from duyen.runtime.house import House
    from duyen.runtime.space import need_space

    settings = initialised(data, **given)
    need_space(settings.folder, LEAST_TO_OPEN)
    house = House(settings)
    try:
        yield house
    finally:
        house.close()


def say(text: str = "") -> None:
    """Tell the person at the terminal."""
    typer.echo(text)


def conclude(result: Any, as_json: bool) -> None:
    """The last line: the result as one JSON object, where it was asked for."""
    if as_json:
        typer.echo(msgspec.json.encode(result).decode())


def author() -> str:
    """Who gives the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def instant(text: str | None, house: House) -> Millis:
    """An instant named by hand, or the present one; a day means its last instant. Raises InvalidInput."""
    from datetime import UTC, date, datetime, timedelta

    from duyen.model.errors import InvalidInput
    from duyen.model.times import parse_time
    from duyen.rules.quiet import zone_named

    if text is None:
        return house.clock.now()
    try:
        if len(text) == len("2011-12-09"):
            zone = zone_named(house.program().settings.timezone) or UTC
            following = date.fromisoformat(text) + timedelta(days=1)
            midnight = datetime(following.year, following.month, following.day, tzinfo=zone)
            return int(midnight.timestamp() * 1000) - 1
        return parse_time(text)
    except ValueError as error:
        raise InvalidInput(
            "time.unreadable",
            f"“{text}” is no instant; write for example 2011-12-09 or 2011-12-09T12:00:00Z.",
        ) from error


def tell(house: House, lane: Lane, entries: list[Entry], timeout: float = 30.0) -> bool:
    """Append to the log and see it applied, by the running engine or here; False where it still waits."""
    return applied(house, lane, house.tell(lane, entries), timeout)


def applied(
    house: House,
    lane: Lane,
    offset: int,
    timeout: float | None = 30.0,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Wait until the running engine has applied an offset; where none runs, do its work here.

    `timeout` None waits as long as it takes. `progress` is told how far the lane has been applied.
    """
    import time

    deadline = None if timeout is None else time.monotonic() + timeout
    while not house.applied(lane, offset):
        if drained(house, lane, progress):
            return True
        if deadline is not None and time.monotonic() > deadline:
            return False
        if progress is not None:
            progress(house.state.position(lane))
        time.sleep(0.05)
    return True


def drained(house: House, lane: Lane, progress: Callable[[int], None] | None = None) -> bool:
    """Do the engine's work until nothing waits; False where an engine runs already."""
    from duyen.model.errors import Conflict
    from duyen.runtime.engine import Engine
    from duyen.runtime.house import House

    own = House(house.settings, engine=True)
    try:
        engine = Engine(own)
    except Conflict:
        own.close()
        return False
    try:
        while engine.turn():
            if progress is not None:
                progress(own.state.position(lane))
    finally:
        engine.close()
        own.close()
    return True
