"""The hot routes: collect, visitor, decide. Raw ASGI; everything else goes to the administration app."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Iterable
from functools import cache
from typing import Any
from uuid import uuid4

import msgspec

from duyen import collect, decide
from duyen.api.collecting import PROJECTS, SETTINGS, Collecting, Hot
from duyen.api.hooks import HOOKS, Hooks
from duyen.api.http import (
    Headers,
    Receive,
    Request,
    Scope,
    Send,
    answer,
    answer_error,
    answer_json,
    wrong_method,
)
from duyen.api.keys import Keyring, check_origin
from duyen.decide.context import NOTHING, Context
from duyen.decide.reasons import read
from duyen.identity import Rules, person_id, usable
from duyen.model.catalogue import Item, Placement
from duyen.model.consent import DEFAULT_BRAND
from duyen.model.decision import Decision
from duyen.model.errors import DuyenError, InvalidInput, NotAllowed, NotFound, Unavailable
from duyen.model.event import Identifier
from duyen.model.log import Lane, encode_entry
from duyen.model.person import Person
from duyen.model.program import Program
from duyen.recommend import recommenders
from duyen.runtime.group_commit import GroupCommit
from duyen.runtime.house import House
from duyen.runtime.present import Present, Watch
from duyen.runtime.proof import knows

SMALL_BODY = 64 * 1024
MOST_PLACEMENTS = 20
LONGEST_OFFSET = 18
"""Digits of an offset; more would not fit into a row number."""
FRESH_WAIT = 0.1
"""Seconds that `decide` waits for the caller's own last event (read your writes)."""
READ_WAIT = 0.5
"""Seconds that reading a profile with a key waits for what was written here before."""
MOST_RECOMMENDED = 50
RECOMMEND = "@recommend"
"""The placement under which answers of /v1/recommend are decided, logged and counted; no definition has this name."""


class Visitor(msgspec.Struct, rename="camel"):
    """POST /v1/visitor."""

    write_key: str = ""
    token: str = ""


class Ask(msgspec.Struct):
    """POST /v1/decide and /v1/recommend: by whom, for whom, for what."""

    writeKey: str = ""
    visitor: str = ""
    user: dict[str, str] = {}
    profile: str = ""
    placements: list[str] = []
    context: dict[str, Any] = {}
    after: str = ""
    recommender: str = "popular"
    items: list[str] = []
    limit: int = 4
    brand: str = DEFAULT_BRAND


_decode_visitor = msgspec.json.Decoder(Visitor).decode
_decode_ask = msgspec.json.Decoder(Ask).decode


