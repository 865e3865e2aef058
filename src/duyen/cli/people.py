"""`duyen segment`, `journey`, `recommend` and `decide`: what the marketer asks, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from duyen.cli.common import AsJson, AsOf, Data, conclude, instant, opened, say, tell
from duyen.cli.words import reason, sentence

if TYPE_CHECKING:
    from duyen.runtime.house import House
    from duyen.stores.rows import Head

segment = typer.Typer(no_args_is_help=True, help="Segments and who is in them.")
journey = typer.Typer(no_args_is_help=True, help="Journeys and who is on them.")
recommend = typer.Typer(no_args_is_help=True, help="Recommenders: train them, ask them.")

Id = Annotated[str, typer.Argument(help="Id of the definition.")]
Key = Annotated[str, typer.Argument(help="A person as namespace:value, for example user_id:u1.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(segment, name="segment")
    app.add_typer(journey, name="journey")
    app.add_typer(recommend, name="recommend")
    app.command("decide")(decide)


def definition(house: House, kind: str, id: str) -> dict[str, Any]:
    """A definition as it is live; raises NotFound."""
    from duyen.model.errors import NotFound

    found = next(
        (body for _, name, _, body, _, _ in house.state.resources(kind) if name == id), None
    )
    if found is None:
        known = ", ".join(row[1] for row in house.state.resources(kind)) or "none yet"
        raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”; there are: {known}.")
    return found


@segment.command("list")
def list_segments(data: Data = None, as_json: AsJson = False) -> None:
    """Every segment with how many people are in it."""
    with opened(data) as house:
        rows = [
            {"id": id, "name": body.get("name", id), "count": house.state.count_in(id)}
            for _, id, _, body, _, _ in house.state.resources("segment")
        ]
    for row in rows:
        say(f"{row['count']:>10,}  {row['id']}  {row['name']}")
    conclude({"segments": rows}, as_json)


@segment.command("show")
def show_segment(id: Id, data: Data = None, as_json: AsJson = False) -> None:
    """A segment's rule, and how many people are in it."""
    from duyen.runtime.definitions import as_yaml

    with opened(data) as house:
        body, count = definition(house, "segment", id), house.state.count_in(id)
    say(as_yaml(body).rstrip())
    say(f"{count:,} people are in it.")
    conclude({"id": id, "count": count, "definition": body}, as_json)


