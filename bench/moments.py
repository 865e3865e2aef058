"""How soon things happen: an event shows in a segment and in a decision; windows end; everybody is written to.

    python -m bench.moments [PEOPLE]

Each event goes over HTTP to a door with an engine beside it, and the answer is asked for until it is another one, so
that the asking is part of the time. What happens by itself is measured in the engine: people whose memberships all end
at one moment, and one schedule that calls everybody, up to a mail of each in the outbox. Baseline: the event's own
answer, and one person after the other in a transaction of his own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.crowd import populate, programme
from bench.door import SECRET, _answer, prepare, request, serving
from bench.figures import Figure, percentile
from duyen.model.consent import Statement, consent_key
from duyen.model.log import Lane
from duyen.model.person import Trait
from duyen.model.program import ResourceChange
from duyen.model.times import DAY, HOUR, Millis
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

PEOPLE = 100_000
TIMES = 150
PATIENCE = 5.0
AWAY: Millis = 3 * DAY
"""For so long nobody has looked at the people whose memberships end."""
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Chào</mj-text></mj-column></mj-section></mj-body></mjml>"


# -- over HTTP


def soon() -> list[Figure]:
    """From an event to a membership, and to another decision."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        house = House(load(name), engine=True)
        changes: list[tuple[Any, str, dict[str, Any]]] = [
            ("settings", "workspace", {"hold_out": 0.0}),
            ("segment", "asked", {"name": "Asked", "rule": {"did": "Asked for help"}}),
            ("placement", "top", {"name": "top"}),
            (
                "offer",
                "help",
                {
                    "name": "help",
                    "placements": ["top"],
                    "content": {"title": "Giúp bạn"},
                    "eligible": {"segment": "asked"},
                },
            ),
        ]
        house.tell(
            Lane.CONTROL, [ResourceChange(kind, id, raw, "bench", 0) for kind, id, raw in changes]
        )
        engine = Engine(house)
        engine.drain()
        engine.close()
        house.close()
        with serving(folder, "door", "engine") as port:
            answered, member, decided = asyncio.run(_ask(port))
    own = statistics.median(answered)
    against = "median of the event's own answer"
    return [
        Figure(
            "from an event to the membership: p95",
            percentile(member, 0.95),
            "ms",
            own,
            against,
            "20 ms",
        ),
        Figure(
            "from an event to another decision: p95",
            percentile(decided, 0.95),
            "ms",
            own,
            against,
            "300 ms",
        ),
    ]


async def _ask(port: int) -> tuple[list[float], list[float], list[float]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def told(path: str, content: dict[str, Any] | None = None) -> Any:
        data = b"" if content is None else json.dumps(content).encode()
        writer.write(request(port, path, data, "" if path == "/v1/track" else SECRET))
        return json.loads(await _answer(reader))

    async def until(path: str, content: dict[str, Any] | None, word: str) -> float:
        while word not in json.dumps(await told(path, content)):
            if time.perf_counter() - began > PATIENCE:
                raise RuntimeError(f"{word} did not come about: {await told(path, content)}")
            await asyncio.sleep(0.001)
        return (time.perf_counter() - began) * 1e3

    answered, member, decided = [], [], []
    for n in range(TIMES):
        who, key = f"soon-{n}", f"user_id:soon-{n}"
        await told("/v1/track", {"messageId": f"f{n}", "userId": who, "event": "Seen"})
        await asyncio.sleep(0.15)
        began = time.perf_counter()
        event = {"messageId": f"s{n}", "userId": who, "event": "Asked for help"}
        await told("/v1/track", event)
        answered.append((time.perf_counter() - began) * 1e3)
        member.append(await until(f"/v1/profiles/{key}/segments", None, '"asked"'))
        asks = {"profile": key, "placements": ["top"]}
        decided.append(await until("/v1/decide", asks, '"help"'))
    writer.close()
    return answered, member, decided


# -- in the engine


def windows(people: int) -> Figure:
    """Memberships that have ended while nobody looked, of everybody: how many people a second are let go."""
    with tempfile.TemporaryDirectory() as name:
        house = House(load(name), engine=True)
        programme(house, 100)
        now = house.clock.now()
        populate(house, people, 20, now - AWAY)
        due = len(house.state.due(now, people))
        if due < people // 2:
            raise RuntimeError(f"only {due} of {people} are due")
        engine = Engine(house)
        began = time.perf_counter()
        engine.drain()
        rate = due / (time.perf_counter() - began)
        engine.close()
        house.close()
    return Figure(
        f"windows that have ended: {people:,} people at once, 100 segments",
        rate,
        "people/s",
        None,
        "",
        "20 K/s",
    )


def broadcast(people: int) -> Figure:
    """One schedule calls everybody: consent, limits and hold-outs looked at, a mail of each in the outbox."""
    with tempfile.TemporaryDirectory() as name:
        house = House(load(name), engine=True)
        now = house.clock.now()
        programme(house, 100)
        body = {"name": "M", "subject": "Chào", "body": MJML}
        entry = {"schedule": {"at": _local(now + HOUR)}}
        opened = {"hold_out": 0.05, "quiet_from": "00:00", "quiet_to": "00:00"}
        changes: list[tuple[Any, str, dict[str, Any]]] = [
            ("settings", "workspace", opened),
            ("message", "m", body),
            ("journey", "all", {"name": "All", "entry": entry, "steps": [{"send": "m"}]}),
        ]
        house.tell(
            Lane.CONTROL, [ResourceChange(kind, id, raw, "bench", 0) for kind, id, raw in changes]
        )
        engine = Engine(house)
        engine.drain()
        populate(house, people, 20, now)
        _reachable(house, people, now)
        from duyen.model.program import Nudge

        house.tell(Lane.CONTROL, [Nudge("run", "schedule", now + HOUR, "all")])
        began = time.perf_counter()
        engine.drain()
        took = time.perf_counter() - began
        waiting = len(house.state.outbox_waiting(2**52, people))
        if not 0.9 * people < waiting < people:
            raise RuntimeError(f"{waiting} of {people} are written to")
        engine.close()
        house.close()
    return Figure(
        f"a schedule calls {people:,} people: policy and outbox",
        took,
        "s",
        None,
        "",
        "300 s a million",
    )


def _reachable(house: House, people: int, now: Millis) -> None:
    """An address and a yes for everybody."""
    state, said = house.state, Statement("granted", now, "yes", "")
    ids = state.people_after("", 10**9)
    for start in range(0, people, 10_000):
        with state.writing():
            heads = []
            for n, head in enumerate(state.heads(ids[start : start + 10_000]).values(), start):
                address = f"u{n}@example.test"
                head.person.traits["email"] = Trait(address, now, "yes")
                head.person.identifiers["email"] = {address: now}
                head.person.consent[consent_key("marketing", "email")] = said
                heads.append(head)
            state.put_heads(heads)


def _local(moment: Millis) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment / 1000))


def run(people: int = PEOPLE) -> list[Figure]:
    """What is to happen soon, and what happens to everybody."""
    return [*soon(), windows(people), broadcast(people)]


if __name__ == "__main__":
    for figure in run(*map(int, sys.argv[1:2])):
        print(figure)
