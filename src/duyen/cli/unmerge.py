"""`duyen unmerge` and `duyen vetoes`: take a profile apart that was two people, and take that back."""

from __future__ import annotations

from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell
from duyen.cli.people import head_of


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("unmerge")(unmerge)
    app.command("vetoes")(vetoes)


Key = Annotated[str, typer.Argument(help="The profile as namespace:value, or id:p_….")]


def unmerge(
    key: Key,
    apart: Annotated[
        list[str],
        typer.Argument(help="Identifiers of it that belong to somebody else, as namespace:value."),
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a profile apart that was two people, until `duyen vetoes --lift`; what is told later never joins them."""
    from duyen.model.log import Lane
    from duyen.runtime import unmerge as work

    with opened(data) as house:
        person = head_of(house, key).person
        told = work.unmerge(house.state, person, apart, author(), house.clock.now())
        in_effect = told is None or tell(house, Lane.LIVE, [told])
        rows = work.holders(house.state, apart)
    if told is None:
        say("They are two people already.")
    for name, holder in rows:
        say(f"{name}  {holder or 'nobody: no event names it alone'}")
    if not in_effect:
        say("The engine will come to it.")
    conclude(
        {
            "applied": in_effect,
            "apart": [{"identifier": name, "person": holder} for name, holder in rows],
        },
        as_json,
    )


def vetoes(
    key: Key,
    lift: Annotated[str, typer.Option(help="Take the veto of this id back.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """What was decided never to be one with a person, by whom and when; `--lift ID` takes it back."""
    from duyen.model.log import Lane
    from duyen.model.times import format_time
    from duyen.runtime import unmerge as work

    in_effect = True
    with opened(data) as house:
        if lift:
            person = head_of(house, key).person
            told = work.lift(house.state, person, lift, author(), house.clock.now())
            in_effect = told is None or tell(house, Lane.LIVE, [told])
        found = work.vetoes_of(house.state, head_of(house, key).person)
    rows = [
        {
            "id": each.id,
            "time": format_time(each.time),
            "author": each.author,
            "identifiers": [":".join(name) for name in each.own],
            "never": [":".join(name) for name in each.never],
            "lifted": each.lifted
            and {"time": format_time(each.lifted.time), "author": each.lifted.author},
        }
        for each in found
    ]
    if not rows:
        say("This profile was never taken apart.")
    for each in found:
        say(f"{each.id}  {format_time(each.time)}  {each.author}")
        own, never = (", ".join(":".join(n) for n in side) for side in (each.own, each.never))
        say(f"  {own}  is never  {never}")
        if each.lifted:
            say(f"  taken back {format_time(each.lifted.time)} by {each.lifted.author}")
    if not in_effect:
        say("The engine will come to it.")
    conclude({"applied": in_effect, "vetoes": rows}, as_json)
