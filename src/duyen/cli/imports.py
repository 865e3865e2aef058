"""`duyen import`: what a company already has comes in."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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

imports = typer.Typer(
    no_args_is_help=True, help="Files into the log: people, orders, events, products."
)

File = Annotated[
    str,
    typer.Argument(
        help="XLSX, Parquet, CSV, TSV or JSON lines (text also as .gz); a folder or a ZIP of such files that have "
        "the same columns; - for standard input; with --sql a folder, sqlite:FILE, postgresql://… or mysql://… "
        "to ask."
    ),
]
Sql = Annotated[
    str,
    typer.Option(
        "--sql", help="Import what this query gives; in a folder each file is a table of its name."
    ),
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
    typer.Option(help="Part of every imported id: keep it for all exports of one list."),
]

Event = Annotated[
    str,
    typer.Option("--event", help="What each row is, where no column says it: Product Reviewed."),
]
Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        help="NAMESPACE=COLUMN for a further identifier: loyalty_card=Card no; may be repeated.",
    ),
]

_MOST_OF_A_ZIP = 100_000_000_000
KINDS: dict[Kind, str] = {
    "people": "Import people with their traits and what they agreed to; a newer export brings what has changed.",
    "orders": "Import order lines: people, orders and items come out of them; importing again adds nothing.",
    "events": "Import events, each row one; importing again adds nothing.",
    "products": "Import products into the catalogue.",
    "log": "Import a web server's access log as page views, in visits, with crawlers told apart.",
}


class Told(NamedTuple):
    """What the command line says of the mapping; None where it says nothing."""

    named: str | None
    columns: dict[str, str]
    dates: DateOrder | None
    source: str | None
    event: str
    ids: dict[str, str]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for kind, summary in KINDS.items():
        imports.command(kind, help=summary)(_command(kind))
    imports.command("uploaded")(uploaded)
    app.add_typer(imports, name="import")


def uploaded(data: Data = None, as_json: AsJson = False) -> None:
    """Import what was uploaded in the console or by POST /v1/imports; the scheduler does so by itself."""
    from duyen.runtime.intake import run

    with opened(data) as house:
        ended = run(house)
    say(f"{ended:,} imports came to their end.")
    conclude({"imports": ended}, as_json)


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
        event: Event = "",
        id: Ids = None,
        sql: Sql = "",
        as_json: AsJson = False,
    ) -> None:
        with _tables(file, sql, encoding) as tables:
            table = tables[0]
            told = Told(
                mapping,
                _columns(kind, table, column or []),
                _date_order(dates),
                source,
                event,
                _ids(id or []),
            )
            if save_mapping is not None:
                _save(_mapping(kind, table, told, None), save_mapping)
                conclude({"mapping": str(save_mapping)}, as_json)
                return
            chosen = _mapping(kind, table, told, _agreed if yes else _ask)
            with opened(data) as house:
                everything = []
                for one in tables:
                    everything.append(_run(kind, house, one, chosen))
                    if len(tables) > 1:
                        say(f"{one.path.name}:")
                    _tell(everything[-1])
                conclude(_sum(everything), as_json)

    return command


@contextmanager
def _tables(file: str, sql: str, encoding: str) -> Iterator[list[Table]]:
    """What is to be imported: a file, those of a folder, standard input, or what a query gives."""
    import tempfile

    from duyen.connectors.tables import open_table, parts_of
    from duyen.connectors.unpack import is_archive, unpack

    with tempfile.TemporaryDirectory(prefix="duyen-import-") as scratch:
        if sql:
            from duyen.stores.gather import gather

            found = Path(scratch) / f"{_name_of(file)}.parquet"
            gather(file, sql, found)
            yield [open_table(found)]
        elif file == "-":
            yield [open_table(_spooled(Path(scratch) / "stdin"), encoding=encoding)]
        elif Path(file).is_dir():
            yield _folder(Path(file), encoding)
        elif Path(file).is_file() and is_archive(Path(file)):
            yield parts_of(unpack(Path(file), Path(scratch) / "files", _MOST_OF_A_ZIP), encoding)
        else:
            yield [open_table(Path(file), encoding=encoding)]


def _name_of(source: str) -> str:
    """A word for a folder or a database: the last one of its path."""
    words = re.findall(r"\w+", source.partition("?")[0])
    return words[-1] if words else "query"


def _spooled(place: Path) -> Path:
    """Standard input as a file, because a table is looked at before it is read."""
    import shutil

    with place.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return place


def _folder(folder: Path, encoding: str) -> list[Table]:
    """The files of a folder, as parts of one table."""
    from duyen.connectors.tables import parts_of
    from duyen.model.errors import InvalidInput

    files = [p for p in sorted(folder.iterdir()) if p.is_file() and not p.name.startswith(".")]
    if not files:
        raise InvalidInput("import.empty", f"{folder} has no files: nothing to import.")
    return parts_of(files, encoding)


def _sum(done: Sequence[Imported]) -> dict[str, Any]:
    """One object for one file; for several their sums, and each file's own under `files`."""
    each = [one.as_data() for one in done]
    if len(each) == 1:
        return each[0]
    sums = {name: sum(one[name] for one in each) for name in ("rows", "accepted", "rejected")}
    return {**sums, "rejects": [one["rejects"] for one in each if one["rejects"]], "files": each}


