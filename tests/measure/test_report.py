"""Reports: numbers with units, intervals and samples; nothing where there is not enough data."""

import msgspec
import pytest

from duyen.measure import (
    Arm,
    decisions_report,
    effect_counter,
    lift,
    lift_report,
    messages_report,
    put_large,
)
from duyen.model.catalogue import Offer, Placement
from duyen.model.message import Message
from duyen.model.person import GLOBAL, HELD_OUT, TREATED
from duyen.model.program import Program, WorkspaceSettings
from duyen.model.values import MICRO

NOW = 1_700_000_000_000
PROGRAM = Program(
    messages={
        id: Message(id, f"Thư {id}", "Chào", "<mjml></mjml>") for id in ("quiet", "hello", "bye")
    },
    offers={"sale": Offer("sale", "Giảm giá", ("home",), {})},
    placements={"home": Placement("home"), "shelf": Placement("shelf", fill="items")},
    settings=WorkspaceSettings(currency="VND", hold_out=0.1),
)


def arm(n: int, buyers: int, each: int, crossed: int = 0) -> Arm:
    micros = [(each + b % 7) * MICRO for b in range(buyers)]
    return Arm(n, buyers, buyers, buyers, sum(micros), sum(m * m for m in micros), crossed)


def counters(treated: Arm, held: Arm) -> dict[str, dict[str, int]]:
    return {
        effect_counter(GLOBAL, TREATED): treated.as_fields(),
        effect_counter(GLOBAL, HELD_OUT): held.as_fields(),
    }


def test_lift_in_units_of_the_currency_with_its_interval_and_sample() -> None:
    treated, held = arm(9_000, 1_000, 250_000, crossed=2), arm(1_000, 90, 240_000, crossed=1)
    report = lift_report(counters(treated, held), PROGRAM, NOW, since=NOW - 5)
    found = lift(treated, held)
    assert found.revenue.difference is not None
    assert report["currency"] == "VND"
    assert (report["level"], report["hold_out"], report["crossed"]) == (0.95, 0.1, 3)
    assert report["treated"]["people"] == 9_000
    assert report["treated"]["revenue"] == f"{treated.revenue // MICRO}.00"
    assert report["revenue"]["difference"] == {
        "value": pytest.approx(found.revenue.difference.value / MICRO),
        "low": pytest.approx(found.revenue.difference.low / MICRO),
        "high": pytest.approx(found.revenue.difference.high / MICRO),
        "n": 10_000,
        "method": "mover_log",
    }
    assert report["conversion"]["difference"]["method"] == "newcombe"
    assert report["conversion"]["relative"]["method"] == "log_ratio"
    mean = report["held_out"]["revenue_per_person"]
    assert mean["low"] < mean["value"] < mean["high"]
    assert report["needs"] == {"conversion": "", "revenue": ""}
    assert {
        part["method"]
        for effect in (report["conversion"], report["revenue"])
        for part in effect.values()
    } <= set(report["methods"])
    msgspec.json.encode(report)


def test_an_empty_experiment() -> None:
    report = lift_report({}, PROGRAM, NOW)
    assert (report["conversion"], report["revenue"], report["since"]) == (None, None, None)
    assert report["needs"] == {"conversion": "people", "revenue": "people"}
    assert report["treated"]["conversion"] == {
        "value": 0.0,
        "low": None,
        "high": None,
        "n": 0,
        "method": "none",
    }
    msgspec.json.encode(report)


def test_few_buyers_give_totals_and_no_interval_of_revenue() -> None:
    report = lift_report(counters(arm(900, 60, 100), arm(100, 5, 100)), PROGRAM, NOW)
    assert report["revenue"] is None
    assert report["needs"]["revenue"] == "buyers"
    assert report["fewest_buyers"] == 20
    assert report["conversion"]["difference"]["low"] is not None
    assert report["held_out"]["revenue_per_person"]["low"] is None
    assert report["held_out"]["revenue_per_person"]["value"] > 0


def test_orders_in_another_currency_are_stated() -> None:
    both = counters(arm(9, 1, 5), arm(9, 1, 5))
    both[effect_counter(GLOBAL, HELD_OUT)]["other_currency"] = 4
    assert lift_report(both, PROGRAM, NOW)["other_currency"] == 4


def test_messages_most_sent_first() -> None:
    hello = {"sent": 200, "failed": 3, "opened": 90, "clicked": 25, "orders": 4, "unsubscribed": 1}
    put_large(hello, "revenue", 1_250_000 * MICRO)
    report = messages_report(
        {"message:hello": hello, "message:bye": {"sent": 10}},
        PROGRAM,
        NOW,
        waiting={"bye": 7},
        refusals={"cap.reached": 2, "consent.missing": 9},
    )
    assert [row["id"] for row in report["data"]] == ["hello", "bye", "quiet"]
    first = report["data"][0]
    assert first["name"] == "Thư hello"
    assert (first["revenue"], first["orders"]) == ("1250000.00", 4)
    assert first["open_rate"]["value"] == pytest.approx(0.45)
    assert first["open_rate"]["n"] == 200
    assert first["open_rate"]["low"] < 0.45 < first["open_rate"]["high"]
    assert report["data"][1]["waiting"] == 7
    assert report["data"][2]["open_rate"]["low"] is None
    assert report["refusals"][0] == {"reason": "consent.missing", "count": 9}
    msgspec.json.encode(report)


def test_decisions_by_placement_and_arm() -> None:
    report = decisions_report(
        {
            "arm:home:sale": {"decisions": 80, "views": 50, "successes": 5, "orders": 1},
            "arm:home:@fallback": {"decisions": 20, "held_out": 12, "views": 9},
            "arm:shelf:@recommender:popular": {"decisions": 10, "views": 8, "successes": 9},
        },
        PROGRAM,
        NOW,
    )
    home, shelf = report["data"]
    assert (home["decisions"], home["held_out"], home["fallback"]) == (100, 12, 8)
    assert home["policy"] == "thompson"
    assert home["arms"] == [
        {
            "arm": "sale",
            "name": "Giảm giá",
            "chosen": 80,
            "share": 1.0,
            "views": 50,
            "clicks": 5,
            "orders": 1,
            "rate": home["arms"][0]["rate"],
        }
    ]
    assert home["arms"][0]["rate"]["value"] == pytest.approx(0.1)
    assert shelf["arms"][0]["name"] == "recommender:popular"
    assert shelf["arms"][0]["rate"]["value"] == 1.0, "a click beyond the views is no more than all"
    msgspec.json.encode(report)
