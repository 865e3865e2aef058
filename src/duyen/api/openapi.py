"""The API's description: what FastAPI knows of the administration, and the hot routes besides."""

from __future__ import annotations

from typing import Any

from duyen.api.collecting import SHORT
from duyen.collect.call import PARTS, TEXTS

Described = dict[str, Any]

WRITE_KEY = "Basic auth with the write key as user, or `writeKey` in the body."
ASKER = "A secret key; or from a page `writeKey` and the visitor token."
CALLS = {
    "track": "Something a person did.",
    "identify": "Who a person is: traits, and what ties their identifiers together.",
    "page": "A page they saw.",
    "screen": "A screen of an app they saw.",
    "group": "The company or group they belong to.",
    "alias": "Two identifiers of one person.",
}


def describe() -> Described:
    """The whole description."""
    from duyen.api.administration import create

    return create().openapi()


def complete(described: Described) -> Described:
    """Add the hot routes, the keys, and the one error shape of all calls."""
    described["paths"] = {**_hot(), **described["paths"]}
    schemas = described.setdefault("components", {}).setdefault("schemas", {})
    schemas |= _schemas()
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    described["components"]["securitySchemes"] = {
        "secretKey": {"type": "http", "scheme": "bearer", "description": "A secret key, sk_…"},
        "console": {"type": "apiKey", "in": "cookie", "name": "duyen_session"},
        "writeKey": {"type": "http", "scheme": "basic", "description": "A write key as user."},
    }
    for path, item in described["paths"].items():
        for call in item.values():
            _finish(path, call)
    return described


OPEN = frozenset({"/v1/login"})
PAGES = ("/t/", "/f/")
"""What people open in a browser, who have no key."""


def _finish(path: str, call: Described) -> None:
    """Errors have one shape; who may call is said."""
    error: Described = {"application/json": {"schema": _ref("ApiError")}}
    # Whoever reads a mail, or fills in a form, is told on a page.
    wrong = error | {"text/html": {}} if path.startswith(PAGES) else error
    call["responses"].pop("422", None)
    call["responses"]["4XX"] = {"description": "What went wrong, and what to do.", "content": wrong}
    call["responses"]["503"] = {
        "description": "Not now, for example because the disk is full; `Retry-After` says when to come again.",
        "content": wrong,
    }
    if path not in OPEN and not path.startswith(PAGES):
        call.setdefault("security", [{"secretKey": []}, {"console": []}])


def _hot() -> Described:
    """The routes that are served before FastAPI is asked."""
    paths = {f"/v1/{kind}": _collect(words, "Call") for kind, words in CALLS.items()}
    paths["/v1/batch"] = _collect("Many calls at once, answered when all are durable.", "Batch")
    paths["/v1/import"] = _collect(
        "A batch of what happened long ago, from a server. It is known and reacted to no more.",
        "Batch",
    )
    short = ", ".join(f"`/v1/{name}` = {kind}" for name, kind in SHORT.items())
    paths["/v1/b"] = _collect(
        f"The batch by the name that the client for browsers uses; so are {short}. A beacon names its key in the"
        " address: `?writeKey=`.",
        "Batch",
    )
    paths["/v1/projects/{writeKey}/settings"] = _client_settings()
    paths["/v1/visitor"] = _post(
        "A signed token for this browser; a valid one is renewed.", "VisitorAsk", "Visitor", []
    )
    paths["/v1/hooks/{id}"] = _hook()
    asker: list[Described] = [{"secretKey": []}, {}]
    paths["/v1/decide"] = _post(
        "A decision for each placement, durable before it is answered. A placement that is not known gets `error` and"
        f" a null `id` beside the others; only where none is known the answer is 404. {ASKER}",
        "DecideAsk",
        "Decisions",
        asker,
    )
    paths["/v1/recommend"] = _post(
        "A recommender's items for a person or for given items, decided and logged like those of a placement: who is"
        f" held out gets none. {ASKER}",
        "RecommendAsk",
        "Recommended",
        asker,
    )
    return paths


def _client_settings() -> Described:
    answer = {"application/json": {"schema": {"type": "object", "additionalProperties": True}}}
    return {
        "get": {
            "summary": "What Segment's client for browsers asks for when it starts.",
            "description": "Set its `cdnURL` to the door's address, and it sends its events here.",
            "tags": ["collect and decide"],
            "parameters": [{"name": "writeKey", "in": "path", "required": True, "schema": TEXT}],
            "responses": {"200": {"description": "Done.", "content": answer}},
            "security": [{}],
        }
    }


