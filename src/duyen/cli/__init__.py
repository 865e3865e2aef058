"""The `duyen` command: each command in a file of its own, heavy parts imported when they are used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

import typer

from duyen.cli import (
    backup,
    doctor,
    erase,
    export_person,
    groups,
    imports,
    keys,
    lake,
    operate,
    people,
    processes,
    program,
    report,
    serve,
    simulate,
    sources,
    start,
    suppressions,
    unmerge,
)

if TYPE_CHECKING:
    from duyen.model.errors import DuyenError

app = typer.Typer(
    name="duyen",
    help="One-to-one marketing on your own machine: one event log, one profile, one decision point.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

PARTS = (
    start,
    serve,
    processes,
    imports,
    keys,
    sources,
    program,
    people,
    groups,
    unmerge,
    erase,
    export_person,
    suppressions,
    report,
    lake,
    operate,
    backup,
    doctor,
    simulate,
)
for part in PARTS:
    part.register(app)


def main() -> None:
    """Run a command; what goes wrong on purpose is one sentence, never a traceback.

    With --json the error is the last line of the output, in the API's shape.
    """
    from duyen.model.errors import DuyenError

    try:
        app()
    except DuyenError as error:
        _end(error)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _end(_of_the_system(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _end(error: DuyenError) -> NoReturn:
    """Say what went wrong and end: 2 where the command was wrong, 1 where something else was."""
    from duyen.cli.common import conclude

    place = f" (at {error.at})" if error.at else ""
    sys.stderr.write(f"{error.message}{place}\n")
    conclude(error.as_json(), "--json" in sys.argv[1:])
    sys.exit(2 if error.status in (400, 422) else 1)


def _of_the_system(error: OSError) -> DuyenError:
    """What the operating system refused, in our words."""
    from duyen.model.errors import Unavailable

    what = f"“{error.filename}” cannot be used" if error.filename else "The system refused"
    return Unavailable(
        "system.refused",
        f"{what}: {error.strerror or error}; check the path, who owns it, and the room on the disk.",
    )
