"""Who may be shown which offer at a placement, as of one instant, and why not.

Checked in this order, the first that fails gives the code: live, readable, brand, rule, context, consent, cap,
quiet hours, item known, sellable, in stock. On a site nothing is pushed at anybody, so that consent means "not denied"
(a push channel asks for "granted") and quiet hours bind only where the offer or the placement says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from duyen.decide import reasons
from duyen.decide.content import Words
from duyen.decide.policy import Arms, FloatArray, registered
from duyen.decide.rulebook import Rulebook, Truths
from duyen.model.catalogue import Item, Offer, Placement
from duyen.model.consent import ANY, consent_key
from duyen.model.errors import InvalidRule
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.model.rule import All, AnyOf, InSegment, Not, Rule, TraitIs, Where
from duyen.model.times import parse_duration
from duyen.model.values import to_micros
from duyen.rules import matches

_K = TypeVar("_K")
_V = TypeVar("_V")
Codes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.intp]
REASONS = ("", *reasons.EXCLUSIONS)
_CODES = {reason: code for code, reason in enumerate(REASONS)}
_encode = msgspec.json.Encoder().encode
WEB = "web"
PERSONALISATION = "personalisation"


class Scored(Protocol):
    """One recommended item, as recommenders give it."""

    @property
    def item(self) -> str: ...
    @property
    def score(self) -> float: ...
    @property
    def why(self) -> str: ...


class View(Protocol):
    """What a decision reads besides the person and the program: shared state as of now.

    `counters_version` and `items_version` name a state of the arms' counters and of the items: what differs, in this
    view or in another one of the process, has another number. `counter` of an unknown name is empty.
    `recommend` gives at most `limit` items, best first, and nothing where there is no such snapshot yet; `snapshot`
    names the version of the model it asks.
    """

    @property
    def counters_version(self) -> int: ...
    @property
    def items_version(self) -> int: ...
    @property
    def code_version(self) -> str: ...
    def counter(self, name: str, /) -> Mapping[str, int]: ...
    def item(self, id: str, /) -> Item | None: ...
    def snapshot(self, recommender: str, /) -> str: ...
    def recommend(
        self, recommender: str, /, seeds: Sequence[str], exclude: frozenset[str], limit: int
    ) -> Sequence[Scored]: ...


def counter_name(placement: str, arm: str) -> str:
    """The shared counter of one arm at one placement; its fields are decisions, views, successes, orders."""
    return f"arm:{placement}:{arm}"


def denied(person: Person, purpose: str, brand: str, channel: str = WEB) -> bool:
    """Whether some statement that covers this purpose, channel and brand says no."""
    if not person.consent:
        return False
    keys = (
        consent_key(p, c, b) for b in (brand, ANY) for p in (purpose, ANY) for c in (channel, ANY)
    )
    return any(key in person.consent and person.consent[key].state == "denied" for key in keys)


def check(offer: Offer, book: Rulebook) -> None:
    """Raise InvalidRule where an offer cannot be decided about; a door asks this before it saves one."""
    value = to_micros(offer.value)
    if value is None or value < 0:
        raise InvalidRule(
            "offer.value",
            f"The value “{offer.value}” of the offer “{offer.id}” is not a number from 0 up; "
            "write for example 1 or 2.5.",
            at="value",
        )
    try:
        parse_duration(offer.cap_window)
    except ValueError as problem:
        raise InvalidRule("offer.cap_window", f"{problem}.", at="cap_window") from problem
    book.number(offer.eligible)
    Words(offer.content)


class Shelf:
    """The offers of one placement, prepared once per program: decisions only look at what can differ."""

    def __init__(self, placement: Placement, program: Program, book: Rulebook) -> None:
        self.placement = placement
        self._book, self._settings = book, program.settings
        self.offers = _offers_at(placement, program)
        self.ids = [offer.id for offer in self.offers]
        self._counters = [counter_name(placement.id, offer.id) for offer in self.offers]
        self._static = np.array([_CODES[self._never(o)] for o in self.offers], np.uint8)
        self.values: FloatArray = np.array(
            [0.0 if c else float(o.value) for o, c in zip(self.offers, self._static, strict=True)]
        )
        open_offers = [(i, o) for i, o in enumerate(self.offers) if not self._static[i]]
        ruled = [(i, book.number(o.eligible)) for i, o in open_offers if o.eligible != All(())]
        self._asked_rules = sorted({number for _, number in ruled})
        place = {number: row for row, number in enumerate(self._asked_rules, 1)}
        self._rule_of = np.zeros(len(self.offers), np.intp)
        """For each offer the row of its rule in the answers of one person; row 0 always holds."""
        for i, number in ruled:
            self._rule_of[i] = place[number]
        self._conditions = _conditions((o.when, i) for i, o in open_offers if o.when)
        self._bound = [
            i for i, o in open_offers if "respect" in (placement.quiet_hours, o.quiet_hours)
        ]
        words = ((i, Words(o.content)) for i, o in open_offers)
        self._words = {i: said for i, said in words if not said.fixed}
        self._purposes = _grouped((o.purpose, i) for i, o in open_offers)
        self._capped = {
            o.id: (i, o.cap, parse_duration(o.cap_window))
            for i, o in open_offers
            if o.cap is not None
        }
        self._never_shown = [i for i, cap, _ in self._capped.values() if cap <= 0]
        self._tied = [(o.item, i) for i, o in open_offers if o.item]
        self._items: dict[int, Codes] = {}
        nodes = {i: list(_nodes(o.eligible)) for i, o in open_offers}
        self.asked = {
            i: {node.segment for node in said if isinstance(node, InSegment)}
            for i, said in nodes.items()
        }
        self.segments = [(id, book.segment(id)) for id in sorted(set().union(*self.asked.values()))]
        self.traits = sorted(
            {node.trait for said in nodes.values() for node in said if isinstance(node, TraitIs)}
        )
        self._arms: dict[int, Arms] = {}

    def _never(self, offer: Offer) -> str:
        if not offer.live:
            return reasons.NOT_LIVE
        try:
            check(offer, self._book)
        except InvalidRule:
            return reasons.BROKEN
        return "" if offer.brand == self.placement.brand else reasons.OTHER_BRAND

    def ready(self, view: View) -> None:
        """Work out what only the view decides, so that nobody who asks waits for it."""
        self._item_codes(view)
        open_offers, rule = self._static == 0, registered().get(self.placement.policy)
        if rule is not None and open_offers.any():
            # A policy that fails is told to whoever asks here; the other placements go on.
            with suppress(Exception):
                rule.weigh(self.arms(view), open_offers)

    def arms(self, view: View) -> Arms:
        """What the counters say of each offer; the same object while they say the same."""
        version = view.counters_version
        found = self._arms.get(version)
        return _kept(self._arms, version, self._read(view)) if found is None else found

    def _read(self, view: View) -> Arms:
        read = [view.counter(name) for name in self._counters]
        views = np.array([max(0, fields.get("views", 0)) for fields in read], np.float64)
        successes = np.array([max(0, fields.get("successes", 0)) for fields in read], np.float64)
        for known in list(self._arms.values()):
            if np.array_equal(known.views, views) and np.array_equal(known.successes, successes):
                return known
        return Arms(views, successes, self.values)

    def excluded(self, truths: Truths, view: View) -> Codes:
        """For each offer why this person may not be shown it now: an index into REASONS, 0 where they may."""
        person, codes = truths.person, self._static.copy()
        held = np.array([True, *truths.all_of(self._asked_rules, self._book)])
        codes[~held[self._rule_of]] = _CODES[reasons.RULE]
        for where, indices in self._conditions:
            if not matches(where, truths.context.data):
                _leave_out(codes, indices, reasons.CONTEXT)
        for purpose, indices in self._purposes.items():
            if denied(person, purpose, self.placement.brand):
                _leave_out(codes, indices, reasons.DENIED)
        _leave_out(codes, self._seen_enough(truths), reasons.CAP)
        if self.quiet(truths):
            _leave_out(codes, self._bound, reasons.QUIET_HOURS)
        return np.where(codes == 0, self._item_codes(view), codes) if self._tied else codes

    def _item_codes(self, view: View) -> Codes:
        """For each offer what stands against its item: of nobody in particular, so kept while no item changes."""
        version = view.items_version
        found = self._items.get(version)
        if found is not None:
            return found
        codes = np.zeros(len(self.offers), np.uint8)
        for item, index in self._tied:
            codes[index] = _CODES[item_problem(view.item(item))]
        return _kept(self._items, version, codes)

    def quiet(self, truths: Truths) -> bool | None:
        """Whether the person's quiet hours hold; None where no offer here asks."""
        return truths.quiet(self._settings) if self._bound else None

    def content(self, index: int, truths: Truths, view: View) -> dict[str, str]:
        """What an offer says here and now; raises InvalidRule where its words fail."""
        offer, words = self.offers[index], self._words.get(index)
        if words is None:
            return offer.content
        item = view.item(offer.item) if offer.item else None
        known = msgspec.structs.asdict(item) if item else {}
        return words.fill({"context": truths.context.data, "item": known})

    def _seen_enough(self, truths: Truths) -> list[int]:
        """The offers whose cap is reached."""
        found, now = list(self._never_shown), truths.now
        for offer, times in truths.person.shown.items():
            if offer in self._capped:
                index, cap, window = self._capped[offer]
                if sum(now - window < time <= now for time in times) >= cap:
                    found.append(index)
        return found

    def held(self, truths: Truths) -> list[str]:
        """The segments that offers here ask about and that the person is in."""
        return [id for id, number in self.segments if truths.of(number, self._book)]


