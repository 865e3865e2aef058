"""`duyen backup` and `duyen restore`: everything in one file, and back again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duyen.cli.common import AsJson, Data, conclude, initialised, say

if TYPE_CHECKING:
    from duyen.runtime.archive import Progress


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(
    file: Annotated[
        Path | None,
        typer.Argument(help="File to write; duyen-<day>-<time>.backup in this folder without."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write everything into one file while everything runs. It holds personal data and keys: guard it."""
    from duyen.runtime.backup import backup as work

    settings = initialised(data)
    total = sum(path.stat().st_size for path in settings.folder.rglob("*") if path.is_file())
    with _bar("Backing up", total) as progress:
        done = work(settings, file or Path(_name()), progress)
    say(f"{done.file}: {done.files:,} files, {_size(done.bytes)} in {_size(done.archive_bytes)}.")
    conclude(done._asdict(), as_json)


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `duyen backup` wrote.")],
    folder: Annotated[
        Path | None, typer.Argument(help="New or empty folder to put it into.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only read the whole file and say whether it is whole.")
    ] = False,
    store_url: Annotated[
        str,
        typer.Option(
            "--store-url",
            envvar="DUYEN_STORE_URL",
            help="Where log, state, attempts and mails go: files in the folder, or an empty PostgreSQL database.",
        ),
    ] = "sqlite:",
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty folder. Nothing that may have been sent since is sent again."""
    from duyen.model.times import format_time
    from duyen.runtime import backup as work

    total = file.stat().st_size if file.is_file() else 0
    if check:
        with _bar("Reading", total) as progress:
            contents = work.check(file, progress)
        say(f"{file} is whole: {len(contents.members):,} files as of {format_time(contents.made)}.")
        told = {"made": format_time(contents.made), "files": len(contents.members)}
        conclude(told, as_json)
        return
    if folder is None:
        raise typer.BadParameter("Name the folder to restore into.", param_hint="FOLDER")
    with _bar("Restoring", total) as progress:
        done = work.restore(file, folder, progress, store_url)
    say(f"{folder}: {done.people:,} people as of {format_time(done.made)}.")
    if done.cancelled:
        say(
            f"{done.cancelled:,} contacts that waited were cancelled, because they may have left since the "
            f"backup was made; `duyen sql` shows them with the reason “restored”."
        )
    say(f"Start it with `duyen serve --data {folder}`.")
    conclude({**done._asdict(), "made": format_time(done.made)}, as_json)


def _name() -> str:
    import time

    return time.strftime("duyen-%Y%m%d-%H%M%S.backup")


def _size(count: int) -> str:
    """Bytes in words: 12.3 MB."""
    amount, unit = float(count), "B"
    for larger in ("KB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


@contextmanager
def _bar(name: str, total: int) -> Iterator[Progress]:
    """A progress bar on standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(name, total=total)
        yield lambda done: bars.update(task, completed=done, total=max(total, done))
