"""`duyen suppressions`: the addresses that are never written to."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell

if TYPE_CHECKING:
    from duyen.runtime.house import House
    from duyen.runtime.suppressing import Listed

suppressions = typer.Typer(no_args_is_help=True, help="Addresses that are never written to.")
Addresses = Annotated[list[str] | None, typer.Argument(help="Addresses; may be many.")]
FromFile = Annotated[
    Path | None,
    typer.Option(
        "--file", help="A text or CSV file: the first cell of each line that is an address."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(suppressions, name="suppressions")


@suppressions.command("add")
def add(
    addresses: Addresses = None,
    file: FromFile = None,
    purpose: Annotated[str, typer.Option("--purpose", help="Only this purpose; * is all.")] = "*",
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever reads the list.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Never write to these addresses again, whoever has them; what waits for them is not sent either."""
    from duyen.runtime.suppressing import add as work

    with opened(data) as house:
        named = [*(addresses or ()), *_of_file(file)]
        now = house.clock.now()
        listed = work(house.secrets, named, author(), now, purpose=purpose, reason=reason)
        _tell(house, listed, as_json)


@suppressions.command("remove")
def remove(
    addresses: Addresses = None, file: FromFile = None, data: Data = None, as_json: AsJson = False
) -> None:
    """Take addresses off the list."""
    from duyen.runtime.suppressing import remove as work

    with opened(data) as house:
        named = [*(addresses or ()), *_of_file(file)]
        _tell(house, work(house.secrets, named, author(), house.clock.now()), as_json)


def _of_file(file: Path | None) -> list[str]:
    """Of each line the first cell with an @, else its first cell, so that a wrong line is named."""
    if file is None:
        return []
    found = []
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for number, row in enumerate(csv.reader(lines)):
            cells = [cell.strip() for cell in row if cell.strip()]
            address = next((cell for cell in cells if "@" in cell), None)
            if address is not None or (cells and number):  # the first line may be a heading
                found.append(address or cells[0])
    return found


def _tell(house: House, listed: Listed, as_json: bool) -> None:
    from duyen.model.log import Lane

    in_effect = not listed.told or tell(house, Lane.CONTROL, list(listed.told))
    many = "address" if listed.addresses == 1 else "addresses"
    say(f"{listed.addresses:,} {many} told, {len(listed.wrong):,} could not be read.")
    for text in listed.wrong[:10]:
        say(f"  no address: {text}")
    if not in_effect:
        say("The engine will come to it.")
    conclude(
        {"addresses": listed.addresses, "wrong": listed.wrong[:100], "applied": in_effect}, as_json
    )


@suppressions.command("export")
def export(
    to: Annotated[Path, typer.Option("--to", help="The CSV file.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write the list as CSV; of people who were erased there is a keyed hash alone."""
    from duyen.connectors.report import safe_cell
    from duyen.model.errors import Conflict
    from duyen.model.times import format_time
    from duyen.runtime.suppressing import everything

    if to.exists():
        raise Conflict("export.exists", f"{to} is there already; name another file.")
    rows = 0
    with opened(data) as house, to.open("x", encoding="utf-8-sig", newline="") as file:
        to.chmod(0o600)
        writer = csv.writer(file)
        writer.writerow(["address", "hash", "never", "since", "reason", "author"])
        for row in everything(house.state):
            told = (
                row.address,
                row.digest,
                row.said,
                format_time(row.time),
                row.reason,
                row.author,
            )
            writer.writerow([safe_cell(cell) for cell in told])
            rows += 1
    say(f"{rows:,} lines in {to}.")
    conclude({"file": str(to), "rows": rows}, as_json)
