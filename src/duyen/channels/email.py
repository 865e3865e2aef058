"""E-mail by SMTP.

What SMTP can promise: after a 2xx answer to the content the server has taken the mail over; after a 4xx or
5xx it has not. If the connection breaks between the content and the answer, nobody knows: that is `unknown`.
SMTP has no idempotency keys and cannot be asked later.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import ssl
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar, Literal

import aiosmtplib
import msgspec
from aiosmtplib.errors import SMTPResponseException, SMTPServerDisconnected, SMTPTimeoutError

from duyen.channels.interface import Capabilities, Fate, Outgoing, Result
from duyen.channels.pipeline import envelope

_ENVELOPE = re.compile(r"[!-;=?-~]+@[A-Za-z0-9.-]+")
"""Visible ASCII without the angle brackets that end an address on the line."""
_NEED_LOGIN = frozenset((530, 534, 535, 538))
"""Codes that complain about our login, not about the mail."""
GRACE = 6.0
"""Seconds that mails under way get when the channel is closed; the supervisor waits twice as long."""
FAREWELL = 2.0
"""Seconds for the answer to QUIT."""
_LEAVING = "not spoken of: the sender was told to end"


class EmailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """An SMTP server.

    security: auto uses STARTTLS where offered (and insists on it when there is a password and the server is
    on another machine), starttls insists, tls speaks TLS from the first byte, none never encrypts.
    timeout: seconds for each answer. connections: how many are open at most. per_connection: mails before a
    connection is made anew. ca_file: certificates to trust besides the machine's own, for a server inside.
    """

    host: str = "127.0.0.1"
    port: int = 25
    security: Literal["auto", "starttls", "tls", "none"] = "auto"
    username: str = ""
    password: str = ""
    timeout: float = 30.0
    connections: int = 4
    per_connection: int = 500
    local_hostname: str = "localhost"
    ca_file: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot work or would show the password to the network."""
        if not 1 <= self.port <= 65_535:
            raise ValueError(f"{self.port} is not a port; write 1 to 65535")
        if not 1 <= self.connections <= 100 or self.per_connection < 1:
            raise ValueError("connections is 1 to 100, and per_connection at least 1")
        if self.timeout <= 0:
            raise ValueError("timeout is a number of seconds above 0")
        if self.security == "none" and self.password and not is_loopback(self.host):
            raise ValueError("a password would travel unencrypted; set security to starttls or tls")


