"""Keys and administrators, as changes of the program: made here, kept as digests only."""

from __future__ import annotations

import re
import secrets
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from duyen.model.errors import InvalidInput
from duyen.model.program import ResourceChange
from duyen.model.times import Millis
from duyen.runtime.secrets import digest_key, hash_password, new_key

SHORTEST_PASSWORD = 10
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


class NewKey(NamedTuple):
    """A fresh key, shown once, and the change that makes it known."""

    key: str
    change: ResourceChange


def key_change(
    kind: Literal["write", "secret"], origins: tuple[str, ...], name: str, author: str, now: Millis
) -> NewKey:
    """Make a key; raises InvalidInput for an origin that is none."""
    key = new_key(kind)
    return NewKey(key, known_key(key, kind, origins, name, author, now))


def known_key(
    key: str,
    kind: Literal["write", "secret"],
    origins: tuple[str, ...],
    name: str,
    author: str,
    now: Millis,
) -> ResourceChange:
    """The change that makes a key known."""
    if origins and kind != "write":
        raise InvalidInput(
            "key.origins", "Only a write key may have origins; a secret key never stands in a page."
        )
    digest = digest_key(key)
    body = {"kind": kind, "digest": digest, "name": name, "origins": [_origin(o) for o in origins]}
    return ResourceChange("key", f"k_{digest[:12]}", body, author, now)


def _origin(text: str) -> str:
    if text == "*":
        return text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
        raise InvalidInput(
            "key.origin", f"“{text}” is no origin; write for example https://your.shop, or *."
        )
    return f"{parts.scheme}://{parts.netloc}".lower()


def admin_change(email: str, password: str, author: str, now: Millis) -> ResourceChange:
    """Give an address access to the console; raises InvalidInput."""
    address = email.strip().lower()
    if not _EMAIL.fullmatch(address):
        raise InvalidInput("admin.email", f"“{email}” is no e-mail address.")
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(
            "admin.password", f"A password has at least {SHORTEST_PASSWORD} characters."
        )
    return ResourceChange("admin", address, {"password": hash_password(password)}, author, now)


def new_password() -> str:
    """A password to be read out: four groups of letters and digits, 80 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))
