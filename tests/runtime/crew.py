"""A crew of real processes under load, any of which may be killed, and what must come of their work whoever was."""

import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.profiles import knowledge
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.secrets import digest_key
from duyen.runtime.settings import load

ROLES = ("door", "engine", "sender")
PEOPLE, EVENTS, BATCH = 150, 6_000, 40
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
    """The processes of one or more machines, each with its folder; the first one's door is called."""

    def __init__(self, places: Mapping[Path, int]) -> None:
        """`places`: folder -> the port of its door."""
        self._ports = places
        self.names = [(folder, role) for folder in places for role in ROLES]
        self.processes = {name: self._start(*name) for name in self.names}

    def _start(self, folder: Path, role: str) -> "subprocess.Popen[bytes]":
        more = ["--port", str(self._ports[folder])] if role == "door" else []
        log = (folder / f"{role}.txt").open("ab")
        command = [sys.executable, "-m", "duyen", role, "--data", str(folder), *more]
        return subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name: tuple[Path, str]) -> None:
        """kill -9, and start again."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()
        self.processes[name] = self._start(*name)

    def look_after(self) -> None:
        """Start again what has ended by itself, as a supervisor does."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                self.processes[name] = self._start(*name)

    def stop(self) -> None:
        """End everything politely."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)


def post(ports: Sequence[int], batch: list[dict[str, Any]]) -> None:
    """Send one batch until some door acknowledges it, as SDKs behind a load balancer do."""
    body = json.dumps({"batch": batch}).encode()
    for turn in range(600):
        url = f"http://127.0.0.1:{ports[turn % len(ports)]}/v1/batch"
        try:
            answer = httpx.post(url, content=body, auth=(KEY, ""), timeout=10)
        except httpx.HTTPError:
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            assert answer.json()["rejected"] == []
            return
        assert answer.status_code == 503, answer.text
    pytest.fail("no door ever took a batch")


def feed(ports: Sequence[int], batches: list[list[dict[str, Any]]]) -> None:
    """Send everything, in order, to each door in turn."""
    for n, batch in enumerate(batches):
        start = n % len(ports)
        post([*ports[start:], *ports[:start]], batch)


def anybody(crew: Crew, rng: random.Random) -> tuple[Path, str]:
    """Any process."""
    return rng.choice(crew.names)


def run(
    places: Mapping[Path, int],
    kills: int,
    seed: int,
    pause: float = 0.9,
    victim: Callable[[Crew, random.Random], tuple[Path, str]] = anybody,
) -> dict[str, Any]:
    """Play the whole story in prepared folders, killing as we go, and tell what came of it.

    Between two kills lie at most `pause` seconds.
    """
    first = next(iter(places))
    crew = Crew(places)
    try:
        told = calls()
        batches = [told[n : n + BATCH] for n in range(0, len(told), BATCH)]
        feeding = threading.Thread(target=feed, args=(list(places.values()), batches))
        rng = random.Random(seed)
        feeding.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.02, pause))
            crew.kill(victim(crew, rng))
            crew.look_after()
        feeding.join(300)
        assert not feeding.is_alive()
        settle(first, crew)
    finally:
        crew.stop()
    return outcome(first)


def settle(folder: Path, crew: Crew) -> None:
    """Wait until the engine has applied everything and nothing waits in the outbox."""
    house = House(load(str(folder)))
    deadline = time.monotonic() + 120
    try:
        while time.monotonic() < deadline:
            crew.look_after()
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
    answered: set[tuple[str, str]] = set()
    ids = state.people_after("", 10_000)
    for id, head in state.heads(ids).items():
        known = knowledge(head.person, state.chunks(id))
        known["history"] = [(e.id, e.name, e.time, e.properties) for e in known["history"]]
        known["traits"] = {name: (t.value, t.time, t.id) for name, t in known["traits"].items()}
        people[id] = known
        answered |= {(id, line.message) for line in head.person.ledger}
    mails = Counter(mail.key for mail in house.stores.mails().after(0, 100_000))
    fates = {row.enqueue.key: (row.state, row.reason) for row in state.outbox_all()}
    found = {
        "people": people,
        "members": {p for p, _ in state.members("fond", "", 10_000)},
        "contacts": set(fates),
        "told": sorted((row.enqueue.person, row.enqueue.message) for row in state.outbox_all()),
        "answered": answered,
        "effect": state.counters("effect:"),
        "decided": sum(n for _, name, n in state.activity(0) if name == "@events"),
    }
    house.close()
    return found | {"mails": mails, "fates": fates}
