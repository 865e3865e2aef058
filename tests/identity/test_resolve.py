"""Identity is a function of a set: properties, and the stories behind them."""

import sys
from random import Random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.identity import (
    Evidence,
    Resolution,
    Rules,
    Veto,
    connected,
    person_id,
    person_of_message,
    resolve,
    usable,
)
from duyen.identity import resolve as identity_resolve
from duyen.model.event import Identifier, is_bearer
from duyen.model.program import NamespaceRule

PLAIN = Rules()

NAMES = st.sampled_from(
    [("user_id", f"u{n}") for n in range(4)]
    + [("email", f"e{n}@shop.example") for n in range(3)]
    + [("anonymous_id", f"a{n}") for n in range(5)]
    + [("ios.id", f"i{n}") for n in range(2)]
    + [("loyalty", "card"), ("user_id", "0000"), ("email", "null")]
)
SETS = st.frozensets(NAMES, min_size=1, max_size=4).map(lambda names: tuple(sorted(names)))
RULES = st.builds(
    Rules.of,
    st.dictionaries(
        st.sampled_from(["user_id", "email", "anonymous_id", "ios.id", "loyalty"]),
        st.builds(NamespaceRule, limit=st.integers(0, 3), priority=st.integers(0, 4)),
        max_size=3,
    ),
    st.just(()),
)


@st.composite
def evidence_sets(
    draw: st.DrawFn, trusted: st.SearchStrategy[bool] | None = None
) -> list[Evidence]:
    """Evidence with ids of its own; times collide often."""
    trust = st.booleans() if trusted is None else trusted
    rows = draw(st.lists(st.tuples(st.integers(1, 9), SETS, trust), max_size=14))
    return [Evidence(time, f"m{n:02d}", names, flag) for n, (time, names, flag) in enumerate(rows)]


VETOES = st.lists(st.builds(lambda a, b: Veto(0, "v", a, b), NAMES, NAMES), max_size=3)


def picture(resolution: Resolution) -> tuple[object, ...]:
    return resolution.people, resolution.ids, resolution.verified


def groups(resolution: Resolution, among: set[Identifier]) -> set[frozenset[Identifier]]:
    """The identifiers of `among`, by who holds them."""
    by: dict[str, set[Identifier]] = {}
    for identifier in among & resolution.ids.keys():
        by.setdefault(resolution.ids[identifier], set()).add(identifier)
    return {frozenset(group) for group in by.values()}


@given(evidence_sets(), VETOES, RULES, st.randoms())
def test_order_and_duplication_do_not_matter(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules, random: Random
) -> None:
    told = resolve(evidence, vetoes, rules)
    again = [*evidence, *evidence[::2]]
    random.shuffle(again)
    shuffled = [
        Evidence(e.time, e.id, tuple(random.sample(e.identifiers, len(e.identifiers))), e.trusted)
        for e in again
    ]
    assert picture(resolve(shuffled, vetoes[::-1], rules)) == picture(told)


