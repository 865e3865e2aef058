"""A wrong merge is undone for good: vetoes among late evidence, in any order, and after a rebuild."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from duyen import collect, profiles
from duyen.identity import Evidence, Rules, Veto, parse_rules, resolve
from duyen.model.consent import granted
from duyen.model.errors import InvalidInput, NotFound
from duyen.model.event import Collected, Event, Identifier
from duyen.model.log import Lane, Lift, Unmerge, decode_entries, encode_entry
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.model.times import format_time
from duyen.profiles import fold, seen
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.rebuild import rebuild
from duyen.runtime.settings import load
from duyen.runtime.unmerge import lift, unmerge, vetoes_of

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

    identity: ClassVar[dict[str, Any]] = {}
    """The workspace's rules of the namespaces."""

    def __init__(self) -> None:
        super().__init__()
        self.open()
        self.under = Rules.of(parse_rules(self.identity), ())
        self.told: list[Collected] = []
        self.vetoes: list[Veto] = []
        self.decisions = 0
        self.lifted: set[str] = set()
        self.waiting: list[Any] = []

    def open(self) -> None:
        """A folder with one engine."""
        self.folder = Path(tempfile.mkdtemp(prefix="duyen-town-"))
        self.house = House(load(str(self.folder)), engine=True)
        self.engine = Engine(self.house)
        body = {"identity": self.identity}
        self.house.tell(Lane.CONTROL, [ResourceChange("settings", "workspace", body, "t", NOW)])
        self.engine.drain()

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
        entry = Unmerge(f"v{self.decisions}", NOW, "t", tuple(sorted(kept)), tuple(sorted(apart)))
        self.decisions += 1
        self.vetoes += [Veto(NOW, entry.id, a, b) for a in kept for b in apart]
        self.waiting.append(entry)

    @rule(pick=st.integers(0, 99), early=st.booleans())
    def taken_back(self, pick: int, early: bool) -> None:
        """Somebody takes a veto back; the log may hold that before the veto itself."""
        veto = f"v{self.decisions if early else pick % (self.decisions + 1)}"
        self.lifted.add(veto)
        self.waiting.append(Lift(f"l-{veto}", NOW, "t", veto))

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
        vetoes = [veto for veto in self.vetoes if veto.id not in self.lifted]
        people = people_of(events, vetoes, self.under)
        state = self.house.state
        heads = state.heads(state.people_after("", 100))
        older = {id: state.chunks(id) for id in heads}
        assert {
            id: sorted(e.id for e in (*older[id], *h.person.recent)) for id, h in heads.items()
        } == {id: sorted({e.id for e in own}) for id, (own, _) in people.items()}
        for id, (own, identifiers) in people.items():
            mine, again = heads[id].person, profiles.refold(id, own, {})
            assert mine.identifiers == identifiers
            for part in ("traits", "first", "last", "events", "history"):
                known = profiles.knowledge(mine, older[id])
                assert known[part] == profiles.knowledge(again)[part]
            assert not any(
                v.a[1] in mine.identifiers.get(v.a[0], ())
                and v.b[1] in mine.identifiers.get(v.b[0], ())
                for v in vetoes
            )


def people_of(
    events: list[Event], vetoes: list[Veto], rules: Rules
) -> dict[str, tuple[list[Event], Any]]:
    """Person -> (events, identifiers), resolved at once from everything."""
    evidence = [Evidence(e.time, e.id, e.identifiers, e.trusted) for e in events]
    resolution = resolve(evidence, vetoes, rules)
    seen = resolution.first_seen(evidence)
    people: dict[str, tuple[list[Event], Any]] = {}
    for event in events:
        person = resolution.person_of(event.identifiers, event.trusted)
        people.setdefault(person, ([], seen.get(person, {})))[0].append(event)
    return people


class GuardedTown(Town):
    """The same where limits have windows and namespaces are protected."""

    identity: ClassVar[dict[str, Any]] = {
        "user_id": {"limit": 2, "within": "5m"},
        "anonymous_id": {"limit": 2, "within": "10m", "priority": 3},
        "email": {"limit": 1, "protect": "merges"},
    }

    @rule(device=st.integers(0, 4), ago=st.integers(0, 40))
    def signs_in(self, device: int, ago: int) -> None:
        """One user on many devices, again and again: what was set aside is tried again in a later window."""
        who = {"userId": "u0", "anonymousId": f"d{device}"}
        told = call(f"m{len(self.told):03d}", NOW - ago * 60_000, True, who)
        self.told.append(told)
        self.waiting.append(told)


