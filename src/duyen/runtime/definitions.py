"""Definitions as people write them (YAML or JSON) and as the program holds them; validated in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec
import yaml

from duyen import decide, forms, identity
from duyen.journeys.parse import parse_journey
from duyen.journeys.plan import every_step, rules_of
from duyen.model.catalogue import Offer, Placement
from duyen.model.consent import purposes
from duyen.model.errors import InvalidRule, NotFound
from duyen.model.form import Form
from duyen.model.journey import EventEntry, Journey, ScheduleEntry, SegmentEntry, Send
from duyen.model.message import Message
from duyen.model.program import (
    Cap,
    ComputedTrait,
    Program,
    ResourceKind,
    Segment,
    WorkspaceSettings,
)
from duyen.model.rule import All, Rule, TraitIs
from duyen.model.times import parse_duration
from duyen.rules import inline, parse_computed, parse_rule, parse_where, resolve
from duyen.rules.computed import MOST_TRAITS
from duyen.rules.formula import names
from duyen.rules.series import leaves
from duyen.step import Plan

Definition = (
    ComputedTrait | Segment | Journey | Message | Offer | Placement | Form | WorkspaceSettings
)
KINDS: dict[str, ResourceKind] = {
    "traits": "trait",
    "segments": "segment",
    "journeys": "journey",
    "messages": "message",
    "offers": "offer",
    "placements": "placement",
    "forms": "form",
}
"""Folder and URL name -> kind of the definitions that people write."""
SETTINGS_ID = "workspace"


def parse(kind: str, id: str, raw: Any, timezone: str = "UTC") -> Definition:
    """Read one definition; raises InvalidRule with the place and what to do.

    Times that a journey's schedule names without an offset are of `timezone`, the workspace's.
    """
    if not isinstance(raw, dict):
        raise InvalidRule(f"{kind}.shape", f"The {kind} “{id}” must be a map of fields.", at=kind)
    body = dict(raw)
    if kind == "settings":
        return _settings(body)
    if str(body.setdefault("id", id)) != id:
        raise InvalidRule(
            f"{kind}.id", f"The id inside is “{body['id']}”, but it is put as “{id}”.", at="id"
        )
    body.setdefault("name", id)
    if kind == "trait":
        return parse_computed(id, body)
    if kind == "segment":
        _known(kind, body, {"id", "name", "rule", "description"})
        rule = parse_rule(body.get("rule"), at="rule")
        return Segment(id, str(body["name"]), rule, str(body.get("description", "")))
    if kind == "journey":
        return parse_journey(body, timezone=timezone)
    if kind == "offer":
        eligible = (
            parse_rule(body.pop("eligible"), at="eligible") if "eligible" in body else All(())
        )
        when = parse_where(body.pop("when"), at="when") if "when" in body else ()
        plain_offer = _convert(kind, body, Offer)
        offer: Offer = msgspec.structs.replace(plain_offer, eligible=eligible, when=when)
        return offer
    if kind == "form":
        return forms.check(_convert(kind, body, Form))
    if kind in ("message", "placement"):
        plain: Message | Placement = _convert(
            kind, body, {"message": Message, "placement": Placement}[kind]
        )
        return plain
    raise NotFound("program.unknown_kind", f"There is no kind of definition called “{kind}”.")


class _Dumper(yaml.SafeDumper):
    """Writes a text of several lines as lines, as its author did."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def as_yaml(body: Any) -> str:
    """A definition as people write it: `yaml.safe_load(as_yaml(body)) == body`."""
    text: str = yaml.dump(body, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)
    return text


def _known(kind: str, body: dict[str, Any], fields: set[str]) -> None:
    unknown = sorted(set(body) - fields)
    if unknown:
        raise InvalidRule(
            f"{kind}.unknown_field",
            f"“{unknown[0]}” is not a field of a {kind}; the fields are {', '.join(sorted(fields))}.",
            at=unknown[0],
        )


def _convert(kind: str, body: dict[str, Any], target: type[Any]) -> Any:
    _known(kind, body, set(target.__struct_fields__))
    try:
        return msgspec.convert(body, target)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        raise InvalidRule(f"{kind}.invalid", f"{message}.", at=path.strip("`.") or kind) from error


def _settings(body: dict[str, Any]) -> WorkspaceSettings:
    try:
        if "caps" in body:
            body["caps"] = [
                Cap(int(c["most"]), _duration(c["within"]), str(c.get("channel", "*")))
                for c in body["caps"]
            ]
        if "identity" in body:
            body["identity"] = identity.parse_rules(body["identity"])
        if "blocked" in body:
            body["blocked"] = identity.parse_blocked(body["blocked"])
        for span in ("conversion_window", "burst_within"):
            if span in body:
                body[span] = _duration(body[span])
        if body.get("anonymous_days", 0) in (None, "none"):
            body["anonymous_days"] = 0
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidRule(
            "settings.invalid", f"The settings cannot be read: {error}.", at="settings"
        ) from error
    settings: WorkspaceSettings = _convert("settings", body, WorkspaceSettings)
    if not 0 <= settings.hold_out <= 0.5:
        raise InvalidRule(
            "settings.hold_out", "The hold-out's share is between 0 and 0.5.", at="hold_out"
        )
    return settings


def _duration(value: Any) -> int:
    return value if isinstance(value, int) else parse_duration(str(value))


