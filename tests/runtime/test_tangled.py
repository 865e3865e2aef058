"""Laws 1, 2 and 4 where engines race: few people, many names, merges and vetoes, and engines that are killed.

Two doors take the calls of two machines at once, their engines share the work and are killed whenever it hurts. The
people at the end are those of the whole set of events at once, each event counts once, and no mail leaves twice.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from duyen import collect, profiles
from duyen.identity import Rules, Veto
from duyen.model.event import Collected, Event
from duyen.model.log import Lane, Unmerge
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.runtime.tally import EVENTS
from tests import postgres
from tests.conftest import find_free_port
from tests.runtime.crew import START, Crew, feed, prepare, settle
from tests.runtime.test_unmerge import people_of

SEED = int(os.environ.get("DUYEN_SEED", "1"))
PEOPLE, DEVICES, CALLS, BATCH = 14, 20, 700, 10


def calls(rng: random.Random) -> list[dict[str, Any]]:
    """Who signs in where, under which address; what happened long ago is told at any time, and some of it twice."""
    told: list[dict[str, Any]] = []
    consent = {"purpose": "marketing", "channel": "email", "state": "granted"}
    for n in range(PEOPLE):
        traits = {"email": f"e{n}@x.test"}
        told.append({"type": "identify", "userId": f"u{n}", "traits": traits})
        yes = {"event": "Consent Updated", "properties": consent}
        told.append({"type": "track", "userId": f"u{n}", **yes})
    for n in range(CALLS):
        who: dict[str, Any] = {"anonymousId": f"a{rng.randrange(DEVICES)}"}
        if rng.random() < 0.4:
            who["userId"] = f"u{rng.randrange(PEOPLE)}"
        kind = rng.choice(
            ["Product Viewed", "Order Completed", "Consent Updated", "traits", "alias"]
        )
        if kind == "traits":
            mail = f"e{rng.randrange(PEOPLE)}@x.test"
            call = {
                "type": "identify",
                **who,
                "traits": {"email": mail, "mood": rng.randrange(9)},
            }
        elif kind == "alias":
            user = f"u{rng.randrange(PEOPLE)}"
            call = {"type": "alias", "userId": user, "previousId": who["anonymousId"]}
        else:
            properties = consent if kind == "Consent Updated" else {"total": f"{n}.50"}
            call = {"type": "track", "event": kind, **who, "properties": properties}
        told.append(call)
    for n, call in enumerate(told):
        moment = time.gmtime(START + rng.randrange(3_000))
        call["messageId"] = f"m{n}"
        call["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", moment)
    rest = told[2 * PEOPLE :] + rng.sample(told, CALLS // 10)
    rng.shuffle(rest)
    return told[: 2 * PEOPLE] + rest


def tear(house: House, rng: random.Random, stopping: threading.Event) -> None:
    """As an administrator does it, now and then: two names are never one person again."""
    number = 0
    while not stopping.wait(0.6):
        user, device = f"u{rng.randrange(PEOPLE)}", f"a{rng.randrange(DEVICES)}"
        kept, apart = (("user_id", user),), (("anonymous_id", device),)
        veto = Unmerge(f"v{number}", house.clock.now(), "an@shop.test", kept, apart)
        house.tell(Lane.LIVE, [veto])
        number += 1


def check(folder: Path, told: list[dict[str, Any]]) -> int:
    """Hold everything against the whole set of what the log tells; returns how many people there are."""
    house = House(load(str(folder)))
    state = house.state
    events: dict[str, Event] = {}
    vetoes: list[Veto] = []
    for block in house.log.read(Lane.LIVE, 0, most=2**40):
        for entry in block.entries:
            if isinstance(entry, Collected):
                events.setdefault(entry.id, collect.normalise(entry))
            elif isinstance(entry, Unmerge):
                vetoes += [
                    Veto(entry.time, entry.id, a, b) for a in entry.kept for b in entry.apart
                ]
    assert {call["messageId"] for call in told} <= events.keys(), "what was acknowledged is there"
    assert vetoes
    expected = people_of(list(events.values()), vetoes, Rules())
    heads = state.heads(state.people_after("", 10_000))
    mine = {
        id: {event.id for event in [*state.chunks(id), *head.person.recent]}
        for id, head in heads.items()
    }
    assert mine == {id: {event.id for event in own} for id, (own, _) in expected.items()}
    for id, (own, identifiers) in expected.items():
        again = profiles.refold(id, own, {})
        assert heads[id].person.identifiers == identifiers
        for part in ("traits", "first", "last", "events"):
            found = profiles.knowledge(heads[id].person, state.chunks(id))[part]
            assert found == profiles.knowledge(again)[part], (id, part)
    assert state.activity_sums(0)[EVENTS] == len(events)
    mails = Counter(mail.key for mail in house.stores.mails().after(0, 100_000))
    fates = {row.enqueue.key: row.state for row in state.outbox_all()}
    assert mails
    assert max(mails.values()) == 1
    assert mails.keys() <= fates.keys()
    assert all(mails[key] == 1 for key, fate in fates.items() if fate == "sent")
    masks = {batch.shards for batch in state.batches() if batch.lane == Lane.LIVE}
    assert len(masks) > 2, "the work was shared, and shards changed hands"
    house.close()
    return len(expected)


def play(tmp_path: Path, url: str, kills: int, seed: int) -> None:
    """The whole story on one database."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / "duyen.toml").write_text(f'store_url = "{url}"\n')
    prepare(folders[0]).close()
    shutil.copy(folders[0] / "secret.key", folders[1] / "secret.key")
    rng = random.Random(seed)
    told = calls(rng)
    batches = [told[n : n + BATCH] for n in range(0, len(told), BATCH)]
    ports = [find_free_port() for _ in folders]
    crew = Crew(dict(zip(folders, ports, strict=True)))
    house, stopping = House(load(str(folders[0]))), threading.Event()
    feeding = [
        threading.Thread(target=feed, args=(order, batches[half::2]))
        for half, order in enumerate((ports, ports[::-1]))
    ]
    tearing = threading.Thread(target=tear, args=(house, random.Random(seed), stopping))
    try:
        for thread in (*feeding, tearing):
            thread.start()
        for _ in range(kills):
            time.sleep(rng.uniform(0.2, 2.0))
            crew.kill((rng.choice(folders), "engine"))
            crew.look_after()
        for thread in feeding:
            thread.join(300)
            assert not thread.is_alive()
        stopping.set()
        tearing.join()
        settle(folders[0], crew)
    finally:
        stopping.set()
        crew.stop()
        house.close()
    people = check(folders[0], told)
    again = rebuild(load(str(folders[1])))
    assert (again.people, again.same, again.different) == (people, people, [])


@pytest.mark.postgres
def test_engines_that_are_killed_while_they_race(tmp_path: Path) -> None:
    with postgres.schema() as url:
        play(tmp_path, url, 5, SEED)


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("seed", range(SEED + 1, SEED + 6))
def test_again_and_again(tmp_path: Path, seed: int) -> None:
    with postgres.schema() as url:
        play(tmp_path, url, 20, seed)
