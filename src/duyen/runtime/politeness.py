"""Who goes first where processes want the same cores: whoever somebody waits for."""

from __future__ import annotations

import os

APPLYING = 5
"""The engine: pages and servers wait for the door, and nobody for the next batch."""
BACKGROUND = 10
"""Imports, the lake, training: hours of work that may take a little longer."""


def give_way(niceness: int) -> None:
    """Let other processes go before this one; it never becomes less polite again."""
    if os.getpriority(os.PRIO_PROCESS, 0) < niceness:
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
