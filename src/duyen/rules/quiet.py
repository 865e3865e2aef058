"""Quiet hours by the clock on the person's own wall."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from duyen.model.person import Person
from duyen.model.program import WorkspaceSettings
from duyen.model.times import HOUR, Millis

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLI = timedelta(milliseconds=1)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
RECENT_EVENTS = 20
"""How many of the newest events are asked for a time zone when no trait names one."""


@lru_cache(maxsize=1024)
def zone_named(name: str) -> tzinfo | None:
    """The time zone of an IANA name (`Asia/Ho_Chi_Minh`) or of an offset (`+07:00`), or None."""
    if name[:1] in ("+", "-"):
        try:
            return timezone(timedelta(minutes=_offset_minutes(name)))
        except ValueError:
            return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # not there, not a name, or not readable as a zone
        return None


def _offset_minutes(text: str) -> int:
    """Minutes east of UTC of `+07:00`."""
    moved = time.fromisoformat(text[1:])
    minutes = moved.hour * 60 + moved.minute
    return -minutes if text[0] == "-" else minutes


def zone_of(person: Person, settings: WorkspaceSettings, here: object = None) -> tzinfo:
    """The person's time zone: trait `timezone`, else `here` (of the device that asks), else of their newest
    events, else the workspace's."""
    trait = person.traits.get("timezone")
    names = [trait.value, here] if trait else [here]
    for event in reversed(person.recent[-RECENT_EVENTS:]):
        if "timezone" in event.context:
            names.append(event.context["timezone"])
            break
    names.append(settings.timezone)
    for name in names:
        zone = zone_named(name) if isinstance(name, str) and name else None
        if zone is not None:
            return zone
    return UTC


def quiet_for(
    person: Person, settings: WorkspaceSettings, now: Millis, here: object = None
) -> Millis | None:
    """The end of the quiet hours that hold for a person now, or None; hours that cannot be read are the usual ones.

    `here` is the time zone that the person's device names at this moment, where one does.
    """
    start, end = settings.quiet_from, settings.quiet_to
    if not (_CLOCK.fullmatch(start) and _CLOCK.fullmatch(end)):
        usual = WorkspaceSettings()
        start, end = usual.quiet_from, usual.quiet_to
    return quiet_until(now, zone_of(person, settings, here), start, end)


def quiet_until(now: Millis, zone: tzinfo, start: str, end: str) -> Millis | None:
    """The instant at which the quiet hours that hold at `now` end; None where they do not hold.

    `start` and `end` are wall-clock times; a span over midnight is meant where end < start; equal times mean
    no quiet hours. An end that the clock jumps over is as far behind the jump as it was inside it.
    """
    first, last = clock(start), clock(end)
    here = (_EPOCH + now * _MILLI).astimezone(zone)
    if not _is_quiet(here.time(), first, last):
        return None
    ends = [
        instant
        for days in (0, 1, 2)
        for fold in (0, 1)
        if (instant := _instant(here.date() + timedelta(days=days), last, zone, fold)) > now
    ]
    for instant in sorted(ends):
        there = (_EPOCH + instant * _MILLI).astimezone(zone)
        if not _is_quiet(there.time(), first, last):
            return instant
    return now + HOUR  # no wall clock does this; ask again rather than disturb


@lru_cache(maxsize=64)
def clock(text: str) -> time:
    """A wall-clock time written `21:00`; raises ValueError with what is allowed."""
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"“{text}” is not a time of day; write for example 21:00")
    return time.fromisoformat(text)


def _is_quiet(clock: time, first: time, last: time) -> bool:
    if first <= last:
        return first <= clock < last
    return clock >= first or clock < last


def _instant(day: date, clock: time, zone: tzinfo, fold: int) -> Millis:
    """The instant of a wall-clock time on a date; where the clock shows it twice, `fold` chooses."""
    local = datetime.combine(day, clock, tzinfo=zone).replace(fold=fold)
    return (local - _EPOCH) // _MILLI
