"""`duyen unmerge`: take a profile apart that was two people."""

from __future__ import annotations

from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell
from duyen.cli.people import head_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("unmerge")(unmerge)


def unmerge(
    key: Annotated[str, typer.Argument(help="The profile as namespace:value, or id:p_….")],
    apart: Annotated[
        list[str],
        typer.Argument(help="Identifiers of it that belong to somebody else, as namespace:value."),
    ],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a profile apart that was two people, for good; what is told later never joins them again."""
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
