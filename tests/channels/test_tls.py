"""Encryption: offered, insisted on, from the first byte; and certificates that are nobody's."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from duyen.channels.email import EmailChannel, EmailSettings
from duyen.channels.interface import Outgoing
from tests.channels.smtp_server import ScriptedServer

MAIL = Outgoing("a", "a@shop.test", "a@example.test", b"Subject: x\r\n\r\nHello\r\n")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that signs itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.shop.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def server(certificate: Path) -> Callable[[bool], ScriptedServer]:
    """Makes a server that can encrypt."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return lambda at_once: ScriptedServer(context, at_once)


async def send(server: ScriptedServer, security: str, ca_file: str = "") -> str:
    """The fate of one mail, and whether it went encrypted."""
    settings = EmailSettings(
        port=server.port,
        security=security,  # type: ignore[arg-type]
        ca_file=ca_file,
        timeout=5.0,
    )
    channel = EmailChannel(settings)
    [result] = await channel.send([MAIL])
    await channel.close()
    return f"{result.fate}{' encrypted' if server.encrypted else ''}"


@pytest.mark.parametrize(
    ("security", "at_once", "trusted", "fate"),
    [
        ("auto", False, True, "sent encrypted"),
        ("starttls", False, True, "sent encrypted"),
        ("none", False, True, "sent"),
        ("tls", True, True, "sent encrypted"),
        ("auto", False, False, "retry"),
        ("starttls", False, False, "retry"),
        ("tls", True, False, "retry"),
        ("tls", False, True, "retry"),
        ("none", True, True, "retry"),
    ],
)
async def test_security(
    server: Callable[[bool], ScriptedServer],
    certificate: Path,
    security: str,
    at_once: bool,
    trusted: bool,
    fate: str,
) -> None:
    async with server(at_once) as listening:
        assert await send(listening, security, str(certificate) if trusted else "") == fate


async def test_the_reason_says_certificate(server: Callable[[bool], ScriptedServer]) -> None:
    async with server(True) as listening:
        channel = EmailChannel(EmailSettings(port=listening.port, security="tls", timeout=5.0))
        assert "certificate" in (await channel.probe()).lower()
