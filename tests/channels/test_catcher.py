"""The catcher and its folder of mails, spoken to over SMTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from email.message import EmailMessage
from pathlib import Path

import pytest

from duyen.channels.catcher import Catcher
from duyen.channels.email import EmailChannel, EmailSettings
from duyen.channels.interface import Outgoing
from duyen.model.errors import Unavailable
from duyen.stores.sqlite.mail import SqliteMail
from duyen.testing.channels import (
    an_empty_batch_is_nothing,
    goes_on_after_close,
    says_what_it_is,
    takes_a_batch_in_order,
)


@pytest.fixture
def store(tmp_path: Path) -> SqliteMail:
    """No mails yet."""
    return SqliteMail(tmp_path / "mail.db", lambda: 7)


@pytest.fixture
async def channel(store: SqliteMail) -> AsyncIterator[EmailChannel]:
    """E-mail into a real catcher."""
    async with Catcher(store) as catcher:
        channel = EmailChannel(EmailSettings(port=catcher.port, connections=2))
        yield channel
        await channel.close()


def mail(key: str, to: str = "an@example.test", subject: str = "Chào Ánh Tuyết 🎉") -> Outgoing:
    """A mail with two parts."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "chao@shop.test", to, subject
    message["X-Duyen-Key"] = key
    message.set_content("Chào\n.chấm ở đầu dòng\n")
    message.add_alternative("<p>Chào <b>Tuyết</b></p>", subtype="html")
    content = message.as_bytes().replace(b"\n", b"\r\n")
    return Outgoing(key, "chao@shop.test", to, content)


class _Seen:
    """The catcher's store as the provider of the channel checks."""

    def __init__(self, store: SqliteMail) -> None:
        self._store = store

    def script(self, key: str, behaviour: str) -> None:
        """The catcher always takes."""
        raise NotImplementedError(f"{key}: {behaviour}")

    def taken(self, key: str) -> int:
        """How many mails carried a contact."""
        return sum(caught.key == key for caught in self._store.list(most=1_000))


@pytest.mark.parametrize(
    "check",
    [takes_a_batch_in_order, an_empty_batch_is_nothing, goes_on_after_close, says_what_it_is],
    ids=lambda one: str(one.__name__),
)
async def test_the_channel_keeps_its_promises_with_the_catcher(
    check: object, store: SqliteMail
) -> None:
    async with Catcher(store) as catcher:
        await check(  # type: ignore[operator]
            lambda: EmailChannel(EmailSettings(port=catcher.port)), _Seen(store), mail
        )


async def test_a_caught_mail_can_be_read(channel: EmailChannel, store: SqliteMail) -> None:
    [result] = await channel.send([mail("k1")])
    assert result.fate == "sent"
    [line] = store.list()
    assert (line.recipients, line.subject, line.key, line.received) == (
        ["an@example.test"],
        "Chào Ánh Tuyết 🎉",
        "k1",
        7,
    )
    opened = store.read(line.id)
    assert opened is not None
    assert opened.html.strip() == "<p>Chào <b>Tuyết</b></p>"
    assert opened.text.replace("\r\n", "\n") == "Chào\n.chấm ở đầu dòng\n"
    raw = store.raw(line.id)
    assert raw is not None
    assert raw.startswith(b"From:")


class _Full:
    """A mailbox on a full disk."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def keep(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Cannot."""
        raise self.error


@pytest.mark.parametrize("error", [OSError("no space"), Unavailable("storage.full", "full")])
async def test_a_full_disk_puts_the_mail_off(error: Exception) -> None:
    async with Catcher(_Full(error)) as catcher:
        channel = EmailChannel(EmailSettings(port=catcher.port))
        [result] = await channel.send([mail("k")])
        await channel.close()
    assert (result.fate, result.code) == ("retry", 452)


async def test_a_taken_port_is_an_error() -> None:
    async with Catcher(_Full(OSError())) as first:
        with pytest.raises(OSError, match="address already in use"):
            await Catcher(_Full(OSError()), port=first.port).open()