class ProvedTown(Town):
    """The same where addresses identify only where they are proved."""

    identity: ClassVar[dict[str, Any]] = {
        "email": {"limit": 2, "protect": "anonymous", "priority": 1}
    }


class CrowdedTown(Town):
    """The same where everybody did more than a document holds: events and their ids lie beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.held = pytest.MonkeyPatch()
        self.held.setattr(fold, "RECENT_MOST", 2)
        self.held.setattr(fold, "RECENT_KEPT", 1)
        self.held.setattr(seen, "MOST_KEPT", 1)

    def teardown(self) -> None:
        self.held.undo()
        super().teardown()

    @invariant()
    def most_is_remembered_elsewhere(self) -> None:
        state = self.house.state
        for id, head in state.heads(state.people_after("", 100)).items():
            assert head.person.apart == len(state.all_told(id))
            assert head.person.events < 3 or head.person.apart


TestTown = Town.TestCase
TestTown.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestGuardedTown = GuardedTown.TestCase
TestGuardedTown.settings = settings(TestTown.settings, max_examples=25)
TestCrowdedTown = CrowdedTown.TestCase
TestCrowdedTown.settings = settings(TestTown.settings, max_examples=20)
TestProvedTown = ProvedTown.TestCase
TestProvedTown.settings = settings(TestTown.settings, max_examples=25)


class LongTown(Town):
    """The same, thousands of times."""


class LongGuardedTown(GuardedTown):
    """The same, thousands of times."""


TestLongTown = pytest.mark.slow(LongTown.TestCase)
TestLongTown.settings = settings(
    max_examples=2_000,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLongGuardedTown = pytest.mark.slow(LongGuardedTown.TestCase)
TestLongGuardedTown.settings = TestLongTown.settings


# -- stories


YES = {"purpose": "marketing", "channel": "email", "state": "granted"}
MJML = "<mjml><mj-body><mj-section><mj-column><mj-text>Chào</mj-text></mj-column></mj-section></mj-body></mjml>"
RESOURCES: list[tuple[Any, str, dict[str, Any]]] = [
    (
        "settings",
        "workspace",
        {"hold_out": 0.0, "quiet_from": "00:00", "quiet_to": "00:00", "caps": []},
    ),
    ("segment", "often", {"name": "Often", "rule": {"did": "Visit", "at_least": 3}}),
    ("message", "m", {"name": "M", "subject": "Chào", "body": MJML}),
    (
        "journey",
        "asks",
        {
            "name": "Asks",
            "entry": {"event": "Asks"},
            "steps": [{"send": "m"}, {"wait": "1d"}, {"send": "m"}],
        },
    ),
]


class Shop:
    """A folder with one engine and a small program."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.house = House(load(str(folder)), engine=True)
        self.engine = Engine(self.house)
        self.told = 0
        now = self.house.clock.now()
        self.house.tell(
            Lane.CONTROL, [ResourceChange(kind, id, body, "t", now) for kind, id, body in RESOURCES]
        )
        self.engine.drain()

    def tell(self, *calls: dict[str, Any]) -> None:
        judged = []
        for each in calls:
            self.told += 1
            now = self.house.clock.now()
            found = collect.validate(
                {"type": "track", "messageId": f"m{self.told}", **each},
                received=now,
                source="t",
                trusted=True,
                new_id=lambda: "x",
            )
            assert isinstance(found, Collected)
            judged.append(found)
        self.house.tell(Lane.LIVE, list(judged))
        self.engine.drain()

    def person(self, namespace: str, value: str) -> Person:
        id = self.house.state.person_of(namespace, value)
        assert id is not None, (namespace, value)
        head = self.house.state.head(id)
        assert head is not None
        return head.person

    def unmerge(self, key: Identifier, *apart: str) -> Unmerge | None:
        told = unmerge(
            self.house.state, self.person(*key), apart, "an@shop.test", self.house.clock.now()
        )
        if told is not None:
            self.house.tell(Lane.LIVE, [told])
            self.engine.drain()
        return told

    def lift(self, key: Identifier, veto: str) -> Lift | None:
        now = self.house.clock.now()
        told = lift(self.house.state, self.person(*key), veto, "binh@shop.test", now)
        if told is not None:
            self.house.tell(Lane.LIVE, [told])
            self.engine.drain()
        return told

    def close(self) -> None:
        self.engine.close()
        self.house.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def marry(shop: Shop) -> None:
    """Lan signs in once on the computer that Minh uses every day without an account."""
    shop.tell(
        {"type": "identify", "userId": "lan", "traits": {"email": "lan@x.test", "city": "Huế"}},
        {"event": "Consent Updated", "userId": "lan", "properties": YES},
        *({"event": "Visit", "userId": "lan"} for _ in range(2)),
    )
    shop.tell(*({"event": "Visit", "anonymousId": "minh"} for _ in range(3)))
    shop.tell({"type": "identify", "anonymousId": "minh", "userId": "lan"})


