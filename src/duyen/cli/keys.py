"""`duyen keys` and `duyen admin`: who may speak to this installation."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell

keys = typer.Typer(no_args_is_help=True, help="Keys of the API.")
admin = typer.Typer(no_args_is_help=True, help="People who use the console.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(keys, name="keys")
    app.add_typer(admin, name="admin")


@keys.command("create")
def create_key(
    kind: Annotated[
        Literal["write", "secret"],
        typer.Option("--kind", help="write: may collect and decide. secret: may do everything."),
    ],
    origin: Annotated[
        list[str] | None,
        typer.Option(
            "--origin",
            help="Site whose pages may use this write key (https://your.shop, or *); without one it is a server's.",
        ),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What the key is for.")] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a key and show it this one time."""
    from duyen.model.log import Lane
    from duyen.runtime.access import key_change

    with opened(data) as house:
        made = key_change(kind, tuple(origin or ()), name, author(), house.clock.now())
        in_effect = tell(house, Lane.CONTROL, [made.change])
    whose = "a page's" if origin else ("a server's" if kind == "write" else "a secret")
    say(f"{made.key}")
    say(f"This is {whose} key, kept as its digest only: note it now.")
    if not in_effect:
        say("The engine has not taken it up yet; it will as soon as it comes to it.")
    conclude(
        {"key": made.key, "id": made.change.id, "kind": kind, "origins": origin or []}, as_json
    )


@keys.command("list")
def list_keys(data: Data = None, as_json: AsJson = False) -> None:
    """The keys there are; what they are themselves is known to their owners only."""
    from duyen.model.times import format_time

    with opened(data) as house:
        rows = [
            {
                "id": id,
                "kind": body["kind"],
                "name": body.get("name", ""),
                "origins": body.get("origins", []),
                "made": format_time(time),
                "by": by,
            }
            for _, id, _, body, by, time in house.state.resources("key")
        ]
    for row in rows:
        say(
            f"{row['id']}  {row['kind']:<6}  {row['made']}  {' '.join(row['origins'])}  {row['name']}"
        )
    conclude({"keys": rows}, as_json)


@keys.command("revoke")
def revoke_key(
    id: Annotated[str, typer.Argument(help="Id of the key (k_…), as `duyen keys list` shows it.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take a key out of use, at once and for good."""
    in_effect = _remove("key", id, data)
    say(f"{id} is of no use any more." if in_effect else "The engine will come to it.")
    conclude({"id": id, "applied": in_effect}, as_json)


@keys.command("identity")
def identity(data: Data = None, as_json: AsJson = False) -> None:
    """Show the identity secret: your server's HMAC-SHA-256 of a user id under it lets a page speak as that user."""
    with opened(data) as house:
        secret = house.secrets.identity
    say(secret)
    say("Keep it on your server; never put it into a page.")
    conclude({"secret": secret}, as_json)


def _remove(kind: Literal["key", "admin"], id: str, data: str | None) -> bool:
    from duyen.model.errors import NotFound
    from duyen.model.log import Lane
    from duyen.model.program import ResourceChange

    with opened(data) as house:
        if not any(known == id for _, known, *_ in house.state.resources(kind)):
            raise NotFound(f"{kind}.unknown", f"There is no {kind} “{id}”.")
        change = ResourceChange(kind, id, None, author(), house.clock.now())
        return tell(house, Lane.CONTROL, [change])


@admin.command("remove")
def remove_admin(
    email: Annotated[str, typer.Argument(help="E-mail address that may not sign in any more.")],
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Take somebody's access to the console away; sessions under way end too."""
    in_effect = _remove("admin", email.strip().lower(), data)
    say(f"{email} may not sign in any more." if in_effect else "The engine will come to it.")
    conclude({"email": email.strip().lower(), "applied": in_effect}, as_json)


@admin.command("list")
def list_admins(data: Data = None, as_json: AsJson = False) -> None:
    """Who may sign in to the console; what their passwords are nobody knows but they."""
    from duyen.model.times import format_time

    with opened(data) as house:
        people = sorted(house.state.resources("admin"), key=lambda stored: stored[1])
        rows = [
            {"email": email, "changed": format_time(time), "by": by}
            for _, email, _, _, by, time in people
        ]
    for row in rows:
        say(f"{row['email']}  {row['changed']}  {row['by']}")
    if not rows:
        say("Nobody may sign in yet; let somebody with `duyen admin create EMAIL`.")
    conclude({"admins": rows}, as_json)


@admin.command("create")
def create_admin(
    email: Annotated[str, typer.Argument(help="E-mail address to sign in with.")],
    password: Annotated[
        str | None,
        typer.Option("--password", help="Password of at least 10 characters; else one is made."),
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Give somebody access to the console; somebody who has it gets a new password, and signs in again."""
    from duyen.model.log import Lane
    from duyen.runtime.access import admin_change, new_password

    chosen = password or new_password()
    with opened(data) as house:
        change = admin_change(email, chosen, author(), house.clock.now())
        tell(house, Lane.CONTROL, [change])
        base = house.settings.base_url
    say(f"{change.id} may sign in at {base}")
    if password is None:
        say(f"Password: {chosen}")
    conclude({"email": change.id, "password": None if password else chosen}, as_json)
