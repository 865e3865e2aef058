"""Changing the program: definitions are checked one by one and together, before anything is told to the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from duyen.identity import rules_to_data
from duyen.model.errors import Conflict, InvalidRule
from duyen.model.message import Message
from duyen.model.program import Program, ResourceChange, ResourceKind, WorkspaceSettings
from duyen.model.times import HOUR, Millis, format_duration
from duyen.runtime import definitions
from duyen.runtime.definitions import SETTINGS_ID, Definition
from duyen.stores.state import State

FIELDS: dict[str, str] = {kind: folder for folder, kind in definitions.KINDS.items()}
"""Kind -> field of Program, folder and word of the URL."""
MOST_DAYS = 36_500
Wish = Mapping[tuple[ResourceKind, str], dict[str, Any] | None]
"""(kind, id) -> the definition to put, or None to delete it."""


def bare(body: dict[str, Any], id: str) -> dict[str, Any]:
    """A definition without what its place says already."""
    return {name: value for name, value in body.items() if name != "id" or value != id}


def prepare(kind: str, id: str, raw: Any, timezone: str = "UTC") -> Definition:
    """Read one definition and try its templates; raises InvalidRule."""
    found = definitions.parse(kind, id, raw, timezone)
    if isinstance(found, Message):
        from duyen.messages.checks import checked

        return checked(found)
    if isinstance(found, WorkspaceSettings):
        _check_settings(found)
    return found


def _check_settings(settings: WorkspaceSettings) -> None:
    """Refuse settings by which nobody could be contacted at the right hour, or at all."""
    from duyen.messages.mime import Mailbox
    from duyen.rules.quiet import clock, zone_named

    if zone_named(settings.timezone) is None:
        raise InvalidRule(
            "settings.timezone",
            f"“{settings.timezone}” is not a time zone; write for example Asia/Ho_Chi_Minh.",
            at="timezone",
        )
    for field in ("quiet_from", "quiet_to"):
        try:
            clock(getattr(settings, field))
        except ValueError as error:
            raise InvalidRule("settings.quiet_hours", f"{error}.", at=field) from None
    _check_policy(settings)
    for field in ("sender", "reply_to"):
        text = getattr(settings, field)
        try:
            _ = Mailbox.parse(text) if text else None
        except ValueError as error:
            raise InvalidRule("settings.sender", f"{error}.", at=field) from None


def _check_policy(settings: WorkspaceSettings) -> None:
    """Refuse a contact policy that could not be kept, or that nobody could have meant."""
    from duyen.journeys.contact import LONGEST_CAP

    for number, cap in enumerate(settings.caps):
        if cap.most < 0 or not 0 < cap.within <= LONGEST_CAP or cap.channel not in ("*", "email"):
            raise InvalidRule(
                "settings.cap",
                "A cap is {most: 1, within: 7d, channel: email or *}, with at most 400 days.",
                at=f"caps[{number}]",
            )
    for number, entry in enumerate(settings.send_only_to):
        if "@" not in entry.strip():
            raise InvalidRule(
                "settings.send_only_to",
                f"“{entry[:80]}” is neither an address nor an @domain; write for example @example.com.",
                at=f"send_only_to[{number}]",
            )
    for field in ("bots", "no_bots"):
        agents: tuple[str, ...] = getattr(settings, field)
        for number, part in enumerate(agents):
            if not 3 <= len(part.strip()) <= 200 or len(agents) > 200:
                raise InvalidRule(
                    "settings.agents",
                    "Write parts of user agents with 3 to 200 characters, such as UptimeRobot; at most 200 of them.",
                    at=f"{field}[{number}]",
                )
    if not (0 < settings.burst_within <= HOUR and settings.burst_links in (0, *range(2, 101))):
        raise InvalidRule(
            "settings.burst",
            "A scanner clicks on 2 to 100 links (burst_links; 0 looks for none) within at most 1h (burst_within).",
            at="burst_links",
        )
    if not 0 <= settings.anonymous_days <= MOST_DAYS:
        raise InvalidRule(
            "settings.anonymous_days",
            f"Write a number of days, at most {MOST_DAYS}; 0 keeps everybody for good.",
            at="anonymous_days",
        )
    _check_purposes(settings)
    if settings.conversion_window <= 0:
        raise InvalidRule(
            "settings.conversion_window",
            "Write a duration above 0, such as 7d.",
            at="conversion_window",
        )


def _check_purposes(settings: WorkspaceSettings) -> None:
    """Refuse purposes that could stand in no statement, or that nobody could read."""
    ids = [purpose.id for purpose in settings.purposes]
    for number, purpose in enumerate(settings.purposes):
        texts = (*purpose.name.values(), *purpose.text.values())
        fits = 0 < len(purpose.id) <= 64 and not set(purpose.id) & set("/*?")
        if (
            not fits
            or ids.count(purpose.id) > 1
            or len(ids) > 20
            or max(map(len, texts), default=0) > 2_000
        ):
            raise InvalidRule(
                "settings.purpose",
                "A purpose is {id, name: {vi, en}, text: {vi, en}, confirm}: at most 20, each with an id of its own "
                "without / * ?, and texts of at most 2,000 characters.",
                at=f"purposes[{number}]",
            )
    if len(settings.topics) > 50 or any(not 0 < len(topic) <= 64 for topic in settings.topics):
        raise InvalidRule(
            "settings.topics", "Name at most 50 topics of 1 to 64 characters.", at="topics"
        )


def would_be(program: Program, wish: Wish) -> Program:
    """The program as it would be; raises InvalidRule for what the wish would break.

    What is broken already stands still by itself and refuses nobody else's change.
    """
    fields: dict[str, dict[str, Any]] = {}
    settings = program.settings
    for (kind, id), body in wish.items():
        if kind == "settings":
            found = prepare(kind, id, body or {})
            settings = found if isinstance(found, WorkspaceSettings) else settings
    for (kind, id), body in wish.items():
        if kind == "settings":
            continue
        field = fields.setdefault(FIELDS[kind], dict(getattr(program, FIELDS[kind])))
        if body is None:
            field.pop(id, None)
        else:
            field[id] = _placed(kind, id, body, settings.timezone)
    changed: Any = {**fields, "settings": settings}
    found_program: Program = msgspec.structs.replace(program, **changed)
    _unnamed(program, found_program)
    _fits(program, found_program, wish)
    return found_program


def _unnamed(before: Program, after: Program) -> None:
    """Raise InvalidRule where a computed trait goes that something still names: it would mean a written one."""
    gone = before.traits.keys() - after.traits.keys()
    if not gone:
        return
    used = definitions.uses_of_traits(after)
    for id in sorted(gone & used.keys()):
        kind, by = used[id][0]
        raise InvalidRule(
            "trait.in_use", f"The {kind} “{by}” names the computed trait “{id}”; change it first."
        )


def _fits(before: Program, after: Program, wish: Wish) -> None:
    """Raise InvalidRule for what does not fit: of what is wished, or of what was in order until now."""
    wrong = definitions.problems(after)
    known = definitions.problems(before) if wrong else {}
    for (kind, id), error in wrong.items():
        if (kind, id) in wish or (kind, id) not in known:
            raise _of(kind, id, error) from error


def _placed(kind: str, id: str, body: dict[str, Any], timezone: str) -> Definition:
    """A definition, its mistakes told with the file's place."""
    try:
        return prepare(kind, id, body, timezone)
    except InvalidRule as error:
        raise _of(kind, id, error) from error


