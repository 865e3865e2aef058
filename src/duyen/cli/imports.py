"""`duyen import`: what a company already has comes in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

import typer

from duyen.cli.common import AsJson, Data, applied, conclude, opened, say

if TYPE_CHECKING:
    from duyen.connectors.cells import DateOrder
    from duyen.connectors.fields import Kind
    from duyen.connectors.guess import Guessed
    from duyen.connectors.mapping import Mapping
    from duyen.connectors.tables import Table
    from duyen.runtime.importing import Imported

imports = typer.Typer(no_args_is_help=True, help="Files into the log: orders, products.")

File = Annotated[
    Path, typer.Argument(help="XLSX, Parquet, CSV, TSV or JSON lines; text also as .gz.")
]
MappingFile = Annotated[
    str | None,
    typer.Option(
        "--mapping", help="A saved mapping (YAML), or the name of one of ours; else it is guessed."
    ),
]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        help="FIELD=COLUMN where the guess is wrong, FIELD= for no column; may be repeated.",
    ),
]
Dates = Annotated[
    str | None,
    typer.Option("--dates", help="Order of day and month: ymd, dmy or mdy; else it is guessed."),
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

KINDS: dict[Kind, str] = {
    "orders": "Import order lines: people, orders and items come out of them; importing again adds nothing.",
    "products": "Import products into the catalogue.",
}


class Told(NamedTuple):
    """What the command line says of the mapping; None where it says nothing."""

    named: str | None
    columns: dict[str, str]
    dates: DateOrder | None
    source: str | None


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for kind, summary in KINDS.items():
        imports.command(kind, help=summary)(_command(kind))
    app.add_typer(imports, name="import")


def _command(kind: Kind) -> Callable[..., None]:
    """The command that imports one kind of table."""

    def command(
        file: File,
        data: Data = None,
        mapping: MappingFile = None,
        column: Columns = None,
        dates: Dates = None,
        save_mapping: Save = None,
        yes: Yes = False,
        encoding: Encoding = "",
        source: Source = None,
        as_json: AsJson = False,
    ) -> None:
        from duyen.connectors.tables import open_table

        table = open_table(file, encoding=encoding)
        told = Told(mapping, _columns(kind, table, column or []), _date_order(dates), source)
        if save_mapping is not None:
            _save(_mapping(kind, table, told, None), save_mapping)
            conclude({"mapping": str(save_mapping)}, as_json)
            return
        chosen = _mapping(kind, table, told, _agreed if yes else _ask)
        with opened(data) as house:
            done = _run(kind, house, table, chosen)
            _tell(done)
            conclude(done.as_data(), as_json)

    return command


def _columns(kind: Kind, table: Table, told: list[str]) -> dict[str, str]:
    """Fields with their columns, as the command line names them."""
    from duyen.connectors.fields import FIELDS
    from duyen.model.errors import InvalidInput

    found: dict[str, str] = {}
    for one in told:
        field, equals, column = one.partition("=")
        if not equals or field not in FIELDS[kind]:
            raise InvalidInput(
                "import.column",
                f"“{one}” names no column; write FIELD=COLUMN, with one of {', '.join(FIELDS[kind])}.",
            )
        if column and column not in table.columns:
            raise InvalidInput(
                "import.column",
                f"The file has no column “{column}”; it has {', '.join(table.columns)}.",
            )
        found[field] = column
    return found


def _date_order(told: str | None) -> DateOrder | None:
    from duyen.model.errors import InvalidInput

    for order in ("ymd", "dmy", "mdy"):
        if told == order:
            return order
    if told is None:
        return None
    raise InvalidInput(
        "import.dates", f"“{told}” is no order of day and month; write ymd, dmy or mdy."
    )


def _mapping(
    kind: Kind, table: Table, told: Told, agree: Callable[[Guessed], None] | None
) -> Mapping:
    """The mapping that was named, or the one that is guessed, shown and agreed to."""
    import msgspec

    from duyen.connectors.guess import guess_mapping
    from duyen.connectors.mapping import from_yaml
    from duyen.connectors.shipped import shipped
    from duyen.model.errors import InvalidInput

    if told.named is not None:
        path = Path(told.named)
        found = (
            from_yaml(path.read_text(encoding="utf-8")) if path.is_file() else shipped(told.named)
        )
        return _with_told(found, told)
    if next(table.batches(1), None) is None:
        raise InvalidInput("import.empty", f"{table.path.name} has names of columns, but no rows.")
    guessed = guess_mapping(
        table.columns,
        table.sample(),
        kind=kind,
        source=told.source or table.name,
        told=told.columns,
        dates=told.dates,
    )
    if guessed.shipped and kind == "orders":
        say(f"These columns are known: our mapping “{guessed.shipped}” is used.")
        return _with_told(shipped(guessed.shipped), told)
    _show(table, guessed)
    if agree is not None:
        agree(guessed)
    return msgspec.structs.replace(guessed.mapping, source=told.source or guessed.mapping.source)


def _with_told(mapping: Mapping, told: Told) -> Mapping:
    """A mapping that exists, changed by what the command line says."""
    import msgspec

    columns = {
        field: column for field, column in (mapping.columns | told.columns).items() if column
    }
    return msgspec.structs.replace(
        mapping,
        columns=columns,
        dates=told.dates or mapping.dates,
        source=told.source or mapping.source,
    )


def _save(mapping: Mapping, path: Path) -> None:
    from duyen.connectors.mapping import to_yaml

    path.write_text(to_yaml(mapping), encoding="utf-8")
    say(f"The mapping is in {path}; look at it, then import with --mapping {path}.")


def _agreed(guessed: Guessed) -> None:
    """Take the guess, unless an import cannot do with it."""
    if guessed.missing:
        field = guessed.missing[0].split()[0]
        _unsure(
            f"which column is the {guessed.missing[0]}? Say it with --column {field}=NAME,"
            " or write a mapping with --save-mapping FILE and edit it"
        )


def _ask(guessed: Guessed) -> None:
    """Ask at a terminal what is open; elsewhere refuse to guess."""
    _agreed(guessed)
    if not guessed.questions:
        return
    if not sys.stdin.isatty():
        _unsure(
            "answer the questions with --column and --dates, or take the mapping as it is with --yes"
        )
    if not typer.confirm("Import with this mapping?", err=True):
        _unsure(
            "say what is wrong with --column or --dates, or edit a mapping (--save-mapping FILE)"
        )


def _unsure(what: str) -> NoReturn:
    from duyen.model.errors import InvalidInput

    raise InvalidInput("import.unsure", f"Nothing was imported: {what}.")


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
    if table.above:
        console.print(f"Lines above the names of the columns, left out: {table.above}")
    if guessed.unused:
        fate = "Kept as attributes" if guessed.mapping.kind == "products" else "Not used"
        console.print(f"{fate}: {', '.join(guessed.unused)}")
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
    rejects = house.folder / "rejects" / f"{mapping.source}-{table.name}.csv"
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
