"""From documents and facts to the shapes of answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from duyen.api.office import Office, maybe_when, when
from duyen.api.shapes.common import Arm, Named, PersonRef
from duyen.api.shapes.contacts import ContactRow, ContactWhy
from duyen.api.shapes.decisions import CandidateRow, DecisionRow
from duyen.api.shapes.events import EventRow, GoodsLine, GoodsRow
from duyen.api.shapes.people import PersonRow, Profile, TraitRow
from duyen.journeys.advance import contact_key
from duyen.journeys.parse import journey_to_data
from duyen.journeys.path import walk
from duyen.model.consent import told as said_by
from duyen.model.decision import Decision
from duyen.model.event import EMAIL_LINK_CLICKED, EMAIL_OPENED, Event
from duyen.model.group import group_name
from duyen.model.meaning import GOODS, TOUCHES
from duyen.model.order import lines_of, part_of, told
from duyen.model.person import GLOBAL, HELD_OUT, Contact, Outcome, Person, Trait
from duyen.model.program import Program
from duyen.model.times import Millis
from duyen.model.values import from_micros, to_micros
from duyen.rules import Burst, burst_of, scanned
from duyen.rules.computed import Value
from duyen.runtime.directory import best_key, display_name
from duyen.step.plan import plan_of
from duyen.stores.rows import Head, Row

Path = tuple[int, ...]
_MOST_LINES = 200


def money(micros: int) -> str:
    """Micros as a decimal string."""
    return f"{from_micros(micros):f}"


def decimal(micros: int) -> str:
    """Micros as the shortest decimal string: a quantity."""
    return f"{from_micros(micros).normalize():f}"


def reference(person: Person) -> PersonRef:
    """Enough to name a person."""
    return PersonRef(id=person.id, key=best_key(person), name=display_name(person) or None)


def references(office: Office, ids: Iterable[str]) -> dict[str, PersonRef]:
    """References of people by (possibly merged) id; of somebody who is gone, the id alone."""
    state = office.state
    survivors = {id: state.survivor(id) for id in set(ids)}
    heads = state.heads(sorted(set(survivors.values())))
    return {
        id: reference(heads[kept].person)
        if kept in heads
        else PersonRef(id=kept, key=f"id:{kept}", name=None)
        for id, kept in survivors.items()
    }


def named(id: str, known: Any) -> Named:
    """A definition's id with its present name."""
    found = known.get(id)
    return Named(id=id, name=found.name if found else id)


def arm_of(person: Person) -> Arm | None:
    """The person's arm of the global experiment, where it is a fact."""
    cell = person.cells.get(GLOBAL)
    return None if cell is None else ("held_out" if cell.arm == HELD_OUT else "treated")


def standing(head: Head, program: Program, now: Millis) -> dict[str, tuple[Millis, Millis]]:
    """The segments a person is in at `now`, with (since, until): exact even where a timer still queues."""
    return plan_of(program).standing(head.person, head.standing, now)


def person_rows(
    found: Sequence[tuple[Head, Row]], program: Program, now: Millis
) -> list[PersonRow]:
    """Lines of the people list; segments are asked for all of them at once."""
    if not found:
        return []
    plan = plan_of(program)
    truth, _ = plan.compiled.evaluate([head.person for head, _ in found], now)
    return [
        PersonRow(
            **reference(head.person),
            email=row.email or None,
            segments=[
                named(segment, program.segments)
                for segment, inside in zip(plan.segments, truth[:, column], strict=True)
                if inside
            ],
            arm=arm_of(head.person),
            events=row.events,
            first=when(row.first),
            last=when(row.last),
        )
        for column, (head, row) in enumerate(found)
    ]


COMPUTED = "computed"
"""The source of a trait that nobody wrote."""


def _written(person: Person, program: Program, sources: Mapping[str, str]) -> list[TraitRow]:
    """The traits that events wrote; a computed one of the same name hides one."""
    return [row for row in trait_rows(person.traits, sources) if row["name"] not in program.traits]


def trait_rows(traits: Mapping[str, Trait], sources: Mapping[str, str]) -> list[TraitRow]:
    """Traits as events wrote them, by name."""
    return [
        TraitRow(
            name=name,
            value=t.value,
            time=when(t.time),
            source=t.source,
            source_name=sources.get(t.source, t.source),
            event=t.id,
        )
        for name, t in sorted(traits.items())
    ]


def _computed(values: Mapping[str, Value], now: Millis) -> list[TraitRow]:
    return [
        TraitRow(
            name=name,
            value=value,
            time=when(now),
            source=COMPUTED,
            source_name=COMPUTED,
            event="",
        )
        for name, value in values.items()
    ]


