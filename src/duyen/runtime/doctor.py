"""A look at everything that an installation leans on: each check is one line, none of them sends anything."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from duyen.model.errors import Unavailable
from duyen.runtime import definitions, sweep
from duyen.runtime.house import House
from duyen.runtime.progress import entries_waiting, moves
from duyen.runtime.settings import Settings
from duyen.runtime.space import free_space
from duyen.stores.shards import SHARDS

Verdict = Literal["ok", "note", "problem"]
DNS_SECONDS = 3.0
SMTP_SECONDS = 5.0
MOVES_SECONDS = 5.0
LITTLE_SPACE = 1024 * 1024 * 1024
Records = Callable[[str], list[str] | None]
"""TXT records of a name: None where no name server answered, empty where there are none."""


class Finding(NamedTuple):
    """What one check found, and what to do about it."""

    check: str
    verdict: Verdict
    words: str


def examine(settings: Settings, records: Records | None = None) -> Iterator[Finding]:
    """All checks, one after the other; one that cannot be made says so."""
    yield Finding("settings", "ok", f"read; data in {settings.folder}")
    yield from _disk(settings)
    yield _port(settings)
    house = House(settings)
    try:
        yield from _processes(house)
        yield from _state(house)
        yield _lake(house)
        yield from _mail(house, records or txt_records)
    finally:
        house.close()
    yield _clock()


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = settings.folder
    free = free_space(folder)
    enough = free >= LITTLE_SPACE
    words = f"{free / 2**30:.1f} GB free"
    yield Finding(
        "disk", "ok" if enough else "problem", words + ("" if enough else "; free some space")
    )
    if not os.access(folder, os.W_OK):
        yield Finding(
            "folder", "problem", f"{folder} cannot be written; look at its owner and rights"
        )
    mode = (folder / "secret.key").stat().st_mode & 0o077
    if mode:
        yield Finding(
            "secret", "problem", "secret.key can be read by others; run: chmod 600 secret.key"
        )
    else:
        yield Finding("secret", "ok", "secret.key is its owner's alone")


def _served(settings: Settings) -> tuple[str, int]:
    """Where the server of this folder listens: a running one says so in its lock, whatever it was started with."""
    path = settings.folder / "serve.lock"
    own = settings.host, settings.port
    if not path.exists():
        return own
    with path.open(encoding="utf-8") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held: it runs
            host, _, port = handle.read(300).rpartition(" ")
            return (host, int(port)) if host and port.isdigit() else own
    return own


def _port(settings: Settings) -> Finding:
    host, port = _served(settings)
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=2):
            return Finding("port", "ok", f"somebody answers at {where}")
    except ConnectionRefusedError:
        return Finding("port", "note", f"{where} is free; start with `duyen serve`")
    except OSError as error:
        return Finding("port", "problem", f"{where} cannot be reached: {error}")


def _processes(house: House) -> Iterator[Finding]:
    for role in ("engine", "sender"):
        if not house.stores.running(role):
            yield Finding(role, "note", "does not run; start it with `duyen serve`")
        elif role == "engine" and not moves(house.log, house.state, MOVES_SECONDS):
            words = f"runs, but has applied nothing for {MOVES_SECONDS:.0f} s while entries of the log wait"
            yield Finding(role, "problem", f"{words}; if that stays, end it: it is started again")
        else:
            yield Finding(role, "ok", _engines(house) if role == "engine" else "runs")


def _engines(house: House) -> str:
    """Who works on what, where several share the work."""
    engines = house.stores.engines()
    if len(engines) < 2:
        return "runs"
    parts = ", ".join(f"{one.where} ({len(one.shards)} of {SHARDS} shards)" for one in engines)
    return f"{len(engines)} share the work: {parts}"


def _state(house: House) -> Iterator[Finding]:
    behind = entries_waiting(house.log, house.state)
    verdict: Verdict = "ok" if behind < 10_000 else "problem"
    yield Finding("engine's lag", verdict, f"{behind:,} entries of the log are not applied yet")
    admins = len(house.state.resources("admin"))
    if not admins:
        yield Finding("administrator", "note", "nobody can sign in; run `duyen admin create you@…`")
    broken = definitions.broken(house.plan())
    for (kind, id), why in sorted(broken.items()):
        yield Finding("program", "problem", f"the {kind} “{id}” stands still: {why}")
    if not broken:
        yield Finding("program", "ok", "every definition can be read")
    walk = sweep.under_way(house.state)
    if walk is not None:
        part = f"{sweep.progress(walk):.0%} of the people are looked at under the new rules"
        yield Finding("identity", "note", f"{part}; live events go first")
    if house.program().settings.paused:
        yield Finding("pause", "note", "nothing leaves: the workspace is paused; `duyen resume`")


def _lake(house: House) -> Finding:
    """Whether the disk still has every file that the lake's tables name."""
    folder = house.folder / "lake"
    if not (folder / "events").is_dir():
        return Finding("lake", "note", "nothing is in it yet; `duyen lake flush` fills it")
    from duyen.stores.lake import Lake

    again = f"move {folder} away and run `duyen lake flush`: it is written again from the log"
    try:
        broken = Lake(folder).damage()
    except Unavailable as error:
        return Finding("lake", "problem", f"{error.message} If that does not help, {again}")
    if broken:
        words = f"{len(broken):,} of its files are lost or cut short, among them {broken[0]}"
        return Finding("lake", "problem", f"{words}; {again}")
    return Finding("lake", "ok", "every file of its tables is there")


