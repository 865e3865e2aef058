"""Ids that last: the same row has the same id in whatever file, and at whatever place, it comes again.

Exports overlap, grow at either end, are sorted anew and get other names, and a number such as “0001” begins again
each year. So an id is made of what a row says, not of where it stands; rows that say the very same are numbered as
they come, because two equal sales are two sales.
"""

from __future__ import annotations

from hashlib import blake2b

from duyen.connectors.report import Distinct


class Lasting:
    """Gives ids `{prefix}:{digest of what is said}`, and `…~2` for what says the same a second time."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._told = Distinct()
        self._again: dict[str, int] = {}

    def id(self, said: bytes) -> str:
        """The id of something said; what is said again gets another one."""
        hashed = blake2b(said, digest_size=12).digest()
        digest = hashed.hex()
        if self._told.add_hash(hashed):
            return f"{self._prefix}:{digest}"
        number = self._again[digest] = self._again.get(digest, 1) + 1
        return f"{self._prefix}:{digest}~{number}"
