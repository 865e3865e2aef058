"""One answer for one person at one placement, with everything needed to judge it later.

The answer is a value: the door makes it durable before it gives it (law 5).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
import numpy as np

from duyen.decide import cells, reasons
from duyen.decide.context import NOTHING, Context
from duyen.decide.eligibility import (
    PERSONALISATION,
    REASONS,
    Codes,
    Scored,
    Shelf,
    View,
    denied,
    item_problem,
    shelves,
)
from duyen.decide.policy import Arms, BoolArray, Weighed, draw, policy
from duyen.decide.reasons import explain
from duyen.decide.rulebook import Truths
from duyen.model.catalogue import Placement
from duyen.model.decision import Candidate, Decision
from duyen.model.errors import InvalidRule
from duyen.model.event import Event, Identifier
from duyen.model.meaning import MEANINGS
from duyen.model.person import HELD_OUT, Person
from duyen.model.program import Program
from duyen.model.times import Millis

LISTED = 20
"""A decision lists so many eligible and so many excluded candidates at most, the chosen always."""
OTHERS = "*"
"""The arm that carries the propensity of all eligible offers that are not listed one by one."""
POPULAR = "popular"
FALLBACK = "fallback"
RECOMMENDER = "recommender:"
"""Prefix of Decision.policy where a recommender filled the placement."""
_SEEDS = 20
_SHORT = 80


class _Answer(msgspec.Struct, frozen=True):
    """What was decided, before it is known for whom, where and when."""

    reason: str
    explanation: tuple[str, ...]
    content: dict[str, str]
    chosen: str = ""
    items: tuple[str, ...] = ()
    propensity: float = 1.0
    policy: str = FALLBACK
    policy_version: str = ""
    candidates: tuple[Candidate, ...] = ()
    features: dict[str, Any] = {}


def choose(
    placement: Placement,
    person: Person | None,
    identifier: Identifier,
    program: Program,
    view: View,
    now: Millis,
    rng: random.Random,
    *,
    person_id: str = "",
    truths: Truths | None = None,
    context: Context = NOTHING,
    id: str = "",
    trusted: bool = False,
    source: str = "",
) -> Decision:
    """Decide what this person gets at this placement now.

    `person_id` is `identity.person_id(identifier)`, needed only where there is no document yet. `truths`
    shares rule results between the placements of one request: `Truths(person, now, context)`; without it the
    `context` counts. `id` names the decision; without one it is drawn from `rng`. `trusted` and `source` say who asked.
    """
    if person is None and not person_id:
        raise ValueError("a person without a document needs person_id, which decides the hold-out")
    known = person if person is not None else Person(person_id)
    arm = cells.arm(person, person_id, program)
    shared = truths if truths is not None else Truths(known, now, context)
    answer = _answer(placement, arm, program, view, shared, rng)
    name = id or f"{rng.getrandbits(128):032x}"
    return _decision(
        answer, placement, known.id, identifier, arm, program, now, name, trusted, source
    )


def fallback(
    placement: Placement,
    identifier: Identifier,
    program: Program,
    now: Millis,
    *,
    id: str,
    person_id: str,
    arm: str,
    reason: str = "stale_log",
) -> Decision:
    """The placement's fallback without exploration: what a door answers while the log refuses."""
    answer = _Answer(reason, (), placement.fallback)
    return _decision(answer, placement, person_id, identifier, arm, program, now, id, False, "")


def _decision(
    answer: _Answer,
    placement: Placement,
    person_id: str,
    identifier: Identifier,
    arm: str,
    program: Program,
    now: Millis,
    id: str,
    trusted: bool,
    source: str,
) -> Decision:
    return Decision(
        id=id,
        time=now,
        person=person_id,
        identifier=identifier,
        placement=placement.id,
        arm=arm,
        program_version=program.version,
        trusted=trusted,
        source=source,
        **msgspec.structs.asdict(answer),
    )


def _answer(
    placement: Placement, arm: str, program: Program, view: View, truths: Truths, rng: random.Random
) -> _Answer:
    """The hold-out first, then the person's no, then what the placement is filled with."""
    if arm == HELD_OUT:
        why = explain(reasons.HELD_OUT_SHARE, share=program.settings.hold_out)
        return _Answer(reasons.HOLD_OUT, (why,), placement.fallback, features=_told(truths))
    if denied(truths.person, PERSONALISATION, placement.brand):
        why = explain(reasons.CONSENT_DENIED, purpose=PERSONALISATION)
        return _Answer(reasons.CONSENT, (why,), placement.fallback)
    if not placement.live:
        return _none_left(placement, (), _told(truths))
    if placement.fill == "items":
        return _items(placement, program, truths, view)
    return _offer(shelves(program).at(placement), truths, view, rng)


def _told(truths: Truths) -> dict[str, Any]:
    """The context as a feature: what the caller said of the moment."""
    return {"context": truths.context.data} if truths.context.data else {}


