"""Pages and files: the console, the tag, health, metrics, and the docs of errors."""

from __future__ import annotations

import mimetypes
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from duyen import __version__
from duyen.api.office import Of, reply
from duyen.model.errors import DuyenError, NotFound, Unavailable
from duyen.model.log import Lane
from duyen.runtime.space import free_space
from duyen.stores.shards import SHARDS

router = APIRouter(include_in_schema=False)

DIST = Path(str(files("duyen"))) / "web_dist"
ANYTHING = "/{path:path}"
"""The console, where no other path fits."""
MOST_LAG = 100_000
"""Live entries behind which the engine may be before /readyz says so."""
CONSOLE_POLICY = (
    "default-src 'self'; img-src 'self' data: https:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)
HASHED = "public, max-age=31536000, immutable"
UNBUILT = (
    "The console is not built yet. Run “make web” in the project's folder, then load this page again.\n"
    "The API answers already: /v1/docs tells how.\n"
)


def nothing(path: str) -> DuyenError:
    """There is nothing at this path."""
    return NotFound(
        "request.unknown_path", f"There is nothing at {path}; the API is told at /v1/docs."
    )


@router.get("/healthz")
def alive() -> Response:
    """The process lives."""
    return reply({"status": "ok", "version": __version__})


@router.get("/readyz")
def ready(office: Of) -> Response:
    """The log can be written, the state be read, and the engine follows."""
    office.log.check()
    lag = {lane.name.lower(): office.waiting(lane) for lane in Lane}
    free = free_space(office.house.folder)
    troubles = []
    if free < 16 * 1024 * 1024:
        troubles.append(f"only {free // 2**20} MB are free on the disk")
    if lag["live"] > MOST_LAG or lag["control"] > 100:
        troubles.append("the engine is behind, or does not run")
    standing = office.standing()
    if standing.still:
        troubles.append(
            f"the engine has applied nothing for {standing.seconds:.0f} s "
            f"while entries of the log wait ({standing.waiting:,})"
        )
    if troubles:
        raise Unavailable("server.not_ready", f"Not ready: {' and '.join(troubles)}.")
    return reply({"status": "ready", "waiting": lag, "free_bytes": free})


@router.get("/metrics")
def metrics(office: Of) -> Response:
    """Prometheus' text format."""
    lines: list[str] = []

    def tell(name: str, kind: str, words: str, values: dict[str, float]) -> None:
        lines.append(f"# HELP duyen_{name} {words}")
        lines.append(f"# TYPE duyen_{name} {kind}")
        lines.extend(f"duyen_{name}{labels} {value}" for labels, value in values.items())

    state = office.state
    lanes = {lane: f'{{lane="{lane.name.lower()}"}}' for lane in Lane}
    tell("build_info", "gauge", "Version of the program.", {f'{{version="{__version__}"}}': 1})
    tell("people", "gauge", "People known.", {"": office.people_total()})
    waiting = {label: office.waiting(lane) for lane, label in lanes.items()}
    tell("log_waiting_entries", "gauge", "Entries the engine has not applied yet.", dict(waiting))
    offsets = {label: state.position(lane) for lane, label in lanes.items()}
    tell("log_applied_offset", "gauge", "Offset up to which the engine has applied.", dict(offsets))
    tell("outbox_waiting", "gauge", "Contacts waiting to leave.", {"": state.count_waiting()})
    tell(
        "free_bytes",
        "gauge",
        "Free space where the data lies.",
        {"": free_space(office.house.folder)},
    )
    lag = max(0, office.now() - state.next_wake()) / 1000
    tell("timer_lag_seconds", "gauge", "How late the timer is that is due longest.", {"": lag})
    engines = office.house.stores.engines()
    tell("engines", "gauge", "Engines at work.", {"": len(engines)})
    idle = SHARDS - sum(len(engine.shards) for engine in engines)
    tell("shards_idle", "gauge", "Shards of people that no engine works on.", {"": idle})
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")


@router.get("/tag.js")
def tag(request: Request) -> Response:
    """The tag, for pages of any origin."""
    path = DIST / "tag" / "tag.js"
    if not path.is_file():
        raise Unavailable("tag.unbuilt", "The tag is not built yet; run “make web”.")
    return _file(request, path, "public, max-age=300", {"access-control-allow-origin": "*"})


@router.get("/favicon.ico")
def icon(request: Request) -> Response:
    """Browsers ask for this name, whatever a page says."""
    path = DIST / "console" / "mark.svg"
    if not path.is_file():
        raise nothing(request.url.path)
    return _file(request, path, "public, max-age=86400")


@router.get("/docs/errors")
def errors() -> Response:
    """Where an error's `docs` leads: the list of codes that this server may answer."""
    from duyen.api.codes import page

    return HTMLResponse(page(), headers={"content-security-policy": CONSOLE_POLICY})


@router.get("/v1/docs")
def docs() -> Response:
    """The API in words, from its own description."""
    from duyen.api.codes import reference

    return HTMLResponse(reference(), headers={"content-security-policy": CONSOLE_POLICY})


@router.get(ANYTHING)
def console(path: str, request: Request) -> Response:
    """The console's files; a path of the console itself answers with its one page."""
    if path.startswith(("v1/", "t/", "f/", "shop/", "docs/")) or path == "v1":
        raise nothing(request.url.path)
    root = (DIST / "console").resolve()
    index = root / "index.html"
    if not index.is_file():
        return PlainTextResponse(UNBUILT, status_code=503)
    found = _inside(root, path)
    if found is not None and found != index:
        return _file(
            request, found, HASHED if path.startswith("assets/") else "public, max-age=300"
        )
    if "." in path.rsplit("/", 1)[-1] and "text/html" not in request.headers.get("accept", ""):
        raise nothing(request.url.path)
    return _file(request, index, "no-cache", {"content-security-policy": CONSOLE_POLICY})


def _inside(root: Path, path: str) -> Path | None:
    """The file of this path inside a folder; None where there is none, or where no file could be named so."""
    try:
        found = (root / path).resolve()
        return found if found.is_file() and found.is_relative_to(root) else None
    except (OSError, ValueError):
        return None


def _file(request: Request, path: Path, cache: str, more: dict[str, Any] | None = None) -> Response:
    """A file with its ETag, packed where the build packed it; 304 where the asker has it already."""
    packed = path.with_name(f"{path.name}.gz")
    small = packed.is_file() and "gzip" in request.headers.get("accept-encoding", "")
    content = (packed if small else path).read_bytes()
    tag = f'"{sha256(content).hexdigest()[:20]}"'
    headers = {"etag": tag, "cache-control": cache, "vary": "accept-encoding", **(more or {})}
    if small:
        headers["content-encoding"] = "gzip"
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Response(content, media_type=kind, headers=headers)
