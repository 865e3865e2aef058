"""A journey's YAML form: read with the place of every mistake, and written back."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any

from duyen.model.consent import DEFAULT_BRAND
from duyen.model.errors import InvalidRule
from duyen.model.journey import (
    EventEntry,
    Exit,
    If,
    Journey,
    ScheduleEntry,
    SegmentEntry,
    Send,
    Step,
    Wait,
)
from duyen.model.meaning import known_as
from duyen.model.times import (
    DAY,
    MINUTE,
    Millis,
    format_duration,
    format_time,
    parse_duration,
    parse_time,
)
from duyen.rules import parse_rule, parse_where, to_data, where_to_data
from duyen.rules.quiet import zone_named

MOST_STEPS = 200
DEEPEST = 8
LONGEST_WAIT = 3_650 * DAY
ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Entry = EventEntry | SegmentEntry | ScheduleEntry

_KEYS = (
    "id",
    "name",
    "entry",
    "steps",
    "unless",
    "exit_when",
    "reentry",
    "brand",
    "live",
)


def parse_journey(raw: Any, *, timezone: str = "UTC", at: str = "journey") -> Journey:
    """Read a journey; times without an offset are of `timezone`. Raises InvalidRule with the place."""
    data = _map(raw, at)
    _only(data, _KEYS, at)
    entry = _entry(data.get("entry"), timezone, f"{at}.entry")
    return Journey(
        id=_id(data.get("id"), f"{at}.id"),
        name=_text(data.get("name", data.get("id")), f"{at}.name"),
        entry=entry,
        steps=_all_steps(data.get("steps"), f"{at}.steps"),
        unless=_rule(data, "unless", at),
        exit_when=_rule(data, "exit_when", at),
        reentry=_reentry(data.get("reentry"), entry, f"{at}.reentry"),
        brand=_text(data.get("brand", DEFAULT_BRAND), f"{at}.brand"),
        live=_yes_or_no(data.get("live", True), f"{at}.live"),
    )


def journey_to_data(journey: Journey) -> dict[str, Any]:
    """The YAML form of a journey; `parse_journey(journey_to_data(j)) == j`."""
    data: dict[str, Any] = {
        "id": journey.id,
        "name": journey.name,
        "entry": _entry_data(journey.entry),
        "reentry": _reentry_data(journey.reentry),
        "steps": [_step_data(step) for step in journey.steps],
    }
    if journey.unless is not None:
        data["unless"] = to_data(journey.unless)
    if journey.exit_when is not None:
        data["exit_when"] = to_data(journey.exit_when)
    if journey.brand != DEFAULT_BRAND:
        data["brand"] = journey.brand
    if not journey.live:
        data["live"] = False
    return data


def _entry(raw: Any, timezone: str, at: str) -> Entry:
    data = _map(raw, at, "event, segment or schedule")
    kinds = [kind for kind in ("event", "segment", "schedule") if kind in data]
    if len(kinds) != 1:
        raise InvalidRule(
            "journey.entry", "Say how people enter: one of event, segment or schedule.", at=at
        )
    if kinds == ["event"]:
        _only(data, ("event", "where"), at)
        where = parse_where(data["where"], f"{at}.where") if "where" in data else ()
        return EventEntry(known_as(_text(data["event"], f"{at}.event")), where)
    if kinds == ["segment"]:
        _only(data, ("segment", "include_existing"), at)
        existing = _yes_or_no(data.get("include_existing", False), f"{at}.include_existing")
        return SegmentEntry(_id(data["segment"], f"{at}.segment"), existing)
    _only(data, ("schedule",), at)
    return _schedule(data["schedule"], timezone, f"{at}.schedule")


def _schedule(raw: Any, timezone: str, at: str) -> ScheduleEntry:
    data = _map(raw, at, "at, every and segment")
    _only(data, ("at", "every", "segment"), at)
    segment = _id(data["segment"], f"{at}.segment") if data.get("segment") else ""
    every = None
    if data.get("every") is not None:
        every = _duration(data["every"], f"{at}.every")
        if every < MINUTE:
            raise InvalidRule(
                "journey.duration", "A schedule repeats at most once a minute.", at=f"{at}.every"
            )
    return ScheduleEntry(_instant(data.get("at"), timezone, f"{at}.at"), segment, every)


def _instant(raw: Any, timezone: str, at: str) -> Millis:
    """An instant in RFC 3339, or a local date and time of the workspace; YAML may have read it already."""
    moment = raw
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw.strip())
        except ValueError:
            moment = None
    elif isinstance(raw, date) and not isinstance(raw, datetime):
        moment = datetime.combine(raw, time())
    if not isinstance(moment, datetime):
        raise InvalidRule(
            "journey.time",
            "Write a time such as 2026-12-24T09:00 or 2026-12-24T09:00:00+07:00.",
            at=at,
        )
    if not 1970 < moment.year < 2200:
        raise InvalidRule(
            "journey.time", f"The year {moment.year} is not one we can plan for.", at=at
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_named(timezone) or UTC)
    return parse_time(moment.isoformat())


def _all_steps(raw: Any, at: str) -> tuple[Step, ...]:
    """The steps of the journey itself, counted with those of all branches."""
    count = [0]
    steps = _steps(raw, at, 1, count)
    if not steps:
        raise InvalidRule("journey.steps", "A journey has at least one step.", at=at)
    return steps


def _steps(raw: Any, at: str, depth: int, count: list[int]) -> tuple[Step, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list | tuple):
        raise InvalidRule(
            "journey.steps", "Steps are a list, each with one of wait, send, if or exit.", at=at
        )
    if depth > DEEPEST:
        raise InvalidRule("journey.depth", f"Branches may lie {DEEPEST} deep.", at=at)
    count[0] += len(raw)
    if count[0] > MOST_STEPS:
        raise InvalidRule("journey.steps", f"A journey has at most {MOST_STEPS} steps.", at=at)
    return tuple(_step(one, f"{at}[{number}]", depth, count) for number, one in enumerate(raw))


def _step(raw: Any, at: str, depth: int, count: list[int]) -> Step:
    if raw == "exit":
        return Exit()
    data = _map(raw, at, "wait, send, if or exit")
    if "if" in data:
        _only(data, ("if", "then", "else"), at)
        then = _steps(data.get("then"), f"{at}.then", depth + 1, count)
        otherwise = _steps(data.get("else"), f"{at}.else", depth + 1, count)
        return If(parse_rule(data["if"], f"{at}.if"), then, otherwise)
    if len(data) != 1:
        raise InvalidRule("journey.step", "A step is one of wait, send, if or exit.", at=at)
    if "wait" in data:
        return Wait(_duration(data["wait"], f"{at}.wait"))
    if "send" in data:
        return Send(_id(data["send"], f"{at}.send"))
    if "exit" not in data:
        raise InvalidRule(
            "journey.step", f"“{next(iter(data))}” is no step; write wait, send, if or exit.", at=at
        )
    return Exit()


def _step_data(step: Step) -> Any:
    if isinstance(step, Wait):
        return {"wait": _spelled(step.duration)}
    if isinstance(step, Send):
        return {"send": step.message}
    if isinstance(step, Exit):
        return "exit"
    data: dict[str, Any] = {
        "if": to_data(step.rule),
        "then": [_step_data(one) for one in step.then],
    }
    if step.otherwise:
        data["else"] = [_step_data(one) for one in step.otherwise]
    return data


def _entry_data(entry: Entry) -> dict[str, Any]:
    if isinstance(entry, EventEntry):
        where = {"where": where_to_data(entry.where)} if entry.where else {}
        return {"event": entry.event, **where}
    if isinstance(entry, SegmentEntry):
        existing = {"include_existing": True} if entry.include_existing else {}
        return {"segment": entry.segment, **existing}
    schedule: dict[str, Any] = {"at": format_time(entry.at)}
    if entry.segment:
        schedule["segment"] = entry.segment
    if entry.every is not None:
        schedule["every"] = _spelled(entry.every)
    return {"schedule": schedule}


def _reentry(raw: Any, entry: Entry, at: str) -> Millis | None:
    """once | always | a duration; a repeating schedule lets everyone in again unless it says otherwise."""
    if raw is None:
        return 0 if isinstance(entry, ScheduleEntry) and entry.every else None
    if raw == "once":
        return None
    return 0 if raw == "always" else _duration(raw, at)


def _reentry_data(reentry: Millis | None) -> str:
    if reentry is None:
        return "once"
    return _spelled(reentry) if reentry else "always"


def _spelled(duration: Millis) -> str:
    """A duration in words that `parse_duration` reads; nine digits are the most it takes."""
    text = format_duration(duration)
    if len(text) <= 10:
        return text
    return f"{duration // DAY}d {duration % DAY}ms"


def _rule(data: dict[str, Any], key: str, at: str) -> Any:
    return parse_rule(data[key], f"{at}.{key}") if data.get(key) is not None else None


def _duration(raw: Any, at: str) -> Millis:
    try:
        duration = parse_duration(raw) if isinstance(raw, str) else 0
    except ValueError as error:
        raise InvalidRule("journey.duration", f"{error}.", at=at) from None
    if not 0 < duration <= LONGEST_WAIT:
        raise InvalidRule(
            "journey.duration",
            "Write how long with a unit, for example 30m, 36h, 90d or 2w.",
            at=at,
        )
    return duration


def _id(raw: Any, at: str) -> str:
    if not isinstance(raw, str) or not ID.fullmatch(raw):
        found = f"“{raw}”" if isinstance(raw, str) else "nothing that is one"
        raise InvalidRule(
            "journey.id",
            f"An id is 1 to 64 lower-case letters, digits, - and _; found {found[:80]}.",
            at=at,
        )
    return raw


def _text(raw: Any, at: str) -> str:
    if not isinstance(raw, str) or not raw.strip() or len(raw) > 200:
        raise InvalidRule("journey.text", "Write 1 to 200 characters here.", at=at)
    return raw


def _yes_or_no(raw: Any, at: str) -> bool:
    if not isinstance(raw, bool):
        raise InvalidRule("journey.flag", "Write true or false here.", at=at)
    return raw


def _map(raw: Any, at: str, of: str = "") -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise InvalidRule("journey.map", f"A map {f'with {of} ' if of else ''}belongs here.", at=at)
    return raw


def _only(data: dict[str, Any], allowed: tuple[str, ...], at: str) -> None:
    for key in data:
        if key not in allowed:
            raise InvalidRule(
                "journey.key",
                f"“{str(key)[:40]}” is not known here; write {', '.join(allowed)}.",
                at=at,
            )
