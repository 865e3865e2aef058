"""`duyen export-person`: everything that is kept of a person, to hand to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, conclude, opened, say
from duyen.cli.people import head_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("export-person")(export_person)


def export_person(
    key: Annotated[str, typer.Argument(help="The profile as namespace:value, or id:p_….")],
    to: Annotated[Path | None, typer.Option("--to", help="The file; else ID.zip here.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Write everything that is kept of a person into one ZIP of JSON and CSV, with a README in two languages."""
    from duyen.model.errors import Conflict
    from duyen.runtime.computed import computed_traits
    from duyen.runtime.portability import hand_over

    with opened(data) as house:
        head, program, now = head_of(house, key), house.program(), house.clock.now()
        place = to or Path(f"{head.person.id}.zip")
        if place.exists():
            raise Conflict("export.exists", f"{place} is there already; name another file.")
        computed = computed_traits(house.state, house.plan(), head.person, now)
        with place.open("xb") as file:
            place.chmod(0o600)
            hand_over(file, head, house.state, program, computed, now)
    say(
        f"{place} holds everything that is kept of {key}; it is personal data, hand it over safely."
    )
    conclude({"file": str(place), "person": head.person.id, "bytes": place.stat().st_size}, as_json)
