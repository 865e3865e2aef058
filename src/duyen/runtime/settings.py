"""Settings: `duyen.toml` in the data folder, then `DUYEN_*` variables, each with its reason here."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from duyen.model.errors import InvalidInput

_STORE_URL = re.compile(r'\s*["\']?store_url["\']?\s*=')


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that differs from one installation to another. Each is `DUYEN_<NAME>` in the environment."""

    data: Annotated[
        str, Meta(description="Folder of the data: log, state, lake, models, mails.")
    ] = "duyen-data"
    store_url: Annotated[
        str,
        Meta(
            description="Where log, state, attempts and caught mails are kept. `sqlite:` is files in the data folder; "
            "`postgresql://user:password@host/database` a database that several machines share."
        ),
    ] = "sqlite:"
    host: Annotated[str, Meta(description="Address the door listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="Port the door listens on.")] = 8000
    public_url: Annotated[
        str,
        Meta(
            description="Address under which customers reach the door; links in mails start with it."
        ),
    ] = ""
    doors: Annotated[int, Meta(ge=1, le=64, description="HTTP worker processes.")] = 1
    engines: Annotated[
        int,
        Meta(
            ge=1,
            le=16,
            description="Engine processes that share the work; more than one needs PostgreSQL, and a core each.",
        ),
    ] = 1
    browser_rate: Annotated[
        int,
        Meta(
            ge=0,
            description="Events a second that a write key of pages may send to one door, ten seconds' worth at once; "
            "what is more is answered 429 with Retry-After. 0: as many as they like.",
        ),
    ] = 2_000
    server_rate: Annotated[
        int, Meta(ge=0, description="The same for the write keys and secret keys of servers.")
    ] = 0
    clock: Annotated[
        Literal["wall", "simulated"],
        Meta(description="`simulated`: time moves only by `POST /v1/clock`; for tests and trials."),
    ] = "wall"
    smtp_host: Annotated[
        str,
        Meta(description="SMTP server for e-mail. Empty: the built-in catcher keeps every mail."),
    ] = ""
    smtp_port: Annotated[int, Meta(ge=1, le=65535, description="Port of the SMTP server.")] = 587
    smtp_user: Annotated[str, Meta(description="User name at the SMTP server, if it asks.")] = ""
    smtp_password: Annotated[str, Meta(description="Password at the SMTP server.")] = ""
    smtp_security: Annotated[
        Literal["auto", "starttls", "tls", "none"],
        Meta(
            description="`auto` encrypts where offered and insists where there is a password; `starttls`, `tls`."
        ),
    ] = "auto"
    smtp_ca_file: Annotated[
        str,
        Meta(
            description="File of certificates (PEM) to trust besides the machine's own: of a mail server's own CA."
        ),
    ] = ""
    smtp_rate: Annotated[
        int, Meta(ge=1, description="At most this many mails a second to the SMTP server.")
    ] = 200
    catcher_port: Annotated[
        int,
        Meta(
            ge=0, le=65535, description="SMTP port of the catcher on 127.0.0.1; 0 picks a free one."
        ),
    ] = 0
    engine_batch: Annotated[
        int,
        Meta(ge=1, le=100_000, description="Most log entries in one transaction of the engine."),
    ] = 8_000
    lake_every: Annotated[
        int, Meta(ge=1, description="Seconds between flushes from the log to the lake.")
    ] = 60
    models_every: Annotated[
        int, Meta(ge=1, description="Seconds between trainings of the recommenders.")
    ] = 300
    gpc: Annotated[
        bool,
        Meta(
            description="Whether a browser's Global Privacy Control (Sec-GPC: 1) is written down as its owner's "
            "objection to sale and advertising."
        ),
    ] = True
    dnt: Annotated[
        bool, Meta(description="Whether Do Not Track (DNT: 1) counts as the same objection.")
    ] = False
    erase_every: Annotated[
        int,
        Meta(
            ge=1,
            description="Seconds between two walks through log and lake for people who are to be erased; all that "
            "were asked for meanwhile go together. Profiles themselves go at once.",
        ),
    ] = 3600
    import_mb: Annotated[
        int,
        Meta(
            ge=1,
            description="Largest file that may be uploaded to be imported, and most that may come out of a ZIP, "
            "in megabytes.",
        ),
    ] = 2_048
    session_hours: Annotated[
        int, Meta(ge=1, le=720, description="Hours that a console session lasts.")
    ] = 12

    @property
    def folder(self) -> Path:
        """The data folder."""
        return Path(self.data)

    @property
    def base_url(self) -> str:
        """Where links in mails point."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def load(
    data: str | None = None, environ: Mapping[str, str] = os.environ, **given: Any
) -> Settings:
    """Settings from the data folder's duyen.toml, then the environment, then what was given by hand."""
    folder = data or environ.get("DUYEN_DATA") or Settings().data
    values: dict[str, Any] = _from_file(Path(folder) / "duyen.toml")
    names = Settings.__struct_fields__
    values |= {n: environ[f"DUYEN_{n.upper()}"] for n in names if f"DUYEN_{n.upper()}" in environ}
    values |= {name: value for name, value in given.items() if value is not None}
    values["data"] = folder
    try:
        return msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(
            "settings.invalid",
            f"A setting cannot be used: {error}. Look at duyen.toml and DUYEN_* variables.",
        ) from error


def _from_file(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "settings.unreadable", f"{path.name} is not valid TOML: {error}."
        ) from error


def keep_store_url(folder: Path, url: str) -> None:
    """Let a folder's duyen.toml name this `store_url`, whatever it named before."""
    path = folder / "duyen.toml"
    before = _from_file(path)
    if before.get("store_url", Settings().store_url) == url:
        return
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    rest = "".join(line for line in text.splitlines(True) if not _STORE_URL.match(line))
    path.write_text(f"{_line('store_url', url)}{rest}", encoding="utf-8")
    path.chmod(0o600)  # the URL may hold a password
    wanted = before | {"store_url": url}
    if not _says(path, wanted):  # it stood on several lines: then without comments, but right
        lines = (_line(name, value) for name, value in wanted.items())
        path.write_text("".join(lines), encoding="utf-8")


def _says(path: Path, wanted: Mapping[str, Any]) -> bool:
    try:
        return _from_file(path) == wanted
    except InvalidInput:
        return False


def _line(name: str, value: Any) -> str:
    """A setting in TOML, whose words and numbers are written as in JSON."""
    return f"{name} = {json.dumps(value, ensure_ascii=False)}\n"
