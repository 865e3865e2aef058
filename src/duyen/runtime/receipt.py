"""The signed receipt of an erasure: what was erased, when, and what is kept, without a word of whose it was.

Whom it is about stands in it as keyed hashes: who knows an identifier and holds the installation's secret can tell
that it is about that person; nobody else can tell anything. The signature is Ed25519 (RFC 8032) over the receipt as
JSON with sorted keys and without spaces (RFC 8785 for such values): anybody can check it with the public key.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from duyen.collect import canonical
from duyen.model.errors import InvalidInput
from duyen.model.event import Identifier
from duyen.runtime.secrets import Secrets, signed

KIND = "duyen.erasure/1"


class Verdict(NamedTuple):
    """What looking at a receipt shows."""

    genuine: bool
    """The signature fits what it says."""
    ours: bool
    """It was signed here."""
    about: bool | None
    """It is about the person who was asked for; None where nobody was."""


def receipt(secrets: Secrets, told: dict[str, Any]) -> str:
    """A signed receipt as JSON."""
    body = {"kind": KIND, **told}
    public, signature = secrets.sign(_bytes(body))
    sealed = {
        "receipt": body,
        "algorithm": "Ed25519",
        "public_key": public,
        "signature": signature,
    }
    return json.dumps(sealed, ensure_ascii=False, sort_keys=True, indent=1)


def verify(secrets: Secrets, text: str | bytes, name: Identifier | None = None) -> Verdict:
    """Look at a receipt; raises InvalidInput where it is none."""
    try:
        sealed = json.loads(text)
        body, public, signature = sealed["receipt"], sealed["public_key"], sealed["signature"]
        if sealed["algorithm"] != "Ed25519" or body["kind"] != KIND:
            raise ValueError("another kind")
        subjects = [str(one) for one in body["subjects"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InvalidInput(
            "receipt.unreadable", "This is no receipt of an erasure; give the file as it was made."
        ) from error
    genuine = signed(str(public), _bytes(body), str(signature))
    about: bool | None = None
    if name is not None:
        namespace, value = name
        about = secrets.pseudonym(namespace, canonical(namespace, value) or value) in subjects
    return Verdict(genuine, genuine and public == secrets.sign(b"")[0], about)


def _bytes(body: dict[str, Any]) -> bytes:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