def test_a_wrong_merge_is_undone_for_good(shop: Shop) -> None:
    marry(shop)
    both = shop.person("user_id", "lan")
    assert both.id == shop.person("anonymous_id", "minh").id
    assert both.events == 8
    assert [person for person, _ in shop.house.state.members("often", "", 9)] == [both.id]
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    assert told.author == "an@shop.test"
    lan, minh = shop.person("user_id", "lan"), shop.person("anonymous_id", "minh")
    assert lan.id != minh.id
    assert (lan.events, minh.events) == (5, 3)
    assert lan.identifiers.keys() == {"user_id", "email"}
    assert "city" in lan.traits
    assert "city" not in minh.traits
    assert granted(lan.consent, "marketing", "email")
    assert not granted(minh.consent, "marketing", "email")
    assert [person for person, _ in shop.house.state.members("often", "", 9)] == [minh.id]
    # She signs in there again: the computer stays his.
    shop.tell({"type": "identify", "anonymousId": "minh", "userId": "lan"})
    shop.tell({"event": "Visit", "anonymousId": "minh"})
    assert shop.person("user_id", "lan").id == lan.id
    assert shop.person("anonymous_id", "minh").events == 4
    assert shop.person("user_id", "lan").events == 6


def test_taking_apart_twice_changes_nothing(shop: Shop) -> None:
    marry(shop)
    assert shop.unmerge(("user_id", "lan"), "anonymous_id:minh") is not None
    before = shop.house.state.heads(shop.house.state.people_after("", 9))
    assert shop.unmerge(("user_id", "lan"), "anonymous_id:minh") is None
    # Told by two people at once, the log has it twice.
    again = Unmerge("other", NOW, "t", (("user_id", "lan"),), (("anonymous_id", "minh"),))
    shop.house.tell(Lane.LIVE, [again])
    shop.engine.drain()
    after = shop.house.state.heads(shop.house.state.people_after("", 9))
    assert {id: profiles.knowledge(head.person) for id, head in after.items()} == {
        id: profiles.knowledge(head.person) for id, head in before.items()
    }


def test_what_was_promised_and_said_binds_both(shop: Shop) -> None:
    """The ledger goes to both, so that nobody hears the same thing twice; a journey goes on with one of them."""
    marry(shop)
    shop.tell({"event": "Asks", "userId": "lan"})
    both = shop.person("user_id", "lan")
    assert [line.message for line in both.ledger] == ["m"]
    shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    lan, minh = shop.person("user_id", "lan"), shop.person("anonymous_id", "minh")
    keeper, other = (lan, minh) if lan.id == both.id else (minh, lan)
    assert keeper.ledger == both.ledger
    assert [(c.key, c.state, c.reason) for c in other.ledger] == [
        (both.ledger[0].key, "cancelled", "split")
    ]
    assert sorted(place.done for one in (lan, minh) for place in one.places.values()) == [
        False,
        True,
    ]
    (waiting,) = shop.house.state.outbox_waiting(2**52, 9)
    assert shop.house.state.survivor(waiting.person) == keeper.id
    shop.tell({"event": "Visit", "userId": "lan"}, {"event": "Visit", "anonymousId": "minh"})
    assert len(list(shop.house.state.outbox_all())) == 1


def test_a_no_that_either_said_while_they_were_one_holds_for_both(shop: Shop) -> None:
    marry(shop)
    shop.tell({"event": "Unsubscribed", "anonymousId": "minh"})
    shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    for key in (("user_id", "lan"), ("anonymous_id", "minh")):
        assert not granted(shop.person(*key).consent, "marketing", "email")


