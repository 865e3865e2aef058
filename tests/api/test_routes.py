"""Every route of the description: who may call it, and that its errors have the one shape."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from duyen.api.lists import put_cursor
from duyen.api.openapi import OPEN, describe
from tests.api.server import Server, problem

DESCRIBED = describe()
PUBLIC = ("/t/", "/f/")
"""Pages for everybody: what signed links lead to, and forms."""
SAMPLES = {"id": "none", "key": "user_id:nobody", "token": "nothing"}
ROUTES = [
    (method, path, call)
    for path, item in DESCRIBED["paths"].items()
    for method, call in item.items()
]
NAMES = [f"{method.upper()} {path}" for method, path, _ in ROUTES]
ADMIN = [
    (method, path)
    for method, path, call in ROUTES
    if path not in OPEN and not path.startswith(PUBLIC) and {"console": []} in call["security"]
]


def address(path: str) -> str:
    """A path with something in its holes."""
    for name, value in SAMPLES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_the_description_has_all_that_the_contract_names() -> None:
    paths = set(DESCRIBED["paths"])
    for word in ("traits", "segments", "journeys", "messages", "offers", "placements"):
        assert {f"/v1/{word}", f"/v1/{word}/{{id}}", f"/v1/{word}/{{id}}/undo"} <= paths
    for name in ("overview", "lift", "messages", "journeys", "decisions"):
        assert f"/v1/reports/{name}" in paths
    assert {"/v1/batch", "/v1/decide", "/v1/profiles", "/v1/rejected", "/v1/mail"} <= paths


@pytest.mark.parametrize(("method", "path"), ADMIN, ids=[f"{m.upper()} {p}" for m, p in ADMIN])
def test_administration_refuses_whoever_has_no_key(
    server: Server, anybody: httpx.Client, method: str, path: str
) -> None:
    for headers in (
        {},
        {"authorization": f"Bearer {server.server_key}"},
        {"authorization": "Bearer sk_x"},
    ):
        answer = anybody.request(method, address(path), headers=headers)
        problem(answer, 401)


@pytest.mark.parametrize(("method", "path", "call"), ROUTES, ids=NAMES)
def test_every_route_answers_errors_in_one_shape(
    server: Server, owner: httpx.Client, method: str, path: str, call: dict[str, Any]
) -> None:
    assert call["summary"].endswith(".")
    assert call["responses"]["4XX"]["content"]["application/json"]["schema"]
    wrong = owner.request("PATCH", address(path))
    problem(wrong, 405, "request.method")
    if "application/json" in call.get("requestBody", {}).get(
        "content", ()
    ):  # a file may be anything
        for body in (b"{", b"7", b"\xff\xfe"):
            answer = owner.request(method, address(path), content=body)
            assert 400 <= answer.status_code < 500, answer.text
            problem(answer, answer.status_code)


@pytest.mark.parametrize(
    "path", ["/v1/segments", "/v1/profiles", "/v1/rejected", "/v1/mail", "/v1/catalog/items"]
)
def test_lists_say_what_is_wrong_with_a_cursor_or_limit(owner: httpx.Client, path: str) -> None:
    beyond = [
        put_cursor(*place)
        for number in (-(2**63) - 1, 2**63, 10**30)
        for place in ((number,), (number, "x"))
    ]
    for cursor in ("nonsense", "W10", "WyJ4Il0", "é", *beyond):
        answer = owner.get(path, params={"cursor": cursor})
        if answer.status_code != 200:
            problem(answer, 400, "list.cursor")
    assert problem(owner.get(path, params={"limit": 0}), 422)["at"] == "limit"
    assert problem(owner.get(path, params={"limit": "many"}), 422)["at"] == "limit"
    early = owner.get(path, params={"cursor": put_cursor(-1), "query": "x"})
    assert early.status_code < 500, early.text
    page = owner.get(path).json()
    assert set(page) == {"data", "next", "total"}


def test_unknown_paths(server: Server, owner: httpx.Client) -> None:
    problem(owner.get("/v1/nothing"), 404, "request.unknown_path")
    problem(owner.get("/v1"), 404, "request.unknown_path")
    problem(owner.post("/v1/nothing"), 405, "request.method")
    problem(owner.get("/assets/none.js"), 404, "request.unknown_path")


def test_no_file_outside_the_console_is_served(server: Server) -> None:
    for path in (
        "/../api/app.py",
        "/%2e%2e/api/app.py",
        "/..%2f..%2fcli%2f__init__.py",
        "/assets/../../tag/tag.js",
    ):
        answer = httpx.get(server.url + path)
        assert "import" not in answer.text or answer.headers["content-type"].startswith("text/html")


def test_health_readiness_and_metrics(server: Server) -> None:
    assert httpx.get(server.url + "/healthz").json()["status"] == "ok"
    ready = httpx.get(server.url + "/readyz").json()
    assert ready["status"] == "ready"
    metrics = httpx.get(server.url + "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in metrics.text.splitlines() if not line.startswith("#")]
    assert all(
        len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0 for line in lines
    )
    assert any(line.startswith('duyen_log_waiting_entries{lane="live"}') for line in lines)
    assert {line.split()[0] for line in lines} >= {"duyen_engines", "duyen_shards_idle"}


def test_the_tag_may_be_embedded_from_anywhere(server: Server) -> None:
    answer = httpx.get(server.url + "/tag.js")
    assert answer.status_code == 200, "run `make web`"
    assert answer.headers["access-control-allow-origin"] == "*"
    again = httpx.get(server.url + "/tag.js", headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304


def test_the_console_is_one_page_under_a_strict_policy(server: Server) -> None:
    for path in ("/", "/people", "/people/user_id:u1"):
        answer = httpx.get(server.url + path, headers={"accept": "text/html"})
        assert answer.status_code == 200, "run `make web`"
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "script" not in policy.replace("default-src", "")
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-cache"


def test_the_docs_of_errors_name_every_code_that_was_seen(server: Server) -> None:
    page = httpx.get(server.url + "/docs/errors").text
    for code in ("key.unknown", "session.missing", "request.too_large", "list.cursor"):
        assert f'id="{code}"' in page


def test_the_api_is_described_to_people_and_machines(server: Server) -> None:
    assert "/v1/segments/{id}" in httpx.get(server.url + "/v1/docs").text
    assert (
        httpx.get(server.url + "/v1/openapi.json").json()["paths"].keys()
        == DESCRIBED["paths"].keys()
    )


def test_there_is_no_shop_in_a_companys_own_folder(server: Server) -> None:
    problem(httpx.get(server.url + "/shop"), 404, "shop.demo_only")
    problem(
        httpx.post(
            server.url + "/shop/account", json={"name": "a", "email": "a@b.vn", "agree": True}
        ),
        404,
    )