class Door:
    """One HTTP process's view of the house."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.keys = Keyring(house)
        self.commits = GroupCommit(house.stores.log(), house.clock)
        self.watch = Watch(house)
        self.rng = random.Random(secrets.randbits(128))
        self.collecting = Collecting(house, self.keys, self.commits, self._cors)
        self.hooks = Hooks(house, self.commits)
        self.routes: dict[str, Hot] = dict(self.collecting.routes)
        self.routes["/v1/visitor"] = self.visitor
        self.routes["/v1/decide"] = self.decide
        self.routes["/v1/recommend"] = self.recommend

    def close(self) -> None:
        """Commit what waits, and end."""
        self.hooks.close()
        self.commits.stop()
        self.watch.stop()

    def serves(self, path: str) -> bool:
        """Whether a path is served here."""
        own = path.startswith(PROJECTS) and path.endswith(SETTINGS)
        return own or path in self.routes or path.startswith(HOOKS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one hot request: preflight, the route, errors in one shape."""
        request = Request(scope, receive)
        origin = request.header(b"origin")
        if request.method == "OPTIONS":
            await answer(send, 204, b"", _preflight(origin, self.keys.any_admits(origin)))
            return
        try:
            route = self.routes.get(request.path)
            if request.path.startswith(HOOKS):
                await self.hooks(request, send)
            elif route is None:
                await self.collecting.project(request, send)
            elif request.method != "POST":
                raise wrong_method(request.path, "POST")
            else:
                await route(request, send)
        except (msgspec.DecodeError, RecursionError) as error:
            problem = InvalidInput(
                "request.malformed", f"The body is not what is expected: {error}."
            )
            await answer_error(send, problem, self._cors(request))
        except DuyenError as error:
            await answer_error(send, error, self._cors(request))

    def _cors(self, request: Request) -> Headers:
        origin = request.header(b"origin")
        if origin and self.keys.any_admits(origin):
            return [
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-expose-headers", b"retry-after"),
                (b"vary", b"origin"),
            ]
        return []

    # -- visitors and decisions

    async def visitor(self, request: Request, send: Send) -> None:
        """POST /v1/visitor: a signed token for this browser; a valid one is renewed for the same visitor."""
        asked = _decode_visitor(await request.body(SMALL_BODY))
        key = self.keys.find(asked.write_key or request.basic_user(), "write")
        check_origin(key, request.header(b"origin"))
        now = self.house.clock.now()
        known = self.house.secrets.read_visitor(asked.token, now) if asked.token else None
        anonymous = known or str(uuid4())
        token = self.house.secrets.visitor_token(anonymous, now)
        await answer_json(
            send, {"token": token, "anonymousId": anonymous}, 200, self._cors(request)
        )

    async def decide(self, request: Request, send: Send) -> None:
        """POST /v1/decide: a decision for each placement, durable before it is answered.

        A placement that is not known gets an error of its own beside the others' decisions.
        """
        ask = _decode_ask(await request.body(SMALL_BODY))
        present = await self.watch.present()
        program = present.program
        identifier, whole, trusted, source = self._asker(request, ask, program)
        if not ask.placements or len(ask.placements) > MOST_PLACEMENTS:
            raise InvalidInput(
                "decide.placements", f"Name 1 to {MOST_PLACEMENTS} placements.", at="placements"
            )
        context = decide.read_context(ask.context)
        stale = not await self._fresh(ask.after)
        places = _places(program, ask.placements)
        known = [place for place in places.values() if isinstance(place, Placement)]
        decisions = self.choose(
            present, known, identifier, trusted=trusted, source=source, context=context
        )
        kept, decisions = await self._keep(decisions, program, known)
        by_name = {decision.placement: decision for decision in decisions}
        shown = [
            self.shown(by_name[name], present, whole=whole)
            if isinstance(place, Placement)
            else _unknown(name, place, whole=whole)
            for name, place in places.items()
        ]
        body = {"decisions": shown, "stale": stale or not kept}
        await answer_json(send, body, 200, self._cors(request))

    async def _keep(
        self, decisions: list[Decision], program: Program, places: list[Placement]
    ) -> tuple[bool, list[Decision]]:
        """Make decisions durable; where the log refuses, the fallbacks that are given instead."""
        try:
            await self.commits.append(Lane.LIVE, [encode_entry(d) for d in decisions])
        except Unavailable:
            pairs = zip(decisions, places, strict=True)
            return False, [_fallback(decision, place, program) for decision, place in pairs]
        return True, decisions

    def choose(
        self,
        present: Present,
        places: Iterable[Placement],
        identifier: Identifier,
        *,
        trusted: bool,
        source: str,
        context: Context = NOTHING,
    ) -> list[Decision]:
        """A decision for each placement; not told to the log yet."""
        now = self.house.clock.now()
        person = self._person(identifier)
        own_id = person_id(identifier)
        truths = decide.Truths(person or Person(own_id), now, context)
        return [
            decide.choose(
                place,
                person,
                identifier,
                present.program,
                present.view,
                now,
                self.rng,
                person_id=own_id,
                truths=truths,
                trusted=trusted,
                source=source,
            )
            for place in places
        ]

    def _person(self, identifier: tuple[str, str]) -> Person | None:
        person = self.house.state.person_of(*identifier)
        head = self.house.state.head(person) if person else None
        return head.person if head else None

    def _asker(
        self, request: Request, ask: Ask, program: Program
    ) -> tuple[tuple[str, str], bool, bool, str]:
        """(for whom, whether the caller may see everything, whether the identifier is a fact, source)."""
        secret = request.bearer()
        if secret:
            key = self.keys.find(secret, "secret")
            identifier, fact = self.named(ask.profile, program)
            return identifier, True, fact, key.id
        key = self.keys.find(ask.writeKey or request.basic_user(), "write")
        check_origin(key, request.header(b"origin"))
        anonymous = self.house.secrets.read_visitor(ask.visitor, self.house.clock.now())
        if anonymous is None:
            raise NotAllowed(
                "visitor.invalid",
                "The visitor token is missing, altered or too old; ask /v1/visitor for one.",
            )
        user = ask.user.get("id", "")
        if user:
            if not knows(self.house.secrets, user, ask.user.get("hash", "")):
                raise NotAllowed(
                    "user.unproved",
                    "The hash does not belong to this user id; compute it on your server with the identity secret.",
                    status=403,
                )
            return ("user_id", user), False, True, key.id
        return ("anonymous_id", anonymous), False, False, key.id

    def named(self, profile: str, program: Program) -> tuple[Identifier, bool]:
        """The identifier that a trusted caller names as “namespace:value” or `id:p_…`, and whether it is a fact."""
        namespace, _, value = profile.partition(":")
        if not namespace or not value:
            raise InvalidInput(
                "profile.missing",
                "Name the person as “namespace:value”, for example user_id:u1.",
                at="profile",
            )
        if namespace == "id":
            return self._own_identifier(value, program)
        if collect.reserved(namespace):
            raise InvalidInput(
                "profile.reserved",
                f"“{namespace}” is kept for Duyên itself; name the person by an identifier of yours.",
                at="profile",
            )
        kept = collect.canonical(namespace, value)
        if not kept:
            raise InvalidInput(
                "profile.value", f"“{value}” cannot be a value of “{namespace}”.", at="profile"
            )
        return (namespace, kept), True

    def _own_identifier(self, id: str, program: Program) -> tuple[Identifier, bool]:
        """The person's highest identifier, and whether it is a fact: an id makes no fact of what was claimed."""
        state, settings = self.house.state, program.settings
        head = state.head(id)
        if head is None:
            raise NotFound("profile.unknown", f"Nobody is known as id:{id}.")
        held = [
            (namespace, value)
            for namespace, values in head.person.identifiers.items()
            for value in values
            if not collect.reserved(namespace)
            and state.person_of(namespace, value) == head.person.id
        ]
        best = next(iter(usable(held, Rules.of(settings.identity, settings.blocked))), None)
        if best is None:
            raise InvalidInput(
                "profile.unnamed", f"Nothing is known to name id:{id} by.", at="profile"
            )
        evidence = state.evidence_of(list(state.components([best]).values()))
        return best, any(row.trusted and best in row.identifiers for row in evidence)

    async def _fresh(self, after: str) -> bool:
        """Wait a moment for the engine to have applied the caller's own last event."""
        if not after:
            return True
        if not (after.isascii() and after.isdecimal() and len(after) <= LONGEST_OFFSET):
            raise InvalidInput(
                "decide.after", "“after” is the offset that collect answered.", at="after"
            )
        return await self._applied(int(after), FRESH_WAIT)

    async def caught_up(self) -> bool:
        """Wait a moment for the engine to have applied what was acknowledged here before."""
        return await self._applied(self.commits.acknowledged.get(Lane.LIVE, 0), READ_WAIT)

    async def _applied(self, offset: int, seconds: float) -> bool:
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.house.applied(Lane.LIVE, offset):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.003)
        return True

    def shown(self, decision: Decision, present: Present, *, whole: bool) -> dict[str, Any]:
        """A decision as its asker may see it: browsers get no scores, reasons or traits."""
        offered = decision.reason == "chosen"
        body: dict[str, Any] = {
            "id": decision.id,
            "placement": decision.placement,
            "fill": ("items" if decision.items else "offers") if offered else "fallback",
            "offer": decision.chosen if offered and not decision.items else None,
            "content": decision.content,
            "items": [_item(id, present) for id in decision.items],
        }
        if whole:
            body |= {
                "person": decision.person,
                "arm": decision.arm,
                "reason": decision.reason,
                "explanation": decision.explanation,
                "propensity": decision.propensity,
                "policy": decision.policy,
                "candidates": decision.candidates,
            }
        return body

    async def recommend(self, request: Request, send: Send) -> None:
        """POST /v1/recommend: a recommender's items, decided and logged like those of a placement."""
        ask = _decode_ask(await request.body(SMALL_BODY))
        present = await self.watch.present()
        program = present.program
        identifier, whole, trusted, source = self._asker(request, ask, program)
        if ask.recommender not in _recommenders():
            raise NotFound(
                "recommend.unknown_recommender",
                f"There is no recommender “{ask.recommender[:80]}”; there are: "
                f"{', '.join(sorted(_recommenders()))}.",
                at="recommender",
            )
        limit = max(1, min(ask.limit, MOST_RECOMMENDED))
        place = Placement(
            RECOMMEND, fill="items", recommender=ask.recommender, limit=limit, brand=ask.brand
        )
        # What is asked for by name counts like what the page is about.
        told = {**ask.context, "items": ask.items} if ask.items else ask.context
        stale = not await self._fresh(ask.after)
        decisions = self.choose(
            present,
            [place],
            identifier,
            trusted=trusted,
            source=source,
            context=decide.read_context(told),
        )
        kept, (decision,) = await self._keep(decisions, program, [place])
        why = {c.arm: c for c in decision.candidates}
        items = []
        for id, reason in zip(decision.items, decision.explanation, strict=False):
            line = _item(id, present)
            if whole:
                line |= {"score": why[id].score, "why": read(reason)[1]["why"]}
            items.append(line)
        body = {"id": decision.id, "items": items, "stale": stale or not kept}
        if whole:
            body |= {"reason": decision.reason, "arm": decision.arm}
        await answer_json(send, body, 200, self._cors(request))