def test_a_rebuild_takes_them_apart_again(shop: Shop) -> None:
    marry(shop)
    shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    shop.tell({"type": "identify", "anonymousId": "minh", "userId": "lan"})
    ids = shop.person("user_id", "lan").id, shop.person("anonymous_id", "minh").id
    shop.close()
    result = rebuild(load(str(shop.folder)))
    shop.house = House(load(str(shop.folder)), engine=True)
    shop.engine = Engine(shop.house)
    assert result.different == []
    assert result.same == result.people == 2
    assert ids == (shop.person("user_id", "lan").id, shop.person("anonymous_id", "minh").id)
    shop.tell({"type": "identify", "anonymousId": "minh", "userId": "lan"})
    assert ids[1] == shop.person("anonymous_id", "minh").id != shop.person("user_id", "lan").id


def test_a_veto_is_taken_back(shop: Shop) -> None:
    """They are one again, by their evidence; a run goes on, and what was said once is not said again."""
    marry(shop)
    shop.tell({"event": "Asks", "userId": "lan"})
    one = shop.person("user_id", "lan")
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    shop.tell({"event": "Unsubscribed", "anonymousId": "minh"})
    (veto,) = vetoes_of(shop.house.state, shop.person("anonymous_id", "minh"))
    assert (veto.id, veto.author, veto.lifted) == (told.id, "an@shop.test", None)
    assert veto.own == (("anonymous_id", "minh"),)
    assert ("user_id", "lan") in veto.never
    shop.lift(("anonymous_id", "minh"), told.id)
    both = shop.person("user_id", "lan")
    assert both.id == shop.person("anonymous_id", "minh").id == one.id
    assert both.events == one.events + 1
    assert not granted(both.consent, "marketing", "email")
    assert [line.state for line in both.ledger if line.message == "m"] == ["cancelled"]
    assert len(list(shop.house.state.outbox_all())) == 1
    (lifted,) = vetoes_of(shop.house.state, both)
    assert lifted.lifted is not None
    assert lifted.lifted.author == "binh@shop.test"
    assert shop.lift(("user_id", "lan"), told.id) is None
    shop.tell({"type": "identify", "anonymousId": "minh", "userId": "lan"})
    assert shop.person("anonymous_id", "minh").id == both.id


def test_what_waits_and_runs_goes_on_after_a_veto_was_taken_back(shop: Shop) -> None:
    marry(shop)
    shop.tell({"event": "Asks", "userId": "lan"})
    one = shop.person("user_id", "lan")
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    shop.lift(("user_id", "lan"), told.id)
    both = shop.person("user_id", "lan")
    assert both.places == one.places
    assert [(line.key, line.state) for line in both.ledger] == [
        (line.key, line.state) for line in one.ledger
    ]
    (waiting,) = shop.house.state.outbox_waiting(2**52, 9)
    assert shop.house.state.survivor(waiting.person) == both.id


def test_what_was_taken_back_can_be_decided_again(shop: Shop) -> None:
    marry(shop)
    first = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert first is not None
    shop.lift(("user_id", "lan"), first.id)
    second = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert second is not None
    assert second.id != first.id
    assert shop.person("user_id", "lan").id != shop.person("anonymous_id", "minh").id
    shop.lift(("anonymous_id", "minh"), second.id)
    both = shop.person("user_id", "lan")
    assert both.id == shop.person("anonymous_id", "minh").id
    assert {veto.id for veto in vetoes_of(shop.house.state, both)} == {first.id, second.id}


def test_a_pair_that_two_told_holds_until_both_take_it_back(shop: Shop) -> None:
    marry(shop)
    first = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert first is not None
    again = Unmerge("other", NOW, "t", (("user_id", "lan"),), (("anonymous_id", "minh"),))
    shop.house.tell(Lane.LIVE, [again])
    shop.engine.drain()
    shop.lift(("user_id", "lan"), first.id)
    assert shop.person("user_id", "lan").id != shop.person("anonymous_id", "minh").id
    shop.lift(("user_id", "lan"), "other")
    assert shop.person("user_id", "lan").id == shop.person("anonymous_id", "minh").id


def test_a_veto_of_somebody_else_is_not_theirs_to_take_back(shop: Shop) -> None:
    marry(shop)
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    shop.tell({"event": "Visit", "userId": "stranger"})
    with pytest.raises(NotFound) as error:
        shop.lift(("user_id", "stranger"), told.id)
    assert error.value.code == "veto.unknown"


