"""The door's process: Granian around the application, until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys

import uvloop
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from duyen.api.app import App
from duyen.runtime.settings import Settings
from duyen.runtime.space import need_space

HAND_OVER = 0.0005
"""Seconds after which a busy event loop lets the committing thread go on, that others may be answered."""


def serve(settings: Settings) -> None:
    """Answer HTTP on the settings' port; returns after SIGTERM or SIGINT."""
    need_space(settings.folder)
    logging.getLogger("_granian").setLevel(logging.ERROR)
    sys.setswitchinterval(HAND_OVER)
    uvloop.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    app = App(settings)
    # What exists by now lives as long as the process, and requests leave few cycles behind.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    server = Server(
        app,
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