def _of(kind: str, id: str, error: InvalidRule) -> InvalidRule:
    """A mistake with the name of the definition it is in."""
    return InvalidRule(error.code, f"The {kind} “{id}”: {error.message}", at=error.at)


def changes(
    state: State, program: Program, wish: Wish, author: str, now: Millis
) -> list[ResourceChange]:
    """What has to be told to the log for a wish; nothing for what is so already. Raises InvalidRule."""
    current = {(kind, id): body for kind, id, _, body, _, _ in state.resources()}
    wanted: dict[tuple[ResourceKind, str], dict[str, Any] | None] = {
        (kind, id): None if body is None else bare(body, id) for (kind, id), body in wish.items()
    }
    for key, body in wanted.items():
        # The pause switch is thrown by people at work; a file that does not speak of it leaves it as it is.
        if key[0] == "settings" and body is not None and "paused" in current.get(key, {}):
            wanted[key] = {**body, "paused": body.get("paused", current[key]["paused"])}
    differing = {key: body for key, body in wanted.items() if current.get(key) != body}
    if differing:
        would_be(program, differing)
    kinds = ("settings", "trait", "segment", "message", "placement", "offer", "form", "journey")
    order = {kind: place for place, kind in enumerate(kinds)}
    return [
        ResourceChange(kind, id, body, author, now)
        for (kind, id), body in sorted(
            differing.items(), key=lambda pair: (order.get(pair[0][0], 9), pair[0][1])
        )
    ]


def deletable(program: Program, kind: ResourceKind, id: str) -> None:
    """Raise Conflict where something else still names this definition."""
    try:
        would_be(program, {(kind, id): None})
    except InvalidRule as error:
        raise Conflict("program.in_use", f"The {kind} “{id}” is in use: {error.message}") from error


def settings_body(settings: WorkspaceSettings) -> dict[str, Any]:
    """Workspace settings in their YAML form, every field written out."""
    body: dict[str, Any] = {
        name: msgspec.to_builtins(getattr(settings, name)) for name in settings.__struct_fields__
    }
    body["caps"] = [
        {"most": cap.most, "within": format_duration(cap.within), "channel": cap.channel}
        for cap in settings.caps
    ]
    for span in ("conversion_window", "burst_within"):
        body[span] = format_duration(body[span])
    body["identity"] = rules_to_data(settings.identity)
    return body


def settings_with(state: State, program: Program, part: dict[str, Any]) -> WorkspaceSettings:
    """The settings as they would be with some changed; raises InvalidRule."""
    versions = state.resource_versions("settings", SETTINGS_ID)
    body = dict(versions[0][1] or {}) if versions else {}
    return would_be(program, {("settings", SETTINGS_ID): body | part}).settings


def settings_change(
    state: State, program: Program, part: dict[str, Any], author: str, now: Millis
) -> list[ResourceChange]:
    """Change some of the workspace's settings, leaving the others as they are."""
    versions = state.resource_versions("settings", SETTINGS_ID)
    body = dict(versions[0][1] or {}) if versions else {}
    return changes(state, program, {("settings", SETTINGS_ID): body | part}, author, now)
