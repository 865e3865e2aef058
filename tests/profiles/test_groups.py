"""Who belongs to which company, and what is known of it: the same in any order, and only by a server's word."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.event import GROUPED, Event
from duyen.model.person import Person, Trait
from duyen.profiles import (
    MAX_GROUP_TRAITS,
    MAX_GROUPS,
    absorb,
    group_of,
    knowledge,
    merge,
    refold,
    tell_group,
)


def grouped(id: str, time: int, group: str = "acme", **told: Any) -> Event:
    """A server's group call."""
    properties = {**told, "group_id": group}
    who = (("user_id", "u1"),)
    return Event(id, "group", GROUPED, time, time, "crm", True, who, properties, {}, {})


def page(event: Event, limited: bool) -> Event:
    """The same call as a page makes it: with a proof of who its user is, or with none."""
    return msgspec.structs.replace(event, trusted=limited, limited=limited)


TOLD = st.dictionaries(
    st.sampled_from(["plan", "size", "note"]), st.sampled_from(["pro", 7, 7.0, True, None, ["a"]])
)
CALLS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["acme", "an-phat"]), TOLD, st.booleans()),
    max_size=8,
).map(
    lambda calls: [
        grouped(f"m{n % 5}", time, group, **told) if server else page(grouped(f"m{n}", time), True)
        for n, (time, group, told, server) in enumerate(calls)
    ]
)


def folded(calls: list[Event]) -> dict[str, dict[str, Trait]]:
    """What is known of each group."""
    found: dict[str, dict[str, Trait]] = {}
    for call in calls:
        if group := group_of(call):
            found[group] = tell_group(found.get(group, {}), call)
    return found


@given(CALLS, st.randoms(use_true_random=False), st.lists(st.integers(0, 7), max_size=4))
def test_what_is_known_of_a_group_depends_on_no_order(
    calls: list[Event], chance: Any, again: list[int]
) -> None:
    mixed = [*calls, *(calls[n] for n in again if n < len(calls))]
    chance.shuffle(mixed)
    assert folded(mixed) == folded(calls)


def test_the_last_writer_of_each_trait_wins_and_nothing_deletes() -> None:
    known = tell_group({}, grouped("m2", 2, plan="pro", size=10))
    known = tell_group(known, grouped("m1", 1, plan="free", city="Huế"))
    known = tell_group(known, grouped("m3", 3, size=None))
    assert {name: trait.value for name, trait in known.items()} == {
        "plan": "pro",
        "size": None,
        "city": "Huế",
    }
    assert "group_id" not in known


def test_a_group_has_the_traits_that_were_written_last_and_none_too_large() -> None:
    many = [grouped(f"m{n:03}", n, "acme", **{f"t{n}": n}) for n in range(MAX_GROUP_TRAITS + 20)]
    straight, back = folded(many), folded(many[::-1])
    assert straight == back
    assert set(straight["acme"]) == {f"t{n}" for n in range(20, MAX_GROUP_TRAITS + 20)}
    assert tell_group({}, grouped("m", 1, note="x" * 5_000)) == {}


def test_a_page_makes_nobody_a_member_and_says_nothing_of_a_company() -> None:
    call = grouped("m", 5, plan="pro")
    for told in (page(call, limited=True), page(call, limited=False)):
        person = Person("p")
        assert absorb(person, told, {})
        assert (person.groups, group_of(told)) == ({}, "")
    assert refold("p", [call], {}).groups == {"acme": 5}


def test_membership_is_since_the_first_call_and_survives_a_merge_as_a_fold_would_have_it() -> None:
    here = [grouped("m1", 9), grouped("m2", 4), grouped("m3", 7, "an-phat")]
    there = [grouped("m4", 2, "an-phat"), grouped("m5", 3, "minh")]
    a, b = refold("p", here, {}), refold("q", there, {})
    assert a.groups == {"acme": 4, "an-phat": 7}
    merged = merge(a, b, {})
    assert merged.groups == {"acme": 4, "an-phat": 2, "minh": 3}
    assert knowledge(merged) == knowledge(refold("p", here + there, {}))


@given(st.permutations(range(MAX_GROUPS + 5)), st.integers(0, MAX_GROUPS + 5))
def test_beyond_the_limit_the_groups_joined_first_remain(order: list[int], cut: int) -> None:
    told = [grouped(f"a{n}", n, f"g{n}") for n in order]
    told += [grouped(f"b{n}", 1_000 - n, f"g{n}") for n in order]
    whole = refold("p", told, {}).groups
    assert whole == {f"g{n}": n for n in range(MAX_GROUPS)}
    parts = merge(refold("p", told[:cut], {}), refold("q", told[cut:], {}), {})
    assert parts.groups == whole
