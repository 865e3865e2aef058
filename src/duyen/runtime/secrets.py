"""The installation's secret, and what is derived from it: one key for each purpose."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from duyen.model.errors import Conflict
from duyen.model.times import DAY, Millis

VISITOR_LIFE: Millis = 400 * DAY
SHORTEST_SECRET = 32
_NONCE = 12


class Secrets:
    """Keys derived from `secret.key` (32 random bytes, readable by the owner only)."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._visitor = self.derive("visitor")
        self.links = self.derive("links")
        self.identity = self.derive("identity").hex()
        self.session = self.derive("session")
        self._pseudonym = self.derive("pseudonyms")

    @classmethod
    def open(cls, folder: Path) -> Secrets:
        """Read the secret, or make it on first use; two processes starting at once agree."""
        path = folder / "secret.key"
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            fresh = folder / f".secret.{os.getpid()}"
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        root = path.read_bytes()
        if len(root) < SHORTEST_SECRET:
            raise Conflict(
                "secret.damaged",
                f"secret.key in {folder} is cut off ({len(root)} bytes), so that anybody could sign in our name; "
                "put it back from a backup.",
            )
        return cls(root)

    def derive(self, purpose: str) -> bytes:
        """A key for one purpose (HMAC-SHA-256 of the purpose under the root, as in HKDF-Expand)."""
        return hmac.new(self._root, b"duyen/1/" + purpose.encode(), hashlib.sha256).digest()

    def seal(self, text: str, place: str) -> str:
        """A foreign system's secret as it is kept: AES-256-GCM, to be opened in its own `place` only."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self.derive("sealed")).encrypt(nonce, text.encode(), place.encode())
        return b64(nonce + sealed)

    def unseal(self, sealed: str, place: str) -> str:
        """The secret that was sealed in a place; raises Conflict where it was sealed elsewhere."""
        try:
            whole = unb64(sealed)
            opened = AESGCM(self.derive("sealed")).decrypt(
                whole[:_NONCE], whole[_NONCE:], place.encode()
            )
        except (ValueError, InvalidTag) as error:
            raise Conflict(
                "secret.sealed_elsewhere",
                f"The secret of {place} was sealed with another secret.key, or changed since; give it again.",
            ) from error
        return opened.decode()

    def visitor_token(self, anonymous_id: str, now: Millis) -> str:
        """A signed proof that this browser is this anonymous visitor."""
        body = f"{now // 1000}.{anonymous_id}".encode()
        return b64(body) + "." + b64(_mac(self._visitor, body))

    def read_visitor(self, token: str, now: Millis) -> str | None:
        """The anonymous id of a valid, unexpired visitor token."""
        try:
            body_text, mac_text = token.split(".", 1)
            body, mac = unb64(body_text), unb64(mac_text)
            issued, anonymous_id = body.decode().split(".", 1)
            age = now - int(issued) * 1000
        except ValueError:
            return None
        if not hmac.compare_digest(mac, _mac(self._visitor, body)) or age > VISITOR_LIFE:
            return None
        return anonymous_id

    def pseudonym(self, namespace: str, value: str) -> str:
        """A keyed hash of an identifier: it tells nothing without our secret, and is the same each time."""
        told = f"{namespace}\0{value}".encode()
        return hashlib.blake2b(told, key=self._pseudonym, digest_size=16).hexdigest()

    def sign(self, body: bytes) -> tuple[str, str]:
        """Sign as this installation (Ed25519, RFC 8032): (public key, signature)."""
        key = Ed25519PrivateKey.from_private_bytes(self.derive("receipts"))
        return b64(key.public_key().public_bytes_raw()), b64(key.sign(body))

    def identity_hash(self, value: str) -> str:
        """What a company's server gives its page so that the page may speak as `value`."""
        return hmac.new(self.identity.encode(), value.encode(), hashlib.sha256).hexdigest()


def new_key(kind: str) -> str:
    """A fresh API key: wk_… may stand in a page, sk_… may not."""
    return {"write": "wk_", "secret": "sk_"}[kind] + b32encode(
        secrets.token_bytes(20)
    ).decode().lower()


def digest_key(key: str) -> str:
    """How a key is kept: its SHA-256; keys are random, so no salt is needed."""
    return hashlib.sha256(key.encode()).hexdigest()


def hash_password(password: str) -> str:
    """scrypt (RFC 7914) with n=2^15, r=8, p=1."""
    salt = secrets.token_bytes(16)
    return f"scrypt${salt.hex()}${_scrypt(password, salt).hex()}"


def check_password(password: str, stored: str) -> bool:
    """Whether this is the password, in constant time."""
    _, salt, expected = stored.split("$")
    return hmac.compare_digest(_scrypt(password, bytes.fromhex(salt)), bytes.fromhex(expected))


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(
        password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=64 * 1024 * 1024, dklen=32
    )


def signed(public_key: str, body: bytes, signature: str) -> bool:
    """Whether the holder of this public key has signed this."""
    try:
        Ed25519PublicKey.from_public_bytes(unb64(public_key)).verify(unb64(signature), body)
    except (InvalidSignature, ValueError):
        return False
    return True


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, body, hashlib.sha256).digest()[:18]


def b64(data: bytes) -> str:
    """Bytes as text that may stand in an address."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """The bytes of such a text; ValueError where it is none."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
