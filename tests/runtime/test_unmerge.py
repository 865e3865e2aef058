"""A wrong merge is undone for good: vetoes among late evidence, in any order, and after a rebuild."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duyen import collect, profiles
from duyen.identity import Evidence, Rules, Veto, resolve
from duyen.model.event import Collected, Event, Identifier
from duyen.model.log import Lane, Unmerge
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

NOW = 1_790_000_000_000
WHO = st.fixed_dictionaries(
    {"anonymousId": st.sampled_from(["a0", "a1", "a2", "a3"])},
    optional={
        "userId": st.sampled_from(["u0", "u1", "u2"]),
        "email": st.sampled_from(["e0@x.test", "e1@x.test"]),
    },
)
NAMES = st.sampled_from(
    [("user_id", f"u{n}") for n in range(3)]
    + [("anonymous_id", f"a{n}") for n in range(4)]
    + [("email", f"e{n}@x.test") for n in range(2)]
)


def call(id: str, time: int, trusted: bool, who: dict[str, str], **more: Any) -> Collected:
    """A track call; an address goes into the context's traits."""
    told = dict(who)
    email = told.pop("email", "")
    judged = collect.validate(
        {
            "messageId": id,
            "event": "Seen",
            **told,
            **({"context": {"traits": {"email": email}}} if email else {}),
            **more,
        },
        "track",
        received=NOW,
        source="t",
        trusted=trusted,
        new_id=lambda: id,
    )
    assert isinstance(judged, Collected)
    fields = {f: getattr(judged, f) for f in judged.__struct_fields__ if getattr(judged, f)}
    return Collected(**{**fields, "time": time})


class Town(RuleBasedStateMachine):
    """An engine told of events, late ones and repeated ones, and of vetoes; held against the whole set at once."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="duyen-town-"))
        self.house = House(load(str(self.folder)), engine=True)
        self.engine = Engine(self.house)
        self.told: list[Collected] = []
        self.vetoes: list[Veto] = []
        self.waiting: list[Any] = []

    def teardown(self) -> None:
        self.engine.close()
        self.house.close()
        shutil.rmtree(self.folder)

    @rule(who=WHO, ago=st.integers(0, 40), trusted=st.booleans())
    def happens(self, who: dict[str, str], ago: int, trusted: bool) -> None:
        """Something happens, or turns out to have happened long ago."""
        told = call(f"m{len(self.told):03d}", NOW - ago * 60_000, trusted, who)
        self.told.append(told)
        self.waiting.append(told)

    @rule(pick=st.integers(0, 99))
    def told_again(self, pick: int) -> None:
        """A client sends what it has sent before."""
        if self.told:
            self.waiting.append(self.told[pick % len(self.told)])

    @rule(kept=st.sets(NAMES, min_size=1, max_size=3), apart=st.sets(NAMES, min_size=1, max_size=2))
    def taken_apart(self, kept: set[Identifier], apart: set[Identifier]) -> None:
        """Somebody decides that these are two people."""
        kept = kept - apart
        entry = Unmerge(f"v{len(self.vetoes)}", NOW, "t", tuple(sorted(kept)), tuple(sorted(apart)))
        self.vetoes += [Veto(NOW, entry.id, a, b) for a in kept for b in apart]
        self.waiting.append(entry)

    @rule()
    def engine_comes_to_it(self) -> None:
        """All that waits is one batch; sometimes much, sometimes a single entry."""
        if self.waiting:
            self.house.tell(Lane.LIVE, list(self.waiting))
            self.waiting = []
            self.engine.drain()

    @invariant()
    def people_are_those_of_the_whole_set(self) -> None:
        if self.waiting or not self.told:
            return
        events = [collect.normalise(each) for each in self.told]
        people = people_of(events, self.vetoes)
        heads = self.house.state.heads(self.house.state.people_after("", 100))
        assert {id: {e.id for e in h.person.recent} for id, h in heads.items()} == {
            id: {e.id for e in own} for id, (own, _) in people.items()
        }
        for id, (own, identifiers) in people.items():
            mine, again = heads[id].person, profiles.refold(id, own, {})
            assert mine.identifiers == identifiers
            for part in ("traits", "first", "last", "events", "history"):
                assert profiles.knowledge(mine)[part] == profiles.knowledge(again)[part]
            assert not any(
                v.a[1] in mine.identifiers.get(v.a[0], ())
                and v.b[1] in mine.identifiers.get(v.b[0], ())
                for v in self.vetoes
            )


def people_of(events: list[Event], vetoes: list[Veto]) -> dict[str, tuple[list[Event], Any]]:
    """Person -> (events, identifiers), resolved at once from everything."""
    evidence = [Evidence(e.time, e.id, e.identifiers, e.trusted) for e in events]
    resolution = resolve(evidence, vetoes, Rules())
    seen = resolution.first_seen(evidence)
    people: dict[str, tuple[list[Event], Any]] = {}
    for event in events:
        person = resolution.person_of(event.identifiers, event.trusted)
        people.setdefault(person, ([], seen[person]))[0].append(event)
    return people


TestTown = Town.TestCase
TestTown.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class LongTown(Town):
    """The same, thousands of times."""


TestLongTown = pytest.mark.slow(LongTown.TestCase)
TestLongTown.settings = settings(
    max_examples=2_000,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
