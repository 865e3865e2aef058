"""The workspace's sources: how they are declared, and what came of what they sent."""

from __future__ import annotations

import re
import secrets as random
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from duyen.connectors.kinds import is_shop
from duyen.connectors.mapped import check_rules
from duyen.connectors.topics import check_broker
from duyen.model.errors import InvalidInput, InvalidRule, NotFound
from duyen.model.program import ResourceChange
from duyen.model.source import Auth, Source
from duyen.model.times import Millis
from duyen.runtime.house import House
from duyen.runtime.secrets import Secrets
from duyen.stores.state import State

MOST_SOURCES = 200
SHORTEST_SECRET = 16
"""Characters; what is shorter could be guessed."""
LOOK = 0.001
"""Seconds between two looks at whether a source was changed."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,59}")
_CURRENCY = re.compile(r"[A-Z]{3}|")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{0,60}")
_PREFIX = re.compile(r"[A-Za-z0-9_.\-]{0,40}")
_MADE_HERE = frozenset({"woocommerce", "webhook"})
"""Kinds whose secret is ours to choose; the others' is the shop's own, and is pasted here."""


class Declared(NamedTuple):
    """A source as it is kept, with the change that makes it so, and the secret where it was made here just now."""

    source: Source
    change: ResourceChange
    secret: str


def place(id: str) -> str:
    """What a source's secret is sealed for."""
    return f"source {id}"


def declare(
    house: House, state: State, id: str, raw: Mapping[str, Any], author: str, now: Millis
) -> Declared:
    """Read a source as people write it; without `secret` the one it has stays. Raises InvalidInput, InvalidRule."""
    if not _ID.fullmatch(id):
        raise InvalidInput(
            "source.id", "The id of a source has letters, digits, - and _; at most 60.", at="id"
        )
    known = sources_of(state)
    before = known.get(id)
    if before is None and len(known) >= MOST_SOURCES:
        raise InvalidRule(
            "source.too_many", f"There are {MOST_SOURCES} sources; delete one first.", at="id"
        )
    body = dict(raw)
    told = body.pop("secret", None) or ""
    source = read_source(id, body)
    made = ""
    if not told and before is not None and before.secret and before.kind == source.kind:
        sealed = before.secret
    else:
        if not told and source.kind in _MADE_HERE:
            told = made = random.token_urlsafe(30)
        sealed = _sealed(house.secrets, source, told)
    source = msgspec.structs.replace(source, secret=sealed)
    kept = {name: value for name, value in msgspec.to_builtins(source).items() if name != "id"}
    return Declared(source, ResourceChange("source", id, kept, author, now), made)


def read_source(id: str, raw: Mapping[str, Any]) -> Source:
    """A source as people write it, its secret aside; raises InvalidRule."""
    body = {name: value for name, value in raw.items() if name != "secret"}
    if str(body.setdefault("id", id)) != id:
        raise InvalidRule(
            "source.id_inside",
            f"The id inside is “{body['id']}”, but it is put as “{id}”.",
            at="id",
        )
    try:
        source = msgspec.convert(body, Source)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRule(
            "source.invalid", f"{message}.", at=path.strip("`.") or "source"
        ) from error
    if not _CURRENCY.fullmatch(source.currency):
        raise InvalidRule(
            "source.currency", "A currency is three letters, such as VND.", at="currency"
        )
    if not _PREFIX.fullmatch(source.prefix):
        raise InvalidRule(
            "source.prefix",
            "A prefix has letters, digits, dots, - and _; at most 40.",
            at="prefix",
        )
    if len(source.name) > 200 or not 0 < len(source.brand) <= 64 or "/" in source.brand:
        raise InvalidRule(
            "source.words", "A name has at most 200 characters, a brand 1 to 64 without a slash."
        )
    _check_reading(source)
    return source


def _check_reading(source: Source) -> None:
    """Refuse what says how deliveries are read and proved, where its kind says so itself or it makes no sense."""
    if (source.kind == "mqtt") != (source.broker is not None):
        raise InvalidRule(
            "source.broker",
            "A source of the kind mqtt, and no other, names its broker: {host: …, topics: [till/+/sale]}.",
            at="broker",
        )
    if source.broker is not None:
        check_broker(source.broker)
    if is_shop(source):
        if source.calls or source.auth != Auth():
            raise InvalidRule(
                "source.of_a_shop",
                f"A source of the kind {source.kind} says itself how it is read and signed: leave out calls and auth.",
                at="calls",
            )
        return
    check_rules(source.calls)
    if not _HEADER.fullmatch(source.auth.header) or len(source.auth.prefix) > 60:
        raise InvalidRule(
            "source.auth", "Name the header that proves a delivery, such as x-signature.", at="auth"
        )


def _sealed(secrets: Secrets, source: Source, told: Any) -> str:
    if source.broker is not None and not source.broker.username:
        return ""
    shortest = 1 if source.broker else SHORTEST_SECRET  # a broker's password is not ours to judge
    if not isinstance(told, str) or not shortest <= len(told.strip()) <= 500:
        raise InvalidRule(
            "source.secret",
            "Give the secret by which deliveries are proved, as the shop shows it, or the broker's password: "
            f"{shortest} to 500 characters.",
            at="secret",
        )
    return secrets.seal(told.strip(), place(source.id))


def as_written(source: Source) -> dict[str, Any]:
    """A source as people write it, without its secret."""
    told: dict[str, Any] = msgspec.to_builtins(source)
    return {name: value for name, value in told.items() if name not in ("id", "secret")}


def sources_of(state: State) -> dict[str, Source]:
    """Every source, by id; one that this release cannot read is left out."""
    found = {}
    for _, id, _, body, _, _ in state.resources("source"):
        try:
            found[id] = msgspec.convert({**body, "id": id}, Source)
        except msgspec.ValidationError:
            continue
    return found


def wanted(sources: Mapping[str, Source]) -> list[Source]:
    """The sources that somebody has to go and listen to."""
    return [source for source in sources.values() if source.broker is not None and source.live]


class Sources:
    """The sources as a process knows them, read again whenever something was changed."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._version = -1
        self._looked = -LOOK
        self._sources: dict[str, Source] = {}

    def all(self) -> dict[str, Source]:
        """Every source, by id."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            version = self._house.state.changed()
            if version != self._version:
                self._sources, self._version = sources_of(self._house.state), version
            self._looked = now
        return self._sources

    def find(self, id: str) -> Source:
        """A source that may tell us things; raises NotFound."""
        found = self.all().get(id)
        if found is None or not found.live or found.broker is not None:
            raise NotFound(
                "source.unknown",
                "No source has this address, or it was paused; look at the sources.",
            )
        return found

    def secret(self, source: Source) -> str:
        """A source's secret, opened; "" where it needs none."""
        if not source.secret:
            return ""
        return self._house.secrets.unseal(source.secret, place(source.id))


def verify_token(secrets: Secrets, id: str) -> str:
    """The word by which Haravan asks whether an address is ours."""
    return secrets.derive(f"verify/{id}").hex()[:32]


def address(base_url: str, source: Source) -> str:
    """The URL to paste into the shop; "" where we go to the source ourselves."""
    return "" if source.broker else f"{base_url}/v1/hooks/{source.id}"
