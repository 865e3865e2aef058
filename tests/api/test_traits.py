"""Computed traits over HTTP: declared, live at once on people who were there before, in segments and in mails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.api.server import Server, problem, until

MAIL = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>"
    "Bạn đã mua {{ person.orders_seen }} lần, lần cuối {{ person.days_quiet }} ngày trước."
    "</mj-text></mj-column></mj-section></mj-body></mjml>"
)


def order(user: str, number: int, total: object, days_ago: int) -> dict[str, Any]:
    """A purchase some days ago."""
    at = datetime.now(UTC) - timedelta(days=days_ago, minutes=1)
    return {
        "type": "track",
        "userId": user,
        "event": "Trait Order",
        "messageId": f"{user}-{number}",
        "timestamp": at.isoformat(),
        "properties": {"total": total},
    }


def traits_of(owner: httpx.Client, user: str) -> dict[str, tuple[Any, str]]:
    found = owner.get(f"/v1/profiles/user_id:{user}").json()["traits"]
    return {t["name"]: (t["value"], t["source"]) for t in found}


def test_traits_are_worked_out_shown_asked_for_and_written_about(
    server: Server, owner: httpx.Client
) -> None:
    who = {"name": "Lan", "email": "lan@example.test", "orders_seen": "she says many"}
    server.tell(
        {"type": "identify", "userId": "lan-traits", "traits": who},
        order("lan-traits", 1, 100, days_ago=200),
        order("lan-traits", 2, "50.25", days_ago=20),
        order("lan-traits", 3, "much", days_ago=3),
    )
    for id, body in {
        "orders_seen": {"count": "Trait Order"},
        "orders_90d": {"count": "Trait Order", "within": "90d"},
        "spent": {"sum": "Trait Order", "of": "total"},
        "usual": {"average": "Trait Order", "of": "total"},
        "days_quiet": {"days_since": "Trait Order"},
        "never_done": {"days_since": "Never Done"},
    }.items():
        assert owner.put(f"/v1/traits/{id}", json=body).status_code == 200
    traits = traits_of(owner, "lan-traits")
    expected = {
        "orders_seen": (3, "computed"),
        "orders_90d": (2, "computed"),
        "spent": (150.25, "computed"),
        "usual": (75.125, "computed"),
        "days_quiet": (3, "computed"),
    }
    assert {name: traits.get(name) for name in expected} == expected
    assert "never_done" not in traits
    rule = {"all": [{"trait": "orders_90d", "gte": 2}, {"trait": "usual", "gt": 75}]}
    owner.put("/v1/segments/regulars", json={"rule": rule})
    members = until(lambda: owner.get("/v1/segments/regulars/members").json()["data"])
    assert [row["key"] for row in members] == ["user_id:lan-traits"]
    assert owner.post("/v1/segments/preview", json={"rule": rule}).json()["count"] == 1

    mail = {"subject": "{{ person.orders_seen }}", "body": MAIL}
    assert owner.put("/v1/messages/quiet", json=mail).status_code == 200
    shown = owner.get("/v1/messages/quiet/preview?profile=user_id:lan-traits").json()
    assert "3 lần, lần cuối 3 ngày" in shown["text"]

    in_use = problem(owner.delete("/v1/traits/orders_90d"), 409, "program.in_use")
    assert "regulars" in in_use["message"]
    owner.delete("/v1/segments/regulars")
    assert owner.delete("/v1/traits/orders_seen").status_code == 200
    assert traits_of(owner, "lan-traits")["orders_seen"][0] == "she says many"
    assert owner.delete("/v1/traits/orders_90d").status_code == 200


def test_a_trait_that_makes_no_sense_is_refused(owner: httpx.Client) -> None:
    for body, code in (
        ({"sum": "Order"}, "trait.of"),
        ({"count": "Order", "average": "Order", "of": "x"}, "trait.kind"),
        ({"count": "Order", "within": "soon"}, "rule.bad_duration"),
    ):
        problem(owner.put("/v1/traits/bad", json=body), 422, code)
    problem(owner.put("/v1/traits/bad-name", json={"count": "Order"}), 422, "trait.id")
    assert owner.put("/v1/traits/often", json={"count": "Order"}).status_code == 200
    too_many = {"rule": {"trait": "often", "gte": 5_000}}
    problem(owner.put("/v1/segments/often", json=too_many), 422, "trait.count")
    assert owner.delete("/v1/traits/often").status_code == 200