def profile(
    head: Head,
    program: Program,
    now: Millis,
    sources: Mapping[str, str],
    computed: Mapping[str, Value],
) -> Profile:
    """Everything known about one person; `sources` are the names of keys, `computed` the computed traits as of now."""
    person = head.person
    outcome = person.outcomes.get(GLOBAL, Outcome())
    return Profile(
        **reference(person),
        email=next(iter(person.identifiers.get("email", {})), None),
        identifiers=[
            {"namespace": namespace, "value": value, "since": when(since)}
            for namespace, values in person.identifiers.items()
            for value, since in values.items()
        ],
        verified=person.trusted,
        traits=[*_written(person, program, sources), *_computed(computed, now)],
        consent=[
            {
                "brand": brand,
                "purpose": purpose,
                "channel": channel,
                "state": said.state,
                "time": when(said.time),
                "proof": said.proof,
                "where": said.where,
                "text": said.text,
                "source": said.source,
            }
            for said, (brand, purpose, channel) in sorted(
                ((said, key.split("/", 2)) for key, said in said_by(person.consent)),
                key=lambda pair: (-pair[0].time, pair[1]),
            )
        ],
        segments=[
            {
                **named(segment, program.segments),
                "since": when(since),
                "until": maybe_when(until),
            }
            for segment, (since, until) in standing(head, program, now).items()
        ],
        cells=[
            {
                "experiment": experiment,
                "arm": "held_out" if cell.arm == HELD_OUT else "treated",
                "since": when(cell.since),
                "crossed": cell.crossed,
            }
            for experiment, cell in person.cells.items()
        ],
        outcome={
            "orders": outcome.orders,
            "revenue": money(outcome.revenue),
            "currency": program.settings.currency,
        },
        places=[
            {
                "journey": place.journey,
                "journey_name": named(place.journey, program.journeys)["name"],
                "run": place.run,
                "entered": when(place.entered),
                "step": list(place.step),
                "next": None if place.done else maybe_when(place.wake),
                "done": place.done,
                "outcome": place.outcome,
            }
            for place in sorted(person.places.values(), key=lambda p: (p.done, -p.entered))
        ],
        groups=[
            {
                "id": id,
                "name": group_name(id, person.group_traits.get(id, {})),
                "since": when(since),
            }
            for id, since in sorted(person.groups.items(), key=lambda pair: (pair[1], pair[0]))
        ],
        first=when(person.first),
        last=when(person.last),
        events=person.events,
    )


def event_row(
    event: Event, sources: Mapping[str, str], machines: Set[str], currency: str
) -> EventRow:
    """One event in full; `machines` are the ids of the touches of mails that a scanner made."""
    return EventRow(
        id=event.id,
        type=event.type,
        name=event.name,
        time=when(event.time),
        received=when(event.received),
        source=event.source,
        source_name=sources.get(event.source, event.source),
        trusted=event.trusted,
        imported=event.imported,
        quality=event.quality or ("scanner" if event.id in machines else ""),
        identifiers=list(event.identifiers),
        properties=event.properties,
        traits=event.traits,
        context=event.context,
        goods=_goods(event, currency),
    )


def _goods(event: Event, currency: str) -> GoodsRow | None:
    """The order or cart that an event speaks of."""
    lines = lines_of(event)
    part = part_of(event)
    if event.name not in GOODS or event.type != "track" or not (part or lines):
        return None
    own = event.properties.get("currency")
    said = own.strip().upper() if isinstance(own, str) and own.strip() else currency
    amount = told(event, said)
    return GoodsRow(
        part=part,
        total=None if amount.problem else money(amount.micros),
        currency=said,
        shipping=_amount(event, "shipping"),
        tax=_amount(event, "tax"),
        discount=_amount(event, "discount"),
        problem=amount.problem or ("" if said == currency.upper() else "other_currency"),
        lines=[
            GoodsLine(
                item=line.item,
                name=line.name,
                quantity=None if line.quantity is None else decimal(line.quantity),
                price=None if line.price is None else money(line.price),
                amount=None if line.amount is None else money(line.amount),
            )
            for line in lines[:_MOST_LINES]
        ],
        products=len(lines),
    )


def _amount(event: Event, name: str) -> str | None:
    micros = to_micros(event.properties.get(name))
    return None if micros is None else money(micros)


