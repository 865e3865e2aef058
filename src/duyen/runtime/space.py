"""Room on the disk; apart from the house, so that the supervisor can ask without opening anything."""

from __future__ import annotations

import shutil
from pathlib import Path

from duyen.model.errors import Unavailable


def free_space(folder: Path) -> int:
    """Bytes free where the data lies."""
    return shutil.disk_usage(folder).free


def need_space(folder: Path, least: int = 64 * 1024 * 1024) -> None:
    """Refuse to begin on a disk that is nearly full."""
    free = free_space(folder)
    if free < least:
        raise Unavailable(
            "storage.full",
            f"Only {free // 2**20} MB are free at {folder}; free some space and start again.",
        )
