"""A person who says no is not written to, from the instant at which the no was acknowledged (law 6).

Also while the engine is down, and also what already waits in the outbox.
"""

import asyncio
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx

from duyen.channels.email import EmailChannel, EmailSettings
from duyen.runtime.house import House
from duyen.runtime.sender import Sender
from tests.api.server import Server, running, until

BODY = "<mjml><mj-body><mj-section><mj-column><mj-text>Chào</mj-text></mj-column></mj-section></mj-body></mjml>"
STEPS = {"entry": {"event": "Asks"}, "reentry": "always", "steps": [{"send": "letter"}]}
OPEN = {"quiet_from": "00:00", "quiet_to": "00:00", "hold_out": 0, "caps": []}


def sent_to(owner: httpx.Client, address: str) -> int:
    """How many mails the catcher holds for an address."""
    return len(owner.get("/v1/mail", params={"query": address}).json()["data"])


def looked(server: Server) -> int:
    """Let a sender look at the outbox once; how many contacts it took up. Nobody listens at its SMTP server."""
    house = House(server.settings)
    sender = Sender(house, EmailChannel(EmailSettings(host="127.0.0.1", port=1)))
    try:
        assert house.state.count_waiting() == 2
        return asyncio.run(sender.turn())
    finally:
        sender.close()
        house.close()


def one_for(owner: httpx.Client, address: str) -> bool:
    """Whether exactly one mail has come."""
    return sent_to(owner, address) == 1


def test_an_acknowledged_refusal_holds_while_the_engine_is_down(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    with running(tmp_path / "shop", free_port(), "engine", "sender", "door") as server:
        owner = server.owner()
        assert owner.put("/v1/settings", json=OPEN).status_code == 200
        letter = {"name": "A letter", "subject": "Chào", "body": BODY}
        assert owner.put("/v1/messages/letter", json=letter).status_code == 200
        assert owner.put("/v1/journeys/letters", json=STEPS).status_code == 200
        agreed = {"purpose": "marketing", "channel": "email", "state": "granted"}
        for who in ("lan", "mai"):
            address = f"{who}@example.test"
            server.tell(
                {"type": "identify", "userId": who, "traits": {"email": address}},
                {"type": "track", "userId": who, "event": "Consent Updated", "properties": agreed},
            )
            server.tell({"type": "track", "userId": who, "event": "Asks"})
            until(partial(one_for, owner, address))
        mail = owner.get("/v1/mail", params={"query": "lan@example.test"}).json()["data"][0]
        headers = dict(owner.get(f"/v1/mail/{mail['id']}").json()["headers"])
        found = re.search(r"<http://[^/]+(/t/u/[^>]+)>", headers["List-Unsubscribe"])
        assert found

        server.stop("sender")
        for who in ("lan", "mai"):
            server.tell({"type": "track", "userId": who, "event": "Asks"})
        until(lambda: owner.get("/v1/reports/overview").json()["mails"]["waiting"] == 2)
        server.stop("engine")
        left = httpx.post(server.url + found[1], content="List-Unsubscribe=One-Click", timeout=30)
        assert left.status_code == 200
        for _ in range(3):
            assert looked(server) == 0
        assert (sent_to(owner, "lan@example.test"), sent_to(owner, "mai@example.test")) == (1, 1)

        server.start("sender", "engine")
        until(lambda: sent_to(owner, "mai@example.test") == 2)
        until(lambda: owner.get("/v1/reports/overview").json()["mails"]["waiting"] == 0)
        assert sent_to(owner, "lan@example.test") == 1
        contacts = owner.get("/v1/profiles/user_id:lan/contacts").json()["data"]
        assert "cancelled" in {contact["state"] for contact in contacts}
