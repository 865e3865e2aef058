"""`duyen lake` and `duyen sql`: the analyst's side of the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from duyen.cli.common import AsJson, Data, conclude, opened, say

if TYPE_CHECKING:
    from duyen.stores.query import Answer

lake = typer.Typer(no_args_is_help=True, help="The lake: everything that happened, as columns.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(lake, name="lake")
    app.command("sql")(sql)


@lake.command("flush")
def flush(data: Data = None, as_json: AsJson = False) -> None:
    """Bring the lake up to what the engine has applied."""
    from duyen.runtime.lakework import flush as work

    with opened(data) as house:
        written = work(house)
    say(", ".join(f"{rows:,} {table}" for table, rows in written.items()) + " written.")
    conclude(written, as_json)


@lake.command("compact")
def compact(data: Data = None, as_json: AsJson = False) -> None:
    """Sort what was appended, write rows under their owners, and remove files that nobody reads any more."""
    from duyen.stores.lake import Lake
    from duyen.stores.lake_rows import LOGS

    with opened(data) as house:
        store = Lake(house.folder / "lake")
        runs = sum(store.compact(table) for table in LOGS)
        moved = store.settle()
        removed = store.vacuum()
    say(
        f"Runs sorted: {runs:,}. Changes of hands written into their rows: {moved:,}."
        f" Files removed that nobody reads any more: {removed:,}."
    )
    conclude({"runs": runs, "moved": moved, "removed": removed}, as_json)


@lake.command("info")
def info(data: Data = None, as_json: AsJson = False) -> None:
    """Tables with their rows, files and bytes."""
    from duyen.stores.lake import Lake

    with opened(data) as house:
        sizes = Lake(house.folder / "lake").sizes()
    for size in sizes:
        say("  ".join(f"{name} {value}" for name, value in size._asdict().items()))
    conclude({"tables": [size._asdict() for size in sizes]}, as_json)


def sql(
    question: Annotated[str, typer.Argument(help="One SELECT over events, people, items, facts …")],
    limit: Annotated[int, typer.Option("--limit", min=1, help="Rows at most.")] = 1_000,
    fresh: Annotated[
        bool,
        typer.Option(
            "--fresh", help="First bring the lake up to date; otherwise up to some seconds old."
        ),
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask the lake in SQL."""
    from duyen.runtime.lakework import flush as work
    from duyen.stores.query import Query

    with opened(data) as house:
        folder = house.folder / "lake"
        if fresh or not folder.is_dir():
            work(house)
        query = Query(folder)
        try:
            answer = query.sql(question, limit)
        finally:
            query.close()
    _show(answer)
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    conclude({"columns": answer.columns, "rows": rows, "more": answer.more}, as_json)


def _show(answer: Answer) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(show_edge=False)
    for column in answer.columns:
        table.add_column(column, overflow="fold")
    for row in answer.rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    Console(soft_wrap=False).print(table)
    if answer.more:
        say("There are more rows; raise --limit to see them.")
