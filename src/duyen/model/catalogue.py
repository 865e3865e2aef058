"""What is offered: items of a catalogue, offers, and the placements where they are shown."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from duyen.model.consent import DEFAULT_BRAND
from duyen.model.rule import All, Rule, Where

QuietHours = Literal["ignore", "respect"]


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One product. `price` is a decimal string in `currency`; `stock` None means not counted."""

    id: str
    name: str
    price: str = ""
    currency: str = ""
    category: str = ""
    url: str = ""
    image: str = ""
    brand: str = DEFAULT_BRAND
    stock: int | None = None
    sellable: bool = True
    """False for postage, fees, manual corrections: never recommended."""
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}


class Offer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to show or say at a placement. `content` is what the tag renders (title, body, image, url, cta).

    `eligible` is a rule over the person, `when` comparisons of the context that the caller hands in; `value` (decimal
    string) weighs the chance of success in the score; `item` ties it to an item's stock; `cap`/`cap_window` limit how
    often one person is shown it. `quiet_hours: respect`: not within the person's quiet hours, wherever it is shown.
    """

    id: str
    name: str
    placements: tuple[str, ...]
    content: dict[str, str]
    eligible: Rule = All(())
    when: tuple[Where, ...] = ()
    value: str = "1"
    item: str = ""
    brand: str = DEFAULT_BRAND
    purpose: str = "personalisation"
    cap: int | None = None
    cap_window: str = "24h"
    quiet_hours: QuietHours = "ignore"
    live: bool = True


class Placement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place that asks for decisions.

    fill=offers: one offer is chosen by `policy` (an entry point of `duyen.policies`).
    fill=items: `recommender` fills it with `limit` items.
    `fallback` is what a held-out person, or an empty candidate list, gets (content, may be empty).
    `quiet_hours: respect` binds everything shown here, for a place that rings (a push, a pop-up on a phone); a page
    that the person opened may answer at night.
    """

    id: str
    fill: Literal["offers", "items"] = "offers"
    policy: str = "thompson"
    recommender: str = "popular"
    limit: int = 4
    fallback: dict[str, str] = {}
    brand: str = DEFAULT_BRAND
    live: bool = True
    name: str = ""
    quiet_hours: QuietHours = "ignore"
