"""Appends a batch to a lake for each line of standard input, until it is killed; says what it begins and has done.

    python appender.py FOLDER BATCHES [POINT NUMBER]

With a POINT it kills itself there at batch NUMBER: `before` its file is written, when the file is `written` and no
commit names it yet, or when it is `committed`.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from duyen.stores import delta_files
from duyen.stores.lake import Lake
from tests.lake.rows import row

EACH = 20


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def wrap(place: object, name: str, *, first: bool, when: Callable[[], bool]) -> None:
    """Let a function of a module die before or after its work."""
    work = getattr(place, name)

    def killed(*args: Any, **kwargs: Any) -> Any:
        if first and when():
            die()
        result = work(*args, **kwargs)
        if when():
            die()
        return result

    setattr(place, name, killed)


def main(folder: str, batches: int, point: str, number: int) -> None:
    lake = Lake(Path(folder))
    seq = lake.position("events", "live")

    def when() -> bool:
        return seq == number

    if point in ("before", "written"):
        wrap(delta_files, "write_files", first=point == "before", when=when)
    if point == "committed":
        wrap(delta_files, "commit", first=False, when=when)
    while seq + 1 < batches:
        if not sys.stdin.readline():
            return
        seq += 1
        print(f"begin {seq}", flush=True)
        lake.append_events([row(seq, n) for n in range(EACH)], "live", seq)
        print(f"done {seq}", flush=True)
        if seq % 7 == 6:
            lake.compact()
            lake.vacuum(hours=0)


if __name__ == "__main__":
    point, number = sys.argv[3:] or ("", "-1")
    main(sys.argv[1], int(sys.argv[2]), point, int(number))