def build(
    resources: Iterable[tuple[str, str, int, dict[str, Any], str, int]], version: int
) -> Program:
    """The program of the current definitions.

    They were valid when they were put; one that cannot be read by this release is left out and told in `broken`.
    """
    found: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS.values()}
    versions: dict[str, int] = {}
    broken: dict[tuple[str, str], str] = {}
    settings, rest = WorkspaceSettings(), []
    for resource in resources:
        if resource[0] == "settings":
            try:
                settings = _settings(dict(resource[3]))
            except InvalidRule as error:
                # Nobody knows now whom we may write to, and whom to keep: nothing leaves, and nobody
                # is forgotten, until somebody looks.
                settings = WorkspaceSettings(paused=True, anonymous_days=0)
                broken["settings", resource[1]] = error.message
        elif resource[0] in found:
            rest.append(resource)
    for kind, id, number, body, _, _ in rest:
        try:
            found[kind][id] = parse(kind, id, body, settings.timezone)
        except InvalidRule as error:
            broken[kind, id] = error.message
            if kind == "journey":  # those on their way stand still until it can be read again
                found[kind][id] = Journey(id, id, EventEntry(""), (), live=False)
            continue
        if kind == "message":
            versions[id] = number
    return Program(
        version=version,
        traits=found["trait"],
        segments=found["segment"],
        journeys=found["journey"],
        messages=found["message"],
        message_versions=versions,
        offers=found["offer"],
        placements=found["placement"],
        forms=found["form"],
        settings=settings,
        broken=broken,
    )


Place = tuple[str, str]
"""(kind, id) of a definition."""
Uses = dict[str, list[Place]]
"""Trait -> the definitions that name it."""


def problems(program: Program) -> dict[Place, InvalidRule]:
    """What does not fit together, told by the definition that cannot be used because of it."""
    found: dict[Place, InvalidRule] = {}
    for kind, id, check in _checks(program):
        try:
            check()
        except InvalidRule as error:
            found[kind, id] = error
    return found


def broken(plan: Plan) -> dict[Place, str]:
    """Every definition that stands still, unreadable or not fitting the others, with what is wrong with it."""
    return {place: error.message for place, error in problems(plan.program).items()} | plan.broken


def uses_of_traits(program: Program) -> Uses:
    """Trait -> the definitions whose rules, or whose formula, name it."""
    rules: list[tuple[Place, Rule]] = []
    rules += [(("segment", s.id), s.rule) for s in program.segments.values()]
    rules += [(("journey", j.id), r) for j in program.journeys.values() for r in rules_of(j)]
    rules += [(("offer", o.id), o.eligible) for o in program.offers.values()]
    found: dict[str, dict[Place, None]] = {}
    for place, rule in rules:
        for leaf in leaves(rule):
            if isinstance(leaf, TraitIs):
                found.setdefault(leaf.trait.partition(".")[0], {})[place] = None
    for trait in program.traits.values():
        for name in names(trait.term):
            found.setdefault(name, {})["trait", trait.id] = None
    return {name: list(places) for name, places in found.items()}


def traits_written(program: Program) -> Uses:
    """Trait -> the messages whose texts say it; one that is gone leaves a gap there, but stops nothing."""
    found: Uses = {}
    for message in program.messages.values():
        texts = (message.subject, message.preheader, message.body, message.text)
        for name in sorted(set(_SAID.findall(" ".join(texts)))):
            found.setdefault(name, []).append(("message", message.id))
    return found


_SAID = re.compile(r"\bperson\.([A-Za-z_]\w*)")


def _checks(program: Program) -> Iterator[tuple[str, str, Callable[[], object]]]:
    """(kind, id, check) of every definition that names others; a check raises InvalidRule."""
    rules = {s.id: s.rule for s in program.segments.values()}
    for id in sorted(program.traits)[MOST_TRAITS:]:
        yield "trait", id, _too_many_traits
    for id in program.traits:
        yield "trait", id, partial(resolve, id, program.traits)
    for segment in program.segments.values():
        yield "segment", segment.id, partial(inline, segment.rule, rules, program.traits)
    book = decide.Rulebook(program)
    for offer in program.offers.values():
        yield "offer", offer.id, partial(_check_offer, offer, book, program)
    for place in program.placements.values():
        yield "placement", place.id, partial(decide.policy, place.policy)
    for form in program.forms.values():
        yield "form", form.id, partial(_check_form, form, program)
    for journey in program.journeys.values():
        yield "journey", journey.id, partial(_check_journey, journey, program, rules)


def _too_many_traits() -> None:
    raise InvalidRule(
        "trait.too_many",
        f"A program has at most {MOST_TRAITS} computed traits; delete one first.",
        at="trait",
    )


def _check_offer(offer: Offer, book: decide.Rulebook, program: Program) -> None:
    decide.check(offer, book)
    for placement in offer.placements:
        _need("placement", placement, program.placements)


def _check_form(form: Form, program: Program) -> None:
    for field in form.fields:
        if field.trait in program.traits:
            raise InvalidRule(
                "form.computed",
                f"It asks for “{field.trait}”, which is a computed trait: nobody can write it.",
                at="fields",
            )
    named = {purpose.id for purpose in purposes(program.settings.purposes)}
    for agreement in form.consent:
        if agreement.purpose not in named:
            raise InvalidRule(
                "form.purpose",
                f"It asks for the purpose “{agreement.purpose}”, which the settings do not name; put it there first.",
                at="consent",
            )


def _check_journey(journey: Journey, program: Program, rules: Mapping[str, Rule]) -> None:
    entry = journey.entry
    if isinstance(entry, SegmentEntry) or (isinstance(entry, ScheduleEntry) and entry.segment):
        _need("segment", entry.segment, program.segments)
    for rule in rules_of(journey):
        inline(rule, rules, program.traits)
    for step in every_step(journey.steps):
        if isinstance(step, Send):
            _need("message", step.message, program.messages)


def _need(kind: str, id: str, known: Iterable[str]) -> None:
    if id not in known:
        raise InvalidRule(
            f"{kind}.unknown", f"It names the {kind} “{id}”, which does not exist; put it first."
        )
