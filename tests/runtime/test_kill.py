"""Law 4: what was acknowledged is durable, and effects happen once, whatever is killed and whenever.

The real processes (door, engine, sender) are killed at random moments under load, and everything they made is
held against a run that nobody disturbed.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.profiles import knowledge
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.secrets import digest_key
from duyen.runtime.settings import load
from duyen.stores.sqlite.mail import SqliteMail

ROLES = ("door", "engine", "sender")
PEOPLE, EVENTS, BATCH = 150, 6_000, 40
KILLS = 36
START = int(time.time()) - 3_600
KEY = "wk_kill"
MJML = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{{ person.name }}</mj-text>"
    "</mj-column></mj-section></mj-body></mjml>"
)


def calls() -> list[dict[str, Any]]:
    """The same story for both runs: consents, names that change, orders, duplicates on purpose."""
    rng = random.Random(7)
    told: list[dict[str, Any]] = []
    for n in range(PEOPLE):
        who = {"userId": f"u{n}", "anonymousId": f"a{n}"}
        told.append(
            {
                "type": "identify",
                **who,
                "traits": {"name": f"Ngân {n}", "email": f"u{n}@example.test"},
            }
        )
        consent = {"purpose": "marketing", "channel": "email", "state": "granted"}
        told.append({"type": "track", "event": "Consent Updated", **who, "properties": consent})
    while len(told) < EVENTS:
        n = rng.randrange(PEOPLE)
        kind = rng.choice(["Product Viewed", "Product Viewed", "Order Completed", "trait"])
        who = rng.choice([{"userId": f"u{n}"}, {"anonymousId": f"a{n}"}])
        if kind == "trait":
            told.append({"type": "identify", **who, "traits": {"mood": rng.randrange(9)}})
        else:
            price = {"product_id": f"p{rng.randrange(30)}", "total": f"{rng.randrange(1, 900)}.50"}
            told.append({"type": "track", "event": kind, **who, "properties": price})
    for n, call in enumerate(told):
        call["messageId"] = f"m{n}"
        call["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(START + n // 4))
    return told + rng.sample(told, 300)


def prepare(folder: Path) -> House:
    """A workspace with a segment, a journey that thanks for the first order, and one write key."""
    house = House(load(str(folder)), engine=True)
    rule = {
        "all": [
            {"did": "Order Completed", "at_least": 2, "within": "90d"},
            {"trait": "mood", "gte": 3},
        ]
    }
    resources: list[tuple[Any, str, dict[str, Any]]] = [
        (
            "settings",
            "workspace",
            {"hold_out": 0.0, "quiet_from": "00:00", "quiet_to": "00:00", "caps": []},
        ),
        ("segment", "fond", {"name": "Fond", "rule": rule}),
        ("message", "thanks", {"name": "Thanks", "subject": "Cảm ơn", "body": MJML}),
        (
            "journey",
            "thanks",
            {
                "name": "Thanks",
                "entry": {"event": "Order Completed"},
                "steps": [{"send": "thanks"}],
            },
        ),
        ("key", "k", {"kind": "write", "digest": digest_key(KEY), "origins": []}),
    ]
    changes = [ResourceChange(kind, id, body, "test", START * 1000) for kind, id, body in resources]
    house.tell(Lane.CONTROL, list(changes))
    engine = Engine(house)
    engine.drain()
    engine.close()
    return house


class Crew:
    """The processes of one folder, any of which may be killed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.processes = {role: self._start(role) for role in ROLES}

    def _start(self, role: str) -> "subprocess.Popen[bytes]":
        more = ["--port", str(self.port)] if role == "door" else []
        log = (self.folder / f"{role}.txt").open("ab")
        command = [sys.executable, "-m", "duyen", role, "--data", str(self.folder), *more]
        return subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, role: str) -> None:
        """kill -9, and start again."""
        self.processes[role].send_signal(signal.SIGKILL)
        self.processes[role].wait()
        self.processes[role] = self._start(role)

    def stop(self) -> None:
        """End everything politely."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)


def post(port: int, batch: list[dict[str, Any]]) -> None:
    """Send one batch until it is acknowledged, as SDKs do."""
    body = json.dumps({"batch": batch}).encode()
    for _ in range(600):
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{port}/v1/batch", content=body, auth=(KEY, ""), timeout=10
            )
        except httpx.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            assert answer.json()["rejected"] == []
            return
        assert answer.status_code == 503, answer.text
    pytest.fail("the door never took a batch")


def feed(port: int, batches: list[list[dict[str, Any]]]) -> None:
    """Send everything, in order."""
    for batch in batches:
        post(port, batch)


def run(folder: Path, port: int, kills: int, seed: int) -> dict[str, Any]:
    """Play the whole story, killing as we go, and tell what came of it."""
    prepare(folder).close()
    crew = Crew(folder, port)
    try:
        told = calls()
        batches = [told[n : n + BATCH] for n in range(0, len(told), BATCH)]
        feeding = threading.Thread(target=feed, args=(port, batches))
        rng = random.Random(seed)
        feeding.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.02, 0.9))
            crew.kill(rng.choice(ROLES))
        feeding.join(300)
        assert not feeding.is_alive()
        settle(folder)
    finally:
        crew.stop()
    return outcome(folder)


def settle(folder: Path) -> None:
    """Wait until the engine has applied everything and nothing waits in the outbox."""
    house = House(load(str(folder)))
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            behind = house.log.waiting(Lane.LIVE, house.state.position(Lane.LIVE))
            if not behind and not house.state.count_waiting():
                return
            time.sleep(0.1)
    finally:
        house.close()
    pytest.fail("the outbox never emptied")


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that must not depend on who was killed."""
    house = House(load(str(folder)))
    state = house.state
    people: dict[str, Any] = {}
    ids = state.people_after("", 10_000)
    for id, head in state.heads(ids).items():
        known = knowledge(head.person, state.chunks(id))
        known["history"] = [(e.id, e.name, e.time, e.properties) for e in known["history"]]
        known["traits"] = {name: (t.value, t.time, t.id) for name, t in known["traits"].items()}
        people[id] = known
    mails = Counter(mail.key for mail in SqliteMail(folder / "mail.db").after(0, 100_000))
    fates = {row.enqueue.key: (row.state, row.reason) for row in state.outbox_all()}
    found = {
        "people": people,
        "members": {p for p, _ in state.members("fond", "", 10_000)},
        "contacts": set(fates),
        "effect": state.counters("effect:"),
        "decided": sum(n for _, name, n in state.activity(0) if name == "@events"),
    }
    house.close()
    return found | {"mails": mails, "fates": fates}


def test_nothing_is_lost_and_nothing_happens_twice(
    tmp_path: Path, free_port: Callable[[], int]
) -> None:
    for name in ("calm", "wild"):
        (tmp_path / name).mkdir()
    calm = run(tmp_path / "calm", free_port(), 0, 0)
    seed = int(os.environ.get("DUYEN_SEED", "1"))
    wild = run(tmp_path / "wild", free_port(), KILLS, seed)

    assert len(calm["people"]) == PEOPLE
    for part in ("people", "members", "contacts", "effect", "decided"):
        assert wild[part] == calm[part], part
    for result in (calm, wild):
        assert max(result["mails"].values()) == 1
        for key, (state, reason) in result["fates"].items():
            assert (state, reason) in {("sent", ""), ("failed", "uncertain")}
            assert state != "sent" or result["mails"][key] == 1
    assert set(calm["mails"]) == calm["contacts"]

    again = rebuild(load(str(tmp_path / "wild")))
    assert (again.people, again.same, again.different) == (PEOPLE, PEOPLE, [])
    rebuilt = outcome(tmp_path / "wild")
    assert {k: rebuilt[k] for k in ("people", "members", "fates")} == {
        k: wild[k] for k in ("people", "members", "fates")
    }
