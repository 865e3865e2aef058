"""What the company has decided: immutable, versioned, folded from the log's control lane."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from duyen.model.catalogue import Offer, Placement
from duyen.model.consent import DEFAULT_BRAND, Purpose
from duyen.model.form import Form
from duyen.model.journey import Journey
from duyen.model.message import Message
from duyen.model.rule import Rule, Term
from duyen.model.times import DAY, SECOND, Millis

ResourceKind = Literal[
    "trait",
    "segment",
    "journey",
    "message",
    "offer",
    "placement",
    "form",
    "settings",
    "key",
    "admin",
    "source",
]


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named rule whose membership is kept live."""

    id: str
    name: str
    rule: Rule
    description: str = ""


class ComputedTrait(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trait that is not written but worked out of a person's events, or of other traits, exact at every instant."""

    id: str
    name: str
    term: Term
    description: str = ""


class NamespaceRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one identifier namespace may join people: most values per person, and its priority (1 is highest).

    `within`: the limit counts values that a person got within such a window (0: for good). `blocked`: values and
    patterns that identify nobody. `protect`: "merges" = a value never makes two people one; "anonymous" = said by a
    browser it is a mere claim.
    """

    limit: int = 5
    priority: int = 0
    within: Millis = 0
    blocked: tuple[str, ...] = ()
    protect: str = ""


class Cap(msgspec.Struct, frozen=True):
    """At most `most` marketing contacts per person on `channel` ("*" = all) within `within`."""

    most: int
    within: Millis
    channel: str = "*"


class WorkspaceSettings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The workspace: one per company."""

    name: str = "Duyên"
    timezone: str = "Asia/Ho_Chi_Minh"
    currency: str = "VND"
    language: str = "vi"
    brands: tuple[str, ...] = (DEFAULT_BRAND,)
    hold_out: float = 0.1
    """Share of people in the global hold-out, 0 to 0.5."""
    hold_out_salt: str = "global-1"
    caps: tuple[Cap, ...] = (Cap(1, DAY, "email"), Cap(3, 7 * DAY, "*"))
    quiet_from: str = "21:00"
    quiet_to: str = "08:00"
    identity: dict[str, NamespaceRule] = {}
    blocked: tuple[str, ...] = ()
    paused: bool = False
    """The pause-all switch: nothing leaves while true."""
    send_only_to: tuple[str, ...] = ()
    """For trials: addresses, or @domains, that may be sent to; everyone else is refused."""
    sender: str = "Duyên <hello@localhost>"
    reply_to: str = ""
    postal_address: str = ""
    bots: tuple[str, ...] = ()
    """Parts of user agents that are the company's own machines, besides the public list; case does not count."""
    no_bots: tuple[str, ...] = ()
    """Parts of user agents that are people's, whatever the public list says."""
    burst_within: Millis = 2 * SECOND
    burst_links: int = 3
    """Clicks on so many different links of one mail within such a span are a scanner's; 0: none are looked for."""
    conversion_window: Millis = 7 * DAY
    anonymous_days: int = 395
    """After so many days without an event a person who was always anonymous is forgotten; 0: never."""
    purposes: tuple[Purpose, ...] = ()
    """What people may agree to besides, or instead of, `marketing`: shown in the preference centre."""
    topics: tuple[str, ...] = ()
    """What they may say there that they like."""
    restored_at: Millis = 0
    """The instant of the last restore: what was due until then may have been said already, and is not said again."""


class Program(msgspec.Struct, frozen=True):
    """A snapshot of all live definitions. `version` is the log offset of its last change.

    `message_versions`: (message id -> version number) of the current text of each message.
    """

    version: int = 0
    traits: dict[str, ComputedTrait] = {}
    segments: dict[str, Segment] = {}
    journeys: dict[str, Journey] = {}
    messages: dict[str, Message] = {}
    message_versions: dict[str, int] = {}
    offers: dict[str, Offer] = {}
    placements: dict[str, Placement] = {}
    forms: dict[str, Form] = {}
    settings: WorkspaceSettings = WorkspaceSettings()
    broken: dict[tuple[str, str], str] = {}
    """(kind, id) -> what is wrong with a definition that cannot be read: it is left out, the rest goes on."""


class ResourceChange(
    msgspec.Struct, frozen=True, tag_field="kind", tag="program", omit_defaults=True
):
    """A definition was put (body) or deleted (body None): audit, versions and undo come from these."""

    resource: ResourceKind
    id: str
    body: dict[str, Any] | None
    author: str
    time: Millis


class CatalogueChange(
    msgspec.Struct, frozen=True, tag_field="kind", tag="catalogue", omit_defaults=True
):
    """Items put into the catalogue (whole items; the later log offset wins per id); `removed` ids.

    `dated`: one whose `attributes.updated_at` lies before that of the item which is there stays out, because it was
    overtaken on its way.
    """

    items: tuple[dict[str, Any], ...]
    time: Millis
    author: str
    removed: tuple[str, ...] = ()
    dated: bool = False


class Nudge(msgspec.Struct, frozen=True, tag_field="kind", tag="nudge", omit_defaults=True):
    """Look at everybody again: `reason` = program (new definitions) | schedule (journey's tick) | evaluate (as_of)."""

    id: str
    reason: Literal["program", "schedule", "evaluate"]
    time: Millis
    journey: str = ""


class Tick(msgspec.Struct, frozen=True, tag_field="kind", tag="tick"):
    """Simulated time moves to `now` for every process (DUYEN_CLOCK=simulated)."""

    now: Millis
