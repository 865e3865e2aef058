"""Calls of the Segment protocol out of a shop's words, with ids that last.

An id is made of what is said, or of the shop's own name for it, so that a delivery that comes twice adds nothing.
What a shop tells again with each later word (that there is an order, a refund) is only told as long as the id of the
first time is remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from duyen.connectors.delivery import Delivery, Told
from duyen.connectors.parts import a_map, an_id, known, stamp, text
from duyen.model.source import Source
from duyen.model.times import DAY, Millis

TOLD_AGAIN: Millis = 30 * DAY
"""How long after it was so a fact is told again with later words; ids are remembered a little longer (35 days)."""
_encode = msgspec.json.Encoder(order="sorted").encode

Who = dict[str, Any]
"""The fields of a call that say whose it is."""


def whose(delivery: Delivery, customer: dict[str, Any], *contacts: Any, otherwise: str) -> Who:
    """Whose a call is: the customer's; else a guest's, known by one of the contacts; else somebody's.

    A guest is known by the first e-mail, or where there is none by the first telephone, never by two: what stands
    beside it may be another's, as the telephone of whoever is sent a present. The id that a guest gets is made under a
    key, because whoever can make an anonymous id may speak as that visitor.
    """
    source = delivery.source
    if id := an_id(customer.get("id")):
        traits = known({name: text(customer.get(name)) for name in ("email", "phone")})
        return {"userId": f"{source.prefix}{id}"} | (
            {"context": {"traits": traits}} if traits else {}
        )
    places = [a_map(each) for each in (customer, *contacts)]
    named = ((name, text(each.get(name))) for name in ("email", "phone") for each in places)
    name, value = next((one for one in named if one[1]), ("", otherwise))
    made = blake2b(f"{name}:{value.casefold()}".encode(), key=delivery.key[:64], digest_size=16)
    who: Who = {"anonymousId": f"{source.id}-{made.hexdigest()}"}
    return who | {"context": {"traits": {name: value}}} if name else who


def nobody(who: Who) -> bool:
    """Whether a call names nobody that could be found again."""
    return "userId" not in who and "context" not in who


def told_by(delivery: Delivery, topic: str, readers: Mapping[str, Reader]) -> Told:
    """What the reader of a topic makes of a delivery; raises Unreadable."""
    reader = readers.get(topic)
    if reader is None:
        return Told(ignored=f"“{topic[:80]}” is nothing that is read here.")
    calls = Calls(delivery.source, delivery.received)
    told = reader(delivery, a_map(delivery.body), calls)
    return Told(calls=calls.told) if told is None else told


class Calls:
    """The calls of one delivery."""

    def __init__(self, source: Source, received: Millis) -> None:
        self._source, self._received = source, received
        self._said: dict[str, int] = {}
        self.told: list[dict[str, Any]] = []

    def track(
        self, event: str, who: Who, at: Millis | None, properties: dict[str, Any], name: str = ""
    ) -> None:
        """Something happened; `name` is what the shop calls it for good, else it is what is said."""
        call = {"type": "track", "event": event, **who, "properties": known(properties)}
        self._dated(call, at, name)

    def identify(self, who: Who, at: Millis | None, traits: dict[str, Any]) -> None:
        """What is so of somebody."""
        self._dated({"type": "identify", **who, "traits": known(traits)}, at, "")

    def consent(
        self, who: Who, channel: str, state: str, at: Millis | None, proof: str, **more: Any
    ) -> None:
        """Somebody agreed to marketing on a channel, or does not want it."""
        said = {"purpose": "marketing", "channel": channel, "state": state, "proof": proof}
        self.track("Consent Updated", who, at, {**said, "brand": self._source.brand, **more})

    def recent(self, at: Millis | None) -> bool:
        """Whether a fact may be told again: its first telling is still remembered."""
        return at is None or self._received - at < TOLD_AGAIN

    def _dated(self, call: dict[str, Any], at: Millis | None, name: str) -> None:
        self.add(call if at is None else call | {"timestamp": stamp(at)}, name)

    def add(self, call: dict[str, Any], name: str = "") -> None:
        """One call, whole but for its id; of those that say the very same each is told."""
        said = name or _digest(_encode(call))
        again = self._said[said] = self._said.get(said, 0) + 1
        id = f"{self._source.id}:{said}{f'~{again}' if again > 1 else ''}"
        self.told.append(call | {"messageId": id})


def _digest(said: str | bytes) -> str:
    return blake2b(said if isinstance(said, bytes) else said.encode(), digest_size=12).hexdigest()


Reader = Callable[[Delivery, dict[str, Any], Calls], Told | None]
"""Reads the deliveries of one topic: into calls, or into what it returns."""
