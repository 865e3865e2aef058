"""What a browser says for its owner with every request: Global Privacy Control, and Do Not Track where it is to count.

By the signal they object to the sale of what is known of them and to advertising by profiles, whatever page they are
on (GDPR art. 21; the specification is at globalprivacycontrol.org). It is written down like any other refusal.
Our own tag tells nothing at all then; this is for other clients of the Segment protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b

import msgspec

from duyen.api.http import Request
from duyen.model.consent import ANY
from duyen.model.event import CONSENT_UPDATED, Collected, Rejected
from duyen.runtime.settings import Settings

PURPOSES = ("sale", "advertising")


def objects(request: Request, settings: Settings) -> bool:
    """Whether the browser that asks says no for its owner."""
    if settings.gpc and request.header(b"sec-gpc") == "1":
        return True
    return settings.dnt and request.header(b"dnt") == "1"


def objections(calls: Iterable[Collected | Rejected]) -> Iterator[Collected]:
    """The refusals of everybody whom these calls name, once each: told again it is known by its id."""
    people: dict[tuple[str, str], Collected] = {}
    for call in calls:
        if isinstance(call, Collected) and (call.anonymous_id or call.user_id):
            people.setdefault((call.anonymous_id, call.user_id), call)
    for (anonymous_id, user_id), call in people.items():
        for purpose in PURPOSES:
            said = {"purpose": purpose, "channel": ANY, "state": "denied", "proof": "Sec-GPC"}
            digest = blake2b(f"{purpose}\0{anonymous_id}\0{user_id}".encode(), digest_size=12)
            yield Collected(
                id=f"signal-{digest.hexdigest()}",
                type="track",
                time=call.received,
                received=call.received,
                source=call.source,
                trusted=call.trusted,
                name=CONSENT_UPDATED,
                user_id=user_id,
                anonymous_id=anonymous_id,
                properties=msgspec.Raw(msgspec.json.encode(said)),
                verified=call.verified,
            )
