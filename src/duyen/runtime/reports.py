"""Reports out of the state: sums that the engine keeps, never a walk through everything that happened."""

from __future__ import annotations

from collections import Counter
from typing import Any

from duyen import measure
from duyen.decide import CELL_ASSIGNED
from duyen.journeys.parse import journey_to_data
from duyen.journeys.path import Path, following, walk
from duyen.model.journey import Journey, Wait
from duyen.model.person import GLOBAL, HELD_OUT, TREATED
from duyen.model.program import Program
from duyen.model.times import MINUTE, Millis, format_time
from duyen.model.values import from_micros
from duyen.runtime import tally
from duyen.runtime.forget import COUNTER, FORGOTTEN
from duyen.runtime.house import day_start
from duyen.stores.state import State

MOST_WAITING = 100_000
MOST_PEOPLE = 20_000
"""People looked at for where they stand in journeys; of more, a random part is scaled up."""


def lift(state: State, program: Program, now: Millis, experiment: str = GLOBAL) -> dict[str, Any]:
    """Treated against held out."""
    counters = state.counters(f"effect:{experiment}:")
    begun = any(fields.get("n") for fields in counters.values())
    since = state.first_fact(CELL_ASSIGNED) if begun else None
    return measure.lift_report(counters, program, now, since=since, experiment=experiment)


def messages(state: State, program: Program, now: Millis) -> dict[str, Any]:
    """What became of each message, since counting began."""
    counters = state.counters("message:")
    waiting = Counter(enqueue.message for enqueue in state.waiting_bodies(MOST_WAITING))
    refusals = state.counters(tally.REFUSALS).get(tally.REFUSALS, {})
    since = begin(state, now)
    return measure.messages_report(
        counters, program, now, since=since, waiting=waiting, refusals=refusals
    )


def decisions(state: State, program: Program, now: Millis) -> dict[str, Any]:
    """What each placement chose, and how it was received."""
    counters = state.counters("arm:")
    report = measure.decisions_report(counters, program, now, since=begin(state, now))
    for row in report["data"]:
        row["name"] = program.placements[row["id"]].name or row["id"]
    return report


def begin(state: State, now: Millis) -> Millis:
    """From when on counts reach."""
    first = state.began()
    return now if first is None else first


def overview(state: State, program: Program, now: Millis) -> dict[str, Any]:
    """The living state of the programme, but for the rate of events and what just happened."""
    settings = program.settings
    today = state.activity_sums(day_start(now, settings.timezone) // MINUTE)
    counters = state.counters(f"effect:{GLOBAL}:")

    def arm(name: str) -> int:
        return counters.get(f"effect:{GLOBAL}:{name}", {}).get("n", 0)

    treated, held_out = arm(TREATED), arm(HELD_OUT)
    return {
        "now": format_time(now),
        "currency": settings.currency,
        "paused": settings.paused,
        "people": {
            "total": 0,
            "treated": treated,
            "held_out": held_out,
            "forgotten": state.counters(COUNTER).get(COUNTER, {}).get(FORGOTTEN, 0),
        },
        "events": {
            "per_second": 0.0,
            "today": today.get(tally.EVENTS, 0),
            "rejected_today": today.get(tally.REJECTED, 0),
        },
        "mails": {
            "sent_today": today.get(tally.mail("sent"), 0),
            "opened_today": today.get(tally.OPENED, 0),
            "clicked_today": today.get(tally.CLICKED, 0),
            "refused_today": today.get(tally.REFUSALS, 0),
            "waiting": state.count_waiting(),
        },
        "decisions": {"today": today.get(tally.DECISIONS, 0)},
        "orders": {
            "today": today.get(tally.ORDERS, 0),
            "revenue_today": f"{from_micros(today.get(tally.REVENUE, 0)):f}",
        },
        "lift": lift(state, program, now) if treated or held_out else None,
        "per_minute": per_minute(state, now),
    }


def per_minute(state: State, now: Millis) -> dict[str, Any]:
    """The last 60 whole minutes and the current one, oldest first."""
    first = now // MINUTE - 60
    events, sends = [0] * 61, [0] * 61
    sent = tally.mail("sent")
    for minute, name, count in state.activity(first):
        if name == tally.EVENTS and minute - first < 61:
            events[minute - first] = count
        elif name == sent and minute - first < 61:
            sends[minute - first] = count
    return {"from": format_time(first * MINUTE), "events": events, "sends": sends}


def journeys(state: State, program: Program, now: Millis) -> dict[str, Any]:
    """Every journey with what became of it, and the people at each step now."""
    counters = state.counters("journey:")
    active, at = _standing(state)
    data = []
    for id, journey in sorted(program.journeys.items(), key=lambda pair: (pair[1].name, pair[0])):
        fields = counters.get(tally.journey_counter(id), {})
        counts = {
            name: fields.get(name, 0)
            for name in ("entered", "finished", "sent", "refused", "held_out")
        }
        data.append(
            {
                "id": id,
                "name": journey.name,
                "live": journey.live,
                "active": active[id],
                **counts,
                "steps": _steps(journey, at),
            }
        )
    return {"as_of": format_time(now), "currency": program.settings.currency, "data": data}


def _standing(state: State) -> tuple[Counter[str], Counter[tuple[str, Path]]]:
    """People on their way by journey, and by (journey, path of the step they wait at)."""
    active: Counter[str] = Counter()
    at: Counter[tuple[str, Path]] = Counter()
    looked, cursor = 0, ""
    while looked < MOST_PEOPLE and (ids := state.people_after(cursor, 1_000)):
        for place in state.places(ids):
            if not place.done:
                active[place.journey] += 1
                at[place.journey, place.step] += 1
        looked += len(ids)
        cursor = ids[-1]
    total = state.count_people() if looked >= MOST_PEOPLE else looked
    if total > looked:
        active = Counter({k: round(n * total / looked) for k, n in active.items()})
        at = Counter({k: round(n * total / looked) for k, n in at.items()})
    return active, at


def _steps(journey: Journey, at: Counter[tuple[str, Path]]) -> list[dict[str, Any]]:
    """Every step; somebody who waits stands at the wait, though their place names the step behind it."""
    told = journey_to_data(journey)["steps"]
    left = {path: people for (id, path), people in at.items() if id == journey.id}
    waits: dict[Path, int] = {}
    for path, step in walk(journey.steps):
        if isinstance(step, Wait):
            waits[path] = left.pop(following(journey.steps, path), 0)
    rows = []
    for path, step in walk(journey.steps):
        form = _form(told, path)
        rows.append(
            {
                "path": list(path),
                "kind": type(step).__name__.lower(),
                "step": form if isinstance(form, dict) else {str(form): True},
                "people": waits.get(path, 0) + left.get(path, 0),
            }
        )
    return rows


def _form(told: Any, path: Path) -> Any:
    """A step in its YAML form, by its path."""
    form = told[path[0]]
    if len(path) == 1:
        return form
    branch = form.get("then", []) if path[1] == 0 else form.get("else", [])
    return _form(branch, path[2:])
