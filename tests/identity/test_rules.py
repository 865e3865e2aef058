"""The rules of the namespaces: what identifies, within which limits, and what never makes two people one."""

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.identity import Evidence, Rules, parse_blocked, parse_rules, resolve, rules_to_data
from duyen.model.errors import InvalidRule
from duyen.model.event import Identifier
from duyen.model.times import DAY

NAMES = st.sampled_from(
    [("user_id", f"u{n}") for n in range(3)]
    + [("phone", f"+8491234567{n}") for n in range(2)]
    + [("anonymous_id", f"a{n}") for n in range(5)]
    + [("loyalty_card", f"c{n}") for n in range(3)]
)
SETS = st.frozensets(NAMES, min_size=1, max_size=4).map(lambda names: tuple(sorted(names)))
RULES = st.builds(
    lambda raw: Rules.of(parse_rules(raw), ()),
    st.dictionaries(
        st.sampled_from(["phone", "anonymous_id", "loyalty_card"]),
        st.fixed_dictionaries(
            {
                "limit": st.integers(1, 3),
                "priority": st.integers(0, 4),
                "within": st.sampled_from([0, "1d", "30d"]),
                "protect": st.sampled_from(["", "merges"]),
            }
        ),
        max_size=3,
    ),
)


def rules(**namespaces: Any) -> Rules:
    return Rules.of(parse_rules(namespaces), ())


@st.composite
def evidence_sets(draw: st.DrawFn) -> list[Evidence]:
    rows = draw(st.lists(st.tuples(st.integers(0, 90), SETS, st.booleans()), max_size=12))
    return [
        Evidence(day * DAY, f"m{n:02d}", names, flag) for n, (day, names, flag) in enumerate(rows)
    ]


@given(evidence_sets(), RULES, st.randoms())
def test_order_does_not_matter_under_windows_and_protection(
    evidence: list[Evidence], held: Rules, random: Random
) -> None:
    shuffled = [*evidence, *evidence[::3]]
    random.shuffle(shuffled)
    told, again = resolve(evidence, (), held), resolve(shuffled, (), held)
    assert (told.people, told.ids) == (again.people, again.ids)


@given(evidence_sets(), RULES)
def test_every_event_still_has_the_holder_of_its_first_identifier(
    evidence: list[Evidence], held: Rules
) -> None:
    resolution = resolve(evidence, (), held)
    for one in evidence:
        person = resolution.person_of(one.identifiers, one.trusted)
        assert person in resolution.people
    seen = resolution.first_seen(evidence)
    assert {p: {n: set(v) for n, v in ns.items()} for p, ns in seen.items()} == resolution.people


OTHERS = st.sampled_from(
    [("user_id", f"u{n}") for n in range(3)] + [("anonymous_id", f"a{n}") for n in range(4)]
)


@given(
    st.lists(st.frozensets(OTHERS, min_size=1, max_size=3), max_size=6),
    st.lists(st.tuples(st.integers(1, 9), OTHERS), max_size=6),
    st.integers(0, 3),
)
def test_a_protected_value_never_makes_two_people_one(
    links: list[frozenset[Identifier]], shared: list[tuple[int, Identifier]], priority: int
) -> None:
    """Whoever else names the phone: the people who were there before are grouped as if nobody had."""
    held = rules(phone={"protect": "merges", "priority": priority})
    names = {name for link in links for name in link} | {name for _, name in shared}
    told = [Evidence(0, f"s{n}", (name,), True) for n, name in enumerate(sorted(names))]
    told += [Evidence(n + 1, f"l{n}", tuple(sorted(link)), True) for n, link in enumerate(links)]
    phones = [
        Evidence(at, f"p{n}", tuple(sorted({("phone", "+84912345678"), name})), True)
        for n, (at, name) in enumerate(shared)
    ]

    def grouped(evidence: list[Evidence]) -> set[frozenset[Identifier]]:
        by: dict[str, set[Identifier]] = {}
        for name, person in resolve(evidence, (), held).ids.items():
            if name in names:
                by.setdefault(person, set()).add(name)
        return {frozenset(each) for each in by.values()}

    assert grouped([*told, *phones]) == grouped(told)


def test_a_shared_phone_marries_nobody_but_still_finds_its_owner() -> None:
    held = rules(phone={"protect": "merges"})
    phone = ("phone", "+84912345678")
    mother, son = ("user_id", "mother"), ("anonymous_id", "son")
    told = [
        Evidence(1, "m1", (phone, mother), True),
        Evidence(2, "m2", (son,), True),
        Evidence(3, "m3", (son, phone), True),
    ]
    found = resolve(told, (), held)
    assert found.ids[phone] == found.ids[mother] != found.ids[son]
    assert found.person_of((phone,), True) == found.ids[mother]
    assert len(resolve(told, (), rules()).people) == 1, "without protection the phone joins them"


def test_a_card_from_the_till_is_taken_over_by_who_signs_up_with_it() -> None:
    """Protection forbids making two people one; to learn more about one is allowed."""
    held = rules(loyalty_card={"protect": "merges"})
    card, user = ("loyalty_card", "c1"), ("user_id", "lan")
    told = [Evidence(1, "m1", (card,), True), Evidence(2, "m2", (card, user), True)]
    assert len(resolve(told, (), held).people) == 1


