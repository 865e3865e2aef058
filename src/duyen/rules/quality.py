"""Which openings and clicks of a mail a machine made that reads mails before people do.

A gateway that looks after a company's mail follows many links of one mail at once; nobody clicks three of them within
two seconds. This says so of a person's *set* of events, so that their order of arrival means nothing: what a later
click gives away holds for the earlier ones too. The same in SQL: `query._judged`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from duyen.model.event import EMAIL_LINK_CLICKED, Event
from duyen.model.meaning import TOUCHES
from duyen.model.times import SECOND, Millis

BURST: Millis = 2 * SECOND
"""The length of the span in which a scanner is looked for."""
BURST_LINKS = 3
"""Clicks on so many different links of one mail within BURST are nobody's."""


def mail_of(event: Event) -> str:
    """The contact whose mail an opening or click is of; "" for everything else, and where it does not say."""
    if event.name not in TOUCHES:
        return ""
    key = event.properties.get("key")
    return key if isinstance(key, str) else ""


def scanned(events: Iterable[Event]) -> frozenset[str]:
    """Ids of the openings and clicks that lie in a span of BURST with BURST_LINKS links of their mail clicked.

    Give it all that is known of a person, each message id once; the order does not matter.
    """
    mails: dict[str, list[Event]] = {}
    for event in events:
        if key := mail_of(event):
            mails.setdefault(key, []).append(event)
    found: set[str] = set()
    for touches in mails.values():
        if len(touches) >= BURST_LINKS:
            found |= _bursts(touches)
    return frozenset(found)


def _bursts(touches: list[Event]) -> set[str]:
    """Of one mail: a span slides over them, each touch enters and leaves it once."""
    touches.sort(key=lambda event: event.time)
    inside: Counter[str] = Counter()
    found: set[str] = set()
    end = told = 0
    for first, event in enumerate(touches):
        while end < len(touches) and touches[end].time <= event.time + BURST:
            inside[_link(touches[end])] += 1
            end += 1
        if len(inside) - ("" in inside) >= BURST_LINKS:
            found |= {each.id for each in touches[max(first, told) : end]}
            told = end
        link = _link(event)
        inside[link] -= 1
        if not inside[link]:
            del inside[link]
    return found


def _link(event: Event) -> str:
    url = event.properties.get("url") if event.name == EMAIL_LINK_CLICKED else None
    return url if isinstance(url, str) else ""