def _none_left(
    placement: Placement, candidates: tuple[Candidate, ...], features: dict[str, Any]
) -> _Answer:
    excluded = features.get("excluded", {})
    why = explain(reasons.NONE_LEFT, considered=sum(excluded.values()), **excluded)
    return _Answer(
        reasons.NO_CANDIDATES,
        (why,),
        placement.fallback,
        candidates=candidates,
        features=features,
    )


# Offers


def _offer(shelf: Shelf, truths: Truths, view: View, rng: random.Random) -> _Answer:
    """One offer, drawn from the probabilities that the placement's policy states."""
    codes = shelf.excluded(truths, view)
    eligible = codes == 0
    features = _offer_features(shelf, truths, codes)
    left_out = _listed_excluded(
        (shelf.ids[index], REASONS[codes[index]]) for index in np.flatnonzero(codes)
    )
    if not features["eligible"]:
        return _none_left(shelf.placement, left_out, features)
    arms = shelf.arms(view)
    features["counters"] = view.counters_version
    rule = policy(shelf.placement.policy)
    weighed = rule.weigh(arms, eligible)
    index = draw(weighed.propensities, rng.random())
    offer = shelf.offers[index]
    listed = _listed(shelf.ids, eligible, weighed, index) + left_out
    try:
        content = shelf.content(index, truths, view)
    except InvalidRule as error:
        why = explain(reasons.CONTENT_FAILED, offer=offer.id, at=error.at or "content")
        fallback = shelf.placement.fallback
        return _Answer(reasons.CONTENT, (why,), fallback, candidates=listed, features=features)
    return _Answer(
        reasons.CHOSEN,
        _offer_reasons(shelf, index, arms, weighed, features),
        content,
        chosen=offer.id,
        propensity=float(weighed.propensities[index]),
        policy=rule.name,
        policy_version=rule.version,
        candidates=listed,
        features=features,
    )


def _offer_features(shelf: Shelf, truths: Truths, codes: Codes) -> dict[str, Any]:
    """What was known at the time, as far as these offers ask for it."""
    person = truths.person
    traits = {
        name: value
        for name in shelf.traits
        if (trait := person.traits.get(name.partition(".")[0])) is not None
        and isinstance(value := _short(trait.value), str | int | float | bool)
    }
    counts = np.bincount(codes, minlength=1).tolist()
    quiet = shelf.quiet(truths)
    return {
        **_told(truths),
        **({} if quiet is None else {"quiet_hours": quiet}),
        "events": person.events,
        "segments": shelf.held(truths),
        "traits": traits,
        "eligible": counts[0],
        "excluded": {REASONS[code]: n for code, n in enumerate(counts) if code and n},
    }


def _short(value: Any) -> Any:
    return value[:_SHORT] if isinstance(value, str) else value


def _offer_reasons(
    shelf: Shelf, index: int, arms: Arms, weighed: Weighed, features: Mapping[str, Any]
) -> tuple[str, ...]:
    asked = shelf.asked[index]
    return (
        explain(reasons.ELIGIBLE, eligible=features["eligible"], considered=len(shelf.offers)),
        *(explain(reasons.MATCHED, segment=id) for id in features["segments"] if id in asked),
        explain(reasons.RATE, successes=int(arms.successes[index]), views=int(arms.views[index])),
        explain(reasons.VALUE, value=shelf.offers[index].value),
        explain(reasons.PROPENSITY, p=f"{weighed.propensities[index]:.6g}"),
    )


def _listed(
    ids: Sequence[str], eligible: BoolArray, weighed: Weighed, chosen: int
) -> tuple[Candidate, ...]:
    """The chosen, then the most probable others, then the rest in one line: together 1."""
    scores, propensities = weighed
    others = np.flatnonzero(eligible)
    others = others[others != chosen]
    likely = -propensities[others]
    if len(others) >= LISTED:  # only the first few are shown in order: no need to sort them all
        least = np.partition(likely, LISTED - 2)[LISTED - 2]
        front = np.flatnonzero(likely <= least)
    else:
        front = np.arange(len(others))
    best = front[np.argsort(likely[front], kind="stable")][: LISTED - 1]
    shown = [chosen, *others[best].tolist()]
    rest = np.delete(others, best)
    lines = [Candidate(ids[i], float(scores[i]), float(propensities[i])) for i in shown]
    if len(rest):
        lines.append(Candidate(OTHERS, float(scores[rest].mean()), float(propensities[rest].sum())))
    return tuple(lines)


def _listed_excluded(excluded: Iterator[tuple[str, str]]) -> tuple[Candidate, ...]:
    """The first of those left out; all of them are counted in features["excluded"]."""
    return tuple(Candidate(id, excluded=code) for id, code in islice(excluded, LISTED))


# Items


