"""Mails are read as a mail reader reads them: real links out of real bytes."""

from typing import Any

from duyen.messages.compose import compose
from duyen.messages.links import Links
from duyen.model.effect import Enqueue
from duyen.model.message import Message
from duyen.model.person import Person, Trait
from duyen.model.program import WorkspaceSettings
from duyen.model.times import DAY, parse_time
from duyen.rules.quiet import zone_named
from duyen.runtime import definitions
from duyen.simulate import starter
from duyen.simulate.client import read_mail
from duyen.simulate.history import HANOI, past_days
from duyen.simulate.shop import as_catalogue_items
from duyen.simulate.world import World

NOW = parse_time("2026-11-22T03:00:00Z")


def _mail(name: str) -> bytes:
    body = next(
        body for kind, id, body in starter.definitions() if (kind, id) == ("messages", name)
    )
    message = definitions.parse("message", name, body)
    assert isinstance(message, Message)
    enqueue = Enqueue(
        "k1", "p1", name, 1, "email", "lan@example.test", "marketing", "default", "journey:x", NOW, NOW,
        NOW + DAY, {"trigger": {"name": "Trà sen Tây Hồ, 250 g"}},
    )  # fmt: skip
    person = Person("p1", traits={"name": Trait("Lê Thị Ánh Lan", NOW, "e1")})
    zone = zone_named("Asia/Ho_Chi_Minh")
    assert zone is not None
    settings = WorkspaceSettings(sender="Quán Duyên <xin-chao@example.test>")
    links = Links(b"0123456789abcdef", "http://127.0.0.1:8000")
    items = as_catalogue_items("http://127.0.0.1:8000")[:3]
    return compose(message, enqueue, person, items, links, settings, zone=zone, now=NOW).content


def test_links_of_a_real_mail_are_found() -> None:
    """The open pixel, a click for each item, and the one-click unsubscribe; names are in the text."""
    mail = read_mail("1", _mail("goes-with"))
    links = Links(b"0123456789abcdef", "http://127.0.0.1:8000")

    def kinds(urls: tuple[str, ...]) -> set[str]:
        found = [links.verify(url.rsplit("/", 1)[1].removesuffix(".gif")) for url in urls]
        return {one.name if one else "?" for one in found}

    assert kinds(mail.opens) == {"open"}
    assert kinds(mail.clicks) == {"click"}
    assert kinds(mail.unsubscribes) == {"unsubscribe"}
    assert len(mail.clicks) >= 3
    assert mail.to == "lan@example.test"
    text = " ".join(mail.text.split())
    assert all(item["name"] in text for item in as_catalogue_items("")[:3])


def _past(customers: int, days: int, end: int) -> tuple[list[dict[str, Any]], dict[int, None]]:
    known: dict[int, None] = {}
    told = past_days(World(4), customers, days, end, known)
    return [call for day in told for call in day], known


def test_the_past_is_the_same_whenever_it_is_told() -> None:
    """Visits, orders and sign-ups do not depend on when the demo starts; times end at the last midnight."""
    calls, known = _past(40, 20, NOW)
    later, known_later = _past(40, 20, NOW + 3 * DAY)
    assert [call["messageId"] for call in calls] == [call["messageId"] for call in later]
    assert known == known_later
    assert len({call["messageId"] for call in calls}) == len(calls)
    times = [parse_time(call["timestamp"]) for call in calls]
    assert times == sorted(times)
    midnight = (NOW + HANOI) // DAY * DAY - HANOI
    assert midnight - 20 * DAY <= times[0] <= times[-1] < midnight


def test_orders_of_the_past_are_of_known_people() -> None:
    """Whoever bought has signed up, and nobody's consent is made up."""
    calls, _ = _past(60, 30, NOW)
    signed = {call["userId"] for call in calls if call["type"] == "identify"}
    buyers = {call["userId"] for call in calls if call.get("event") == "Order Completed"}
    asked = {call["userId"] for call in calls if call.get("event") == "Consent Updated"}
    agreed = {c.user_id for c in map(World(4).customer, range(60)) if c.agrees}
    assert buyers <= signed
    assert asked == signed & agreed
