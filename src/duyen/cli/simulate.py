"""`duyen simulate`: the customers of a shop with known ground truth, who speak to a running server."""

from __future__ import annotations

from typing import Annotated

import typer

from duyen.cli.common import AsJson, Data, conclude, say, settings_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("simulate")(simulate)


def simulate(
    url: Annotated[
        str | None, typer.Option("--url", help="Address of the server; else the data folder's.")
    ] = None,
    write_key: Annotated[
        str | None, typer.Option("--write-key", help="A browser's write key; else the demo's.")
    ] = None,
    secret_key: Annotated[
        str | None, typer.Option("--secret-key", help="A secret key; else the demo's.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another crowd.")] = 1,
    customers: Annotated[
        int, typer.Option("--customers", help="How many customers there are.")
    ] = 300,
    days: Annotated[
        int | None,
        typer.Option(
            "--days", help="So many days of simulated time; without, real time until stopped."
        ),
    ] = None,
    history_days: Annotated[
        int, typer.Option("--history-days", help="Days of their past to tell first.")
    ] = 60,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Stop after so many seconds.")
    ] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Let simulated customers visit, buy, and read their mails; what they do is no measurement of real people."""
    from duyen.simulate.runner import run

    settings = settings_of(data)
    if write_key is None or secret_key is None:
        from duyen.cli.demo import read

        demo = read(settings.folder)
        write_key, secret_key = write_key or demo.write_key, secret_key or demo.secret_key
    outcome = run(
        url or settings.base_url,
        write_key,
        secret_key,
        seed=seed,
        customers=customers,
        days=days,
        clock="real" if days is None else "simulated",
        history_days=history_days,
        seconds=seconds,
        say=say,
    )
    told = outcome.as_data()
    for name, value in told.items():
        say(f"{name}: {value}")
    conclude(told, as_json)
