"""`duyen erase` and `duyen erasures`: erase people from everything, and what shows that it was done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell
from duyen.cli.people import head_of

if TYPE_CHECKING:
    from duyen.runtime.erasure import Done
    from duyen.runtime.house import House

erasures = typer.Typer(no_args_is_help=True, help="Erasures: under way, done, and their receipts.")
PATIENCE = 600.0
"""Seconds that the engine gets for what it is told."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("erase")(erase)
    app.add_typer(erasures, name="erasures")


def erase(
    keys: Annotated[
        list[str] | None,
        typer.Argument(help="Profiles as namespace:value, or id:p_…; may be many."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", help="A file with one profile on each line.")
    ] = None,
    receipts: Annotated[
        Path | None, typer.Option("--receipts", help="Folder to write the receipts to.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Erase people from profiles, log, lake, outbox and files, for good, and write a signed receipt."""
    from duyen.model.errors import InvalidInput

    with opened(data) as house:
        named = [*(keys or ()), *(_lines(file) if file else ())]
        if not named:
            raise InvalidInput(
                "erase.nobody", "Name whom to erase, or a --file with one on each line."
            )
        persons = sorted({head_of(house, key).person.id for key in named})
        _confirm(named, len(persons), yes)
        done = _erase(house, persons)
    _conclude(done, receipts, as_json)


def _lines(path: Path) -> list[str]:
    return [line for raw in path.read_text("utf-8").splitlines() if (line := raw.strip())]


def _confirm(named: list[str], people: int, yes: bool) -> None:
    """Ask for the same word again: there is no way back."""
    if yes:
        return
    say("This erases everything that is known, in every place, and cannot be undone.")
    wanted = named[0] if people == 1 else str(people)
    what = "the profile" if people == 1 else "how many people it is"
    if typer.prompt(f"To erase {people:,}, type {what} again ({wanted})").strip() != wanted:
        say("Nothing was erased.")
        raise typer.Exit(1)


def _erase(house: House, persons: list[str]) -> Done:
    from duyen.model.errors import Unavailable
    from duyen.model.log import Lane
    from duyen.runtime.erasure import asked

    for order in asked(persons, author(), house.clock.now()):
        if not tell(house, Lane.CONTROL, [order], PATIENCE):
            raise Unavailable(
                "engine.silent", "It is asked for; the engine does not answer, and does it later."
            )
    return _carry_through(house)


def _carry_through(house: House) -> Done:
    from duyen.runtime.erasure import carry_through

    return carry_through(house, lambda lane, told: tell(house, lane, told, PATIENCE))


def _conclude(done: Done, receipts: Path | None, as_json: bool) -> None:
    for id, text in done.receipts.items():
        if receipts is not None:
            receipts.mkdir(parents=True, exist_ok=True)
            (receipts / f"{id}.json").write_text(text, "utf-8")
    say(
        f"{done.people:,} erased: {done.log_entries:,} entries of the log, {done.lake_rows:,} rows of the lake."
    )
    for id in done.receipts:
        where = f" in {receipts / f'{id}.json'}" if receipts else f" (duyen erasures receipt {id})"
        say(f"Receipt {id}{where}")
    conclude(
        {
            "people": done.people,
            "log_entries": done.log_entries,
            "lake_rows": done.lake_rows,
            "receipts": sorted(done.receipts),
        },
        as_json,
    )


@erasures.command("run")
def run(data: Data = None, as_json: AsJson = False) -> None:
    """Carry out what was asked for in the console or by the API; the scheduler does this by itself."""
    with opened(data) as house:
        done = _carry_through(house)
    _conclude(done, None, as_json)


@erasures.command("list")
def list_erasures(data: Data = None, as_json: AsJson = False) -> None:
    """The newest erasures, and how far they are."""
    from duyen.model.times import format_time

    with opened(data) as house:
        rows = house.state.erasures(None, 100)
    for row in rows:
        state = f"done {format_time(row.done)}" if row.done else "under way"
        say(f"{row.id}  asked {format_time(row.time)} by {row.author}  {state}")
    conclude(
        {
            "erasures": [
                {
                    "id": row.id,
                    "asked": format_time(row.time),
                    "author": row.author,
                    "done": format_time(row.done) if row.done else None,
                }
                for row in rows
            ]
        },
        as_json,
    )


@erasures.command("receipt")
def receipt(
    id: Annotated[str, typer.Argument(help="The id of an erasure.")], data: Data = None
) -> None:
    """Write the receipt of an erasure to standard output."""
    from duyen.model.errors import NotFound

    with opened(data) as house:
        row = house.state.erasure(id)
    if row is None or not row.done or not row.body:
        raise NotFound(
            "erasure.unknown", f"No erasure “{id}” is done yet; see `duyen erasures list`."
        )
    say(row.body)


@erasures.command("verify")
def verify(
    file: Annotated[Path, typer.Argument(help="A receipt.")],
    person: Annotated[
        str, typer.Option("--person", help="Whether it is about this profile (namespace:value).")
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Whether a receipt is genuine and was signed here, and whether it is about a person."""
    from duyen.model.errors import InvalidInput
    from duyen.runtime.receipt import verify as look

    namespace, _, value = person.partition(":")
    if person and not value:
        raise InvalidInput(
            "profile.key", "Name a person as “namespace:value”, for example user_id:u1."
        )
    with opened(data) as house:
        verdict = look(house.secrets, file.read_bytes(), (namespace, value) if person else None)
    if not verdict.genuine:
        say("The signature does not fit: this receipt was changed.")
    elif verdict.ours:
        say("Genuine, signed here.")
    else:
        say("Genuine, but signed by another installation.")
    if verdict.about is not None:
        say(f"It is {'' if verdict.about else 'not '}about {person}.")
    conclude(verdict._asdict(), as_json)
    if not verdict.ours or verdict.about is False:
        raise typer.Exit(1)


@erasures.command("again")
def again(
    files: Annotated[list[Path], typer.Argument(help="Receipts of erasures.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """After a backup of before was restored: erase once more whom these receipts are about."""
    import json

    from duyen.model.errors import InvalidInput
    from duyen.runtime.erasure import Done, find
    from duyen.runtime.receipt import verify as look

    with opened(data) as house:
        subjects: set[str] = set()
        for file in files:
            text = file.read_bytes()
            if not look(house.secrets, text).ours:
                raise InvalidInput(
                    "receipt.foreign", f"{file} was not signed here, or was changed since."
                )
            subjects |= set(json.loads(text)["receipt"]["subjects"])
        persons = find(house, subjects)
        done = _erase(house, persons) if persons else Done({}, 0, 0, 0)
    _conclude(done, None, as_json)
