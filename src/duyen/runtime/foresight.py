"""What other rules of identity would do to the people who are known, before anybody saves them.

Components are named by hashes, so equal ranges of names hold equal shares of them: where there is no time to look at
all, each range is looked at from its beginning, and what is found there stands for the whole range. Values that
identify again are followed through the log; where that takes too long, what they would join is not counted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from duyen.identity import Change, Evidence, Rules, usable
from duyen.model.event import Identifier
from duyen.model.log import Lane
from duyen.model.program import WorkspaceSettings
from duyen.runtime import sweep
from duyen.runtime.identify import ASIDE, Sets, evidence_keys
from duyen.runtime.sweep import Outcome, Rows
from duyen.stores.log import Log
from duyen.stores.rows import EvidenceRow
from duyen.stores.state import State

SAMPLES = 5
"""Examples of each kind."""
_WINDOW = 500
Kind = Literal["merge", "split", "aside"]


class Sample(NamedTuple):
    """An example: these people would become those, each known by some identifiers (none: nobody any more)."""

    kind: Kind
    people: tuple[str, ...]
    becomes: tuple[tuple[Identifier, ...], ...]


class Foresight(NamedTuple):
    """How many people would be fewer by merges, be taken apart, be known by nothing any more; `exact` or estimated."""

    merged: int
    split: int
    aside: int
    exact: bool
    samples: tuple[Sample, ...]


def foresee(
    state: State,
    log: Log,
    now: WorkspaceSettings,
    then: WorkspaceSettings,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Foresight:
    """Look at everybody under other rules, or at as many as `seconds` allow. Changes nothing."""
    running = sweep.under_way(state)
    bases = [sweep.rules_of(each) for each in (running.bases if running else ())]
    change = Change(
        [*bases, Rules.of(now.identity, now.blocked)], Rules.of(then.identity, then.blocked)
    )
    until = None if seconds is None else clock() + seconds

    def late() -> bool:
        return until is not None and clock() > until

    seen = _Seen()
    with state.reading():
        told, whole = _retold(state, log, change, late)
        grouped: set[str] = set()
        for found in _together(state, told, change, grouped):
            seen.add(found, 1.0)
        exact = _everybody(state, change, grouped, late, seen)
    merged, split, aside = (round(each) for each in seen.sums)
    return Foresight(merged, split, aside, exact and whole, tuple(seen.samples))


class _Seen:
    """What was found, each weighed by how many it stands for."""

    def __init__(self) -> None:
        self.sums = [0.0, 0.0, 0.0]
        self.samples: list[Sample] = []

    def add(self, found: Rows, weight: float) -> Outcome:
        one = sweep.outcome([(found.before, found.after)])
        self.sums = [known + n * weight for known, n in zip(self.sums, one, strict=True)]
        self.keep(found, one)
        return one

    def keep(self, found: Rows, one: Outcome) -> None:
        """Remember it as an example, as long as there are few of its kind."""
        kinds: tuple[Kind, ...] = ("merge", "split", "aside")
        for kind, n in zip(kinds, one, strict=True):
            if n and sum(sample.kind == kind for sample in self.samples) < SAMPLES:
                self.samples.append(_sample(kind, found))


def _sample(kind: Kind, found: Rows) -> Sample:
    """The people of the first example of a kind in a component, and what becomes of them."""
    heirs: dict[str, set[str]] = {}
    for key, person in found.before.items():
        if not person.startswith(ASIDE):
            heirs.setdefault(person, set()).add(found.after[key])
    real = {p: {h for h in became if not h.startswith(ASIDE)} for p, became in heirs.items()}
    if kind == "merge":
        former: dict[str, list[str]] = {}
        for person, became in sorted(real.items()):
            for heir in became:
                former.setdefault(heir, []).append(person)
        heir = max(sorted(former), key=lambda each: len(former[each]))
        people, after = former[heir], [heir]
    elif kind == "split":
        person = next(p for p, became in sorted(real.items()) if len(became) > 1)
        people, after = [person], sorted(real[person])
    else:
        people, after = [next(p for p, became in sorted(real.items()) if not became)], []
    return Sample(
        kind, tuple(people[:5]), tuple(tuple(found.names.get(each, ())[:5]) for each in after[:5])
    )


def _everybody(
    state: State, change: Change, grouped: set[str], late: Callable[[], bool], seen: _Seen
) -> bool:
    """Walk through all ranges of names side by side; False where time was up before the end."""
    cursors = {letter: f"p_{letter}" for letter in sweep.LETTERS}
    sums = {letter: [0.0, 0.0, 0.0] for letter in sweep.LETTERS}
    waiting = list(sweep.LETTERS)
    while waiting and not late():
        for letter in list(waiting):
            names = state.components_after(cursors[letter], _WINDOW)
            mine = [name for name in names if name.startswith(f"p_{letter}")]
            alone = [name for name in mine if name not in grouped]
            for _, found in sweep.looked(state, alone, change):
                if found is not None and found.changed:
                    one = sweep.outcome([(found.before, found.after)])
                    sums[letter] = [a + b for a, b in zip(sums[letter], one, strict=True)]
                    seen.keep(found, one)
            if len(mine) < _WINDOW:
                waiting.remove(letter)
            else:
                cursors[letter] = mine[-1]
            if late():
                break
    for letter, found_here in sums.items():
        share = 1.0
        if letter in waiting:
            begun = sweep.fraction(f"p_{letter}")
            share = max((sweep.fraction(cursors[letter]) - begun) * len(sweep.LETTERS), 1e-9)
        if letter not in waiting or cursors[letter] != f"p_{letter}":
            seen.sums = [a + b / share for a, b in zip(seen.sums, found_here, strict=True)]
    return not waiting


def _retold(
    state: State, log: Log, change: Change, late: Callable[[], bool]
) -> tuple[dict[str, Evidence], bool]:
    """Evidence of the log that is not stored as it would count; False where the log was too long to read."""
    found: dict[str, Evidence] = {}
    if not change.reads_log:
        return found, True
    for lane in (Lane.LIVE, Lane.BULK):
        after, upto = 0, state.position(lane)
        while after < upto:
            blocks = list(log.read(lane, after, upto=upto, most=4_000))
            if not blocks:
                break
            after = blocks[-1].seq
            for one in sweep.evidence_in_log(blocks, change):
                names = usable(one.identifiers, change.rules)
                slot = change.rules.slot(names, one.time)
                for key in evidence_keys(names, one.trusted, slot):
                    known = found.get(key)
                    if known is None or (one.time, one.id) < (known.time, known.id):
                        found[key] = Evidence(one.time, one.id, names, one.trusted)
            if late():
                return found, False
    return found, True


def _together(
    state: State, told: Mapping[str, Evidence], change: Change, grouped: set[str]
) -> Iterator[Rows]:
    """The components that evidence of the log would touch, those that it would join as one; notes them in `grouped`."""
    known = state.components({name for one in told.values() for name in one.identifiers})
    rows_of = state.evidence_by_key(list(told))
    homes = {k: r.component for k, r in rows_of.items() if r.component.startswith("p_")}
    sets = Sets()
    for key, one in told.items():
        if key in homes:
            sets.join(("key", key), ("component", homes[key]))
        for name in one.identifiers:
            sets.join(("key", key), name)
            if name in known:
                sets.join(name, ("component", known[name]))
    groups: dict[object, tuple[dict[str, Evidence], set[str]]] = {}
    for key, one in told.items():
        more, components = groups.setdefault(sets.root(("key", key)), ({}, set()))
        more[key] = one
        components.update(known[name] for name in one.identifiers if name in known)
        components.update({homes[key]} if key in homes else ())
    for more, components in groups.values():
        grouped |= components
        rows: dict[str, EvidenceRow] = {
            row.key: row for row in state.evidence_of(sorted(components))
        }
        names = {n for row in rows.values() for n in row.identifiers}
        names |= {n for one in more.values() for n in one.identifiers}
        vetoes = sweep.vetoes_of(state, names)
        yield sweep.look(rows, names, vetoes, state.holders(names), change, more)