def placed(program: Program, names: Iterable[str]) -> list[Placement]:
    """The placements of these names; raises NotFound for the first that is not known."""
    found = _places(program, names).values()
    for place in found:
        if isinstance(place, NotFound):
            raise place
    return [place for place in found if isinstance(place, Placement)]


def _item(id: str, present: Present) -> dict[str, Any]:
    item = present.view.item(id) or Item(id, id)
    return {
        "id": item.id,
        "name": item.name,
        "price": item.price,
        "currency": item.currency or present.program.settings.currency,
        "image": item.image,
        "url": item.url,
    }


def _unknown(name: str, error: NotFound, *, whole: bool) -> dict[str, Any]:
    """What stands in the place of a decision where there is no such placement; a browser learns no other names."""
    told: dict[str, Any] = {"code": error.code, "message": error.message}
    if not whole:
        told["message"] = f"There is no placement “{name[:80]}”."
    return {
        "id": None,
        "placement": name,
        "fill": "fallback",
        "offer": None,
        "content": {},
        "items": [],
        "error": told,
    }


def _fallback(decision: Decision, place: Placement, program: Program) -> Decision:
    """What is given in place of a decision that could not be logged."""
    return decide.fallback(
        place,
        decision.identifier,
        program,
        decision.time,
        id=decision.id,
        person_id=decision.person,
        arm=decision.arm,
    )


def _places(program: Program, names: Iterable[str]) -> dict[str, Placement | NotFound]:
    """The placement of each name, or why there is none; raises NotFound where none of them is known."""
    known = program.placements
    found = {name: known.get(name) or _no_placement(name, known) for name in names}
    if not any(isinstance(place, Placement) for place in found.values()):
        raise next(place for place in found.values() if isinstance(place, NotFound))
    return found


def _no_placement(name: str, placements: Iterable[str]) -> NotFound:
    known = ", ".join(sorted(placements)) or "none yet"
    return NotFound(
        "placement.unknown",
        f"There is no placement “{name[:80]}”; there are: {known}.",
        at="placements",
    )


@cache
def _recommenders() -> frozenset[str]:
    """The installed recommenders' names."""
    return frozenset(recommenders())


def _preflight(origin: str, admitted: bool) -> Headers:
    if not (origin and admitted):
        return []
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-methods", b"GET, POST, OPTIONS"),
        (b"access-control-allow-headers", b"content-type, authorization, x-retry-count"),
        (b"access-control-max-age", b"86400"),
        (b"vary", b"origin"),
    ]
