"""`duyen report`: what the programme does, and what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from duyen.cli.common import AsJson, Data, conclude, opened, say

if TYPE_CHECKING:
    from collections.abc import Callable

report = typer.Typer(no_args_is_help=True, help="What the programme does, and what it changed.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(report, name="report")


def _ask(data: str | None, of: Callable[[Any, Any, int], dict[str, Any]]) -> dict[str, Any]:
    with opened(data) as house:
        return of(house.state, house.program(), house.clock.now())


@report.command("lift")
def lift(data: Data = None, as_json: AsJson = False) -> None:
    """Treated against held out, with 95 % intervals."""
    from duyen.runtime import reports

    found = _ask(data, reports.lift)
    for arm, name in (("treated", "Treated"), ("held_out", "Held out")):
        sums = found[arm]
        say(
            f"{name}: {sums['people']:,} people, {sums['converted']:,} bought, "
            f"{sums['orders']:,} orders, {sums['revenue']} {found['currency']}"
        )
    _effect("Share who bought", found["conversion"], 100, "points", found["needs"]["conversion"])
    _effect("Revenue per person", found["revenue"], 1, found["currency"], found["needs"]["revenue"])
    say(f"{found['crossed']:,} people were found in both arms; they stay in the first.")
    conclude(found, as_json)


NEEDS = {
    "people": "not yet: each arm needs two people",
    "buyers": "not yet: each arm needs 20 people who bought",
}


def _effect(name: str, effect: dict[str, Any] | None, unit: float, word: str, needs: str) -> None:
    if effect is None:
        say(f"{name}: {NEEDS.get(needs, 'not enough data yet')}.")
        return
    one = effect["difference"]
    say(
        f"{name}: {one['value'] * unit:+,.2f} {word} "
        f"(95 % interval {one['low'] * unit:+,.2f} to {one['high'] * unit:+,.2f}, n = {one['n']:,})"
    )


@report.command("messages")
def messages(data: Data = None, as_json: AsJson = False) -> None:
    """Sends, opens, clicks and orders by message."""
    from duyen.runtime import reports

    found = _ask(data, reports.messages)
    say(
        f"{'sent':>9} {'opened':>9} {'clicked':>9} {'machines':>9} {'left':>6} {'orders':>7}"
        f"  message (since {found['since']})"
    )
    for row in found["data"]:
        say(
            f"{row['sent']:>9,} {row['opened']:>9,} {row['clicked']:>9,} "
            f"{row['bot_opened'] + row['bot_clicked']:>9,} {row['unsubscribed']:>6,} "
            f"{row['orders']:>7,}  {row['name']}"
        )
    for row in found["refusals"]:
        say(f"{row['count']:>9,} refused: {row['reason']}")
    conclude(found, as_json)


@report.command("journeys")
def journeys(data: Data = None, as_json: AsJson = False) -> None:
    """People entered, on their way and at the end of each journey."""
    from duyen.runtime import reports

    found = _ask(data, reports.journeys)
    say(f"{'entered':>9} {'active':>9} {'finished':>9} {'sent':>9}  journey")
    for row in found["data"]:
        say(
            f"{row['entered']:>9,} {row['active']:>9,} {row['finished']:>9,} {row['sent']:>9,}  {row['name']}"
        )
    conclude(found, as_json)


@report.command("decisions")
def decisions(data: Data = None, as_json: AsJson = False) -> None:
    """What each placement chose, and how it was received."""
    from duyen.runtime import reports

    found = _ask(data, reports.decisions)
    for row in found["data"]:
        say(f"{row['name']}: {row['decisions']:,} decisions, {row['held_out']:,} held out")
        for arm in row["arms"]:
            say(
                f"  {arm['chosen']:>8,} chosen  {arm['views']:>8,} seen  {arm['clicks']:>7,} clicked  {arm['name']}"
            )
    conclude(found, as_json)


@report.command("overview")
def overview(data: Data = None, as_json: AsJson = False) -> None:
    """Today in numbers."""
    from duyen.runtime import reports

    with opened(data) as house:
        found = reports.overview(house.state, house.program(), house.clock.now())
        found["people"]["total"] = house.state.count_people()
    say(f"{found['people']['total']:,} people; {found['events']['today']:,} events today")
    mails = found["mails"]
    say(f"{mails['sent_today']:,} mails sent today, {mails['waiting']:,} waiting")
    orders = found["orders"]
    say(f"{orders['today']:,} orders today, {orders['revenue_today']} {found['currency']}")
    if found["paused"]:
        say("Paused: nothing leaves.")
    conclude(found, as_json)
