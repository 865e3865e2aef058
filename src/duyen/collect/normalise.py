"""From a call as collected to an Event as every room reads it. Pure, and the same on every machine."""

from __future__ import annotations

import unicodedata
from operator import attrgetter
from typing import Any

import msgspec

from duyen.collect.goods import read_goods
from duyen.collect.identifiers import of_device, of_external, of_traits
from duyen.collect.quality import quality_of
from duyen.model.consent import ANY
from duyen.model.event import (
    ALIASED,
    BY_MAIL,
    CONSENT_UPDATED,
    GROUPED,
    IDENTIFIED,
    PAGE_VIEWED,
    SCREEN_VIEWED,
    Collected,
    Event,
    Identifier,
    is_bearer,
)
from duyen.model.meaning import GOODS, known_as
from duyen.model.program import WorkspaceSettings
from duyen.model.values import canonical

_NAMES = {
    "page": PAGE_VIEWED,
    "screen": SCREEN_VIEWED,
    "identify": IDENTIFIED,
    "group": GROUPED,
    "alias": ALIASED,
}
_PAGE = ("url", "path", "referrer", "title", "search")
_DEVICE = ("type", "manufacturer", "model", "name", "token")
_OBJECTS = ("campaign", "library", "consent")
_TEXTS = ("locale", "timezone", "ip", "user_agent", "group_id")
_SIMPLE = frozenset({str, int, bool, type(None)})


class _Context(msgspec.Struct, rename="camel"):
    """What is read of a context; SDKs send much more."""

    page: Any = None
    campaign: Any = None
    library: Any = None
    consent: Any = None
    locale: Any = None
    timezone: Any = None
    ip: Any = None
    user_agent: Any = None
    group_id: Any = None
    device: Any = None
    external_ids: Any = None
    traits: Any = None
    request: Any = None


_decode = msgspec.json.Decoder(dict[str, Any]).decode
_decode_context = msgspec.json.Decoder(_Context).decode
_NO_CONTEXT = _Context()
_FIELDS = _Context.__struct_fields__
_parts = attrgetter(*_FIELDS)
_objects = attrgetter(*_OBJECTS)
_texts = attrgetter(*_TEXTS)

_DEFAULT = WorkspaceSettings()


def normalise(collected: Collected, settings: WorkspaceSettings = _DEFAULT) -> Event:
    """Fill in the name, bring values into the one form they are kept in, and read off who it was.

    `settings` are those of the workspace as of then: its currency is that of amounts that
    name none, its own lists of agents come before the public one.
    """
    properties = _values(collected.properties) if collected.properties else {}
    traits = _values(collected.traits) if collected.traits else {}
    context = _context(collected.context) if collected.context else _NO_CONTEXT
    person: dict[str, Any] = context.traits if type(context.traits) is dict else {}
    kind = collected.type
    name = _NAMES.get(kind) or known_as(_nfc(collected.name))
    if name in GOODS and kind == "track":
        read_goods(properties, settings.currency)
    if kind == "identify":
        person = {**person, **traits} if person else traits
    elif kind == "group":
        # The traits of a group call are the group's, not the person's.
        properties = {**properties, **traits}
    elif settings.purposes and name == CONSENT_UPDATED and kind == "track":
        _to_be_confirmed(collected, properties, settings)
    elif collected.name and kind != "track":
        properties.setdefault("name", _nfc(collected.name))
    if collected.group_id:
        properties["group_id"] = _nfc(collected.group_id)
    return Event(
        collected.id,
        kind,
        name,
        collected.time,
        collected.received,
        collected.source,
        collected.trusted,
        _identifiers(collected, person, context),
        properties,
        person,
        {} if context is _NO_CONTEXT else _slim(context),
        collected.imported,
        quality_of(kind, name, context.user_agent, context.request, settings),
        bool(collected.verified),
    )


def _to_be_confirmed(
    collected: Collected, properties: dict[str, Any], settings: WorkspaceSettings
) -> None:
    """A yes to a purpose that wants one to be confirmed waits, unless it comes by a link in a mail of ours.

    Or unless a server of the company says that it was confirmed elsewhere.
    """
    if properties.get("state") != "granted" or collected.source == BY_MAIL:
        return
    if collected.trusted and properties.get("confirmed") is True:
        return
    asked = properties.get("purpose")
    if any(each.confirm for each in settings.purposes if asked in (each.id, ANY)):
        properties["state"] = "pending"


def _values(raw: msgspec.Raw) -> dict[str, Any]:
    """The decoded, canonical object."""
    return _kept(_decode(raw), _is_plain(bytes(raw)))


def _context(raw: msgspec.Raw) -> _Context:
    """The parts of a context that are read, canonical."""
    context = _decode_context(raw)
    plain = _is_plain(bytes(raw))
    told = [(field, value) for field, value in zip(_FIELDS, _parts(context), strict=True) if value]
    for field, value in told:
        if type(value) is dict:
            setattr(context, field, _kept(value, plain))
        elif not (plain and type(value) is str):
            setattr(context, field, canonical(value))
    return context


def _is_plain(data: bytes) -> bool:
    """Whether all text in this JSON is ASCII, so that it is in NFC as it is."""
    return data.isascii() and b"\\u" not in data


def _kept(values: dict[str, Any], plain: bool) -> dict[str, Any]:
    """The object in the form in which values are kept; in plain ones few values need a look."""
    if not plain:
        kept: dict[str, Any] = canonical(values)
        return kept
    for key, value in values.items():
        if type(value) not in _SIMPLE:
            values[key] = canonical(value, 1)
    return values


def _nfc(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _identifiers(
    collected: Collected, person: dict[str, Any], context: _Context
) -> tuple[Identifier, ...]:
    """Who it was, sorted. A previousId is a name the person had before: an anonymous one."""
    found: set[Identifier] = set()
    if collected.user_id:
        found.add(("user_id", _nfc(collected.user_id)))
    if collected.anonymous_id:
        found.add(("anonymous_id", _nfc(collected.anonymous_id)))
    if collected.previous_id and collected.type == "alias":
        found.add(("anonymous_id", _nfc(collected.previous_id)))
    if person:
        of_traits(person, found)
    if context.device:
        of_device(context.device, found)
    if context.external_ids:
        of_external(context.external_ids, found)
    if collected.verified:
        found = {i for i in found if i[0] in collected.verified or is_bearer(i[0])}
    return tuple(sorted(found)) if len(found) > 1 else tuple(found)


def _slim(context: _Context) -> dict[str, Any]:
    """Only what later rooms use."""
    slim: dict[str, Any] = {}
    if type(page := context.page) is dict:
        slim["page"] = {key: page[key] for key in _PAGE if page.get(key)}
    if type(device := context.device) is dict:
        slim["device"] = {key: device[key] for key in _DEVICE if key in device}
    for key, value in zip(_OBJECTS, _objects(context), strict=True):
        if value and type(value) is dict:
            slim[key] = value
    for key, value in zip(_TEXTS, _texts(context), strict=True):
        if value and type(value) is str:
            slim[key] = value
    return slim
