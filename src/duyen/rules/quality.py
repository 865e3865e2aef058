"""Which openings and clicks of a mail a machine made that reads mails before people do.

A gateway that looks after a company's mail follows many links of one mail at once; nobody clicks three of them within
two seconds. This says so of a person's *set* of events, so that their order of arrival means nothing: what a later
click gives away holds for the earlier ones too. The same in SQL: `query._judged`.

A mail is known by the contact that we made, or by what another mailer calls it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from duyen.model.event import EMAIL_LINK_CLICKED, Event
from duyen.model.meaning import TOUCHES
from duyen.model.program import WorkspaceSettings
from duyen.model.times import SECOND, Millis

FOREIGN_MAILS = ("email_id", "message_id", "campaign_id", "campaign_name")
"""By what another mailer's openings and clicks name their mail; the first that is told counts."""
LINKS = ("url", "link_url", "link_id")
"""By what a click names its link."""


class Burst(NamedTuple):
    """Clicks on so many different links of one mail within a span are nobody's; 0 links: none are looked for."""

    within: Millis = 2 * SECOND
    links: int = 3


USUAL = Burst()


def burst_of(settings: WorkspaceSettings) -> Burst:
    """What a workspace takes for a burst."""
    return Burst(settings.burst_within, settings.burst_links)


def mail_of(event: Event) -> str:
    """The mail that an opening or click is of: our contact, or another mailer's; "" for all else, and where untold."""
    if event.name not in TOUCHES:
        return ""
    key = event.properties.get("key")
    if isinstance(key, str) and key:
        return key
    name, value = _first(event, FOREIGN_MAILS)
    return f"{name}={value}" if value else ""


def _first(event: Event, names: tuple[str, ...]) -> tuple[str, str]:
    """The first of these properties that is a text: its name and value; ("", "") where none is."""
    for name in names:
        value = event.properties.get(name)
        if isinstance(value, str) and value:
            return name, value
    return "", ""


def scanned(events: Iterable[Event], burst: Burst = USUAL) -> frozenset[str]:
    """Ids of the openings and clicks that lie in a span with so many links of their mail clicked.

    Give it all that is known of a person, each message id once; the order does not matter.
    """
    mails: dict[str, list[Event]] = {}
    for event in events:
        if key := mail_of(event):
            mails.setdefault(key, []).append(event)
    found: set[str] = set()
    for touches in mails.values():
        if 0 < burst.links <= len(touches):
            found |= _bursts(touches, burst)
    return frozenset(found)


def _bursts(touches: list[Event], burst: Burst) -> set[str]:
    """Of one mail: a span slides over them, each touch enters and leaves it once."""
    touches.sort(key=lambda event: event.time)
    inside: Counter[str] = Counter()
    found: set[str] = set()
    end = told = 0
    for first, event in enumerate(touches):
        while end < len(touches) and touches[end].time <= event.time + burst.within:
            inside[_link(touches[end])] += 1
            end += 1
        if len(inside) - ("" in inside) >= burst.links:
            found |= {each.id for each in touches[max(first, told) : end]}
            told = end
        link = _link(event)
        inside[link] -= 1
        if not inside[link]:
            del inside[link]
    return found


def _link(event: Event) -> str:
    return _first(event, LINKS)[1] if event.name == EMAIL_LINK_CLICKED else ""
