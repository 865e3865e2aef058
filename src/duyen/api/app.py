"""The whole HTTP application: hot routes first, then links in mails, then administration and pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

from duyen.api.door import Door
from duyen.api.http import Receive, Scope, Send, answer_error, fault
from duyen.model.errors import DuyenError
from duyen.runtime.house import House
from duyen.runtime.settings import Settings

SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
]
_log = logging.getLogger("duyen")
Application = Callable[[Scope, Receive, Send], Any]


class App:
    """Routes by path; the administration is built on first use, so that a pure door stays small."""

    def __init__(self, settings: Settings) -> None:
        self.house = House(settings)
        self.door = Door(self.house)
        self._administration: Application | None = None
        self._building = asyncio.Lock()

    async def administration(self) -> Application:
        """The FastAPI application behind everything that is not hot.

        Building it takes half a second: a thread does, and the hot routes go on.
        """
        if self._administration is None:
            async with self._building:
                if self._administration is None:
                    self._administration = await asyncio.to_thread(self._build)
        return self._administration

    def _build(self) -> Application:
        from duyen.api.administration import build

        return cast(Application, build(self.house, self.door))

    async def start(self) -> None:
        """Begin to commit, and make ready what is decided by, before anybody is let in."""
        self.door.commits.start()
        await self.door.watch.start()

    def stop(self) -> None:
        """Commit what waits and close."""
        self.door.close()
        self.house.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        secured = _Secured(send)
        hot = self.door.serves(scope["path"])
        try:
            application: Application = self.door if hot else await self.administration()
            await application(scope, receive, secured)
        except DuyenError as error:
            await answer_error(secured, error)
        except Exception:  # noqa: BLE001 - the one place where a fault of ours becomes an answer
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if not secured.started:
                await answer_error(secured, fault())

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return


class _Secured:
    """A send that adds the headers an answer has unless it says otherwise, and knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Any) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.started = True
            own = list(message.get("headers", []))
            said = {name.lower() for name, _ in own}
            usual = [header for header in SECURITY if header[0] not in said]
            message = {**message, "headers": own + usual}
        await self._send(message)