def test_a_state_from_before_lifts_lists_and_lifts_its_vetoes(shop: Shop) -> None:
    marry(shop)
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    with shop.house.state.writing():
        shop.house.state._db.execute("DELETE FROM vetoes_told")
    (veto,) = vetoes_of(shop.house.state, shop.person("user_id", "lan"))
    shop.lift(("user_id", "lan"), veto.id)
    assert shop.person("user_id", "lan").id == shop.person("anonymous_id", "minh").id


def test_a_rebuild_puts_them_together_again(shop: Shop) -> None:
    marry(shop)
    told = shop.unmerge(("user_id", "lan"), "anonymous_id:minh")
    assert told is not None
    shop.lift(("user_id", "lan"), told.id)
    shop.close()
    result = rebuild(load(str(shop.folder)))
    shop.house = House(load(str(shop.folder)), engine=True)
    shop.engine = Engine(shop.house)
    assert result.different == []
    assert result.same == result.people == 1
    (veto,) = vetoes_of(shop.house.state, shop.person("user_id", "lan"))
    assert veto.lifted is not None


def test_what_cannot_be_taken_out_is_told(shop: Shop) -> None:
    marry(shop)
    lan = ("user_id", "lan")
    for apart, code in (
        ((), "profile.unmerge"),
        (("anonymous_id:stranger",), "profile.not_theirs"),
        (("minh",), "profile.key"),
        (("user_id:lan", "email:lan@x.test", "anonymous_id:minh"), "profile.unmerge"),
    ):
        with pytest.raises(InvalidInput) as error:
            shop.unmerge(lan, *apart)
        assert error.value.code == code
    assert len(shop.house.state.people_after("", 9)) == 1


def test_a_family_computer_with_sign_out(shop: Shop) -> None:
    """Two users on one browser: what is done before the second signs in is the first's; limits keep them apart."""
    shop.tell({"event": "Visit", "anonymousId": "home"})
    shop.tell({"type": "identify", "anonymousId": "home", "userId": "mother"})
    shop.tell({"event": "Visit", "anonymousId": "home", "userId": "son"})
    mother, son = shop.person("user_id", "mother"), shop.person("user_id", "son")
    assert mother.id != son.id
    assert (mother.events, son.events) == (2, 1)
    assert shop.person("anonymous_id", "home").id == mother.id
    # A tag that makes a new anonymous id at sign-out keeps even the anonymous visits apart.
    shop.tell({"event": "Visit", "anonymousId": "after-sign-out"})
    shop.tell({"type": "identify", "anonymousId": "after-sign-out", "userId": "son"})
    assert shop.person("anonymous_id", "after-sign-out").id == son.id


def test_a_limit_within_a_window_lets_the_engine_try_again(shop: Shop) -> None:
    limits = {"identity": {"anonymous_id": {"limit": 2, "within": "1d"}}}
    shop.house.tell(
        Lane.CONTROL,
        [ResourceChange("settings", "workspace", RESOURCES[0][2] | limits, "t", NOW)],
    )
    shop.engine.drain()
    day = 86_400_000
    start = shop.house.clock.now() - 10 * day

    def visit(device: str, at: int) -> dict[str, Any]:
        return {
            "event": "Visit",
            "userId": "u",
            "anonymousId": device,
            "timestamp": format_time(at),
        }

    shop.tell(*(visit(f"a{n}", start + n) for n in range(3)))
    assert sorted(shop.person("user_id", "u").identifiers["anonymous_id"]) == ["a0", "a1"]
    shop.tell(visit("a2", start + 100))
    assert "a2" not in shop.person("user_id", "u").identifiers["anonymous_id"]
    shop.tell(visit("a2", start + 3 * day))
    assert "a2" in shop.person("user_id", "u").identifiers["anonymous_id"]
    assert shop.person("user_id", "u").events == 5


def test_an_entry_survives_the_log() -> None:
    told = Unmerge("v", NOW, "t", (("user_id", "a:b"),), (("email", "ê@x.test"),))
    assert decode_entries(b"[" + encode_entry(told) + b"]") == [told]
    back = Lift("l", NOW, "t", "v")
    assert decode_entries(b"[" + encode_entry(back) + b"]") == [back]
