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
        {
            **kept._asdict(),
            "received": format_time(kept.received),
            "replayed": None if kept.replayed is None else format_time(kept.replayed),
        }
        for kept in found
    ]
    for row in rows:
        became = "replayed" if row["replayed"] else " ".join(row["reasons"])
        say(f"{row['received']}  {row['source']}  {row['id']}  {became}")
    say(f"{len(rows)} shown." if rows else "Nothing was rejected.")
    conclude({"rejected": rows}, as_json)


@rejected.command("replay")
def replay_rejected(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of rejected calls, as `list` shows them.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are no events yet.")] = False,
    source: Annotated[
        str, typer.Option("--source", help="With --all: only what this key sent (its id).")
    ] = "",
    payload: Annotated[
        Path | None, typer.Option("--payload", help="A JSON file: the one call, put right.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Judge rejected calls again after a fix; they enter with their own time, id and trust. Twice is harmless."""
    from duyen.model.errors import InvalidInput
    from duyen.runtime import replay as work

    named = ids or []
    if everything == bool(named) or (payload is not None and len(named) != 1):
        raise InvalidInput(
            "rejected.which", "Name ids, or say --all; --payload goes with one id.", at="ids"
        )
    corrected = None if payload is None else {named[0]: payload.read_bytes()}
    lines: list[work.Line] = []
    in_effect = True
    with opened(data) as house:
        place: work.Place | None = work.START
        upto = house.clock.now()
        while place is not None:
            part, following = named, None
            if everything:
                part, following = work.waiting(house.state, place, upto, source)
            place = following
            outcome = work.replay(house.state, house.secrets, part, author(), upto, corrected)
            lines += outcome.lines
            for lane, entries in outcome.told.items():
                in_effect &= tell(house, lane, entries)
    for line in lines:
        say(f"{line.id}  {line.state}  {' '.join(line.reasons)}".rstrip())
    became = sum(line.state == "replayed" for line in lines)
    say(f"{became:,} of {len(lines):,} are events now.")
    if not in_effect:
        say("The engine will come to them.")
    conclude({"applied": in_effect, "data": [line._asdict() for line in lines]}, as_json)


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
