"""Simulated time."""

from __future__ import annotations

from typing_extensions import TypedDict


class ClockSet(TypedDict):
    """The instant that simulated time moves to (RFC 3339, or milliseconds)."""

    now: str | int


class Clock(TypedDict):
    """The present instant, and whether everything due by then has been done."""

    now: str
    settled: bool
