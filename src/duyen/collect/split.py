"""Cuts a batch that is no JSON as a whole into its calls, so that one broken call costs only itself.

Python's own JSON writer, for one, sends NaN where a price is not known. Only strings and brackets are read.
"""

from __future__ import annotations

import re

MAX_TOKENS = 200_000
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],]', re.DOTALL)
_OPENING, _CLOSING = b"{[", b"}]"


def split_batch(body: bytes) -> tuple[bytes, list[bytes]] | None:
    """(the body with an empty batch, the bytes of each call), or None where no batch is found in it."""
    depth, key, start = 0, b"", -1
    pieces: list[bytes] = []
    for count, found in enumerate(_TOKEN.finditer(body)):
        token = found[0]
        if count > MAX_TOKENS:
            return None
        if token in _OPENING:
            depth += 1
            if depth == 2 and token == b"[" and key == b'"batch"' and start < 0:
                start = begun = found.end()
        elif token in _CLOSING:
            depth -= 1
            if depth == 1 and start >= 0:
                pieces.append(body[begun : found.start()].strip())
                if pieces == [b""]:
                    pieces = []
                return body[:start] + body[found.start() :], pieces
        elif token == b",":
            if depth == 2 and start >= 0:
                pieces.append(body[begun : found.start()].strip())
                begun = found.end()
        elif depth == 1:
            key = token
    return None
