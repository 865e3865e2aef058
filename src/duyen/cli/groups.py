"""`duyen group`: companies and other groups, and who belongs to them."""

from __future__ import annotations

from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, conclude, opened, say

group = typer.Typer(
    no_args_is_help=True, help="Companies and other groups, and who belongs to them."
)

Id = Annotated[str, typer.Argument(help="Id of the group.")]
Limit = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="group")


@group.command("list")
def list_groups(
    query: Annotated[str, typer.Option("--query", help="How the name begins.")] = "",
    limit: Limit = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Groups by name, with how many people are in each."""
    from duyen.model.group import group_name, group_values
    from duyen.model.values import fold

    with opened(data) as house:
        state = house.state
        rows = [
            {
                "id": each.id,
                "name": group_name(each.id, group_values(each.id, each.told)),
                "members": state.count_group(each.id),
            }
            for each in state.list_groups(fold(query.strip()), None, limit)
        ]
        total = state.count_groups()
    for row in rows:
        say(f"{row['members']:>10,}  {row['id']}  {row['name']}")
    say(f"{total:,} groups in all.")
    conclude({"groups": rows, "total": total}, as_json)


@group.command("show")
def show_group(id: Id, limit: Limit = 50, data: Data = None, as_json: AsJson = False) -> None:
    """What is known of a group, and the people in it."""
    from duyen.cli.people import people_lines
    from duyen.model.errors import NotFound
    from duyen.model.group import group_name, group_values

    with opened(data) as house:
        state = house.state
        found = state.groups([id])
        if id not in found:
            raise NotFound("group.unknown", f"There is no group “{id[:80]}”.", at="id")
        values = group_values(id, found[id])
        count = state.count_group(id)
        members = people_lines(house, state.group_members(id, "", limit))
    say(f"{group_name(id, values)} ({id})")
    for name, value in sorted(values.items()):
        say(f"  {name}: {value}")
    say(f"{count:,} people are in it.")
    for line in members:
        say(f"  {line['key']}  {line['name'] or ''}")
    conclude({"id": id, "count": count, "traits": values, "members": members}, as_json)