@segment.command("members")
def list_members(
    id: Id,
    as_of: AsOf = None,
    limit: Limit = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """The people in a segment, now or as of another time."""
    with opened(data) as house:
        definition(house, "segment", id)
        at = instant(as_of, house)
        keys = (
            members_of(house, id, at)
            if as_of
            else [p for p, _ in house.state.members(id, "", 10**9)]
        )
        shown = people_lines(house, keys[:limit])
    for line in shown:
        say(f"{line['key']}  {line['name'] or ''}")
    say(f"{len(keys):,} people.")
    conclude({"segment": id, "count": len(keys), "as_of": as_of, "members": shown}, as_json)


def members_of(house: House, segment: str, at: int) -> list[str]:
    """Who was in a saved segment at an instant, by everybody's document."""
    plan = house.plan()
    row = plan.segments.index(segment)
    return [
        head.person.id
        for heads in _everybody(house)
        for head, truth in zip(
            heads, plan.compiled.evaluate([h.person for h in heads], at)[0][row], strict=True
        )
        if truth
    ]


def _everybody(house: House) -> Any:
    cursor = ""
    while ids := house.state.people_after(cursor, 1_000):
        yield list(house.state.heads(ids).values())
        cursor = ids[-1]


def people_lines(house: House, ids: list[str]) -> list[dict[str, Any]]:
    """Enough of these people to name them."""
    from duyen.runtime.directory import best_key, display_name

    heads = house.state.heads(ids)
    found: list[Head] = [heads[id] for id in ids if id in heads]
    return [
        {"id": h.person.id, "key": best_key(h.person), "name": display_name(h.person) or None}
        for h in found
    ]


@segment.command("preview")
def preview(
    rule: Annotated[str, typer.Argument(help="A rule as YAML, or @FILE.")],
    as_of: AsOf = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """How many people a rule would hold for."""
    from pathlib import Path

    import yaml

    from duyen import profiles
    from duyen.model.errors import InvalidRule
    from duyen.rules import Compiled, burst_of, inline, parse_rule, series_needed

    text = Path(rule[1:]).read_text(encoding="utf-8") if rule.startswith("@") else rule
    try:
        raw = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InvalidRule("rule.yaml", f"The rule is not valid YAML: {error}.") from error
    raw = raw["rule"] if isinstance(raw, dict) and set(raw) >= {"rule"} else raw
    with opened(data) as house:
        at = instant(as_of, house)
        program = house.program()
        known = {s.id: s.rule for s in program.segments.values()}
        tree = inline(parse_rule(raw), known, program.traits)
        compiled, specs = Compiled({"preview": tree}), series_needed([tree])
        burst = burst_of(program.settings)
        inside: list[str] = []
        looked = 0
        for heads in _everybody(house):
            looked += len(heads)
            for head in heads:
                older = house.state.chunks(head.person.id) if head.person.chunks else []
                history = [*older, *head.person.recent]
                profiles.accumulate(head.person, history, specs, burst)
            truth, _ = compiled.evaluate([head.person for head in heads], at)
            inside += [h.person.id for h, fits in zip(heads, truth[0], strict=True) if fits]
        sample = people_lines(house, inside[:10])
    say(f"{len(inside):,} of {looked:,} people.")
    for line in sample:
        say(f"  {line['key']}  {line['name'] or ''}")
    conclude({"count": len(inside), "looked_at": looked, "sample": sample}, as_json)


@journey.command("list")
def list_journeys(data: Data = None, as_json: AsJson = False) -> None:
    """Every journey, and whether it is live."""
    with opened(data) as house:
        rows = [
            {"id": id, "name": body.get("name", id), "live": body.get("live", True)}
            for _, id, _, body, _, _ in house.state.resources("journey")
        ]
    for row in rows:
        say(f"{'live  ' if row['live'] else 'paused'}  {row['id']}  {row['name']}")
    conclude({"journeys": rows}, as_json)


@journey.command("show")
def show_journey(id: Id, data: Data = None, as_json: AsJson = False) -> None:
    """A journey's definition."""
    from duyen.runtime.definitions import as_yaml

    with opened(data) as house:
        body = definition(house, "journey", id)
    say(as_yaml(body).rstrip())
    conclude({"id": id, "definition": body}, as_json)


@journey.command("run")
def run_journey(id: Id, data: Data = None, as_json: AsJson = False) -> None:
    """Call everybody of a scheduled journey's segment into it now."""
    from uuid import uuid4

    from duyen.model.errors import Conflict
    from duyen.model.journey import ScheduleEntry
    from duyen.model.log import Lane
    from duyen.model.program import Nudge

    with opened(data) as house:
        definition(house, "journey", id)
        found = house.program().journeys[id]
        if not isinstance(found.entry, ScheduleEntry) or not found.live:
            raise Conflict(
                "journey.not_scheduled",
                f"“{id}” is not a live journey with a schedule; others start by events or segments.",
            )
        now = house.clock.now()
        nudge = Nudge(f"{id}@run-{uuid4().hex[:12]}", "schedule", now, id)
        before = _entered(house, id)
        in_effect = tell(house, Lane.CONTROL, [nudge]) and _called(house, nudge.id)
        entered = _entered(house, id) - before
    say(f"{entered:,} {'person' if entered == 1 else 'people'} entered.")
    if not in_effect:
        say("Not everybody was looked at yet; the engine goes on.")
    conclude({"journey": id, "run": nudge.id, "entered": entered, "applied": in_effect}, as_json)


def _entered(house: House, id: str) -> int:
    """How often somebody has entered a journey so far."""
    from duyen.runtime import tally

    name = tally.journey_counter(id)
    return house.state.counters(name).get(name, {}).get("entered", 0)


def _called(house: House, nudge: str, timeout: float = 30.0) -> bool:
    """Wait until everybody has been looked at for a nudge; False where it takes longer."""
    import time

    deadline = time.monotonic() + timeout
    while any(body.get("run") == nudge for _, body, *_ in house.state.nudges()):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@recommend.command("train")
def train(data: Data = None, as_json: AsJson = False) -> None:
    """Let every recommender learn from the lake, and publish the snapshots."""
    from duyen.runtime.training import train as work

    with opened(data) as house:
        learned = work(house)
    for name, lines in learned.items():
        say(f"{name} learned from {lines:,} order lines.")
    conclude({"trained": learned}, as_json)


@recommend.command("for")
def recommend_for(
    key: Key,
    recommender: Annotated[
        str, typer.Option("--recommender", help="popular, bought_together …")
    ] = "bought_together",
    limit: Limit = 4,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Items for a person, with why."""
    from duyen import decide as deciding
    from duyen.model.errors import NotFound
    from duyen.recommend import recommenders
    from duyen.runtime.view import Views

    known = recommenders()
    if recommender not in known:
        raise NotFound(
            "recommender.unknown",
            f"There is no recommender “{recommender}”; there are: {', '.join(sorted(known))}.",
        )
    with opened(data) as house:
        head = head_of(house, key)
        view = Views(house.state, house.folder / "models").newest()
        seeds, bought = deciding.tastes(head.person)
        found = view.recommend(recommender, seeds=seeds, exclude=bought, limit=limit)
        names = {id: item.name for id in seeds if (item := view.item(id)) is not None}
        rows: list[dict[str, Any]] = []
        for scored in found:
            item = view.item(scored.item)
            name = item.name if item else scored.item
            rows.append(
                {"id": scored.item, "name": name, "score": scored.score, "why": str(scored.why)}
            )
    names |= {row["id"]: row["name"] for row in rows}
    for row in rows:
        why = sentence(row["why"], names)
        say(f"{row['score']:8.4f}  {row['id']}  {row['name']}  {why}")
    if not rows:
        say(
            f"{recommender} has nothing for {key}: nothing is learned yet (`duyen recommend train`),"
        )
        say("or all that it knows was bought already or cannot be sold.")
    conclude({"profile": key, "recommender": recommender, "items": rows}, as_json)


def head_of(house: House, key: str) -> Head:
    """The person of a key; raises NotFound."""
    from duyen import collect
    from duyen.model.errors import InvalidInput, NotFound

    namespace, _, value = key.partition(":")
    if not namespace or not value:
        raise InvalidInput(
            "profile.key", "Name a person as “namespace:value”, for example user_id:u1."
        )
    value = collect.canonical(namespace, value) or value
    id = value if namespace == "id" else house.state.person_of(namespace, value)
    found = house.state.head(id) if id else None
    if found is None:
        raise NotFound("profile.unknown", f"Nobody is known as {key}.")
    return found


def decide(
    key: Key,
    placement: Annotated[
        list[str], typer.Option("--placement", help="Placement to decide for; may be repeated.")
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Decide for a person, write the decision to the log, and show why."""
    from contextlib import closing

    import msgspec

    from duyen.api.door import Door, placed
    from duyen.model.log import Lane

    with opened(data) as house, closing(Door(house)) as door:
        present = door.watch.look()
        identifier, fact = door.named(key, present.program)
        places = placed(present.program, placement)
        decisions = door.choose(present, places, identifier, trusted=fact, source="cli")
        tell(house, Lane.LIVE, list(decisions))
        shown = [
            msgspec.to_builtins(door.shown(decision, present, whole=True)) for decision in decisions
        ]
    for one in shown:
        what = one["offer"] or ", ".join(item["name"] for item in one["items"]) or "the fallback"
        why = reason(one["reason"])
        say(f"{one['placement']}: {what} ({why}, probability {one['propensity']:.3f})")
        names = {item["id"]: item["name"] for item in one["items"]}
        for line in one["explanation"]:
            say(f"  {sentence(line, names)}")
    conclude({"decisions": shown}, as_json)
