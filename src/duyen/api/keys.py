"""Who is calling: keys, origins, and what each may say."""

from __future__ import annotations

import hmac
import time
from typing import NamedTuple

from duyen.model.errors import NotAllowed
from duyen.runtime.house import House
from duyen.runtime.secrets import digest_key


class Key(NamedTuple):
    """A key as kept: never itself, only its digest. `origins` of a write key: the sites it may be used from."""

    id: str
    kind: str
    digest: str
    origins: tuple[str, ...]

    @property
    def is_browser(self) -> bool:
        """A write key with origins is a browser's: what it says about people is a claim."""
        return self.kind == "write" and bool(self.origins)

    def admits(self, origin: str) -> bool:
        """Whether a page from `origin` may use this key."""
        return "*" in self.origins or origin.rstrip("/") in self.origins


LOOK = 0.001
"""Seconds between two looks at whether a key was made or taken away; an answer over HTTP takes longer."""


class Keyring:
    """The workspace's keys, read again whenever one was made or taken away."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._version = -1
        self._looked = -LOOK
        self._keys: dict[str, Key] = {}

    def _current(self) -> dict[str, Key]:
        now = time.monotonic()
        if now - self._looked < LOOK:
            return self._keys
        version = self._house.state.changed()
        if version != self._version:
            rows = self._house.state.resources("key")
            keys = [
                Key(id, body["kind"], body["digest"], tuple(body.get("origins", ())))
                for _, id, _, body, _, _ in rows
            ]
            self._keys = {key.digest: key for key in keys}
            self._version = version
        self._looked = now
        return self._keys

    def find(self, key: str, kind: str) -> Key:
        """The key of this kind, or NotAllowed with what to do."""
        digest = digest_key(key) if key else ""
        found = self._current().get(digest)
        if found is None and digest:
            self._looked = -LOOK
            found = self._current().get(digest)
        if found is None or not hmac.compare_digest(found.kind, kind):
            what = {"write": "write key (wk_…)", "secret": "secret key (sk_…)"}[kind]
            problem = "is missing" if not key else "is not known here"
            raise NotAllowed(
                "key.unknown",
                f"The {what} {problem}; make one with `duyen keys create --kind {kind}`.",
            )
        return found

    def any_admits(self, origin: str) -> bool:
        """Whether some browser key may be used from `origin`: all that a preflight can ask."""
        return any(key.is_browser and key.admits(origin) for key in self._current().values())


def check_origin(key: Key, origin: str) -> None:
    """A browser's request must come from a site that the key is for; servers send no origin."""
    if not origin:
        return
    if not key.is_browser:
        raise NotAllowed(
            "key.not_for_browsers",
            "This write key is a server's; make one for pages with `--origin https://your.site`.",
            status=403,
        )
    if not key.admits(origin):
        raise NotAllowed(
            "key.origin",
            f"This write key may not be used from {origin}; add it with `--origin {origin}`.",
            status=403,
        )
