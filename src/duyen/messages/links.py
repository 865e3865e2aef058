"""Links that come back to us: clicks, opens and unsubscribes, sealed so that nobody can make or change one.

A token is `base64url(AES-SIV(payload))`. Sealing proves that we made it, as an HMAC would (the comparison is
made in constant time by the library), and besides keeps the address it carries out of access logs. The
destination of a click lies inside the token, so that there is no redirect to a place we did not write.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import blake2b
from typing import Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

LONGEST_URL = 2_000
LONGEST_TOKEN = 6_000
_PURPOSE = [b"duyen.link.1"]
_KINDS = {
    "c": "click",
    "o": "open",
    "u": "unsubscribe",
    "p": "preferences",
    "k": "confirm",
}
_WEB = re.compile(r"https?://", re.IGNORECASE)
Kind = Literal["c", "o", "u", "p", "k"]


class Payload(msgspec.Struct, frozen=True, array_like=True):
    """What a token says: of which contact, whose, and where to.

    c = click, o = open, u = unsubscribe, p = the preference centre, k = confirm a yes.
    """

    kind: Kind
    key: str
    person: str
    address: str
    message: str
    url: str = ""
    purpose: str = ""
    brand: str = ""

    @property
    def name(self) -> str:
        """The kind in a word."""
        return _KINDS[self.kind]


_decode: Callable[[bytes], Payload] = msgspec.msgpack.Decoder(Payload).decode
_encode = msgspec.msgpack.Encoder().encode


class Links:
    """Makes and reads the tokens of one workspace."""

    def __init__(self, secret: bytes, base_url: str) -> None:
        """`secret`: at least 16 bytes that only the server knows; `base_url`: where /t/ answers."""
        if len(secret) < 16:
            raise ValueError("the secret of links needs at least 16 bytes")
        self._seal = AESSIV(blake2b(secret, digest_size=64, person=b"duyen.links").digest())
        self.base_url = base_url.rstrip("/")

    def of(
        self, *, key: str, person: str, address: str, message: str, purpose: str, brand: str
    ) -> MailLinks:
        """The links of one contact."""
        return MailLinks(self, Payload("c", key, person, address, message, "", purpose, brand))

    def token(self, payload: Payload) -> str:
        """Seal a payload; the same payload gives the same token."""
        sealed = self._seal.encrypt(_encode(payload), _PURPOSE)
        return urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def verify(self, token: str) -> Payload | None:
        """What a token says, or None where we did not make it as it is."""
        if not 22 <= len(token) <= LONGEST_TOKEN or not token.isascii():
            return None
        try:
            sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
            return _decode(self._seal.decrypt(sealed, _PURPOSE))
        except (binascii.Error, ValueError, InvalidTag, msgspec.MsgspecError):
            return None


class MailLinks:
    """The links of one mail."""

    def __init__(self, links: Links, payload: Payload) -> None:
        self._links, self._payload = links, payload
        self.known: dict[str, str] = {}
        """What `track` has answered so far."""

    def track(self, url: str) -> str:
        """The URL under which a click on `url` is seen; our own, over-long and non-web links stay as they are."""
        known = self.known.get(url)
        if known is None:
            known = self.known[url] = self._track(url)
        return known

    def _track(self, url: str) -> str:
        base, own = self._links.base_url, self._payload
        if not is_web(url) or len(url) > LONGEST_URL or url.startswith(f"{base}/t/"):
            return url
        return f"{base}/t/c/{self._links.token(_about('c', own, url))}"

    @property
    def open(self) -> str:
        """URL of the picture whose loading says that the mail was opened."""
        return f"{self._links.base_url}/t/o/{self._links.token(_about('o', self._payload))}.gif"

    @property
    def unsubscribe(self) -> str:
        """URL that takes the person out: one POST (RFC 8058), or the button of the page it shows."""
        return self._of("u")

    @property
    def preferences(self) -> str:
        """URL of the preference centre of the person."""
        return self._of("p")

    def confirm(self, purpose: str, brand: str) -> str:
        """URL by which the person confirms that they agree to a purpose."""
        return self._of("k", purpose=purpose, brand=brand)

    def _of(self, kind: Kind, **about: str) -> str:
        payload = msgspec.structs.replace(self._payload, kind=kind, **about)
        return f"{self._links.base_url}/t/{kind}/{self._links.token(payload)}"


def _about(kind: Kind, own: Payload, url: str = "") -> Payload:
    """A click or an open of the same contact."""
    return Payload(kind, own.key, own.person, own.address, own.message, url)


def is_web(url: str) -> bool:
    """Whether a link leads to the web."""
    return url.startswith(("https://", "http://")) or _WEB.match(url) is not None
