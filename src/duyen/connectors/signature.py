"""Whether a body comes from whoever knows the secret."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import sha256


def signed(body: bytes, secret: str, told: str) -> bool:
    """Whether `told` is the base64 of the body's HMAC-SHA-256 under the secret; compared in constant time."""
    expected = b64encode(hmac.digest(secret.encode(), body, sha256))
    return hmac.compare_digest(expected, told.strip().encode("utf-8", "replace"))