def test_a_namespace_protected_from_anonymous_merges_is_claimed_until_proved() -> None:
    held = rules(email={"protect": "anonymous"})
    mail, first, second = ("email", "lan@x.test"), ("anonymous_id", "a1"), ("anonymous_id", "a2")
    told = [Evidence(1, "m1", (first, mail)), Evidence(2, "m2", (mail, second))]
    found = resolve(told, (), held)
    assert found.people[found.ids[first]] == {
        "anonymous_id": {"a1"},
        "claimed.email": {"lan@x.test"},
    }
    assert found.ids[first] != found.ids[second]
    assert len(resolve(told, (), rules()).people) == 1, "without protection the claim joins them"
    proved = resolve([*told, Evidence(3, "m3", (mail, first), True)], (), held)
    assert proved.ids[mail] == proved.ids[first] != proved.ids[second]


def test_five_devices_a_month_and_the_sixth_a_month_later() -> None:
    held = rules(anonymous_id={"limit": 5, "within": "30d"})
    lan = ("user_id", "lan")
    told = [Evidence(n * DAY, f"m{n}", (lan, ("anonymous_id", f"a{n}")), True) for n in range(7)]
    found = resolve(told, (), held)
    assert sorted(found.people[found.ids[lan]]["anonymous_id"]) == ["a0", "a1", "a2", "a3", "a4"]
    # The set-aside device is told with its user again when the window has moved on.
    again = Evidence(40 * DAY, "again", (lan, ("anonymous_id", "a5")), True)
    later = resolve([*told, again], (), held)
    assert "a5" in later.people[later.ids[lan]]["anonymous_id"]
    assert "a6" not in later.people[later.ids[lan]]["anonymous_id"]
    for_good = rules(anonymous_id={"limit": 5})
    assert len(resolve([*told, again], (), for_good).people[found.ids[lan]]["anonymous_id"]) == 5


@pytest.mark.parametrize(
    ("blocked", "value", "stopped"),
    [
        ("guest@shop.test", "Guest@Shop.Test", True),
        ("guest@shop.test", "guest@shop.tests", False),
        ("test@*", "test@anything.example", True),
        ("test@*", "mytest@anything.example", False),
        ("*@mailinator.com", "x@mailinator.com", True),
        ("*@mailinator.com", "x@mailinator.com.vn", False),
        ("a*a", "a", False),
        ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c", False),
        ("/guest-[0-9]+/", "guest-77", True),
        ("/guest-[0-9]+/", "guest-77x", False),
        ("/(kiosk|pos)-[a-z]{2}/", "POS-hn", True),
    ],
)
def test_blocked_values_and_patterns(blocked: str, value: str, stopped: bool) -> None:
    everywhere = Rules.of({}, parse_blocked([blocked]))
    assert everywhere.blocks(("user_id", value)) is stopped
    one = rules(email={"blocked": [blocked]})
    assert one.blocks(("email", value)) is stopped
    assert not one.blocks(("user_id", value))


@pytest.mark.parametrize(
    "pattern",
    [
        *("/(.)\\1/", "/(?=a)a/", "/(?<!a)b/", "/(?>a)b/", "/a*+b/", "/a**/", "/(?i:a)b/"),
        *("/(/", "/a)/", "/[/", "/[z-a]/", "/a\\/", "/*a/", "/x{3,2}/"),
        *("/(a{100}){100}/", "/(((){999}){999}){999}/", "/" + "(" * 60 + ")" * 60 + "/"),
    ],
)
def test_what_is_no_expression_or_needs_memory_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidRule) as error:
        parse_blocked([pattern])
    assert error.value.at == "blocked[0]"


@pytest.mark.parametrize(
    ("raw", "at"),
    [
        ([], "identity"),
        ({"phone": 5}, "identity.phone"),
        ({"phone": {"limits": 5}}, "identity.phone"),
        ({"phone": {"limit": -1}}, "identity.phone.limit"),
        ({"phone": {"limit": True}}, "identity.phone.limit"),
        ({"phone": {"limit": 5_000}}, "identity.phone.limit"),
        ({"phone": {"priority": "first"}}, "identity.phone.priority"),
        ({"phone": {"within": "soon"}}, "identity.phone.within"),
        ({"phone": {"within": -5}}, "identity.phone.within"),
        ({"phone": {"blocked": "x"}}, "identity.phone.blocked"),
        ({"phone": {"blocked": [""]}}, "identity.phone.blocked[0]"),
        ({"phone": {"blocked": ["*"]}}, "identity.phone.blocked[0]"),
        ({"phone": {"blocked": [None]}}, "identity.phone.blocked[0]"),
        ({"phone": {"protect": "all"}}, "identity.phone.protect"),
        ({"phone": {"protect": []}}, "identity.phone.protect"),
        ({"anonymous_id": {"protect": "anonymous"}}, "identity.anonymous_id.protect"),
        ({"claimed.email": {}}, "identity.claimed.email"),
        ({"no spaces": {}}, "identity.no spaces"),
    ],
)
def test_what_is_no_rule_is_told_with_its_place(raw: Any, at: str) -> None:
    with pytest.raises(InvalidRule) as error:
        parse_rules(raw)
    assert error.value.at == at
    assert error.value.code == "settings.identity"


def test_a_rule_that_leaves_something_out_keeps_what_holds_without_it() -> None:
    read = parse_rules({"user_id": {"priority": 3}, "email": {"within": "365d"}, "zalo_id": {}})
    assert (read["user_id"].limit, read["user_id"].priority) == (1, 3)
    assert (read["email"].limit, read["email"].priority) == (5, 2)
    assert read["zalo_id"].limit == 5


def test_rules_are_written_as_they_are_read() -> None:
    raw: dict[str, Any] = {
        "phone": {
            "limit": 3,
            "priority": 3,
            "within": "30d",
            "blocked": ["+8490*"],
            "protect": "merges",
        },
        "zalo_id": {"limit": 1, "priority": 0},
    }
    read = parse_rules(raw)
    assert rules_to_data(read) == raw
    assert parse_rules(rules_to_data(read)) == read
