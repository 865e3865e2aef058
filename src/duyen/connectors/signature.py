"""Whether a delivery comes from whoever knows the secret."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping

from duyen.model.source import Auth


def shop_signature(header: str) -> Auth:
    """How the shops sign: the base64 of the body's HMAC-SHA-256."""
    return Auth("hmac", header, "", "sha256", "base64")


def proved(auth: Auth, secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the headers prove the body; compared in constant time."""
    told = headers.get(auth.header.lower(), "").strip()
    if auth.scheme == "token":
        if not auth.prefix and auth.header.lower() == "authorization":
            told = told.removeprefix("Bearer ")
        expected = f"{auth.prefix}{secret}".strip().encode()
    else:
        digest = hmac.digest(secret.encode(), body, auth.algorithm)
        coded = b64encode(digest) if auth.encoding == "base64" else digest.hex().encode()
        expected = auth.prefix.encode() + coded
    # Bytes, because text outside ASCII cannot be compared in constant time.
    return hmac.compare_digest(expected, told.encode("utf-8", "replace"))