class _Broken(Exception):
    """The connection is of no use any more; the result of the mail under way is inside."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.detail)
        self.result = result


class EmailChannel:
    """Hands mails to one SMTP server over a few connections that stay open."""

    Settings: ClassVar[type[EmailSettings]] = EmailSettings

    def __init__(self, settings: EmailSettings) -> None:
        """Nothing is opened before the first mail."""
        self.settings = settings
        self.capabilities = Capabilities("email", batch=settings.connections * 50)
        self._idle: list[_Connection] = []
        self._leaving = False
        self._sends = 0
        self._limits: set[asyncio.Timeout] = set()
        self._quiet = asyncio.Event()

    async def send(self, batch: Sequence[Outgoing]) -> list[Result]:
        """Hand a batch over, spread over the connections; one result for each mail, in order."""
        results: dict[int, Result] = {}
        queue = iter(enumerate(batch))
        workers = min(self.settings.connections, len(batch))
        self._sends += 1
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work(queue, results))
        finally:
            self._sends -= 1
            if not self._sends:
                self._quiet.set()
        return [results[place] for place in range(len(batch))]

    async def probe(self) -> str:
        """Connect, greet, log in and leave."""
        connection = _Connection(self.settings)
        try:
            await connection.open()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            return f"The mail server does not let us in: {_said(error)}."
        await connection.close()
        return ""

    async def close(self) -> None:
        """Say QUIT on every open connection; a `send` under way ends soon, with what it knows by then.

        Mails under way get GRACE seconds; those nobody has spoken of yet are answered `retry`.
        """
        if self._sends:
            self._leaving = True
            self._quiet.clear()
            until = asyncio.get_running_loop().time() + GRACE
            for limit in self._limits:
                limit.reschedule(until)
            await self._quiet.wait()
            self._leaving = False
        idle, self._idle = self._idle, []
        await asyncio.gather(*(connection.close() for connection in idle))

    async def _work(self, queue: enumerate[Outgoing], results: dict[int, Result]) -> None:
        """Send mails of the queue over one connection until it is empty or the server cannot be reached."""
        connection = self._idle.pop() if self._idle else _Connection(self.settings)
        try:
            for place, mail in queue:
                if self._leaving:
                    results[place] = Result(mail.key, "retry", 0, _LEAVING)
                    continue
                results[place] = await self._deliver(connection, mail)
                if connection.shut_out is not None:
                    # The others would knock at the same door: they wait for the next attempt.
                    for rest, other in queue:
                        results[rest] = msgspec.structs.replace(connection.shut_out, key=other.key)
        finally:
            if connection.is_open:
                self._idle.append(connection)
            else:
                connection.abandon()

    async def _deliver(self, connection: _Connection, mail: Outgoing) -> Result:
        """One mail, cut off where the channel is closed and patience ends."""
        try:
            async with asyncio.timeout(None) as limit:
                self._limits.add(limit)
                try:
                    return await connection.deliver(mail)
                finally:
                    self._limits.discard(limit)
        except TimeoutError:
            fate: Fate = "unknown" if connection.has_told else "retry"
            return Result(mail.key, fate, 0, "cut off: the sender was told to end")


class _Connection:
    """One connection to the server; opened when needed, and again after it broke."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        self._client = _client(settings)
        self._left = 0
        self.shut_out: Result | None = None
        """Set where the server did not let us in."""
        self.has_told = False
        """Whether the content of the mail under way has begun to leave."""

    @property
    def is_open(self) -> bool:
        """Whether mails can go over it."""
        return self._client.is_connected

    async def open(self) -> None:
        """Connect, encrypt, log in; raises what aiosmtplib raises."""
        self._client = _client(self._settings)
        self._left = self._settings.per_connection
        try:
            await self._client.connect()
            await self._client.ehlo() if self._client.is_ehlo_or_helo_needed else None
        except BaseException:
            self._client.close()
            raise

    async def close(self) -> None:
        """QUIT, as far as the server still listens."""
        try:
            if self._client.is_connected:
                await self._client.quit(timeout=min(FAREWELL, self._settings.timeout))
        except (aiosmtplib.SMTPException, OSError):
            pass  # it was leaving anyway
        finally:
            self._client.close()

    def abandon(self) -> None:
        """Drop the connection without a word."""
        self._client.close()

    async def deliver(self, mail: Outgoing) -> Result:
        """One mail, over a connection that is opened where there is none."""
        self.has_told = False
        if self._left <= 0 and self._client.is_connected:
            await self.close()
        if not self._client.is_connected:
            try:
                await self.open()
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                code = getattr(error, "code", 0)
                self.shut_out = Result(mail.key, "retry", code, _said(error))
                return self.shut_out
        self._left -= 1
        try:
            return await self._hand_over(mail)
        except _Broken as broken:
            self._client.close()
            return broken.result
        except BaseException:  # cancelled in the middle of a conversation, which cannot go on
            self._client.close()
            raise

    async def _hand_over(self, mail: Outgoing) -> Result:
        """Envelope, then content; what is not answered before the content is surely not sent."""
        for address in (mail.sender, mail.to):
            if not _ENVELOPE.fullmatch(address):
                return Result(mail.key, "failed", 0, f"{address[:80]!r} is not an address")
        try:
            if self._client.supports_extension("pipelining"):
                await self._envelope_at_once(mail)
            else:
                await self._envelope(mail)
        except SMTPResponseException as error:
            return await self._refused(mail, error)
        except (aiosmtplib.SMTPException, OSError) as error:
            raise _Broken(Result(mail.key, "retry", 0, _said(error))) from None
        return await self._content(mail)

    async def _envelope(self, mail: Outgoing) -> None:
        """One command after the other; raises SMTPResponseException for the first that is refused."""
        await self._client.mail(mail.sender)
        await self._client.rcpt(mail.to)
        answer = await self._client.execute_command(b"DATA")
        if answer.code != 354:
            raise SMTPResponseException(answer.code, answer.message)

    async def _envelope_at_once(self, mail: Outgoing) -> None:
        """All commands in one round trip; raises SMTPResponseException for the first that is refused."""
        answers = await envelope(self._client, mail, self._settings.timeout)
        for (code, message), wanted in zip(
            answers, ((250, 251), (250, 251, 252), (354,)), strict=True
        ):
            if code in wanted:
                continue
            if answers[-1][0] == 354:
                # It waits for a content that it would give to nobody: there is no way back but the door.
                self._client.close()
            raise SMTPResponseException(code, message)

    async def _content(self, mail: Outgoing) -> Result:
        """The content and its answer; a break in here leaves the fate unknown."""
        protocol = self._client.protocol
        try:
            if protocol is None:
                raise SMTPServerDisconnected("Connection lost")
            self.has_told = True
            protocol.write(dotted(mail.content))
            answer = await protocol.read_response(timeout=self._settings.timeout)
        except (SMTPServerDisconnected, SMTPTimeoutError, OSError) as error:
            raise _Broken(Result(mail.key, "unknown", 0, _said(error))) from None
        except SMTPResponseException as error:
            raise _Broken(Result(mail.key, "unknown", error.code, _said(error))) from None
        result = _judged(mail.key, answer.code, answer.message)
        if answer.code == 421:
            raise _Broken(result)
        return result

    async def _refused(self, mail: Outgoing, error: SMTPResponseException) -> Result:
        """The server said no before the content; clear its envelope, or leave where it closes."""
        result = _judged(mail.key, error.code, error.message)
        if result.fate in ("sent", "unknown"):
            raise _Broken(Result(mail.key, "retry", error.code, result.detail))
        if error.code == 421:
            raise _Broken(result)
        await self._reset(mail)
        return result

    async def _reset(self, mail: Outgoing) -> None:
        """Clear the envelope of a mail that went no further."""
        try:
            await self._client.rset()
        except (aiosmtplib.SMTPException, OSError):
            self._client.close()  # the next mail opens a new one