def _mail(house: House, records: Records) -> Iterator[Finding]:
    settings, workspace = house.settings, house.program().settings
    if not settings.smtp_host:
        yield Finding("mail", "note", "no SMTP server is set: every mail stays in the catcher")
    else:
        yield _smtp(settings)
    if workspace.send_only_to:
        yield Finding(
            "send only to", "note", f"only {', '.join(workspace.send_only_to)} is written to"
        )
    if not settings.public_url:
        yield Finding(
            "links", "note", f"public_url is not set: links in mails begin with {settings.base_url}"
        )
    elif not settings.public_url.startswith("https://"):
        yield Finding("links", "problem", "public_url should begin with https://")
    domain = workspace.sender.rpartition("@")[2].strip("> ")
    yield from _domain(domain, records)


def _smtp(settings: Settings) -> Finding:
    """Greets the server and says goodbye; nothing is sent."""
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with socket.create_connection(
            (settings.smtp_host, settings.smtp_port), timeout=SMTP_SECONDS
        ) as line:
            if settings.smtp_security == "tls":
                return Finding("mail", "ok", f"{where} answers (TLS from the start; not spoken to)")
            line.settimeout(SMTP_SECONDS)
            greeting = line.recv(512).decode("utf-8", "replace").strip()
            line.sendall(b"QUIT\r\n")
    except OSError as error:
        return Finding("mail", "problem", f"the SMTP server {where} cannot be reached: {error}")
    if not greeting.startswith("220"):
        return Finding(
            "mail", "problem", f"{where} greets with “{greeting[:80]}”; is it an SMTP server?"
        )
    return Finding("mail", "ok", f"the SMTP server {where} answers")


def _domain(domain: str, records: Records) -> Iterator[Finding]:
    """SPF (RFC 7208), DMARC (RFC 7489), and that DKIM (RFC 6376) is the mail server's work."""
    if (
        not domain
        or domain == "localhost"
        or domain.endswith((".test", ".example", ".invalid", ".local"))
    ):
        yield Finding("SPF, DMARC", "note", f"the sender's domain “{domain}” is not a public one")
        return
    for check, name, begins, what in (
        ("SPF", domain, "v=spf1", "say which servers may send for it"),
        ("DMARC", f"_dmarc.{domain}", "v=DMARC1", "say what becomes of forged mail"),
    ):
        found = records(name)
        if found is None:
            yield Finding(check, "note", f"could not be resolved here ({name})")
            continue
        told = next((text for text in found if text.lower().startswith(begins.lower())), "")
        if told:
            yield Finding(check, "ok", told[:120])
        else:
            yield Finding(check, "problem", f"{name} has no {check} record; {what}")
    yield Finding(
        "DKIM",
        "note",
        "your mail provider signs; it names the selector whose record belongs into the DNS",
    )


def txt_records(name: str) -> list[str] | None:
    """Ask the name servers of this machine, with little patience."""
    import dns.exception
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver()
        resolver.lifetime = DNS_SECONDS
        answer = resolver.resolve(name, "TXT")
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError):
        return None
    return [b"".join(row.strings).decode("utf-8", "replace") for row in answer]


def _clock() -> Finding:
    """A clock before this program's own making is wrong for certain."""
    made = os.stat(__file__).st_mtime
    if time.time() < made - 86_400:
        return Finding(
            "clock", "problem", "the machine's clock is behind; set it, for example by NTP"
        )
    return Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
