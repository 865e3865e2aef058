"""E-mail by SMTP against a real server on a real socket, well-behaved and not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from duyen.channels import email
from duyen.channels.email import EmailChannel, EmailSettings, dotted
from duyen.channels.interface import Outgoing, Result
from duyen.testing.channels import CHECKS, Check
from tests.channels.smtp_server import HANG_UP, SILENCE, ScriptedServer


@pytest.fixture(params=["one command at a time", "commands together"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedServer]:
    """A scripted server that listens; some take several commands at once."""
    async with ScriptedServer() as listening:
        if request.param == "one command at a time":
            listening.extensions = ("8BITMIME",)
        yield listening


def settings(server: ScriptedServer, **more: object) -> EmailSettings:
    """A channel's settings for a server; one connection, so that stories have an order."""
    fields = {"port": server.port, "connections": 1, "timeout": 1.0, **more}
    return msgspec.convert(fields, EmailSettings)


def mail(key: str, content: bytes = b"Subject: x\r\n\r\nHello\r\n") -> Outgoing:
    """A small mail."""
    return Outgoing(key, f"{key}@shop.test", f"{key}@example.test", content)


async def send(server: ScriptedServer, *keys: str, **more: object) -> list[Result]:
    """Send small mails over a channel of their own."""
    channel = EmailChannel(settings(server, **more))
    results = await channel.send([mail(key) for key in keys])
    await channel.close()
    return results


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("check", CHECKS, ids=lambda one: str(one.__name__))
async def test_it_keeps_the_promises_of_a_channel(
    check: Check, connections: int, server: ScriptedServer
) -> None:
    await check(lambda: EmailChannel(settings(server, connections=connections)), server, mail)


async def test_a_mail_arrives_as_it_was_written(server: ScriptedServer) -> None:
    content = b"Subject: x\r\n\r\n.dot\r\n..two\r\n.\r\nend\r\n"
    channel = EmailChannel(settings(server))
    await channel.send([mail("a", content)])
    await channel.close()
    assert server.mails == [("a", content)]
    assert "MAIL FROM:<a@shop.test>" in server.transcript
    assert server.transcript[-1] == "QUIT"


async def test_one_connection_carries_many_mails_and_is_renewed(server: ScriptedServer) -> None:
    channel = EmailChannel(settings(server, per_connection=5))
    await channel.send([mail(f"a{n}") for n in range(4)])
    await channel.send([mail(f"b{n}") for n in range(4)])
    await channel.close()
    assert server.connections == 2
    assert len(server.mails) == 8


@pytest.mark.parametrize(
    ("verb", "answer", "fate"),
    [
        ("MAIL", "451 4.3.0 later", "retry"),
        ("MAIL", "550 5.7.1 not you", "failed"),
        ("MAIL", "530 5.7.0 log in first", "retry"),
        ("RCPT", "450 4.2.1 mailbox busy", "retry"),
        ("RCPT", "552 5.2.2 mailbox full", "failed"),
        ("RCPT", "421 4.3.2 closing", "retry"),
        ("RCPT", "250-odd\r\n250 multi line", "sent"),
        ("DATA", "451 4.3.0 later", "retry"),
        ("DATA", "554 5.5.1 no valid recipients", "failed"),
        ("DATA", HANG_UP, "retry"),
        ("DATA", "250 what", "retry"),
        ("content", "451 4.3.0 later", "retry"),
        ("content", "554 5.6.0 spam", "failed"),
        ("content", "421 4.3.2 closing", "retry"),
        ("content", HANG_UP, "unknown"),
        ("content", "not smtp", "unknown"),
        ("content", SILENCE, "unknown"),
        ("RCPT", SILENCE, "retry"),
    ],
)
async def test_what_an_answer_means(
    server: ScriptedServer, verb: str, answer: str, fate: str
) -> None:
    server.answers["a"] = {verb: answer}
    first, second = await send(server, "a", "b", timeout=0.3)
    assert (first.fate, second.fate) == (fate, "sent")
    assert server.taken("a") == (fate == "sent")


async def test_the_envelope_is_cleared_after_a_refusal(server: ScriptedServer) -> None:
    server.answers["a"] = {"RCPT": "550 5.1.1 no such person"}
    await send(server, "a", "b")
    verbs = [line.partition(" ")[0].upper() for line in server.transcript]
    together = ["DATA"] if "PIPELINING" in server.extensions else []
    refused = ["MAIL", "RCPT", *together, "RSET"]
    assert verbs == ["EHLO", *refused, "MAIL", "RCPT", "DATA", "QUIT"]
    assert server.connections == 1


