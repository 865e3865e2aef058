"""The API keeps its description: each call of it, as it is meant and as it is not, by every caller."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis.builder import (
    HypothesisTestConfig,
    HypothesisTestMode,
    create_test,
)

from tests.contract.seed import Seed

DESCRIPTION = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
CALLS = [
    f"{method.upper()} {path}"
    for path, item in json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"].items()
    for method in item
]
UNUSUAL = {
    "DELETE /v1/messages/{id}": 409,  # a journey sends it
    "DELETE /v1/placements/{id}": 409,  # an offer names it
    "GET /t/c/{token}": 302,
    "GET /t/k/{token}": 410,  # nothing waits to be confirmed
    "POST /t/k/{token}": 410,
    "POST /f/{id}": 400,  # only a page of ours can be filled in
    "POST /v1/clock": 409,  # time is the wall's
    "POST /v1/hooks/{id}": 401,  # only the shop can sign it
    "POST /v1/logout": 204,
}
STATED = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)
"""What holds whoever asks, and whatever for."""
OFF = {"enabled": False}
CONFIG: dict[str, Any] = {
    "checks": {
        # A schema cannot say all that a rule, a cursor or a key has to be; good calls have a test of their own.
        "positive_data_acceptance": OFF,
        # Every call is sent by strangers too.
        "ignored_auth": OFF,
    },
    "operations": [
        # Bad calls take no good ones along: the answer to a batch is 200, with what was rejected and why.
        {
            "include-path-regex": "^/v1/(batch|b|import)$",
            "checks": {"negative_data_rejection": OFF},
        }
    ],
}
EXAMPLES = 150 if settings.get_current_profile_name() == "explore" else 3
"""Beside the edges of each schema, which are always tried."""


@pytest.fixture(scope="session")
def description() -> Any:
    """The description; reading it takes seconds that whoever runs other tests need not wait."""
    config = schemathesis.Config.from_dict(CONFIG)
    return schemathesis.openapi.from_path(DESCRIPTION, config=config)


@pytest.fixture(scope="session")
def stated() -> Any:
    """The checks of STATED."""
    schemathesis.checks.load_all_checks()
    return [getattr(schemathesis.checks, name) for name in STATED]


def _send(case: schemathesis.Case, seed: Seed, headers: Mapping[str, str]) -> Any:
    return case.call(
        base_url=seed.server.url,
        session=seed.session,
        headers=dict(headers),
        timeout=60,
        allow_redirects=False,
    )


@pytest.mark.parametrize("label", CALLS)
def test_a_good_call_is_answered_as_described(
    seed: Seed, description: Any, stated: Any, label: str
) -> None:
    method, path = label.split()
    call = description[path][method]
    known: dict[str, Any] = {"path_parameters": seed.names(path, method)}
    if label in seed.bodies:
        body = seed.bodies[label]
        kind = "octet-stream" if isinstance(body, bytes) else "json"
        known |= {"body": body, "media_type": f"application/{kind}"}
    case = call.Case(**known)
    answer = _send(case, seed, seed.owner_headers)
    assert answer.status_code == UNUSUAL.get(label, 200), answer.text
    case.validate_response(answer, checks=stated)
    if answer.content and answer.status_code < 400:
        told = call.definition.raw["responses"][str(answer.status_code)]
        assert told.get("content"), "what the answer is made of is not described"
    if method != "GET":
        seed.put_back()


def _drive(call: Any, drive: Callable[[schemathesis.Case], None]) -> None:
    """Call `drive` with cases from the edges of a call's schema, and with generated ones, right and wrong."""
    config = HypothesisTestConfig(project=call.schema.config, modes=list(HypothesisTestMode))
    hurried = settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    create_test(operation=call, test_func=hurried(drive), config=config)()


@pytest.mark.parametrize("label", CALLS)
def test_no_call_leaves_the_description(
    seed: Seed, description: Any, stated: Any, label: str
) -> None:
    """As the company's own program sends it, then as one of the others."""
    method, path = label.split()
    call = description[path][method]
    closed = {"console": []} in call.definition.raw.get("security", ())
    strangers = cycle(seed.strangers.items())

    def drive(case: schemathesis.Case) -> None:
        spoiled = case.meta.components.get(ParameterLocation.PATH) if case.meta else None
        if spoiled is None or spoiled.mode is GenerationMode.POSITIVE:
            case.path_parameters.update(seed.names(path, method))
        answer = _send(case, seed, seed.owner_headers)
        if answer.status_code == 414:  # longer than HTTP's own reader takes; it never comes to us
            return
        case.validate_response(answer)
        who, headers = next(strangers)
        if who == "a visitor" and isinstance(case.body, dict):
            case.body |= {"writeKey": seed.server.browser_key, "visitor": seed.visitor}
        answer = _send(case, seed, headers)
        case.validate_response(answer, checks=stated)
        assert answer.status_code >= 400 or not closed, f"{who} was served"

    _drive(call, drive)
    if method != "GET":
        seed.put_back()