def _ids(told: list[str]) -> dict[str, str]:
    """Namespaces with their columns, as the command line names them."""
    from duyen.model.errors import InvalidInput

    pairs = [one.partition("=") for one in told]
    if any(not (namespace and column) for namespace, _, column in pairs):
        raise InvalidInput(
            "import.id", "Write --id NAMESPACE=COLUMN, for example --id loyalty_card=Card."
        )
    return {namespace: column for namespace, _, column in pairs}


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
        source=told.source or table.series,
        told=told.columns,
        dates=told.dates,
        event=told.event,
        ids=told.ids,
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
        event=told.event or mapping.event,
        ids=mapping.ids | told.ids,
    )


def _save(mapping: Mapping, path: Path) -> None:
    from duyen.connectors.mapping import to_yaml

    path.write_text(to_yaml(mapping), encoding="utf-8")
    say(f"The mapping is in {path}; look at it, then import with --mapping {path}.")


def _agreed(guessed: Guessed) -> None:
    """Take the guess, unless an import cannot do with it."""
    if guessed.missing and guessed.missing[0] == "event":
        _unsure("what is each row? Say it with --event NAME, or --column event=COLUMN")
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
        if guess.column:
            shown.add_row(
                guess.field, guess.column, f"{guess.confidence:.0%}", guess.why, guess.example
            )
    console = Console(stderr=True)
    console.print(shown)
    console.print(f"Source: {guessed.mapping.source} (part of every id; say another with --source)")
    if none := [guess.field for guess in guessed.guesses if not guess.column]:
        console.print(f"No column for: {', '.join(none)}")
    if table.above:
        console.print(f"Lines above the names of the columns, left out: {table.above}")
    mapping = guessed.mapping
    if mapping.event:
        console.print(f"Each row is the event “{mapping.event}”.")
    for word, name in mapping.names.items():
        console.print(f"“{word}” is the event “{name}”.")
    if mapping.more:
        kept = (f"{name} ({mapping.types.get(name, 'text')})" for name in mapping.more)
        console.print(
            f"Kept as {'traits' if mapping.kind == 'people' else 'properties'}: {', '.join(kept)}"
        )
    if guessed.unused:
        fate = "Kept as attributes" if mapping.kind == "products" else "Not used"
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

    from duyen.runtime.importing import import_events, import_products
    from duyen.runtime.politeness import BACKGROUND, give_way

    give_way(BACKGROUND)
    work = import_products if kind == "products" else import_events
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
    if report.kind in ("people", "events"):
        events = ", ".join(f"{number:,} {name}" for name, number in sorted(report.events.items()))
        say(f"{report.customers:,} people; {events or 'no events'}.")
    if report.kind == "log":
        pages, others = report.accepted, sum(report.quality.values())
        say(
            f"{pages:,} page views by {report.customers:,} visitors; {others:,} of them by machines."
        )
    for note, number in sorted(report.notes.items()):
        say(f"  {number:,} {note}")
    for reason, number in sorted(report.reasons.items(), key=lambda pair: -pair[1])[:5]:
        say(f"  {number:,} rejected: {reason}")
    if report.rejects:
        say(f"Rejected rows with their reasons: {report.rejects}")
