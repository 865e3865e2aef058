"""The workspace's settings, and the switch that stops what leaves."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json, PersonRef


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


class Sweep(TypedDict):
    """Everybody who was known is looked at under changed rules of identity: how far that is, and what it did.

    `part`: from 0 to 1, about; 1 once it is at its end. `merged`: people who are one with another now; `split`: taken
    apart; `aside`: known by nothing any more.
    """

    running: bool
    since: str
    part: float
    merged: int
    split: int
    aside: int


class ForeseenRow(TypedDict):
    """An example: these people would become those, each known by some identifiers; none: nobody any more."""

    kind: Literal["merge", "split", "aside"]
    people: list[PersonRef]
    becomes: list[list[str]]


class Foreseen(TypedDict):
    """What settings would do to who is who; all zero where they change nothing. Estimates where not `exact`."""

    merged: int
    split: int
    aside: int
    exact: bool
    samples: list[ForeseenRow]


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
    bots: list[str]
    no_bots: list[str]
    burst_within: str
    burst_links: int
    conversion_window: str
    anonymous_days: int
    identity: Json
    blocked: list[str]
    purposes: list[Json]
    topics: list[str]
    sweep: Sweep | None
    version: int
    updated_at: str | None
    author: str | None
    server: Server


class Paused(TypedDict):
    """Whether everything that leaves is stopped."""

    paused: bool
