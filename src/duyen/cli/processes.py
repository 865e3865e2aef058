"""The processes, each of which also runs alone: door, engine, sender, scheduler, listener."""

from __future__ import annotations

import signal
from contextlib import closing
from types import FrameType
from typing import Annotated

import typer

from duyen.cli.common import Data, initialised, say

Port = Annotated[int | None, typer.Option("--port", help="Port to listen on.")]
Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("door")(door)
    app.command("engine")(engine)
    app.command("sender")(sender)
    app.command("scheduler")(scheduler)
    app.command("listener")(listener)


def door(
    data: Data = None,
    port: Port = None,
    host: Host = None,
    join: Annotated[
        bool, typer.Option("--join", help="Share the port with other doors of this machine.")
    ] = False,
) -> None:
    """Answer HTTP: collect, decide, administration, console."""
    from duyen.api.serve import serve
    from duyen.runtime.supervisor import need_port

    settings = initialised(data, port=port, host=host)
    if not join:
        need_port(settings.host, settings.port)
    serve(settings)


def engine(data: Data = None) -> None:
    """Apply the log to the state; on PostgreSQL any number of engines share the work, elsewhere there is one."""
    from duyen.runtime.engine import Engine
    from duyen.runtime.house import House
    from duyen.runtime.politeness import APPLYING, give_way

    stopping: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    give_way(APPLYING)
    house = House(initialised(data), engine=True)
    with closing(house), closing(Engine(house, house.stores.share())) as worker:
        say(f"The engine works on {house.folder}.")
        worker.run(lambda: bool(stopping))


def sender(data: Data = None) -> None:
    """Take what waits in the outbox to the channels."""
    from duyen.runtime.sender import main

    main(initialised(data))


def scheduler(data: Data = None) -> None:
    """Keep the lake, train the recommenders, start scheduled journeys, catch mails, keep the listener running."""
    from duyen.runtime.scheduler import main

    main(initialised(data))


def listener(data: Data = None) -> None:
    """Hear devices at their brokers; the scheduler starts it where a source has one."""
    from duyen.runtime.listener import main

    main(initialised(data))