def _items(placement: Placement, program: Program, truths: Truths, view: View) -> _Answer:
    """Items that can be sold and are new to the person: those that go with what the page is about, then with what
    they dealt with last, then popular ones."""
    person, present = truths.person, truths.context.items
    seeds, bought = tastes(person)
    bound = placement.quiet_hours == "respect"
    quiet = bound and truths.quiet(program.settings)
    filling = _Filling(placement, bought, frozenset(present), view, quiet=quiet)
    snapshot = view.snapshot(placement.recommender)
    if present:
        filling.add(placement.recommender, present)
    filling.add(placement.recommender, seeds)
    own = len(filling.picked)
    if placement.recommender != POPULAR:
        filling.add(POPULAR, ())
    picked = filling.picked
    features = {
        **_told(truths),
        **({"quiet_hours": quiet} if bound else {}),
        "events": person.events,
        "seeds": list(dict.fromkeys((*present, *seeds))),
        "bought": len(bought),
        "filled_up": len(picked) - own,
        "excluded": dict(Counter(filling.excluded.values())),
    }
    left_out = _listed_excluded(iter(filling.excluded.items()))
    if not picked:
        return _none_left(placement, left_out, features)
    items = tuple(picked)
    return _Answer(
        reasons.CHOSEN,
        _item_reasons(placement, picked, own),
        {},
        chosen=",".join(items),
        items=items,
        policy=f"{RECOMMENDER}{placement.recommender}",
        policy_version=snapshot or view.code_version,
        # The list is fixed by what is known, so that each of its items was certain to be in it.
        candidates=(*(Candidate(i, float(s.score), 1.0) for i, s in picked.items()), *left_out),
        features=features,
    )


class _Filling:
    """A placement on its way to being full: the items picked, best first, and why others were not."""

    def __init__(
        self,
        placement: Placement,
        bought: frozenset[str],
        present: frozenset[str],
        view: View,
        *,
        quiet: bool,
    ) -> None:
        self._placement, self._bought, self._present = placement, bought, present
        self._view, self._quiet = view, quiet
        self.picked: dict[str, Scored] = {}
        self.excluded: dict[str, str] = {}

    def add(self, recommender: str, seeds: tuple[str, ...]) -> None:
        """Add the best that pass until the placement is full."""
        if len(self.picked) >= self._placement.limit:
            return
        ranked = self._view.recommend(
            recommender,
            seeds=seeds,
            exclude=self._bought | self._present | self.picked.keys(),
            limit=3 * self._placement.limit + _SEEDS,
        )
        for scored in ranked:
            if len(self.picked) >= self._placement.limit:
                return
            code = self._problem(scored.item)
            if code:
                self.excluded.setdefault(scored.item, code)
            else:
                self.picked.setdefault(scored.item, scored)

    def _problem(self, id: str) -> str:
        """Why an item is not shown here, or nothing."""
        if id in self._bought:
            return reasons.BOUGHT
        if id in self._present:
            return reasons.PRESENT
        if self._quiet:
            return reasons.QUIET_HOURS
        item = self._view.item(id)
        code = item_problem(item)
        if not code and item is not None and item.brand != self._placement.brand:
            code = reasons.OTHER_BRAND
        return code


def _item_reasons(placement: Placement, picked: Mapping[str, Scored], own: int) -> tuple[str, ...]:
    lines = [
        explain(reasons.BECAUSE, item=id, by=placement.recommender, why=scored.why)
        for id, scored in list(picked.items())[:own]
    ]
    lines += [
        explain(reasons.FILLED_UP, item=id, by=POPULAR, why=scored.why)
        for id, scored in list(picked.items())[own:]
    ]
    return tuple(lines)


def tastes(person: Person) -> tuple[tuple[str, ...], frozenset[str]]:
    """The items a person showed interest in last (newest first, each once), and those they bought.

    What a spec'd event says of interest is in `model.meaning`; any other event that names a product is interest.
    """
    seeds: dict[str, None] = {}
    bought: set[str] = set()
    for event in reversed(person.recent):
        meaning = MEANINGS.get(event.name)
        items = list(_item_ids(event))
        if meaning is not None and meaning.interest == "bought":
            bought.update(items)
        if (meaning is None or meaning.weight) and len(seeds) < _SEEDS:
            seeds.update(dict.fromkeys(items))
    return tuple(seeds)[:_SEEDS], frozenset(bought)


def _item_ids(event: Event) -> Iterator[str]:
    """The products an event names: `product_id` of its own, and of each line in `products`.

    A line whose `kind` says that it is no product (postage, a discount) is none.
    """
    lines = event.properties.get("products")
    rows = [event.properties, *(lines if isinstance(lines, list) else ())]
    for row in rows:
        if not isinstance(row, dict) or row.get("kind", "product") != "product":
            continue
        if isinstance(id := row.get("product_id"), str | int):
            yield str(id)
