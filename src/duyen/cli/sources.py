"""`duyen sources`: shops that tell us things by themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from duyen.cli.common import AsJson, Data, author, conclude, opened, say, tell

sources = typer.Typer(no_args_is_help=True, help="Shops that tell us things by themselves.")
Id = Annotated[str, typer.Argument(help="Id of the source, of your choice.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(sources, name="sources")


@sources.command("list")
def list_sources(data: Data = None, as_json: AsJson = False) -> None:
    """The sources there are: their addresses, what came of their deliveries, and what was wrong last."""
    from duyen.model.times import format_time
    from duyen.runtime.heard import standing
    from duyen.runtime.sources import address, sources_of

    rows: list[dict[str, Any]] = []
    with opened(data) as house:
        for id, source in sources_of(house.state).items():
            known = standing(house.state, id)
            rows.append(
                {
                    "id": id,
                    "kind": source.kind,
                    "name": source.name,
                    "live": source.live,
                    "url": address(house.settings.base_url, source),
                    "counts": known.counts,
                    "last_seen": format_time(known.seen) if known.seen else None,
                    "trouble": known.trouble or None,
                    "troubled_at": format_time(known.troubled) if known.troubled else None,
                }
            )
    for row in rows:
        counts = ", ".join(f"{count} {what}" for what, count in row["counts"].items())
        paused = "" if row["live"] else "  (paused)"
        say(f"{row['id']}  {row['kind']}  {row['url'] or 'at its broker'}{paused}")
        say(f"    last seen {row['last_seen'] or 'never'}; {counts or 'nothing came yet'}")
        if row["trouble"]:
            say(f"    {row['troubled_at']}: {row['trouble']}")
    if not rows:
        say("There are no sources; declare one with `duyen sources put ID --kind shopify`.")
    conclude({"sources": rows}, as_json)


@sources.command("put")
def put_source(
    id: Id,
    kind: Annotated[
        Literal["shopify", "woocommerce", "haravan", "webhook", "mqtt"] | None,
        typer.Option("--kind", help="What it is; a file may say it instead."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", help="The source in YAML: what deliveries mean, and where a broker is."
        ),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option(
            "--secret",
            help="What deliveries are proved by; “-” reads it from standard input. Without it the "
            "secret that is known stays; WooCommerce and webhooks get one made here.",
        ),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it.")] = None,
    prefix: Annotated[
        str | None, typer.Option("--prefix", help="Stands before the ids of its customers.")
    ] = None,
    currency: Annotated[
        str | None,
        typer.Option("--currency", help="Of amounts that name none; else the workspace's."),
    ] = None,
    brand: Annotated[
        str | None, typer.Option("--brand", help="The brand that consents given there are for.")
    ] = None,
    paused: Annotated[bool, typer.Option("--paused", help="Take nothing from it.")] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Declare a source, or exchange one, and show the address to paste into the shop."""
    from duyen.model.log import Lane
    from duyen.runtime.sources import address, declare, verify_token

    given = {"kind": kind, "name": name, "prefix": prefix, "currency": currency, "brand": brand}
    body = _written(file) if file else {}
    body |= {field: value for field, value in given.items() if value is not None}
    if paused:
        body["live"] = False
    if secret is not None:
        piped = secret == "-"  # noqa: S105 - the sign for standard input
        body["secret"] = sys.stdin.readline().strip() if piped else secret
    with opened(data) as house:
        made = declare(house, house.state, id, body, author(), house.clock.now())
        in_effect = tell(house, Lane.CONTROL, [made.change])
        url = address(house.settings.base_url, made.source)
        token = verify_token(house.secrets, id) if made.source.kind == "haravan" else ""
    say(f"{id} tells us things at {url}" if url else f"{id} is listened to at its broker.")
    if made.secret:
        say(f"Secret for the sender, shown this one time: {made.secret}")
    if token:
        say(f"Verify token to paste into the shop: {token}")
    if not in_effect:
        say("The engine has not taken it up yet; it will as soon as it comes to it.")
    conclude({"id": id, "url": url, "secret": made.secret, "verify_token": token}, as_json)


@sources.command("test")
def try_source(
    source: Annotated[
        str, typer.Argument(help="Id of a source, or a file in YAML that may become one.")
    ],
    body: Annotated[Path, typer.Argument(help="A file with what it might send, in JSON.")],
    topic: Annotated[
        str,
        typer.Option(
            "--topic", help="That of a shop's header or of a message, such as orders/updated."
        ),
    ] = "",
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Show what a delivery would come to; nothing is stored."""
    from duyen.model.errors import NotFound
    from duyen.runtime import receive
    from duyen.runtime.sources import read_source, sources_of

    sent = receive.parsed(body.read_bytes())
    with opened(data) as house:
        known = sources_of(house.state).get(source)
        if known is None and not Path(source).is_file():
            raise NotFound("source.none", f"There is no source “{source}”.")
        tried = known or read_source("preview", _written(Path(source)))
        currency = house.program().settings.currency
        found = receive.tried(tried, sent, topic, house.clock.now(), currency)
    for each in found["calls"]:
        say(msgspec.json.format(msgspec.json.encode(each["call"])).decode())
        for reason in each["reasons"]:
            say(f"    rejected: {reason}")
    for item in found["items"]:
        say(msgspec.json.format(msgspec.json.encode(item)).decode())
    for fault in found["faults"]:
        say(f"cannot be read: {fault}")
    if found["ignored"]:
        say(f"ignored: {found['ignored']}")
    conclude(found, as_json)


def _written(path: Path) -> dict[str, Any]:
    """A source in a file; raises InvalidInput."""
    import yaml

    from duyen.model.errors import InvalidInput

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "source.unreadable", f"{path.name} is not valid YAML: {error}."
        ) from error
    if not isinstance(found, dict):
        raise InvalidInput("source.unreadable_shape", f"{path.name} is no map of fields.")
    return found


@sources.command("remove")
def remove_source(id: Id, data: Data = None, as_json: AsJson = False) -> None:
    """Take a source away: its address answers no more, what it told stays."""
    from duyen.model.errors import NotFound
    from duyen.model.log import Lane
    from duyen.model.program import ResourceChange

    with opened(data) as house:
        if not any(known == id for _, known, *_ in house.state.resources("source")):
            raise NotFound("source.none", f"There is no source “{id}”.")
        change = ResourceChange("source", id, None, author(), house.clock.now())
        in_effect = tell(house, Lane.CONTROL, [change])
    say(f"{id} is a source no more." if in_effect else "The engine will come to it.")
    conclude({"id": id, "applied": in_effect}, as_json)
