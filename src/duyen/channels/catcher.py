"""The built-in mail catcher: an SMTP server that keeps every mail and delivers none.

It stands in where a company has no mail server yet, in trials, in the demo and in tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP, Envelope, Session

from duyen.model.errors import DuyenError

MOST_BYTES = 5_000_000


class Mailbox(Protocol):
    """Where caught mails are kept."""

    def keep(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Keep one mail; returns its id."""
        ...


class Catcher:
    """Listens on one port of this machine while open."""

    def __init__(self, mailbox: Mailbox, host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0: any free one, to be read from `port` once open."""
        self.host, self.port = host, port
        self._mailbox = mailbox
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Start to listen; raises OSError where the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._conversation, self.host, self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def __aenter__(self) -> Catcher:
        """Open for the length of a block."""
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close behind a block."""
        await self.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep a mail that a client has handed over."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        try:
            self._mailbox.keep(envelope.mail_from or "", envelope.rcpt_tos, raw)
        except (OSError, DuyenError):
            return "452 4.3.1 The catcher cannot write; free some disk space"
        return "250 2.0.0 Kept"

    def _conversation(self) -> Any:
        return SMTP(
            self,
            data_size_limit=MOST_BYTES,
            enable_SMTPUTF8=True,
            hostname="catcher",
            ident="Duyen mail catcher",
        )
