"""Running a house day by day: pause and resume, rejected calls, rebuild, bench."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, author, conclude, initialised, opened, say, tell

rejected = typer.Typer(no_args_is_help=True, help="Calls that could not become events.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("pause")(pause)
    app.command("resume")(resume)
    app.add_typer(rejected, name="rejected")
    app.command("rebuild")(rebuild)
    app.command(
        "bench", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(bench)


def pause(data: Data = None, as_json: AsJson = False) -> None:
    """Let nothing leave any more; what waits keeps waiting."""
    _switch(data, True, as_json)


def resume(data: Data = None, as_json: AsJson = False) -> None:
    """Let things leave again."""
    _switch(data, False, as_json)


def _switch(data: str | None, paused: bool, as_json: bool) -> None:
    from duyen.model.log import Lane
    from duyen.runtime.operations import settings_change

    with opened(data) as house:
        now = house.clock.now()
        told = settings_change(house.state, house.program(), {"paused": paused}, author(), now)
        in_effect = not told or tell(house, Lane.CONTROL, list(told))
    if in_effect:
        say("Nothing leaves any more." if paused else "Things may leave again.")
    else:
        say("It is stored, but the engine does not answer; it holds as soon as the engine goes on.")
        if paused:
            say("To stop what leaves at once, end `duyen serve`.")
    conclude({"paused": paused, "applied": in_effect}, as_json)


@rejected.command("list")
def list_rejected(
    limit: Annotated[int, typer.Option("--limit", help="How many at most.")] = 20,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The newest rejected calls with their reasons."""
    from duyen.model.times import format_time

    with opened(data) as house:
        found = house.state.rejected_before(None, limit)
    rows = [
        {"id": i, "received": format_time(t), "source": s, "reasons": why, "payload": payload}
        for i, t, s, why, payload in found
    ]
    for row in rows:
        say(f"{row['received']}  {row['source']}  {' '.join(row['reasons'])}")
    say(f"{len(rows)} shown." if rows else "Nothing was rejected.")
    conclude({"rejected": rows}, as_json)


def rebuild(
    keep_old: Annotated[
        bool, typer.Option("--keep-old", help="Keep the state as it was beside the new one.")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fold everything again from the log, and compare with what was there; the engine must stand still."""
    from duyen.runtime.rebuild import rebuild as work

    result = work(initialised(data), keep_old=keep_old)
    say(
        f"{result.same:,} of {result.people:,} people came out the same, from {result.batches:,} batches."
    )
    for person in result.different[:20]:
        say(f"  different: {person}")
    conclude(result._asdict(), as_json)
    if result.different:
        raise typer.Exit(1)


def bench(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="Bench to run; all of them without.")] = None,
) -> None:
    """Measure on this machine, each figure beside its baseline; needs the project's own folder."""
    from duyen.model.errors import NotFound

    root = Path(__file__).resolve().parents[3]
    if not (root / "bench").is_dir():
        raise NotFound(
            "bench.missing",
            "The benches are in the project's repository; run this from a clone of it.",
        )
    command = [sys.executable, "-m", "bench", *([name] if name else []), *context.args]
    raise typer.Exit(subprocess.run(command, cwd=root, check=False).returncode)
