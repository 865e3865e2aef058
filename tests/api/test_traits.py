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


def order(user: str, number: int, total: object, days_ago: int, **more: object) -> dict[str, Any]:
    """A purchase some days ago."""
    at = datetime.now(UTC) - timedelta(days=days_ago, minutes=1)
    return {
        "type": "track",
        "userId": user,
        "event": "Trait Order",
        "messageId": f"{user}-{number}",
        "timestamp": at.isoformat(),
        "properties": {"total": total, **more},
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


def test_values_and_formulas_are_traits_too(server: Server, owner: httpx.Client) -> None:
    who = {"name": "Huệ", "email": "hue@example.test", "points": 10}
    server.tell(
        {"type": "identify", "userId": "hue-traits", "traits": who},
        order("hue-traits", 1, "19.90", 40, brand="Sen", shop="Huế"),
        order("hue-traits", 2, "0.30", 20, brand="Sen", shop="Hà Nội"),
        order("hue-traits", 3, 9, 3, brand="Mai"),
    )
    for id, body in {
        "v_first": {"first": "Trait Order", "of": "brand"},
        "v_shop": {"last": "Trait Order", "of": "shop"},
        "v_since": {"first": "Trait Order"},
        "v_usual": {"most_frequent": "Trait Order", "of": "brand"},
        "v_lately": {"most_frequent": "Trait Order", "of": "brand", "within": "7d"},
        "v_brands": {"unique": "Trait Order", "of": "brand"},
        "v_spent": {"sum": "Trait Order", "of": "total"},
        "v_orders": {"count": "Trait Order"},
        "v_each": {"formula": "v_spent / v_orders"},
        "v_score": {"formula": "v_each * v_brands + (points or 0) - missing_one"},
        "v_sure": {"formula": "v_score or points"},
    }.items():
        told = owner.put(f"/v1/traits/{id}", json=body)
        assert told.status_code == 200, told.text
    found = {name: value for name, (value, source) in traits_of(owner, "hue-traits").items()
             if source == "computed"}  # fmt: skip
    since = found.pop("v_since")
    assert {name: found[name] for name in found if name.startswith("v_")} == {
        "v_first": "Sen",
        "v_shop": "Hà Nội",
        "v_usual": "Sen",
        "v_lately": "Mai",
        "v_brands": 2,
        "v_spent": 29.2,
        "v_orders": 3,
        "v_each": 9.733333,
        "v_sure": 10,
    }
    assert datetime.fromisoformat(since) < datetime.now(UTC) - timedelta(days=39)
    rule = {
        "all": [
            {"trait": "v_usual", "is": "Sen"},
            {"trait": "v_lately", "starts_with": "ma"},
            {"trait": "v_brands", "gte": 2},
            {"trait": "v_each", "gt": "9.73"},
            {"trait": "v_since", "before": "2100-01-01"},
            {"trait": "v_score", "exists": False},
        ]
    }
    owner.put("/v1/segments/v_loyal", json={"rule": rule})
    members = until(lambda: owner.get("/v1/segments/v_loyal/members").json()["data"])
    assert [row["key"] for row in members] == ["user_id:hue-traits"]
    assert owner.post("/v1/segments/preview", json={"rule": rule}).json()["count"] == 1

    text = MAIL.replace("person.orders_seen", "person.v_usual").replace("days_quiet", "v_each")
    assert owner.put("/v1/messages/v_mail", json={"subject": "x", "body": text}).status_code == 200
    shown = owner.get("/v1/messages/v_mail/preview?profile=user_id:hue-traits").json()
    assert "Sen lần, lần cuối 9.733333 ngày" in shown["text"]

    uses = {
        id: {(use["kind"], use["id"]) for use in owner.get(f"/v1/traits/{id}").json()["used_by"]}
        for id in ("v_usual", "v_spent", "v_since")
    }
    assert uses == {
        "v_usual": {("segment", "v_loyal"), ("message", "v_mail")},
        "v_spent": {("trait", "v_each")},
        "v_since": {("segment", "v_loyal")},
    }
    listed = owner.get("/v1/traits?limit=200").json()["data"]
    assert {use["id"] for row in listed if row["id"] == "v_each" for use in row["used_by"]} == {
        "v_loyal", "v_mail", "v_score"
    }  # fmt: skip
    in_use = problem(owner.delete("/v1/traits/v_spent"), 409, "program.in_use")
    assert "v_each" in in_use["message"]
    circle = problem(
        owner.put("/v1/traits/v_spent", json={"formula": "v_each * 2"}), 422, "trait.cycle"
    )
    assert "→" in circle["message"]
    wrong = problem(
        owner.put("/v1/traits/v_wrong", json={"formula": "v_spent /"}), 422, "trait.formula"
    )
    assert (wrong["at"], "character 10" in wrong["message"]) == ("formula", True)
    for path in ("segments/v_loyal", "messages/v_mail", "traits/v_sure", "traits/v_score"):
        assert owner.delete(f"/v1/{path}").status_code == 200, path


def test_a_trait_can_be_tried_before_it_is_put(server: Server, owner: httpx.Client) -> None:
    server.tell(
        order("try-traits", 1, 5, 1, store={"city": "Huế", "lines": [1]}),
        {"type": "identify", "userId": "try-traits", "traits": {"tried": 4}},
    )
    assert owner.put("/v1/traits/tried_sum", json={"sum": "Trait Order", "of": "total"}).is_success

    def tried(id: str, **definition: str) -> httpx.Response:
        return owner.post("/v1/traits/preview", json={"id": id, "definition": definition})

    def of_them(answer: httpx.Response) -> object:
        found = answer.json()
        assert found["found"] <= found["looked_at"]
        return next(r["value"] for r in found["data"] if r["key"] == "user_id:try-traits")

    assert of_them(tried("x", last="Trait Order", of="store.city")) == "Huế"
    assert of_them(tried("x", formula="tried_sum * tried")) == 20
    assert of_them(tried("tried_sum", unique="Trait Order", of="total")) == 1
    assert owner.get("/v1/traits/tried_sum").json()["definition"]["sum"] == "Trait Order"
    problem(tried("x", formula="tried_sum +"), 422, "trait.formula")
    problem(tried("", count="Trait Order"), 422, "trait.id")
    words = owner.get("/v1/vocabulary").json()
    (seen,) = (e for e in words["events"] if e["name"] == "Trait Order")
    assert {"total", "store.city"} <= set(seen["properties"])
    assert not {"store", "store.lines"} & set(seen["properties"])
    assert {"tried", "tried_sum", "name"} <= set(words["traits"])
    assert {"tried", "tried_sum"} <= set(words["numbers"])
    assert "name" not in words["numbers"]
    assert owner.delete("/v1/traits/tried_sum").is_success


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
