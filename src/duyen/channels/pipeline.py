"""The envelope of a mail in one round trip: MAIL, RCPT and DATA together (RFC 2920).

The SMTP client reads one answer for each command and drops what comes besides. For the length of an envelope its
connection is read here; then it gets the connection back.
"""

from __future__ import annotations

import asyncio
import re
from typing import cast

import aiosmtplib
from aiosmtplib.errors import SMTPServerDisconnected, SMTPTimeoutError

from duyen.channels.interface import Outgoing

COMMANDS = 3
_LONGEST = 64 * 1024
"""Bytes of answers to one envelope; nobody has so much to say."""
_ANSWER = re.compile(rb"(?:\d{3}-[^\n]*\n)*(\d{3})(?: ([^\n]*))?\n")

Answer = tuple[int, str]


class _Answers(asyncio.Protocol):
    """Reads the answers to an envelope; whatever befalls the connection goes on to its owner."""

    def __init__(self, owner: asyncio.Protocol) -> None:
        self._owner = owner
        self._buffer = b""
        self._found: list[Answer] = []
        self.told: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        """Take in whole answers."""
        self._buffer += data
        while len(self._found) < COMMANDS and (whole := _ANSWER.match(self._buffer)):
            code, text = whole.groups()
            self._found.append((int(code), (text or b"").decode("utf-8", "replace").strip()))
            self._buffer = self._buffer[whole.end() :]
        if len(self._found) == COMMANDS and not self._buffer:
            self._tell(None)
        elif self._odd():
            self._tell(SMTPServerDisconnected("The server answers what was not asked"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody will answer any more."""
        self._tell(SMTPServerDisconnected("Connection lost"))
        self._owner.connection_lost(exc)

    def eof_received(self) -> bool:
        """The server has said all it wanted to."""
        self._tell(SMTPServerDisconnected("Unexpected EOF received"))
        return False

    def _odd(self) -> bool:
        """Whether what has come cannot become the answers: too many, too long, or whole lines that are none."""
        rest = self._buffer
        if len(self._found) == COMMANDS or len(rest) > _LONGEST:
            return True
        return any(not line[:3].isdigit() for line in rest.splitlines(True) if line.endswith(b"\n"))

    def _tell(self, problem: Exception | None) -> None:
        if self.told.done():
            return
        if problem is None:
            self.told.set_result(self._found)
        else:
            self.told.set_exception(problem)


async def envelope(client: aiosmtplib.SMTP, mail: Outgoing, patience: float) -> list[Answer]:
    """The answers to MAIL, RCPT and DATA. Raises SMTPServerDisconnected or SMTPTimeoutError.

    `patience`: seconds for all of them.
    """
    owner = client.protocol
    if owner is None or client.transport is None:
        raise SMTPServerDisconnected("Connection lost")
    transport = cast(asyncio.WriteTransport, client.transport)
    reading = _Answers(owner)
    transport.set_protocol(reading)
    lines = f"MAIL FROM:<{mail.sender}>\r\nRCPT TO:<{mail.to}>\r\nDATA\r\n"
    try:
        transport.write(lines.encode("ascii"))
        async with asyncio.timeout(patience):
            return await reading.told
    except TimeoutError:
        raise SMTPTimeoutError("Timed out waiting for server response") from None
    finally:
        transport.set_protocol(owner)