def dotted(content: bytes) -> bytes:
    """Content as it goes over the line: dots at the start of lines doubled, ended by a lone dot."""
    if content.startswith(b"."):
        content = b"." + content
    content = content.replace(b"\r\n.", b"\r\n..")
    return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _client(settings: EmailSettings) -> aiosmtplib.SMTP:
    start_tls = {"auto": None, "starttls": True, "tls": False, "none": False}[settings.security]
    if settings.security == "auto" and settings.password and not is_loopback(settings.host):
        start_tls = True
    return aiosmtplib.SMTP(
        hostname=settings.host,
        port=settings.port,
        username=settings.username or None,
        password=settings.password or None,
        local_hostname=settings.local_hostname,
        timeout=settings.timeout,
        use_tls=settings.security == "tls",
        start_tls=start_tls,
        tls_context=None if settings.security == "none" else _trust(settings.ca_file),
    )


@lru_cache(maxsize=8)
def _trust(ca_file: str) -> ssl.SSLContext:
    """Check certificates against the machine's own authorities, and those of a file."""
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(ca_file)
    return context


def _judged(key: str, code: int, message: str) -> Result:
    """What an answer of the server means for the mail."""
    detail = f"{code} {' '.join(message.split())}"[:300]
    if 200 <= code < 300:
        return Result(key, "sent", code, detail)
    if 400 <= code < 500 or code in _NEED_LOGIN:
        return Result(key, "retry", code, detail)
    if 500 <= code < 600:
        return Result(key, "failed", code, detail)
    return Result(key, "unknown", code, detail)


def _said(error: BaseException) -> str:
    """An error in its own words, on one line."""
    return " ".join(str(error).split())[:300] or type(error).__name__
