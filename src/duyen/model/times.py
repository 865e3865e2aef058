"""Instants and durations: integer milliseconds, so that a boundary is a boundary everywhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

Millis = int
"""Milliseconds since 1970-01-01T00:00:00Z (an instant) or elapsed (a duration)."""

SECOND: Millis = 1_000
MINUTE: Millis = 60 * SECOND
HOUR: Millis = 60 * MINUTE
DAY: Millis = 24 * HOUR
WEEK: Millis = 7 * DAY
NEVER: Millis = 2**53
"""Later than any instant we accept; an `until` of NEVER means that time alone changes nothing."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"ms": 1, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": WEEK}
_DURATION = re.compile(r"\s*(\d{1,9})\s*(ms|s|m|h|d|w)\s*")


def parse_duration(text: str) -> Millis:
    """Read `90d`, `36h`, `1d 12h`; raises ValueError with what is allowed."""
    position, total = 0, 0
    while position < len(text):
        found = _DURATION.match(text, position)
        if not found:
            break
        total += int(found[1]) * _UNITS[found[2]]
        position = found.end()
    if not text.strip() or position != len(text):
        raise ValueError(f"“{text}” is not a duration; write for example 30m, 36h, 90d or 2w")
    return total


def format_duration(duration: Millis) -> str:
    """Write a duration in its largest whole unit: 90d, 36h, 250ms."""
    for unit in ("w", "d", "h", "m", "s"):
        if duration and duration % _UNITS[unit] == 0:
            return f"{duration // _UNITS[unit]}{unit}"
    return f"{duration}ms"


def parse_time(text: str) -> Millis:
    """Read an RFC 3339 / ISO 8601 instant; without an offset it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def format_time(instant: Millis) -> str:
    """Write an instant as RFC 3339 in UTC with milliseconds."""
    moment = _EPOCH + timedelta(milliseconds=instant)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant % 1000:03d}Z"