def _hook() -> Described:
    call = _post(
        "A webhook of a source, answered once what it tells is durable. The shop signs the body with the source's"
        " secret; a wrong signature is answered 401. What is understood and wrong is kept as rejected and answered"
        " 200, because sending it again would not mend it.",
        "Webhook",
        "Heard",
        [{}],
    )
    call["post"]["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    return call


def _collect(words: str, body: str) -> Described:
    return _post(f"{words} {WRITE_KEY}", body, "Collected", [{"writeKey": []}, {}])


def _post(words: str, body: str, answer: str, security: list[Described]) -> Described:
    def content(name: str) -> Described:
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}

    call: Described = {
        "summary": words.split(". ")[0].rstrip(".") + ".",
        "description": words,
        "tags": ["collect and decide"],
        "requestBody": {"required": True, "content": content(body)},
        "responses": {"200": {"description": "Done.", "content": content(answer)}},
    }
    return {"post": call | {"security": security}}


TEXT: Described = {"type": "string"}
ID: Described = {"type": ["string", "number", "null"]}
"""Of a call: what clients send as an id or a time; a number is read as text."""
PART: Described = {"type": ["object", "null"], "additionalProperties": True}
OBJECT: Described = {"type": "object", "additionalProperties": True}


def _list(of: Described) -> Described:
    return {"type": "array", "items": of}


def _object(required: list[str], **fields: Described) -> Described:
    return {"type": "object", "properties": fields, "required": required}


def _ref(name: str) -> Described:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> Described:
    """The bodies and answers of the hot routes, and the error."""
    call = dict.fromkeys(TEXTS, ID) | dict.fromkeys(PARTS, PART)
    of_each: Described = {"description": "The context of every call that has none of its own."}
    whole = {"writeKey": ID, "sentAt": ID, "context": of_each}
    asker = {
        "profile": TEXT,
        "writeKey": TEXT,
        "visitor": TEXT,
        "user": _object(["id", "hash"], id=TEXT, hash=TEXT),
    }
    item = _object(
        ["id", "name"], id=TEXT, name=TEXT, price=TEXT, currency=TEXT, image=TEXT, url=TEXT
    )
    decision = _object(
        ["id", "placement", "fill", "offer", "content", "items"],
        id={"type": ["string", "null"]},
        placement=TEXT,
        fill={"enum": ["offers", "items", "fallback"]},
        offer={"type": ["string", "null"]},
        content=OBJECT,
        items=_list(_ref("Item")),
        error=_object(["code", "message"], code=TEXT, message=TEXT),
    )
    context = {
        "type": "object",
        "description": (
            "What the page knows of this moment, at most 8 KB and 5 deep: `product` in view and `items` in the cart"
            " (ids, or maps with `product_id`), `page`, `url`, `device`, `locale`, `timezone`, and fields of your own."
        ),
        "additionalProperties": True,
        "example": {"product": "tea", "items": ["cup"], "page": {"path": "/tra"}, "locale": "vi"},
    }
    error = _object(["code", "message", "docs"], code=TEXT, message=TEXT, at=TEXT, docs=TEXT)
    rejected = _object(["index", "reasons"], index={"type": "integer"}, reasons=_list(TEXT))
    return {
        "ApiError": _object(["error"], error=error),
        "Call": _object([], **call),
        "Batch": _object(["batch"], batch=_list(_ref("Call")), **whole),
        "Collected": _object(
            ["success", "offset", "accepted", "rejected"],
            success={"type": "boolean"},
            offset=TEXT,
            accepted={"type": "integer"},
            rejected=_list(rejected),
        ),
        "Webhook": {"description": "Whatever the shop sends."},
        "Heard": _object(
            ["success", "accepted", "rejected", "ignored", "reasons"],
            success={"type": "boolean"},
            accepted={"type": "integer"},
            rejected={"type": "integer"},
            ignored=TEXT,
            reasons=_list(TEXT),
        ),
        "VisitorAsk": _object(["writeKey"], writeKey=TEXT, token=TEXT),
        "Visitor": _object(["token", "anonymousId"], token=TEXT, anonymousId=TEXT),
        "DecideAsk": _object(
            ["placements"], placements=_list(TEXT), context=context, after=TEXT, **asker
        ),
        "Decisions": _object(
            ["decisions", "stale"], decisions=_list(_ref("Shown")), stale={"type": "boolean"}
        ),
        "Shown": decision,
        "Item": item,
        "RecommendAsk": _object(
            [],
            recommender=TEXT,
            items=_list(TEXT),
            limit={"type": "integer"},
            brand=TEXT,
            context=context,
            after=TEXT,
            **asker,
        ),
        "Recommended": _object(
            ["id", "items", "stale"],
            id=TEXT,
            items=_list(_ref("Item")),
            stale={"type": "boolean"},
        ),
    }
