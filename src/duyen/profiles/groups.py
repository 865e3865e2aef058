"""Groups: the company, team or household that people belong to, as `group` calls tell.

A person's document holds which groups they joined, and when. What is known of a group (its traits) lies with the
group, for all its members, and is folded like a person's: the last writer of each trait by (event time, message id),
so that no order of arrival matters. Only a server's word counts. A page may tell what it likes, and what it tells of
a company would otherwise reach everybody in it, or show a stranger what the company is.
"""

from __future__ import annotations

from duyen.model.event import Event
from duyen.model.group import Told
from duyen.model.person import Person, Trait
from duyen.model.times import Millis
from duyen.profiles.traits import bound_traits, newest_trait, too_large

MAX_GROUPS = 100
"""Groups of one person: those that they joined first, so that the same ones remain in any order."""
MAX_GROUP_TRAITS = 100
"""Traits of one group: the most recently written ones."""
_ID = "group_id"


def group_of(event: Event) -> str:
    """The group that an event says its person belongs to; "" where it says nothing that counts."""
    if event.type != "group" or not event.trusted or event.limited:
        return ""
    id = event.properties.get(_ID)
    return id if isinstance(id, str) else ""


def join_group(person: Person, event: Event) -> None:
    """Note the group that an event makes its person a member of."""
    if group := group_of(event):
        since = person.groups.get(group)
        if since is None or event.time < since:
            person.groups = bound_groups({**person.groups, group: event.time})


def bound_groups(groups: dict[str, Millis]) -> dict[str, Millis]:
    """At most MAX_GROUPS, those joined first.

    The earliest ones stay the earliest whatever else is told, which cannot be said of the latest.
    """
    if len(groups) <= MAX_GROUPS:
        return groups
    first = sorted(groups, key=lambda id: (groups[id], id))[:MAX_GROUPS]
    return {id: groups[id] for id in first}


def tell_group(known: Told, event: Event) -> Told:
    """What is known of the event's group once it has told; None deletes a trait and stays as a tombstone."""
    traits = dict(known)
    for name, value in event.properties.items():
        if name == _ID or too_large(name, value):
            continue
        written = Trait(value, event.time, event.id, event.source)
        before = traits.get(name)
        traits[name] = written if before is None else newest_trait(before, written)
    return bound_traits(traits, MAX_GROUP_TRAITS)
