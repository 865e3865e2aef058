"""The `duyen` command: each command in a file of its own, heavy parts imported when they are used."""

from __future__ import annotations

import sys

import typer

from duyen.cli import (
    doctor,
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
    start,
)

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
    program,
    people,
    report,
    lake,
    operate,
    doctor,
    simulate,
)
for part in PARTS:
    part.register(app)


def main() -> None:
    """Run a command; what goes wrong on purpose is one sentence, never a traceback.

    With --json the error is the last line of the output, in the API's shape.
    """
    from duyen.cli.common import conclude
    from duyen.model.errors import DuyenError

    try:
        app()
    except DuyenError as error:
        place = f" (at {error.at})" if error.at else ""
        sys.stderr.write(f"{error.message}{place}\n")
        conclude(error.as_json(), "--json" in sys.argv[1:])
        sys.exit(2 if error.status in (400, 422) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