async def test_a_server_that_wants_a_content_for_nobody_gets_none(server: ScriptedServer) -> None:
    server.takes_any_data = True
    server.answers["a"] = {"RCPT": "550 5.1.1 no such person"}
    first, second = await send(server, "a", "b")
    assert (first.fate, first.code, second.fate) == ("failed", 550, "sent")
    assert [key for key, _ in server.mails] == ["b"]


@pytest.mark.parametrize(
    "odd", ["354 go on\r\n250 and more", "no code", "250-" + "x" * 70_000, "250-a\r\nb"]
)
async def test_answers_that_were_not_asked_for_end_the_connection(odd: str) -> None:
    async with ScriptedServer() as server:
        server.answers["a"] = {"DATA": odd}
        first, second = await send(server, "a", "b")
        assert (first.fate, second.fate) == ("retry", "sent")
        assert server.connections == 2
        assert server.taken("a") == 0


async def test_a_server_that_is_not_there_is_tried_later() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        channel = EmailChannel(EmailSettings(port=taken.getsockname()[1], timeout=1.0))
        results = await channel.send([mail("a"), mail("b")])
        assert [result.fate for result in results] == ["retry", "retry"]
        assert "does not let us in" in await channel.probe()


async def test_a_server_that_is_too_busy_to_greet(server: ScriptedServer) -> None:
    server.greeting = "421 4.3.2 too many connections"
    [result] = await send(server, "a")
    assert (result.fate, result.code) == ("retry", 421)
    assert [r.fate for r in await send(server, *"abcdefgh")] == ["retry"] * 8
    assert server.connections == 2  # it is not knocked at once for each mail
    server.greeting = "554 5.7.1 you are on a list"
    [result] = await send(server, "a")
    assert result.fate == "retry"


async def test_starttls_is_insisted_on_where_it_is_asked_for(server: ScriptedServer) -> None:
    [result] = await send(server, "a", security="starttls")
    assert result.fate == "retry"
    assert server.mails == []


async def test_an_address_cannot_smuggle_a_command(server: ScriptedServer) -> None:
    channel = EmailChannel(settings(server))
    evil = Outgoing("a", "a@shop.test", "a@example.test>\r\nRCPT TO:<b@example.test", b"x")
    first, second = await channel.send([evil, mail("b")])
    await channel.close()
    assert first.fate == "failed"
    assert second.fate == "sent"
    assert [key for key, _ in server.mails] == ["b"]


async def test_closing_ends_a_send_with_what_is_known(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose content has left is unknown; one that was not spoken of is surely not sent."""
    monkeypatch.setattr(email, "GRACE", 0.0)
    server.script("told", "silent")
    channel = EmailChannel(settings(server, timeout=60))
    under_way = asyncio.create_task(channel.send([mail("told"), mail("next"), mail("last")]))
    await server.has_content.wait()
    await channel.close()
    assert [result.fate for result in await under_way] == ["unknown", "retry", "retry"]
    assert server.taken("next") == 0
    [again] = await channel.send([mail("next")])
    assert again.fate == "sent", "a closed channel may be used again"
    await channel.close()


async def test_closing_cuts_a_silent_envelope_off_as_surely_not_sent(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "GRACE", 0.0)
    server.answers["slow"] = {"RCPT": SILENCE}
    channel = EmailChannel(settings(server, timeout=60))
    under_way = asyncio.create_task(channel.send([mail("slow"), mail("next")]))
    await server.is_silent.wait()
    await channel.close()
    assert [result.fate for result in await under_way] == ["retry", "retry"]


async def test_what_is_under_way_is_not_lost_track_of_when_cancelled(
    server: ScriptedServer,
) -> None:
    server.answers["a"] = {"content": SILENCE}
    channel = EmailChannel(settings(server, timeout=20.0))
    task = asyncio.create_task(channel.send([mail("a")]))
    await server.has_content.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [result] = await channel.send([mail("b")])
    assert result.fate == "sent"
    await channel.close()


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a\r\n", b"a\r\n.\r\n"),
        (b"a", b"a\r\n.\r\n"),
        (b".a\r\n.b", b"..a\r\n..b\r\n.\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_dots(content: bytes, line: bytes) -> None:
    assert dotted(content) == line


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 0},
        {"port": 70_000},
        {"connections": 0},
        {"timeout": 0},
        {"per_connection": 0},
        {"host": "mail.example.com", "security": "none", "username": "u", "password": "p"},
    ],
)
def test_settings_that_cannot_work(wrong: dict[str, object]) -> None:
    with pytest.raises((ValueError, msgspec.ValidationError)):
        msgspec.convert(wrong, EmailSettings)
    with pytest.raises(ValueError, match=r"is|would"):
        EmailSettings(**wrong)  # type: ignore[arg-type]