def decision_row(
    decision: Decision, of: PersonRef, program: Program, office: Office, seen: tuple[bool, bool]
) -> DecisionRow:
    """One decision in full; `seen` says whether it was viewed and clicked."""
    items = office.state.items(list(decision.items)) if decision.items else {}
    offered = decision.reason == "chosen"
    chosen = decision.chosen if offered and not decision.items else ""
    return DecisionRow(
        id=decision.id,
        time=when(decision.time),
        person=of,
        placement=named(decision.placement, program.placements),
        fill=("items" if decision.items else "offers") if offered else "fallback",
        chosen=named(chosen, program.offers) if chosen else None,
        items=[Named(id=id, name=items.get(id, {}).get("name", id)) for id in decision.items],
        propensity=decision.propensity,
        arm="held_out" if decision.arm == HELD_OUT else "treated",
        policy=decision.policy,
        policy_version=decision.policy_version,
        program_version=decision.program_version,
        reason=decision.reason,
        candidates=_candidates(decision, program),
        features=decision.features,
        content=decision.content,
        explanation=list(decision.explanation),
        viewed=seen[0],
        clicked=seen[1],
        source=decision.source,
    )


def _candidates(decision: Decision, program: Program) -> list[CandidateRow]:
    rows = sorted(decision.candidates, key=lambda c: (bool(c.excluded), -c.score, c.arm))
    return [
        CandidateRow(
            arm=c.arm,
            name=named(c.arm, program.offers)["name"],
            score=c.score,
            propensity=c.propensity,
            excluded=c.excluded,
        )
        for c in rows
    ]


def seen(person: Person | None, decision: Decision) -> tuple[bool, bool]:
    """Whether a decision was viewed and clicked: by what is pending, else by the newest events."""
    if person is None:
        return False, False
    pending = person.pending.get(decision.id)
    if pending is not None:
        return pending.viewed, pending.clicked
    told = {
        event.name for event in person.recent if event.properties.get("decision_id") == decision.id
    }
    clicked = "Decision Clicked" in told
    return clicked or "Decision Viewed" in told, clicked


def contact_rows(
    office: Office, person: Person, contacts: Iterable[Contact], program: Program
) -> list[ContactRow]:
    """Lines of the ledger with what is known of why, and of what became of them."""
    runs = _runs(person, program)
    touched = _touched(person, burst_of(program.settings))
    return [_contact(office, person, contact, program, runs, touched) for contact in contacts]


def _contact(
    office: Office,
    person: Person,
    contact: Contact,
    program: Program,
    runs: dict[str, tuple[str, Path]],
    touched: dict[tuple[str, str], Millis],
) -> ContactRow:
    row = office.state.outbox(contact.key)
    waiting = row is not None and row.state == "waiting"
    trigger = row.enqueue.inputs.get("trigger", {}) if row else {}
    return ContactRow(
        key=contact.key,
        time=when(contact.time),
        channel=contact.channel,
        purpose=contact.purpose,
        brand=contact.brand,
        message=named(contact.message, program.messages),
        message_version=row.enqueue.version if row else None,
        state=contact.state,
        reason=contact.reason,
        retry_at=when(row.enqueue.not_before) if row and waiting else None,
        opened_at=maybe_when(touched.get((EMAIL_OPENED, contact.key))),
        clicked_at=maybe_when(touched.get((EMAIL_LINK_CLICKED, contact.key))),
        mail=office.mail_of(contact.key) if contact.state == "sent" else None,
        why=_why(contact, person, program, runs.get(contact.key), trigger),
    )


def _why(
    contact: Contact,
    person: Person,
    program: Program,
    run: tuple[str, Path] | None,
    trigger: dict[str, Any],
) -> ContactWhy:
    origin, _, id = contact.origin.partition(":")
    journey = program.journeys.get(id) if origin == "journey" else None
    told = journey_to_data(journey) if journey else {}
    return ContactWhy(
        origin=origin,
        journey=named(id, program.journeys) if origin == "journey" else None,
        run=run[0] if run else None,
        step=list(run[1]) if run else None,
        entry=told.get("entry"),
        unless=told.get("unless"),
        trigger=trigger,
        arm=arm_of(person),
    )


def _runs(person: Person, program: Program) -> dict[str, tuple[str, Path]]:
    """Contact key -> (run, path of the send step), for the runs that are remembered."""
    found: dict[str, tuple[str, Path]] = {}
    for place in person.places.values():
        journey = program.journeys.get(place.journey)
        for path, _ in walk(journey.steps) if journey else ():
            found[contact_key(person.id, place.run, path)] = (place.run, path)
    return found


def _touched(person: Person, burst: Burst) -> dict[tuple[str, str], Millis]:
    """(event name, contact key) -> when a person first did, of the newest events."""
    found: dict[tuple[str, str], Millis] = {}
    recent = person.recent
    machines = scanned(recent, burst)
    for event in recent:
        if event.name not in TOUCHES:
            continue
        if not event.quality and event.id not in machines:
            found.setdefault((event.name, str(event.properties.get("key", ""))), event.time)
    return found
