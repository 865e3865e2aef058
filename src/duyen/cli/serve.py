"""`duyen serve`: everything on one machine; with `--demo` a living shop of simulated customers."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING, Annotated

import typer

from duyen.cli.common import Data, initialised, say
from duyen.cli.processes import Host, Port

if TYPE_CHECKING:
    from duyen.runtime.settings import Settings

DEMO_FOLDER = "duyen-demo"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("serve")(serve)
    app.command("prepare-demo", hidden=True)(prepare_demo)


def serve(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="A shop of simulated customers, in a folder of its own.")
    ] = False,
) -> None:
    """Run doors, engine, sender and scheduler of a data folder until told to stop."""
    from duyen.runtime.settings import load
    from duyen.runtime.space import need_space
    from duyen.runtime.supervisor import Supervisor, need_port

    if demo:
        folder = data or os.environ.get("DUYEN_DATA") or DEMO_FOLDER
        settings = load(folder, port=port, host=host)
    else:
        settings = initialised(data, port=port, host=host)
    need_port(settings.host, settings.port)
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    need_space(settings.folder)
    alone = _alone(settings)
    roles = _roles(settings)
    if demo:
        _prepare(settings)
        roles["simulate"] = ["simulate"]
    say(f"Duyên answers at {settings.base_url} (data in {settings.folder}; Ctrl-C ends it)")
    with alone:
        Supervisor(settings, roles, say, hasty=("simulate",)).run()


def _alone(settings: Settings) -> IO[str]:
    """Hold the folder as long as this runs: a second one's engine would only knock at the first one's lock.

    The lock says where this server answers, whatever said so: `duyen doctor` looks there.
    """
    import fcntl

    from duyen.model.errors import Conflict

    folder = settings.folder
    handle = (folder / "serve.lock").open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise Conflict(
            "serve.running",
            f"Another `duyen serve` works on “{folder}” already; end it first, or name another folder with --data.",
        ) from error
    handle.truncate(0)
    handle.write(f"{settings.host} {settings.port}")
    handle.flush()
    return handle


def _prepare(settings: Settings) -> None:
    """In a process of its own, so that the supervisor stays as small as it can be."""
    command = [sys.executable, "-m", "duyen", "prepare-demo"]
    given = ["--data", settings.data, "--port", str(settings.port), "--host", settings.host]
    done = subprocess.run([*command, *given], check=False)
    if done.returncode:
        raise typer.Exit(done.returncode)


def prepare_demo(data: Data = None, port: Port = None, host: Host = None) -> None:
    """Make the demo's folder; `duyen serve --demo` does this first."""
    from duyen.cli.demo import prepare
    from duyen.runtime.settings import load

    prepare(load(data, port=port, host=host))


def _roles(settings: Settings) -> dict[str, list[str]]:
    """The children of one machine; several doors share the port, and the kernel shares out the calls."""
    from duyen.model.errors import InvalidInput

    if settings.engines > 1 and settings.store_url.startswith("sqlite"):
        raise InvalidInput(
            "engines.files",
            "Several engines need a database that they can share: name one in store_url, or leave engines at 1.",
        )
    alone = settings.doors == 1
    doors = {
        "door" if alone else f"door {n}": ["door"] if alone else ["door", "--join"]
        for n in range(1, settings.doors + 1)
    }
    engines = {
        "engine" if settings.engines == 1 else f"engine {n}": ["engine"]
        for n in range(1, settings.engines + 1)
    }
    return {
        **doors,
        **engines,
        "sender": ["sender"],
        "scheduler": ["scheduler"],
    }
