"""What a page may say of a user: no more than the company's own hash proves."""

from __future__ import annotations

import secrets

import msgspec

from duyen.model.event import Collected
from duyen.runtime.secrets import Secrets


def proved(of: Secrets, call: Collected) -> Collected:
    """A page that carries the company's own hash of a user id may speak as that user, and no more."""
    if not call.user_id or b"user_hash" not in bytes(call.context):
        return call
    told = msgspec.json.decode(call.context).get("user_hash")
    if isinstance(told, str) and knows(of, call.user_id, told):
        return msgspec.structs.replace(call, trusted=True, verified=("user_id",))
    return call


def knows(of: Secrets, user_id: str, told: str) -> bool:
    """Whether `told` is the company's own hash of a user id."""
    # Bytes, because text outside ASCII cannot be compared in constant time.
    expected = of.identity_hash(user_id).encode()
    return secrets.compare_digest(expected, told.encode("utf-8", "replace"))
