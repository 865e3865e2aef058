"""`duyen import`: what a company already has comes in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from duyen.cli.common import AsJson, Data, applied, conclude, opened, say

if TYPE_CHECKING:
    from duyen.connectors.mapping import Guessed, Mapping
    from duyen.connectors.tables import Table
    from duyen.runtime.importing import Imported

imports = typer.Typer(no_args_is_help=True, help="Files into the log: orders, products.")

File = Annotated[Path, typer.Argument(help="Parquet, CSV, TSV or JSON lines.")]
MappingFile = Annotated[
    str | None,
    typer.Option(
        "--mapping", help="A saved mapping (YAML), or the name of one of ours; else it is guessed."
    ),
]
Save = Annotated[
    Path | None,
    typer.Option("--save-mapping", help="Keep the mapping in this file and import nothing."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Take the guessed mapping without asking.")]
Encoding = Annotated[str, typer.Option(help="Encoding of a text file; else it is guessed.")]
Source = Annotated[
    str | None,
    typer.Option(help="Part of every imported id: keep it when you import a file again."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(imports, name="import")


@imports.command("orders")
def orders(
    file: File,
    data: Data = None,
    mapping: MappingFile = None,
    save_mapping: Save = None,
    yes: Yes = False,
    encoding: Encoding = "",
    source: Source = None,
    as_json: AsJson = False,
) -> None:
    """Import order lines: people, orders and items come out of them; importing again adds nothing."""
    _import("orders", file, data, mapping, save_mapping, yes, encoding, source, as_json)


@imports.command("products")
def products(
    file: File,
    data: Data = None,
    mapping: MappingFile = None,
    save_mapping: Save = None,
    yes: Yes = False,
    encoding: Encoding = "",
    source: Source = None,
    as_json: AsJson = False,
) -> None:
    """Import products into the catalogue."""
    _import("products", file, data, mapping, save_mapping, yes, encoding, source, as_json)


def _import(
    kind: Any,
    file: Path,
    data: str | None,
    mapping: str | None,
    save: Path | None,
    yes: bool,
    encoding: str,
    source: str | None,
    as_json: bool,
) -> None:
    from duyen.connectors.mapping import to_yaml
    from duyen.connectors.tables import open_table

    table = open_table(file, encoding=encoding)
    chosen = _mapping(kind, table, mapping, source, yes or save is not None)
    if save is not None:
        save.write_text(to_yaml(chosen), encoding="utf-8")
        say(f"The mapping is in {save}; look at it, then import with --mapping {save}.")
        return
    with opened(data) as house:
        done = _run(kind, house, table, chosen)
        _tell(done)
        conclude(done.as_data(), as_json)


def _mapping(kind: Any, table: Table, named: str | None, source: str | None, yes: bool) -> Mapping:
    """The mapping that was named, or the one that is guessed, shown and agreed to."""
    import msgspec

    from duyen.connectors.mapping import from_yaml, guess_mapping, shipped
    from duyen.model.errors import InvalidInput

    if named is not None:
        path = Path(named)
        found = from_yaml(path.read_text(encoding="utf-8")) if path.is_file() else shipped(named)
    else:
        guessed = guess_mapping(
            table.columns, table.sample(), kind=kind, source=source or table.path.stem
        )
        if guessed.shipped:
            say(f"These columns are known: our mapping “{guessed.shipped}” is used.")
            found = shipped(guessed.shipped)
        else:
            _show(table, guessed)
            if guessed.questions and not yes and not typer.confirm("Import with this mapping?"):
                raise InvalidInput(
                    "import.unsure",
                    "Nothing was imported; edit the mapping with --save-mapping FILE first.",
                )
            found = guessed.mapping
    return msgspec.structs.replace(found, source=source) if source else found


def _show(table: Table, guessed: Guessed) -> None:
    """The guess as a table, with how sure it is and why."""
    from rich.console import Console
    from rich.table import Table as Shown

    shown = Shown(title=" ".join(filter(None, (table.path.name, table.format, table.encoding))))
    for heading in ("field", "column", "sure", "why", "example"):
        shown.add_column(heading)
    for guess in guessed.guesses:
        sure = f"{guess.confidence:.0%}" if guess.column else ""
        shown.add_row(guess.field, guess.column or "–", sure, guess.why, guess.example)
    console = Console(stderr=True)
    console.print(shown)
    if guessed.unused:
        console.print(f"Not used: {', '.join(guessed.unused)}")
    for question in guessed.questions:
        console.print(f"Please check: {question}")


def _run(kind: str, house: Any, table: Table, mapping: Mapping) -> Imported:
    """Convert with a progress bar, then see the engine through with a second one."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from duyen.runtime.importing import import_orders, import_products

    work = {"orders": import_orders, "products": import_products}[kind]
    rejects = house.folder / "rejects" / f"{mapping.source}-{table.path.stem}.csv"
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        reading = bars.add_task("Reading", total=1.0)
        done = work(
            house, table, mapping, rejects, lambda share: bars.update(reading, completed=share)
        )
        bars.update(reading, completed=1.0)
        from duyen.model.log import Lane

        start = house.state.position(done.lane)
        applying = bars.add_task("Applying", total=max(1, done.offset - start))
        applied(
            house,
            done.lane,
            done.offset,
            None,
            lambda at: bars.update(applying, completed=at - start),
        )
        newest = house.log.newest(Lane.CONTROL)
        applied(house, Lane.CONTROL, newest, None)
        bars.update(applying, completed=max(1, done.offset - start))
    return done


def _tell(done: Imported) -> None:
    """The report in words."""
    report = done.report
    say(f"{report.rows:,} rows: {report.accepted:,} accepted, {report.rejected:,} rejected.")
    if done.resumed_at:
        say(f"An earlier import had stored {done.resumed_at:,} results; it went on from there.")
    if report.duplicates:
        what = (
            "kept, as their amounts are part of the books"
            if report.duplicates_choice == "keep"
            else "left out"
        )
        say(
            f"{report.duplicates:,} lines are exact copies of another line of their order; they were {what}."
        )
    if report.kind == "orders":
        say(
            f"{report.orders:,} orders, {report.customers:,} customers, {report.items:,} items; "
            f"sum of all lines {report.total}."
        )
        if report.items_only_rows:
            say(f"{report.items_only_rows:,} lines have no customer; they count for items only.")
    for reason, number in sorted(report.reasons.items(), key=lambda pair: -pair[1])[:5]:
        say(f"  {number:,} rejected: {reason}")
    if report.rejects:
        say(f"Rejected rows with their reasons: {report.rejects}")