class Shelves(msgspec.Struct):
    """One program's prepared placements."""

    program: Program
    book: Rulebook
    shelves: dict[str, Shelf] = {}

    def at(self, placement: Placement) -> Shelf:
        """The prepared offers of one placement."""
        shelf = self.shelves.get(placement.id)
        if shelf is None or shelf.placement is not placement:
            shelf = self.shelves[placement.id] = Shelf(placement, self.program, self.book)
        return shelf


_prepared: dict[int, Shelves] = {}
_PROGRAMS = 4
_VERSIONS = 2


def shelves(program: Program) -> Shelves:
    """The prepared placements of a program; the last few programs stay prepared."""
    found = _prepared.get(id(program))
    if found is None:
        while len(_prepared) >= _PROGRAMS:
            del _prepared[next(iter(_prepared))]
        # The entry holds the program, so that its id() cannot come to name another one.
        found = _prepared[id(program)] = Shelves(program, Rulebook(program))
    return found


def prepare(program: Program, view: View) -> None:
    """Make all placements of a program ready for a view, so that nobody who asks waits for it.

    Another thread may do so while decisions are made: what they are made by is only ever added to.
    """
    prepared = shelves(program)
    for placement in program.placements.values():
        if placement.fill == "offers":
            prepared.at(placement).ready(view)


