"""Whatever is told to both databases, both give back the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duyen.model.effect import Add, Enqueue, Fact
from duyen.model.person import Person
from duyen.model.values import fold
from duyen.stores.interface import open_stores
from duyen.stores.rows import EvidenceRow, Head, Row
from duyen.stores.state import State
from tests import postgres

pytestmark = pytest.mark.postgres
Told = Callable[[State], Any]

ids = st.sampled_from(["a", "b", "B", "đ", "z z", ""])
numbers = st.integers(0, 2**53)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=9)
words = st.sampled_from(["an", "anh", "an@shop.test", "binh 09", "o'neil", "ngân", "x_y", "100%"])


def _enqueue(key: str, person: str, at: int) -> Enqueue:
    return Enqueue(key, person, "m", 1, "email", "x@y", "marketing", "", "j", 0, at, 9, {})


def _merge(state: State, old: str, new: str) -> None:
    """What the engine does when two are one."""
    state.move_chunks(old, new, state.chunk_count(new))
    state.remove_heads([old])
    state.move_outbox(old, new)
    state.put_redirects([(old, new)])


def _told(draw: st.DrawFn) -> Told:
    a, b, n, text = draw(ids), draw(ids), draw(numbers), draw(texts)
    word = draw(words)
    evidence = EvidenceRow(a, b, text, n, text, n % 2 == 0, (("email", text), ("user_id", a)))
    choices: list[Told] = [
        lambda s: s.put_heads([Head(Person(a, events=n), {b: n}, n), Head(Person(a), {}, 5)]),
        lambda s: s.put_chunks([(a, n % 3, [])]),
        lambda s: s.put_people(
            [(Row(a, text, word, 1, 0, n), word), *[(Row(b, a, b, 2, 0, 7), fold(a))] * (a != b)]
        ),
        lambda s: s.touch_people([(a, 3, n)]),
        lambda s: s.put_evidence([evidence]),
        lambda s: s.put_identifiers([("email", text, a, b), ("user_id", a, b, a)]),
        lambda s: s.put_members([(a, b, n)], [(b, a)]),
        lambda s: s.enqueue([_enqueue(a, b, n % 5)], n),
        lambda s: s.settle_outbox(a, b or "sent", text, n),
        lambda s: s.add([Add(a, {b: n}), Add(a, {b: -1}), Add(b, {a: 0})]),
        lambda s: s.put_facts([Fact(a, n, b, {"t": text})]),
        lambda s: s.add_activity({(n % 3, text): 2, (1, a): 1}),
        lambda s: s.put_items([(text, word, {"t": text})], [a]),
        lambda s: s.put_nudge(a, {"t": text}, b, n),
        lambda s: s.set_meta(a, text),
        lambda s: s.put_duplicates([(n % 3, n % 2)]),
        lambda s: s.revive([a]),
        lambda s: _merge(s, a, b) if a != b else None,
    ]
    return draw(st.sampled_from(choices))


def _whole(state: State) -> dict[str, Any]:
    """All that can be asked."""
    every = ["a", "b", "B", "đ", "z z", ""]
    return {
        "heads": state.heads(every),
        "after": state.people_after("", 99),
        "due": state.due(2**52, 99),
        "wake": state.next_wake(),
        "chunks": {id: state.chunk_count(id) for id in every},
        "people": state.list_people(None, 99),
        "lines": state.people_rows(every),
        "found": {w: sorted(state.find_people([w], 0, 99)) for w in ("an", "b", "o'n", "ng", "10")},
        "evidence": sorted(state.evidence_of(every)),
        "keys": state.evidence_by_key(every),
        "components": state.components([("user_id", id) for id in every]),
        "persons": [state.person_of("user_id", id) for id in every],
        "members": {id: state.members(id, "", 99) for id in every},
        "lists": {id: state.list_members(id, None, 99) for id in every},
        "outbox": list(state.outbox_all()),
        "waiting": state.outbox_waiting(3, 99),
        "counters": state.counters(),
        "facts": [fact[1:] for fact in state.facts(0, 99)],
        "activity": sorted(state.activity(0)),
        "sums": state.activity_sums(1),
        "items": state.items(),
        "part": state.find_items("n", "", 99),
        "nudges": state.nudges(),
        "meta": [state.meta(id) for id in every],
        "duplicates": state.duplicates(0, 9),
        "survivors": [state.survivor(id) for id in every],
        "redirects": sorted(state.redirects()),
        "regrouped": [(kind, key) for _, kind, key in state.regrouped(0, 99)],
    }


@settings(max_examples=60)
@given(st.lists(st.composite(_told)(), max_size=30))
def test_both_databases_agree(told: list[Told]) -> None:
    with TemporaryDirectory() as folder, postgres.schema() as url, ExitStack() as opened:
        found = []
        for where in ("sqlite:", url):
            state = open_stores(where, Path(folder)).state(writing=True)
            opened.callback(state.close)
            with state.writing():
                for tell in told:
                    tell(state)
            found.append(_whole(state))
        embedded, server = found
        assert server == embedded
