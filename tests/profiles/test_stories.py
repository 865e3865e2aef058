"""Stories from the call to the profile: what comes in, and who is then known for what."""

import json
from collections import defaultdict
from typing import Any

from duyen.collect import normalise, validate
from duyen.identity import Evidence, Rules, person_of_message, resolve
from duyen.model.consent import granted
from duyen.model.event import Collected, Event, Identifier
from duyen.model.person import Person
from duyen.profiles import refold
from tests.profiles.people import SPECS, START

LAN: Identifier = ("user_id", "lan")
SCRIPT = "<script>alert(1)</script>"


class Shop:
    """A company's events in the order they happened, and the people they make."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def hears(self, trusted: bool, **call: Any) -> None:
        """One call, a second after the one before."""
        number = len(self.events)
        collected = validate(
            json.dumps(call).encode(),
            received=START + 1_000 * number,
            source="server" if trusted else "page",
            trusted=trusted,
            new_id=lambda: f"m{number:03d}",
        )
        assert isinstance(collected, Collected), collected
        self.events.append(normalise(collected))

    def server(self, **call: Any) -> None:
        """The company's own server speaks."""
        self.hears(True, **call)

    def browser(self, **call: Any) -> None:
        """Somebody's browser speaks."""
        self.hears(False, **call)

    def people(self) -> dict[str, Person]:
        """Everybody, folded from nothing."""
        evidence = [Evidence(e.time, e.id, e.identifiers, e.trusted) for e in self.events]
        resolution = resolve(evidence, (), Rules())
        belongs: dict[str, list[Event]] = defaultdict(list)
        for event in self.events:
            whose = resolution.person_of(event.identifiers, event.trusted)
            belongs[whose or person_of_message(event.id)].append(event)
        people = {name: refold(name, events, SPECS) for name, events in belongs.items()}
        for name, identifiers in resolution.first_seen(evidence).items():
            people[name].identifiers = identifiers
        return people

    def holder(self, identifier: Identifier) -> Person:
        """The one person who holds an identifier."""
        namespace, value = identifier
        (found,) = [p for p in self.people().values() if value in p.identifiers.get(namespace, {})]
        return found


def test_a_visitor_becomes_a_customer_and_comes_back_on_a_telephone() -> None:
    shop = Shop()
    shop.browser(type="page", anonymousId="laptop")
    shop.browser(type="track", event="Product Viewed", anonymousId="phone", properties={"price": 5})
    shop.server(type="identify", anonymousId="laptop", userId="lan", traits={"city": "Huế"})
    assert len(shop.people()) == 2
    shop.server(type="identify", anonymousId="phone", userId="lan")
    (person,) = shop.people().values()
    assert person.events == 4
    assert person.traits["city"].value == "Huế"
    assert set(person.identifiers["anonymous_id"]) == {"laptop", "phone"}


def test_a_browser_that_claims_to_be_someone_else_changes_nothing_of_theirs() -> None:
    shop = Shop()
    consent = {"purpose": "marketing", "channel": "email", "state": "granted"}
    shop.server(type="identify", userId="lan", traits={"email": "lan@shop.example", "name": "Lan"})
    shop.server(type="track", event="Consent Updated", userId="lan", properties=consent)
    before = shop.holder(LAN)

    told = {"anonymousId": "mallory", "userId": "lan"}
    shop.browser(type="identify", **told, traits={"name": SCRIPT, "email": "lan@shop.example"})
    shop.browser(type="track", event="Unsubscribed", **told)
    shop.browser(type="track", event="Order Completed", userId="lan", properties={"total": "999"})
    shop.browser(type="alias", previousId="lan", userId="mallory")

    assert shop.holder(LAN) == before
    assert granted(before.consent, "marketing", "email")
    mallory = shop.holder(("anonymous_id", "mallory"))
    assert mallory.traits["name"].value == SCRIPT
    assert set(mallory.identifiers["claimed.user_id"]) == {"lan"}
    assert not granted(mallory.consent, "marketing", "email")


def test_a_claim_from_before_the_server_spoke_is_undone() -> None:
    """Mallory's page says it is Lan before the shop's server ever names Lan; then the import arrives."""
    shop = Shop()
    shop.browser(type="identify", anonymousId="mallory", userId="lan", traits={"note": "mine"})
    assert shop.holder(LAN).traits["note"].value == "mine"
    shop.server(type="track", event="Order Completed", userId="lan", properties={"total": "20"})
    lan = shop.holder(LAN)
    assert lan.events == 1
    assert "note" not in lan.traits


def test_somebody_without_a_usable_name_is_seen_once() -> None:
    shop = Shop()
    for _ in range(2):
        shop.browser(type="track", event="Product Viewed", userId="null")
    assert [person.events for person in shop.people().values()] == [1, 1]
