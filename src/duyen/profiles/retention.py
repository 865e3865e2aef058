"""How long somebody is kept whom nobody knows: an anonymous person who does not come back is forgotten.

Who signed in, gave an address, said yes or no to being contacted, was or may yet be contacted, or ordered something
is kept. Time is that of events. What was told late, or imported, stays for a day at least, so that all parts of one
history are put together before anybody judges it.
"""

from __future__ import annotations

from duyen.model.event import is_bearer
from duyen.model.person import Person
from duyen.model.times import DAY, NEVER, Millis

GRACE: Millis = DAY
"""Nobody is forgotten sooner after their newest event came to us, however old it was."""
_SPAN: Millis = 30 * DAY
_REFUSED = ("refused", "held_out")


def leaves(person: Person, days: int) -> Millis:
    """The instant at which this person is to be forgotten if nothing happens until then; NEVER for who stays.

    `days` without an event; 0 keeps everybody.
    """
    if not days or person.consent or person.orders or not (person.events or person.heard):
        return NEVER
    if not person.identifiers or not all(map(is_bearer, person.identifiers)):
        return NEVER
    if any(not place.done for place in person.places.values()):
        return NEVER
    if any(line.state not in _REFUSED for line in person.ledger):
        return NEVER
    last = person.last if person.events else person.heard
    return max(last + days * DAY, person.heard + GRACE)


def look_before(instant: Millis, now: Millis) -> Millis:
    """A timer for `instant` that need not be moved with each event: a look earlier, where there is time for one.

    Who comes every day moves the instant every day, and the timer once in 30.
    """
    early = instant // _SPAN * _SPAN
    return early if now < early and instant < NEVER else instant