@given(evidence_sets(), VETOES, RULES)
def test_later_repetitions_say_nothing_new(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    """So it is enough to keep the earliest evidence of each distinct set."""
    later = [Evidence(e.time + 100, e.id + "r", e.identifiers, e.trusted) for e in evidence]
    assert picture(resolve([*evidence, *later], vetoes, rules)) == picture(
        resolve(evidence, vetoes, rules)
    )


@given(evidence_sets(), VETOES, RULES)
def test_components_can_be_resolved_alone(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    whole = resolve(evidence, vetoes, rules)
    people: dict[str, dict[str, set[str]]] = {}
    ids: dict[Identifier, str] = {}
    for component in connected(evidence, rules):
        part = resolve(component, vetoes, rules)
        assert people.keys().isdisjoint(part.people)
        people |= part.people
        ids |= part.ids
    assert (people, ids) == (whole.people, whole.ids)


@given(evidence_sets(), VETOES, RULES)
def test_limits_vetoes_and_blocked_values_hold(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    resolution = resolve(evidence, vetoes, rules)
    for held in resolution.people.values():
        for namespace, values in held.items():
            if not namespace.startswith("claimed."):
                assert len(values) <= rules.limit(namespace)
        mine = {(namespace, value) for namespace, values in held.items() for value in values}
        assert not any(rules.blocks(i) for i in mine if not i[0].startswith("claimed."))
        assert not any({v.a, v.b} <= mine for v in vetoes if v.a != v.b)


@given(evidence_sets(), VETOES, RULES)
def test_every_event_has_one_person_who_holds_its_first_identifier(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    resolution = resolve(evidence, vetoes, rules)
    for one in evidence:
        person = resolution.person_of(one.identifiers, one.trusted)
        if not usable(one.identifiers, rules):
            assert person == ""
            continue
        kept = resolution.kept(one.identifiers, one.trusted)
        assert person in resolution.people
        assert kept
        own = [i for i in kept if not i[0].startswith("claimed.")]
        assert all(resolution.ids[i] == person for i in own)
        assert own or person in {resolution.ids.get(i) for i in kept}
    assert {resolution.person_of(e.identifiers, e.trusted) for e in evidence} - {""} == set(
        resolution.people
    )


@given(evidence_sets(), VETOES, RULES)
def test_everybody_holds_what_was_first_seen_of_them(
    evidence: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    resolution = resolve(evidence, vetoes, rules)
    seen = resolution.first_seen(evidence)
    held = {
        person: {namespace: set(values) for namespace, values in namespaces.items()}
        for person, namespaces in seen.items()
    }
    assert held == resolution.people
    for person, namespaces in seen.items():
        earliest = min(time for values in namespaces.values() for time in values.values())
        assert earliest == min(
            e.time
            for e in evidence
            if usable(e.identifiers, rules)
            and resolution.person_of(e.identifiers, e.trusted) == person
        )


@given(evidence_sets(st.just(True)), evidence_sets(st.just(False)), VETOES, RULES)
def test_browsers_never_change_what_servers_say(
    servers: list[Evidence], browsers: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    """Who is who among the identifiers of trusted evidence is decided by trusted evidence alone."""
    browsers = [Evidence(e.time, "b" + e.id, e.identifiers, False) for e in browsers]
    alone = resolve(servers, vetoes, rules)
    both = resolve([*servers, *browsers], vetoes, rules)
    guessable = {i for i in alone.ids if not is_bearer(i[0])}
    assert groups(both, guessable) == groups(alone, guessable)
    named = {i for e in servers for i in e.identifiers}
    for held in (both.people[person] for person in both.verified):
        for namespace, values in held.items():
            if not is_bearer(namespace) and not namespace.startswith("claimed."):
                assert {(namespace, value) for value in values} <= named


@given(evidence_sets(st.just(False)), VETOES, RULES)
def test_among_browsers_alone_names_work_as_usual(
    browsers: list[Evidence], vetoes: list[Veto], rules: Rules
) -> None:
    trusted = [Evidence(e.time, e.id, e.identifiers, True) for e in browsers]
    assert resolve(browsers, vetoes, rules).people == resolve(trusted, vetoes, rules).people


def test_the_person_keeps_the_name_of_whoever_founded_them() -> None:
    visit = Evidence(1, "m1", (("anonymous_id", "a1"),), False)
    login = Evidence(2, "m2", (("anonymous_id", "a1"), ("user_id", "u1")), True)
    phone = Evidence(3, "m3", (("anonymous_id", "a2"),), False)
    second = Evidence(4, "m4", (("anonymous_id", "a2"), ("user_id", "u1")), True)
    everything = resolve([visit, login, phone, second], (), PLAIN)
    assert set(everything.people) == {person_id(("anonymous_id", "a1"))}
    assert everything.people[person_id(("anonymous_id", "a1"))] == {
        "user_id": {"u1"},
        "anonymous_id": {"a1", "a2"},
    }


def test_a_veto_takes_two_people_apart_for_good() -> None:
    son, mother = ("user_id", "son"), ("user_id", "mother")
    rules = Rules.of({"user_id": NamespaceRule(limit=2, priority=1)}, ())
    shared = [Evidence(1, "m1", (mother, son), True), Evidence(2, "m2", (son,), True)]
    assert len(resolve(shared, (), rules).people) == 1
    apart = resolve(shared, [Veto(3, "v1", son, mother)], rules)
    assert apart.ids[son] != apart.ids[mother]
    later = [*shared, Evidence(9, "m9", (mother, son), True)]
    assert resolve(later, [Veto(3, "v1", mother, son)], rules).ids == apart.ids


def test_a_browser_that_claims_to_be_somebody_else() -> None:
    """Mallory's browser says it is Lan, whom the shop's server knows; Lan's profile never hears of it."""
    lan, mail = ("user_id", "lan"), ("email", "lan@shop.example")
    mallory, desktop = ("anonymous_id", "mallory"), ("anonymous_id", "desktop")
    server = [
        Evidence(10, "m1", (lan, mail), True),
        Evidence(20, "m2", (desktop, lan), True),
    ]
    before = resolve(server, (), PLAIN)
    lies = [
        Evidence(1, "m0", (lan, mallory), False),
        Evidence(30, "m3", (lan, mail, mallory), False),
        Evidence(40, "m4", (lan,), False),
    ]
    after = resolve([*server, *lies], (), PLAIN)
    assert after.people[after.ids[lan]] == before.people[before.ids[lan]]
    assert after.person_of((lan,), True) == before.person_of((lan,), True)
    for lie in lies:
        assert after.person_of(lie.identifiers, False) != after.ids[lan]
    # The claim stays on record where it was made, and joins nobody.
    assert after.people[after.ids[mallory]] == {
        "anonymous_id": {"mallory"},
        "claimed.user_id": {"lan"},
        "claimed.email": {"lan@shop.example"},
    }
    assert after.person_of((lan,), False) == person_id(("claimed.user_id", "lan"))
    assert after.kept((lan, mallory), False) == (
        ("anonymous_id", "mallory"),
        ("claimed.user_id", "lan"),
    )


def test_two_browsers_with_the_same_claim_are_not_one_person() -> None:
    lan = ("user_id", "lan")
    one, two = ("anonymous_id", "one"), ("anonymous_id", "two")
    evidence = [
        Evidence(1, "m1", (lan, one), False),
        Evidence(2, "m2", (lan, two), False),
    ]
    trusting = resolve(evidence, (), PLAIN)
    assert trusting.ids[one] == trusting.ids[two] == trusting.ids[lan]
    known = resolve([*evidence, Evidence(3, "m3", (lan,), True)], (), PLAIN)
    assert len({known.ids[one], known.ids[two], known.ids[lan]}) == 3


def test_the_browser_of_a_verified_person_is_still_theirs() -> None:
    """After a login that the server confirmed, what the same browser does belongs to the person."""
    lan, browser = ("user_id", "lan"), ("anonymous_id", "b1")
    resolution = resolve(
        [
            Evidence(1, "m1", (browser,), False),
            Evidence(2, "m2", (browser, lan), True),
            Evidence(3, "m3", (browser, lan), False),
            Evidence(4, "m4", (browser, ("ios.push_token", "t1")), False),
        ],
        (),
        PLAIN,
    )
    (held,) = resolution.people.values()
    assert held == {"user_id": {"lan"}, "anonymous_id": {"b1"}, "ios.push_token": {"t1"}}


def test_an_unverified_address_stays_out_of_a_verified_person() -> None:
    lan, browser, other = ("user_id", "lan"), ("anonymous_id", "b1"), ("email", "x@else.example")
    resolution = resolve(
        [Evidence(1, "m1", (browser, other), False), Evidence(2, "m2", (browser, lan), True)],
        (),
        PLAIN,
    )
    assert resolution.ids[other] != resolution.ids[lan] == resolution.ids[browser]


def test_a_browser_never_makes_two_verified_people_one() -> None:
    rules = Rules.of({"user_id": NamespaceRule(limit=9, priority=1)}, ())
    one, two = ("anonymous_id", "b1"), ("anonymous_id", "b2")
    servers = [
        Evidence(1, "m1", (one, ("user_id", "lan")), True),
        Evidence(2, "m2", (two, ("user_id", "minh")), True),
    ]
    resolution = resolve([*servers, Evidence(3, "m3", (one, two), False)], (), rules)
    assert resolution.ids[one] != resolution.ids[two]
    trusted = resolve([*servers, Evidence(3, "m3", (one, two), True)], (), rules)
    assert trusted.ids[one] == trusted.ids[two]


def test_whoever_takes_in_a_verified_person_is_verified() -> None:
    """The larger of two profiles takes in the smaller, which may be the verified one."""
    devices = tuple(("anonymous_id", f"b{n}") for n in range(3))
    lan, other = ("user_id", "lan"), ("email", "x@else.example")
    evidence = [
        Evidence(1, "m1", devices, True),
        Evidence(2, "m2", (lan,), True),
        Evidence(3, "m3", (devices[0], lan), True),
        Evidence(4, "m4", (devices[1], other), False),
    ]
    resolution = resolve(evidence, (), PLAIN)
    assert resolution.verified == {resolution.ids[lan]}
    assert resolution.ids[other] != resolution.ids[lan] == resolution.ids[devices[1]]


def test_of_the_same_evidence_the_earliest_counts() -> None:
    """It founds the person, and so names them."""
    pair = (("anonymous_id", "a1"), ("user_id", "u1"))
    evidence = [
        Evidence(9, "m9", pair, True),
        Evidence(5, "m5", pair[:1], True),
        Evidence(1, "m1", pair, True),
    ]
    for told in (evidence, evidence[::-1]):
        assert set(resolve(told, (), PLAIN).people) == {person_id(("user_id", "u1"))}


def test_a_namespace_with_the_limit_zero_identifies_nobody() -> None:
    rules = Rules.of({"ios.id": NamespaceRule(limit=0)}, ("Kiosk",))
    assert usable([("ios.id", "x"), ("user_id", "kiosk"), ("email", "e@x.example")], rules) == (
        ("email", "e@x.example"),
    )


def test_nobody_is_a_person_of_one_message() -> None:
    assert resolve([Evidence(1, "m1", (("user_id", "null"),), True)], (), PLAIN).people == {}
    assert person_of_message("m1") == person_id(("message", "m1")) != person_of_message("m2")


def test_a_full_component_takes_in_no_more_joins(monkeypatch: pytest.MonkeyPatch) -> None:
    """One tablet for everybody: the first thousand are looked at together, the rest each for themselves."""
    most = 20
    monkeypatch.setattr(identity_resolve_module(), "MAX_COMPONENT_EVIDENCE", most)
    tablet = ("ios.id", "tablet")
    rules = Rules.of({"user_id": NamespaceRule(limit=100, priority=1)}, ())
    evidence = [
        Evidence(n, f"m{n:04d}", (tablet, ("user_id", f"u{n:04d}")), True) for n in range(30)
    ]
    resolution = resolve(evidence, (), rules)
    assert len(resolution.people) == 1 + (30 - most)
    joined = resolution.people[resolution.ids[tablet]]["user_id"]
    assert joined == {f"u{n:04d}" for n in range(most)}
    assert picture(resolve(evidence[::-1], (), rules)) == picture(resolution)


def identity_resolve_module() -> ModuleType:
    """The module, whose name in the package is also the function's."""
    return sys.modules[identity_resolve.__module__]