def item_problem(item: Item | None) -> str:
    """Why an item cannot be offered at all, or nothing."""
    if item is None:
        return reasons.UNKNOWN_ITEM
    if not item.sellable:
        return reasons.NOT_SELLABLE
    if item.stock is not None and item.stock <= 0:
        return reasons.OUT_OF_STOCK
    return ""


def _offers_at(placement: Placement, program: Program) -> list[Offer]:
    offers = program.offers.values()
    return sorted((o for o in offers if placement.id in o.placements), key=lambda offer: offer.id)


def _kept(known: dict[int, _V], version: int, made: _V) -> _V:
    """Remember what was made of a version and of the one before it, which some still decide by."""
    known[version] = made
    for old in list(known)[:-_VERSIONS]:
        known.pop(old, None)
    return made


def _leave_out(codes: Codes, indices: npt.ArrayLike, reason: str) -> None:
    """Give the reason to those that have none yet."""
    chosen = np.asarray(indices, np.intp)
    codes[chosen[codes[chosen] == 0]] = _CODES[reason]


def _grouped(pairs: Iterator[tuple[_K, int]]) -> dict[_K, Indices]:
    groups: dict[_K, list[int]] = {}
    for key, index in pairs:
        groups.setdefault(key, []).append(index)
    return {key: np.array(indices, np.intp) for key, indices in groups.items()}


def _conditions(
    pairs: Iterator[tuple[tuple[Where, ...], int]],
) -> list[tuple[tuple[Where, ...], Indices]]:
    """Each distinct `when` once; told apart as they are written, because 1 == True in Python."""
    said: dict[bytes, tuple[Where, ...]] = {}
    groups: dict[bytes, list[int]] = {}
    for where, index in pairs:
        key = _encode(where)
        said[key] = where
        groups.setdefault(key, []).append(index)
    return [(said[key], np.array(indices, np.intp)) for key, indices in groups.items()]


def _nodes(rule: Rule) -> Iterator[Rule]:
    yield rule
    if isinstance(rule, All | AnyOf):
        for part in rule.rules:
            yield from _nodes(part)
    elif isinstance(rule, Not):
        yield from _nodes(rule.rule)
