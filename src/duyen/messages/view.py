"""What a message's template sees of a person, of what started it, and of the company.

person.<trait>       what is known of them; person.email is the address written to
group.<trait>        of the company (or other group) that they joined last, with `id` and `name`
groups               all of theirs, in the order in which they joined
trigger.<property>   of the event that started the journey
recommendations      items: id, name, price, currency, category, url, image, brand, why
company              name, postal_address, currency, language, timezone
message              id, name
preference.<purpose> granted | denied, as they said for this channel
unsubscribe_url      takes them out
preferences_url      their preference centre
confirm_url          confirms the yes that started the journey (double opt-in)
now                  the instant of sending
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Any

from duyen.messages.links import MailLinks
from duyen.messages.liquid import LINKS, LOCALE
from duyen.model.catalogue import Item
from duyen.model.consent import ANY
from duyen.model.group import ID, NAME, group_name
from duyen.model.message import Message
from duyen.model.person import Person
from duyen.model.program import WorkspaceSettings
from duyen.model.times import Millis

ROOTS = frozenset(
    (
        "person",
        "group",
        "groups",
        "trigger",
        "recommendations",
        "company",
        "message",
        "preference",
        "unsubscribe_url",
        "preferences_url",
        "confirm_url",
        "now",
    )
)
"""The names a template may begin a path with."""
View = dict[str, Any]


def person_view(
    person: Person, address: str, computed: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The person's traits, `computed` ones over written ones; their address under `email`."""
    traits = {name: trait.value for name, trait in person.traits.items()}
    return {**traits, **computed, "email": address}


def group_views(person: Person) -> list[dict[str, Any]]:
    """What is known of each of the person's groups, the one joined last at the end; without a name, its id is one."""
    known = person.group_traits
    ordered = sorted(person.groups, key=lambda id: (person.groups[id], id))
    return [
        {**(values := known.get(id) or {ID: id}), NAME: group_name(id, values)} for id in ordered
    ]


def item_view(item: Item, why: str = "") -> dict[str, Any]:
    """An item as `recommendations` holds it."""
    return {
        "id": item.id,
        "name": item.name,
        "price": item.price,
        "currency": item.currency,
        "category": item.category,
        "url": item.url,
        "image": item.image,
        "brand": item.brand,
        "why": why,
    }


def preferences(person: Person, channel: str, brand: str) -> dict[str, str]:
    """What the person said for each purpose on a channel of a brand; a denial wins."""
    said: dict[str, str] = {}
    for key, statement in person.consent.items():
        of_brand, purpose, of_channel = key.split("/", 2)
        covers = of_brand in (brand, ANY) and of_channel in (channel, ANY)
        if covers and said.get(purpose) != "denied":
            said[purpose] = statement.state
    return said


def view_of(
    message: Message,
    person: Person,
    address: str,
    *,
    trigger: Mapping[str, Any],
    recommendations: Sequence[Mapping[str, Any]],
    links: MailLinks,
    settings: WorkspaceSettings,
    zone: tzinfo,
    now: Millis,
    computed: Mapping[str, Any] = MappingProxyType({}),
) -> View:
    """Everything a template of `message` may name; `computed` are the person's computed traits as of `now`."""
    groups = group_views(person)
    return {
        "person": person_view(person, address, computed),
        "group": groups[-1] if groups else {},
        "groups": groups,
        "trigger": trigger,
        "recommendations": recommendations,
        "company": {
            "name": settings.name,
            "postal_address": settings.postal_address,
            "currency": settings.currency,
            "language": message.language,
            "timezone": settings.timezone,
        },
        "message": {"id": message.id, "name": message.name},
        "preference": preferences(person, message.channel, message.brand),
        "unsubscribe_url": links.unsubscribe,
        **_more_links(message, trigger, links),
        "now": datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now),
        LINKS: links,
        LOCALE: (message.language, settings.currency, zone),
    }


def _more_links(message: Message, trigger: Mapping[str, Any], links: MailLinks) -> dict[str, str]:
    """Links that few messages have: sealed only for those that name them."""
    said = f"{message.body}{message.text}"
    found: dict[str, str] = {}
    if "preferences_url" in said:
        found["preferences_url"] = links.preferences
    if "confirm_url" in said:
        purpose, brand = trigger.get("purpose"), trigger.get("brand")
        found["confirm_url"] = links.confirm(
            purpose if isinstance(purpose, str) and purpose else "marketing",
            brand if isinstance(brand, str) and brand else message.brand,
        )
    return found
