"""A copy of one database as it is at one moment, while others write to it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from duyen.stores.sqlite.connect import connect, explained


def snapshot(source: Path, target: Path) -> None:
    """Copy all that is committed into a new file; writers go on meanwhile."""
    with closing(connect(source, durable=False, read_only=True)) as connection, explained():
        connection.execute("VACUUM INTO ?", (str(target),))
