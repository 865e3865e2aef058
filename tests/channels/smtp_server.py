"""A real SMTP server on a real socket that misbehaves as a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter

from duyen.testing.channels import Behaviour

HANG_UP = ""
"""In place of an answer: close the connection."""
SILENCE = "..."
"""In place of an answer: say nothing more."""


class ScriptedServer:
    """Answers by the envelope of each mail: from `<key>@shop.test` to `<key>@example.test`."""

    def __init__(self, tls: ssl.SSLContext | None = None, at_once: bool = False) -> None:
        """`tls` offers STARTTLS, or `at_once` speaks TLS from the first byte."""
        self.port = 0
        self._tls, self._at_once = tls, at_once
        self.encrypted = 0
        self.connections = 0
        self.transcript: list[str] = []
        self.has_content = asyncio.Event()
        self.is_silent = asyncio.Event()
        self.mails: list[tuple[str, bytes]] = []
        self.greeting = "220 scripted"
        self.extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME")
        self.takes_any_data = False
        self.answers: dict[str, dict[str, str]] = {}
        """Key -> {MAIL | RCPT | DATA | content: answer}, used once."""
        self._taken: Counter[str] = Counter()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ScriptedServer:
        """Listen on a free port of this machine."""
        at_once = self._tls if self._at_once else None
        if self._tls and not self._at_once:
            self.extensions = (*self.extensions, "STARTTLS")
        self._server = await asyncio.start_server(self._talk, "127.0.0.1", 0, ssl=at_once)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        assert self._server is not None
        self._server.close()

    def script(self, key: str, behaviour: Behaviour) -> None:
        """For `duyen.testing.channels`."""
        self.answers[key] = {
            "take": {},
            "later": {"RCPT": "451 4.7.1 greylisted"},
            "never": {"RCPT": "550 5.1.1 no such person"},
            "break_before": {"RCPT": HANG_UP},
            "break_after": {"content": HANG_UP},
            "silent": {"content": SILENCE},
        }[behaviour]

    def taken(self, key: str) -> int:
        """How often a mail was taken over."""
        return self._taken[key]

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._conversation(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _conversation(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        key, wanted = "", False
        writer.write(f"{self.greeting}\r\n".encode())
        while line := (await reader.readline()).decode().strip():
            self.transcript.append(line)
            verb = line.partition(" ")[0].upper()
            if verb == "STARTTLS" and self._tls:
                writer.write(b"220 go on\r\n")
                await writer.start_tls(self._tls)
                continue
            if verb in ("MAIL", "RCPT"):
                key = line.partition("<")[2].partition("@")[0]
            answer = self._answer(verb, key)
            if verb == "DATA" and not (wanted or self.takes_any_data) and answer.startswith("354"):
                answer = "503 5.5.1 no valid recipients"
            if verb in ("MAIL", "RCPT"):
                wanted = answer.startswith("250") and (verb == "MAIL" or wanted)
            if answer == HANG_UP:
                return
            if answer == SILENCE:
                self.is_silent.set()
                await reader.read()
                return
            writer.write(f"{answer}\r\n".encode())
            if verb == "QUIT":
                return
            if answer.startswith("354") and not await self._content(key, reader, writer):
                return

    async def _content(
        self, key: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Read a mail to its end; whether the conversation goes on."""
        raw = await reader.readuntil(b"\r\n.\r\n")
        self.has_content.set()
        answer = self.answers.pop(key, {}).get("content", "250 2.0.0 queued")
        if answer.startswith("250"):
            self.encrypted += writer.get_extra_info("ssl_object") is not None
            self._taken[key] += 1
            self.mails.append((key, raw[:-3].replace(b"\r\n..", b"\r\n.")))
        if answer == SILENCE:
            await reader.read()
        if answer in (HANG_UP, SILENCE):
            return False
        writer.write(f"{answer}\r\n".encode())
        return True

    def _answer(self, verb: str, key: str) -> str:
        if verb == "EHLO":
            lines = ["250-scripted", *(f"250-{name}" for name in self.extensions)]
            return "\r\n".join([*lines[:-1], lines[-1].replace("250-", "250 ")])
        scripted = self.answers.get(key, {})
        if verb in scripted:
            answer = scripted[verb]
            del self.answers[key]
            return answer
        usual = {"DATA": "354 go on", "QUIT": "221 bye", "MAIL": "250 ok", "RCPT": "250 ok"}
        return usual.get(verb, "250 ok")
