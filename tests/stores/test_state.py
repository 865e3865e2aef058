"""What every database has to make of the state, noun by noun."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duyen.model.decision import Decision
from duyen.model.effect import Add, Enqueue, Fact
from duyen.model.event import Event, Rejected
from duyen.model.log import Lane, Replayed
from duyen.model.person import Person
from duyen.model.program import ResourceChange
from duyen.model.times import NEVER
from duyen.stores.interface import Stores
from duyen.stores.rows import EvidenceRow, Head, Row, VetoRow
from duyen.stores.state import State
from duyen.stores.state.process import Recorded

MANY = 2_500
"""More than one statement takes at once."""


def person(id: str, events: int = 0) -> Person:
    return Person(id, events=events)


def event(id: str) -> Event:
    return Event(
        id=id,
        type="track",
        name="Seen",
        time=1,
        received=1,
        source="s",
        trusted=True,
        identifiers=(("user_id", "u"),),
        properties={},
        traits={},
        context={},
    )


def enqueue(key: str, person: str = "p", not_before: int = 0) -> Enqueue:
    return Enqueue(
        key,
        person,
        "hello",
        1,
        "email",
        "an@example.test",
        "marketing",
        "",
        "journey",
        0,
        not_before,
        99,
        {},
    )


def test_a_reader_sees_what_was_committed_and_nothing_else(stores: Stores, state: State) -> None:
    reader = stores.state()
    with suppress(ZeroDivisionError), state.writing():
        state.set_meta("word", "never said")
        raise ZeroDivisionError
    assert reader.meta("word", "nothing") == "nothing"
    with state.writing():
        state.set_meta("word", "half said")
        assert state.meta("word") == "half said"
        assert reader.meta("word") == ""
    assert reader.meta("word") == "half said"
    reader.close()


def test_a_reader_cannot_write(stores: Stores, state: State) -> None:
    reader = stores.state()
    writes: list[Callable[[], None]] = [
        lambda: reader.set_meta("word", "said by a door"),
        lambda: reader.settle_outbox("k", "sent", "", 1),
        lambda: reader.put_facts([Fact("p", 1, "f", {})]),
    ]
    for write in writes:
        with pytest.raises(Exception, match=r"read-?only"):
            write()
    assert state.meta("word") == ""
    reader.close()


def test_a_reader_can_tell_that_something_changed(stores: Stores, state: State) -> None:
    reader = stores.state()
    seen = reader.changed()
    assert reader.changed() == seen
    with state.writing():
        state.record_batch(Recorded(1, Lane.LIVE, 1, 0, "", 0, "0"))
    assert reader.changed() != seen
    reader.close()


def test_a_snapshot_stays_as_it_was(stores: Stores, state: State) -> None:
    reader = stores.state()
    with reader.reading():
        assert reader.meta("word") == ""
        with state.writing():
            state.set_meta("word", "said")
        assert reader.meta("word") == ""
    assert reader.meta("word") == "said"
    reader.close()


def test_positions_batches_and_nudges(state: State) -> None:
    with state.writing():
        state.set_position(Lane.LIVE, 3)
        state.set_position(Lane.LIVE, 2**40)
        state.record_batch(Recorded(7, Lane.LIVE, 3, 0, "", 1, "0.1"))
        state.record_batch(Recorded(8, -1, 0, 5, "", 1, "0.1"))
        state.put_nudge("b", {"reason": "x"}, "", 0)
        state.put_nudge("a", {"reason": "y"}, "", 0)
        state.put_nudge("a", {"reason": "y"}, "p9", 9)
    assert (state.position(Lane.LIVE), state.position(Lane.BULK)) == (2**40, 0)
    assert list(state.batches()) == [
        Recorded(7, 1, 3, 0, "", 1, "0.1"),
        Recorded(8, -1, 0, 5, "", 1, "0.1"),
    ]
    assert state.began() == 7
    assert state.nudges() == [("a", {"reason": "y"}, "p9", 9), ("b", {"reason": "x"}, "", 0)]
    with state.writing():
        state.remove_nudge("a")
    assert [id for id, *_ in state.nudges()] == ["b"]


def test_documents_of_more_people_than_one_statement_takes(state: State) -> None:
    ids = [f"p{n:05d}" for n in range(MANY)]
    with state.writing():
        state.put_heads(Head(person(id), {"s": 1}, n) for n, id in enumerate(ids))
        state.put_heads([Head(person("p00007", 9), {}, NEVER)])
    heads = state.heads(ids)
    assert sorted(heads) == ids
    assert heads["p00007"] == Head(person("p00007", 9), {}, NEVER)
    assert heads["p00008"] == Head(person("p00008"), {"s": 1}, 8)
    assert state.due(8, 100) == [f"p{n:05d}" for n in (0, 1, 2, 3, 4, 5, 6, 8)]
    assert (state.due(8, 2), state.next_wake()) == (["p00000", "p00001"], 0)
    assert state.people_after("p02497", 10) == ["p02498", "p02499"]
    assert state.heads([]) == {}


def test_heads_are_written_with_and_without_their_timers(state: State) -> None:
    def change() -> None:
        with state.writing():
            state.put_heads(
                [
                    Head(person("a", 2), {"t": 2}, 5),  # its timer stays
                    Head(person("b", 3), {}, 9),  # its timer does not
                    Head(person("c", 4), {}, 7),  # nobody knows
                ],
                {"a": 5, "b": 5},
            )

    with pytest.raises(LookupError):
        change()
    assert state.heads(["a", "b", "c"]) == {}
    with state.writing():
        state.put_heads([Head(person("a"), {"s": 1}, 5), Head(person("b"), {"s": 1}, 5)])
    change()
    assert state.heads(["a", "b", "c"]) == {
        "a": Head(person("a", 2), {"t": 2}, 5),
        "b": Head(person("b", 3), {}, 9),
        "c": Head(person("c", 4), {}, 7),
    }
    assert [state.due(now, 9) for now in (5, 7, 9)] == [["a"], ["a", "c"], ["a", "c", "b"]]


def test_chunks_follow_their_person(state: State) -> None:
    with state.writing():
        state.put_chunks([("a", 0, [event("1")]), ("b", 0, [event("2")]), ("b", 1, [event("3")])])
        state.move_chunks("b", "a", 1)
    assert [e.id for e in state.chunks("a")] == ["1", "2", "3"]
    assert (state.chunk_count("a"), state.chunk_count("b")) == (3, 0)


def test_a_losing_id_leads_to_the_survivor_until_it_lives_again(state: State) -> None:
    with state.writing():
        state.put_heads([Head(person("c"), {}, NEVER)])
        state.put_redirects([("a", "b")])
        state.put_redirects([("b", "c")])
    assert (state.survivor("a"), state.survivor("b"), state.survivor("c")) == ("c", "c", "c")
    found = state.head("a")
    assert found is not None
    assert found.person.id == "c"
    assert sorted(state.redirects()) == [("a", "c"), ("b", "c")]
    assert state.redirects_of(["a", "x"]) == {"a": "c"}
    with state.writing():
        state.revive(["b"])
    assert (state.survivor("a"), state.survivor("b")) == ("c", "b")


def test_what_changed_hands_gets_a_new_number_each_time(state: State) -> None:
    with state.writing():
        state.regroup("person", ["a", "b"])
    (last, _, _) = state.regrouped(0, 10)[-1]
    with state.writing():
        state.regroup("person", ["a"])
    later = state.regrouped(last, 10)
    assert [(kind, key) for _, kind, key in later] == [("person", "a")]
    assert sorted(key for _, _, key in state.regrouped(0, 10)) == ["a", "b"]


def test_identifiers_and_their_evidence(state: State) -> None:
    rows = [
        EvidenceRow(f"k{n}", f"c{n % 7}", f"p{n}", n, f"m{n}", n == 3, (("email", f"{n}@x"),))
        for n in range(MANY)
    ]
    with state.writing():
        state.put_evidence(rows)
        state.put_identifiers(("email", f"{n}@x", f"c{n % 7}", f"p{n}") for n in range(MANY))
        state.put_identifiers([("email", "aside", "c0", "")])
    assert state.evidence_by_key([row.key for row in rows]) == {row.key: row for row in rows}
    assert len(state.evidence_of(["c0", "c1", "cx"])) == sum(n % 7 < 2 for n in range(MANY))
    asked = [("email", f"{n}@x") for n in range(MANY)] + [("phone", "1@x")]
    assert state.components(asked) == {("email", f"{n}@x"): f"c{n % 7}" for n in range(MANY)}
    assert state.components([]) == {}
    assert (state.person_of("email", "5@x"), state.person_of("email", "aside")) == ("p5", None)
    assert (state.vouched("email", "3@x"), state.vouched("email", "4@x")) == (True, False)


def test_vetoes_are_found_from_both_sides_and_stay_as_first_told(state: State) -> None:
    a, b, c = ("user_id", "u"), ("email", "é@x.test"), ("anonymous_id", "a")
    assert not state.any_vetoes()
    with state.writing():
        state.put_vetoes([VetoRow(a, b, 5, "v1", "an"), VetoRow(a, c, 6, "v2", "an")])
        state.put_vetoes([VetoRow(b, a, 9, "v9", "other")])
    assert state.any_vetoes()
    assert sorted(state.vetoes_of([a])) == [
        VetoRow(a, c, 6, "v2", "an"),
        VetoRow(a, b, 5, "v1", "an"),
    ]
    assert state.vetoes_of([b]) == [VetoRow(b, a, 5, "v1", "an")]
    assert state.vetoes_of([("user_id", "other")]) == []
    assert len(state.vetoes_of([c, *(("user_id", f"u{n}") for n in range(MANY))])) == 1


def test_members_by_id_and_by_last_event(state: State) -> None:
    with state.writing():
        state.put_people(
            [
                (Row(id, id.upper(), "", 1, 0, last), id)
                for id, last in (("a", 5), ("b", 9), ("c", 5), ("Z", 5))
            ]
        )
        state.put_members([("s", id, 1) for id in "abcZ"] + [("t", "a", 1)], [])
        state.put_members([("s", "b", 2)], [("t", "a")])
    assert state.members("s", "", 2) == [("Z", 1), ("a", 1)]
    assert state.members("s", "a", 9) == [("b", 2), ("c", 1)]
    assert (state.count_in("s"), state.count_in("t")) == (4, 0)
    first = state.list_members("s", None, 2)
    assert [row.person for row in first] == ["b", "Z"]
    rest = state.list_members("s", (first[-1].last, first[-1].person), 9)
    assert [row.person for row in rest] == ["a", "c"]


def test_the_outbox_keeps_the_first_of_a_key_and_what_was_sent(state: State) -> None:
    with state.writing():
        state.enqueue([enqueue("k2", not_before=2), enqueue("k1", not_before=2), enqueue("k3")], 1)
        state.enqueue([enqueue("k3", "other")], 1)
    assert [e.key for e in state.outbox_waiting(2, 10)] == ["k3", "k1", "k2"]
    assert [e.key for e in state.outbox_waiting(2, 10, (2, "k1"))] == ["k2"]
    assert [e.key for e in state.outbox_waiting(1, 10)] == ["k3"]
    with state.writing():
        state.settle_outbox("k3", "sent", "", 5)
        state.settle_outbox("k3", "cancelled", "late", 6)
        state.move_outbox("p", "q")
    row = state.outbox("k3")
    assert row is not None
    assert (row.state, row.reason, row.updated) == ("sent", "", 5)
    assert [e.key for e in state.outbox_of("q", "waiting")] == ["k1", "k2"]
    assert (state.count_waiting(), len(state.waiting_bodies(1))) == (2, 1)
    assert [row.enqueue.key for row in state.outbox_all()] == ["k1", "k2", "k3"]


def test_counters_and_activity_add_up(state: State) -> None:
    with state.writing():
        state.add(
            [Add("arm:a", {"n": 1, "sum": 2**50}), Add("arm:a", {"n": 2}), Add("b", {"n": 1})]
        )
        state.add([Add("arm:a", {"n": -1})])
        state.add_activity({(1, "x"): 2, (2, "x"): 1})
        state.add_activity({(1, "x"): 3, (1, "y"): 1})
    assert state.counters("arm:") == {"arm:a": {"n": 2, "sum": 2**50}}
    assert sorted(state.activity(1)) == [(1, "x", 5), (1, "y", 1), (2, "x", 1)]
    assert state.activity_sums(1) == {"x": 6, "y": 1}


def test_facts_are_numbered_in_order(state: State) -> None:
    with state.writing():
        state.put_facts(Fact("p", n, f"f{n % 2}", {"n": n}) for n in range(MANY))
    rows = state.facts(0, MANY)
    assert [row[2] for row in rows] == list(range(MANY))
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert state.recent_facts(1)[0][4] == {"n": MANY - 1}
    assert (state.first_fact("f1"), state.first_fact("none")) == (1, None)
    assert state.fact_owners([str(rows[3][0])]) == {str(rows[3][0]): "p"}


def test_what_became_of_rejected_calls(state: State) -> None:
    how = Rejected("r1", 10, "s", ("why",), "{}", "track", True, True, "2026", '{"a":1}')
    with state.writing():
        state.put_rejected([Rejected("r0", 10, "t", ("why",), "{}"), how])
    assert state.rejected_of(["r1", "r9"]) == {"r1": (how, False)}
    assert state.rejected_still((-1, ""), 10, "", 9) == [("r0", 10), ("r1", 10)]
    assert state.rejected_still((10, "r0"), 10, "", 9) == [("r1", 10)]
    assert state.rejected_still((-1, ""), 10, "t", 9) == [("r0", 10)]
    assert state.rejected_still((-1, ""), 9, "", 9) == []
    with state.writing():
        state.put_replayed([Replayed("r0", 20, "an", ("still",)), Replayed("r1", 20, "an")])
        state.put_replayed([Replayed("r1", 30, "an", ("too late",))])
    assert [(row.reasons, row.replayed) for row in state.rejected_before(None, 9)] == [
        (["why"], 20),
        (["still"], None),
    ]
    assert state.rejected_of(["r1"])["r1"][1] is True
    assert state.rejected_still((-1, ""), 10, "", 9) == [("r0", 10)]


def test_rejected_calls_and_duplicates(state: State) -> None:
    calls = [Rejected(f"r{n}", 10 + n // 2, "s", ("why",), "{\x00}") for n in range(4)]
    with state.writing():
        state.put_rejected(calls)
        state.put_rejected(calls)
        state.put_duplicates([(1, 2), (3, 4)])
        state.put_duplicates([(1, 2)])
    first = state.rejected_before(None, 3)
    assert [row[0] for row in first] == ["r3", "r2", "r1"]
    assert [row[0] for row in state.rejected_before((first[-1][1], "r1"), 3)] == ["r0"]
    assert len(state.rejected(11, 9)) == 2
    assert {row.replayed for row in first} == {None}
    assert state.duplicates(0, 9) == {(1, 2), (3, 4)}
    assert state.duplicates(1, 9) == {(3, 4)}


def test_the_program_keeps_every_version(state: State) -> None:
    def put(id: str, body: dict[str, object] | None) -> int:
        return state.put_resource(ResourceChange("segment", id, body, "an", 1))

    with state.writing():
        assert [put("s", {"n": 1}), put("s", {"n": 2}), put("t", {"n": 1}), put("t", None)] == [
            1,
            2,
            1,
            2,
        ]
    assert state.resources() == [("segment", "s", 2, {"n": 2}, "an", 1)]
    assert state.resources("message") == []
    assert [body for _, body, _, _ in state.resource_versions("segment", "t")] == [None, {"n": 1}]


def test_items_are_found_by_a_part_of_their_text(state: State) -> None:
    with state.writing():
        state.put_items([("a", "ao dai 100%", {"id": "a"}), ("b", "non la", {"id": "b"})])
        state.put_items([("c", "ao len", {"id": "c"})], ["b"])
    assert state.items() == {"a": {"id": "a"}, "c": {"id": "c"}}
    assert state.items(["a", "x"]) == {"a": {"id": "a"}}
    assert state.find_items("ao", "", 9) == [{"id": "a"}, {"id": "c"}]
    assert state.find_items("ao", "a", 9) == [{"id": "c"}]
    assert state.find_items("0%", "", 9) == [{"id": "a"}]


def test_people_are_found_by_how_their_words_begin(state: State) -> None:
    def row(id: str, folded: str) -> tuple[Row, str]:
        return Row(id, id, "", 1, 0, 1), folded

    with state.writing():
        state.put_people([row("a", "nguyen an an@shop.test"), row("b", "tran binh 0901")])
        state.put_people([row("b", "tran binh 0902"), row("c", "o'neil \\ & | ! <-> :*")])

    def found(*words: str) -> list[str]:
        return [line.person for line in state.find_people(words, 0, 9)]

    assert found("ngu") == ["a"]
    assert found("an@sh") == ["a"]
    assert found("shop", "ng") == ["a"]
    assert (found("0901"), found("0902")) == ([], ["b"])
    assert found("tran", "ngu") == []
    assert found("o'ne") == ["c"]
    assert found('"', "\x00", "'", "&") == []
    with state.writing():
        state.touch_people([("a", 5, 50)])
        state.put_heads([Head(person("b"), {}, NEVER)])
        state.remove_heads(["b"])
    assert found("tran") == []
    assert [(line.person, line.events) for line in state.list_people(None, 9)] == [
        ("a", 5),
        ("c", 1),
    ]
    assert [line.person for line in state.list_people((50, "a"), 9)] == ["c"]
    assert [line.person for line in state.people_rows(["c", "x", "a"])] == ["c", "a"]
    assert state.count_people() == 2


def test_decisions_are_kept_once_and_paged(state: State) -> None:
    def decision(id: str, time: int) -> Decision:
        return Decision(
            id,
            time,
            "p",
            ("user_id", "u"),
            "home",
            "",
            (),
            1.0,
            "treated",
            "uniform",
            "1",
            0,
            "no_candidates",
            (),
            {},
        )

    with state.writing():
        state.put_decisions(
            [("p", decision("d1", 1)), ("p", decision("d2", 1)), ("q", decision("d3", 2))]
        )
        state.put_decisions([("q", decision("d1", 9))])
    assert (state.decision_owner("d1"), state.decision("none")) == ("p", None)
    kept = state.decision("d1")
    assert kept is not None
    assert kept.time == 1
    page = state.decisions_before("p", None, 1)
    assert [d.id for d in page] == ["d2"]
    assert [d.id for d in state.decisions_before("p", (1, "d2"), 9)] == ["d1"]
    assert len(state.decisions_of("p")) == 2


words = st.text(max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words, words), max_size=6))
def test_any_text_can_be_stored_and_asked_for(state: State, texts: list[tuple[str, str]]) -> None:
    with state.writing():
        for key, value in texts:
            state.set_meta(key, value)
            state.put_items([(key, value, {"text": value})])
            state.find_people([key, value], 0, 1)
            state.find_items(key, value, 1)
    plain = {key: value for key, value in texts if "\x00" not in key + value}
    assert {key: state.meta(key) for key in plain} == plain
    assert _texts(state.items(list(plain)).values()) == sorted(plain.values())


def _texts(items: Iterable[dict[str, str]]) -> list[str]:
    return sorted(item["text"] for item in items)
