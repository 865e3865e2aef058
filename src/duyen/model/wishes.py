"""What people wish for themselves in the preference centre: traits of theirs that the contact policy keeps to.

They are traits like any other, so that segments and templates may read them and imports may write them.
"""

from __future__ import annotations

from collections.abc import Mapping

from duyen.model.person import Person
from duyen.model.program import Cap
from duyen.model.times import DAY

A_WEEK, HOURS, TOPICS = "mails_a_week", "mail_hours", "preferred_topics"
MOST_A_WEEK = 21
SPANS: Mapping[str, tuple[str, str]] = {
    "morning": ("08:00", "12:00"),
    "afternoon": ("12:00", "18:00"),
    "evening": ("18:00", "21:00"),
}
"""The hours that may be chosen, by the clock on the person's own wall."""


def own_cap(person: Person) -> tuple[Cap, ...]:
    """How many contacts a week the person wants at most; none where they did not say."""
    trait = person.traits.get(A_WEEK)
    most = trait.value if trait is not None else None
    if type(most) is not int or not 0 <= most <= MOST_A_WEEK:
        return ()
    return (Cap(most, 7 * DAY),)


def own_hours(person: Person) -> tuple[str, str] | None:
    """When the person wants to hear from us, from and to; None where they did not say."""
    trait = person.traits.get(HOURS)
    return SPANS.get(trait.value) if trait is not None and isinstance(trait.value, str) else None
