"""The door's process: Granian around the application, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from duyen.api.app import App
from duyen.runtime.settings import Settings
from duyen.runtime.space import need_space


def serve(settings: Settings) -> None:
    """Answer HTTP on the settings' port; returns after SIGTERM or SIGINT."""
    need_space(settings.folder)
    logging.getLogger("_granian").setLevel(logging.ERROR)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    server = Server(
        App(settings),
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=30_000),
        websockets=False,
        backlog=1024,
        log_enabled=False,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()
