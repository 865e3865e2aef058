"""`duyen doctor`: is everything there that this installation leans on?"""

from __future__ import annotations

import typer

from duyen.cli.common import AsJson, Data, conclude, initialised, say

SIGNS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Look at settings, disk, ports, processes, mail and DNS records; nothing is sent."""
    from duyen.runtime.doctor import examine

    findings = []
    for finding in examine(initialised(data)):
        say(f"{SIGNS[finding.verdict]}  {finding.check}: {finding.words}")
        findings.append(finding._asdict())
    problems = sum(finding["verdict"] == "problem" for finding in findings)
    found = (
        "No problem was"
        if not problems
        else "1 problem was"
        if problems == 1
        else f"{problems} problems were"
    )
    say(f"{found} found.")
    conclude({"problems": problems, "findings": findings}, as_json)
    if problems:
        raise typer.Exit(1)
