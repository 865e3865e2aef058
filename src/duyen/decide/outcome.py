"""What became of a decision: views, clicks and orders join the pending decision and teach its arm.

A pending decision lives 24 hours in the person's document and remembers that it was viewed and clicked,
so that telling the same thing twice, in any order, counts once.
"""

from __future__ import annotations

from duyen.decide.choose import RECOMMENDER
from duyen.decide.eligibility import counter_name
from duyen.decide.reasons import HOLD_OUT
from duyen.model.decision import Decision
from duyen.model.effect import Add, Effect
from duyen.model.event import DECISION_CLICKED, DECISION_VIEWED, ORDER_COMPLETED, Event
from duyen.model.person import HELD_OUT, Pending, Person
from duyen.model.program import Program
from duyen.model.times import DAY, Millis

OUTCOME_WINDOW: Millis = DAY
MAX_PENDING = 100
MAX_SHOWN = 50


def arm_of(decision: Decision) -> str:
    """The arm that an answer belongs to: an offer, `@recommender:name`, or `@fallback`."""
    if decision.policy.startswith(RECOMMENDER):
        return f"@{decision.policy}"
    return decision.chosen or "@fallback"


def decided(person: Person, decision: Decision) -> list[Effect]:
    """Keep a decision pending on the working copy until its outcome; a known one changes nothing."""
    if decision.id in person.pending:
        return []
    arm = arm_of(decision)
    until = decision.time + OUTCOME_WINDOW
    person.pending[decision.id] = Pending(
        decision.id, decision.time, until, decision.placement, arm
    )
    bound(person)
    amounts = {"decisions": 1}
    if decision.reason == HOLD_OUT:
        amounts[HELD_OUT] = 1
    return [Add(counter_name(decision.placement, arm), amounts)]


def bound(person: Person) -> None:
    """Keep only the newest pending decisions; a merge asks for this too."""
    excess = len(person.pending) - MAX_PENDING
    if excess > 0:
        oldest = sorted(person.pending.values(), key=lambda each: (each.time, each.id))
        for pending in oldest[:excess]:
            del person.pending[pending.id]


def outcome(person: Person, event: Event, program: Program, now: Millis) -> list[Effect]:
    """Join a view, a click or an order to what was decided; changes the working copy of the person."""
    if not person.pending:
        return []
    if event.name in (DECISION_VIEWED, DECISION_CLICKED):
        return _seen(person, event, program)
    if event.name == ORDER_COMPLETED:
        return _ordered(person, event)
    return []


def seen_before(person: Person, decision: Decision, program: Program) -> list[Effect]:
    """Join what was told of a decision before the decision itself: two engines may have met the two."""
    if person.last < decision.time:
        return []
    told = [
        event
        for event in person.recent
        if event.name in (DECISION_VIEWED, DECISION_CLICKED)
        and event.properties.get("decision_id") == decision.id
        and not event.quality
    ]
    return [effect for event in told for effect in _seen(person, event, program)]


def _seen(person: Person, event: Event, program: Program) -> list[Effect]:
    """A click was also a view, even where the view's own event is late or lost."""
    pending = person.pending.get(str(event.properties.get("decision_id", "")))
    if pending is None or event.time > pending.until:
        return []
    amounts = {}
    if not pending.viewed:
        amounts["views"] = 1
        _remember_shown(person, pending, event.time, program)
    clicked = event.name == DECISION_CLICKED
    if clicked and not pending.clicked:
        amounts["successes"] = 1
    if not amounts:
        return []
    person.pending[pending.id] = Pending(
        pending.id,
        pending.time,
        pending.until,
        pending.placement,
        pending.arm,
        True,
        pending.clicked or clicked,
    )
    return [Add(counter_name(pending.placement, pending.arm), amounts)]


def _remember_shown(person: Person, pending: Pending, time: Millis, program: Program) -> None:
    """Offers with a cap are counted by the views of them, wherever they were shown."""
    offer = program.offers.get(pending.arm)
    if offer is None or offer.cap is None:
        return
    times = [*person.shown.get(offer.id, ()), time]
    person.shown[offer.id] = sorted(times, reverse=True)[: max(offer.cap, MAX_SHOWN)]


def _ordered(person: Person, event: Event) -> list[Effect]:
    """An order is credited to the decision clicked last within its window; to no other, and once."""
    clicked = [
        pending
        for pending in person.pending.values()
        if pending.clicked and pending.time <= event.time <= pending.until
    ]
    if not clicked:
        return []
    last = max(clicked, key=lambda each: (each.time, each.id))
    return [Add(counter_name(last.placement, last.arm), {"orders": 1})]
