"""Messages are taken in once, however many there are and whatever wrote the document."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from duyen.model.person import Person
from duyen.model.times import DAY, NEVER
from duyen.profiles import message_hash, seen

START = 1_790_000_000_000
TOLD = st.lists(
    st.tuples(
        st.integers(0, 30).map(str),
        st.sampled_from([START, START + DAY, START + 20 * DAY, NEVER]),
    ),
    max_size=40,
)


def of(told: list[tuple[str, int]]) -> Person:
    person = Person("p")
    for id, arrival in told:
        seen.remember(person, id, arrival)
    return person


@given(TOLD)
def test_a_message_is_new_once(told: list[tuple[str, int]]) -> None:
    person, known = Person("p"), set()
    for id, arrival in told:
        assert seen.remember(person, id, arrival) == (id not in known)
        known.add(id)
        person = msgspec.msgpack.decode(msgspec.msgpack.encode(person), type=Person)
    assert seen.weeks(person).keys() == {message_hash(id) for id in known}


def test_thousands_of_messages_are_known_again() -> None:
    person = of([(f"m{n}", START + n) for n in range(3_000)])
    assert all(len(block) <= 4_096 for blocks in person.seen.values() for block in blocks)
    assert not any(seen.remember(person, f"m{n}", START) for n in range(3_000))
    assert seen.remember(person, "another", START)


def test_the_end_of_one_hash_and_the_beginning_of_the_next_are_no_message() -> None:
    key = message_hash("told")
    person = Person("p", seen={START // seen.WEEK: [b"abcd" + key + b"efgh"]})
    assert seen.remember(person, "told", START)
    assert not seen.remember(person, "told", START)


@given(TOLD, TOLD, TOLD)
def test_uniting_is_the_same_from_any_side(
    a: list[tuple[str, int]], b: list[tuple[str, int]], c: list[tuple[str, int]]
) -> None:
    one, two, three = of(a), of(b), of(c)
    assert seen.united(one, two) == seen.united(two, one)
    assert seen.united(one, one) == one.seen
    left = Person("p", seen=seen.united(one, two))
    right = Person("p", seen=seen.united(two, three))
    assert seen.united(left, three) == seen.united(one, right)
    assert seen.shared(one, two) == bool({id for id, _ in a} & {id for id, _ in b})


def test_a_document_that_kept_numbers_is_read() -> None:
    numbers = {
        int.from_bytes(message_hash("live")): START,
        int.from_bytes(message_hash("row 7")): NEVER,
    }
    written = msgspec.msgpack.encode({"id": "p", "seen": numbers})
    person = msgspec.msgpack.decode(written, type=Person)
    assert not seen.remember(person, "live", START)
    assert not seen.remember(person, "row 7", NEVER)
    assert seen.remember(person, "new", START)
    assert person.seen_before == {}
    assert seen.weeks(person)[message_hash("row 7")] == seen.FOR_GOOD
