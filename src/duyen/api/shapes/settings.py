"""The workspace's settings, and the switch that stops what leaves."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


class CapRow(TypedDict):
    """At most `most` contacts within a duration."""

    most: int
    within: str
    channel: str


class Server(TypedDict):
    """What this server runs with."""

    version: str
    base_url: str
    clock: Literal["real", "simulated"]
    mail: str
    data: str


class Settings(TypedDict):
    """The workspace's settings, durations in their YAML form."""

    name: str
    timezone: str
    currency: str
    language: str
    brands: list[str]
    hold_out: float
    hold_out_salt: str
    caps: list[CapRow]
    quiet_from: str
    quiet_to: str
    paused: bool
    send_only_to: list[str]
    sender: str
    reply_to: str
    postal_address: str
    conversion_window: str
    identity: Json
    blocked: list[str]
    version: int
    updated_at: str | None
    author: str | None
    server: Server


class Paused(TypedDict):
    """Whether everything that leaves is stopped."""

    paused: bool
