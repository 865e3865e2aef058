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
from duyen.model.errors import InvalidInput, InvalidRule, NotFound
from duyen.model.log import Heard
from duyen.model.program import ResourceChange
from duyen.model.source import Auth, Source
from duyen.model.times import Millis
from duyen.runtime.house import House
from duyen.runtime.secrets import Secrets
from duyen.stores.state import State

MOST_SOURCES = 200
SHORTEST_SECRET = 16
"""Characters; what is shorter could be guessed."""
OUTCOMES = ("deliveries", "accepted", "rejected", "items", "ignored", "refused")
"""What is counted: deliveries; of these calls that became events or did not, items, and deliveries that came to
nothing or were refused (a wrong signature, no JSON)."""
LOOK = 0.001
"""Seconds between two looks at whether a source was changed."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,59}")
_CURRENCY = re.compile(r"[A-Z]{3}|")
_HEADER = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-]{0,60}")
_PREFIX = re.compile(r"[A-Za-z0-9_.\-]{0,40}")
_MADE_HERE = frozenset({"woocommerce", "webhook"})
"""Kinds whose secret is ours to choose; the others' is the shop's own, and is pasted here."""


class Standing(msgspec.Struct, frozen=True):
    """What came of a source so far."""

    counts: dict[str, int] = {}
    seen: Millis = 0
    trouble: str = ""
    troubled: Millis = 0


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
        sealed = _sealed(house.secrets, id, told)
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


def _sealed(secrets: Secrets, id: str, told: Any) -> str:
    if not isinstance(told, str) or not SHORTEST_SECRET <= len(told.strip()) <= 500:
        raise InvalidRule(
            "source.secret",
            "Give the secret by which deliveries are proved, as the shop shows it: "
            f"{SHORTEST_SECRET} to 500 characters.",
            at="secret",
        )
    return secrets.seal(told.strip(), place(id))


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
        if found is None or not found.live:
            raise NotFound(
                "source.unknown",
                "No source has this address, or it was paused; look at the sources.",
            )
        return found

    def secret(self, source: Source) -> str:
        """A source's secret, opened."""
        return self._house.secrets.unseal(source.secret, place(source.id))


def verify_token(secrets: Secrets, id: str) -> str:
    """The word by which Haravan asks whether an address is ours."""
    return secrets.derive(f"verify/{id}").hex()[:32]


def address(base_url: str, id: str) -> str:
    """The URL to paste into the shop."""
    return f"{base_url}/v1/hooks/{id}"


# -- what came of it


def note(state: State, heard: Heard) -> None:
    """Add what a process heard to what is known of a source."""
    before = standing(state, heard.source)
    counts = dict(before.counts)
    for outcome, count in heard.counts.items():
        counts[outcome] = counts.get(outcome, 0) + count
    later = heard.trouble and heard.time >= before.troubled
    after = Standing(
        counts,
        max(before.seen, heard.time),
        heard.trouble if later else before.trouble,
        heard.time if later else before.troubled,
    )
    state.set_meta(f"source:{heard.source}", msgspec.json.encode(after).decode())


def standing(state: State, id: str) -> Standing:
    """What came of a source so far."""
    told = state.meta(f"source:{id}")
    return msgspec.json.decode(told, type=Standing) if told else Standing()


class Hearing:
    """What one process heard and has not told the log yet: told together, so that a flood stays one line."""

    def __init__(self) -> None:
        self._heard: dict[str, Heard] = {}

    def note(self, source: str, now: Millis, trouble: str = "", **counts: int) -> None:
        """Count what came of a delivery."""
        before = self._heard.get(source)
        sums = dict(before.counts) if before else {}
        for outcome, count in counts.items():
            if count:
                sums[outcome] = sums.get(outcome, 0) + count
        said = trouble[:300] or (before.trouble if before else "")
        self._heard[source] = Heard(source, now, sums, said)

    def take(self) -> list[Heard]:
        """All of it, to be told now."""
        heard, self._heard = list(self._heard.values()), {}
        return heard
