"""Deliveries of any system, read by rules in JMESPath."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duyen.connectors.delivery import Delivery, Told
from duyen.connectors.kinds import KINDS
from duyen.connectors.mapped import MOST_ELEMENTS, check_rules
from duyen.connectors.signature import proved
from duyen.connectors.topics import check_broker, framed
from duyen.model.errors import InvalidRule
from duyen.model.event import Collected
from duyen.model.source import Auth, Broker, CallRule, Source
from duyen.model.times import parse_time
from duyen.runtime.receive import judged

NOW = parse_time("2026-11-22T00:00:00Z")
SALE = {
    "type": "sale",
    "id": "b-17",
    "at": 1_795_219_200,
    "buyer": {"card": "C-9", "mail": "An@Example.test"},
    "sum": {"amount": 129000, "unit": "VND"},
    "lines": [{"sku": "tea", "n": 2}, {"sku": "cup", "n": 1}],
}
RULES = (
    {
        "when": "type == 'sale'",
        "event": "'Order Completed'",
        "userId": "buyer.card",
        "email": "buyer.mail",
        "messageId": "id",
        "timestamp": "at",
        "properties": {"order_id": "id", "total": "sum.amount", "currency": "sum.unit"},
    },
    {
        "each": "lines",
        "event": "'Product Taken'",
        "userId": "buyer.card",
        "messageId": "id",
        "timestamp": "at",
        "properties": "{product_id: item.sku, quantity: item.n}",
    },
)


def source(*rules: dict[str, Any], **more: Any) -> Source:
    found = Source(
        "pos", "webhook", calls=tuple(msgspec.convert(r, CallRule) for r in rules), **more
    )
    check_rules(found.calls)
    return found


def read(of: Source, body: Any) -> Told:
    return KINDS["webhook"].read(Delivery(of, {}, body, NOW, b"k" * 32, "VND"))


def test_a_delivery_becomes_the_calls_that_its_rules_say() -> None:
    of = source(*RULES, prefix="card-")
    told = read(of, SALE)
    assert told.faults == []
    order, tea, cup = told.calls
    assert order == {
        "type": "track",
        "event": "Order Completed",
        "userId": "card-C-9",
        "timestamp": "2026-11-21T00:00:00.000Z",
        "context": {"traits": {"email": "An@Example.test"}},
        "properties": {"order_id": "b-17", "total": 129000, "currency": "VND"},
        "messageId": "pos:b-17",
    }
    assert tea["properties"] == {"product_id": "tea", "quantity": 2}
    assert len({order["messageId"], tea["messageId"], cup["messageId"]}) == 3
    assert all(isinstance(one, Collected) for one in judged(of, told, NOW))
    assert read(of, SALE).calls == told.calls


def test_ids_are_made_of_what_is_said_and_when() -> None:
    rule = {"event": "'Door'", "anonymousId": "door"}
    dated = source({**rule, "timestamp": "at"})
    first = read(dated, {"door": "d1", "at": "2026-11-21T00:00:00Z"}).calls
    assert read(dated, {"door": "d1", "at": "2026-11-21T00:00:00Z"}).calls == first
    assert read(dated, {"door": "d1", "at": "2026-11-21T00:00:01Z"}).calls != first
    # What has neither a time nor a name cannot be told from its repetition, and counts.
    bare = source(rule)
    assert read(bare, {"door": "d1"}).calls != read(bare, {"door": "d1"}).calls


def test_who_has_only_an_address_is_known_by_it() -> None:
    (call,) = read(source({"type": "identify", "email": "m"}), {"m": "a@example.test"}).calls
    assert call["anonymousId"].startswith("pos-")
    (again,) = read(source({"type": "identify", "email": "m"}), {"m": "A@example.test"}).calls
    assert again["anonymousId"] == call["anonymousId"]


def test_who_has_an_id_is_known_by_all_that_is_told() -> None:
    rule = {"type": "identify", "userId": "u", "email": "m", "phone": "p"}
    (call,) = read(source(rule), {"u": 7, "m": "a@example.test", "p": "0901234567"}).calls
    assert call["userId"] == "7"
    assert call["context"]["traits"] == {"email": "a@example.test", "phone": "0901234567"}


def test_what_fits_no_rule_is_ignored() -> None:
    assert read(source(*RULES[:1]), {"type": "other"}).ignored
    assert read(source(*RULES), [1, 2]).faults == []


def test_a_rule_that_fails_takes_no_other_along() -> None:
    bad = {"event": "'Bad'", "userId": "buyer.card", "properties": {"sum": "sum(lines[].sku)"}}
    told = read(source(bad, RULES[0]), SALE)
    assert len(told.calls) == 1
    assert len(told.faults) == 1
    assert told.faults[0].startswith("calls[0].properties.sum:")


def test_a_list_without_end_is_refused() -> None:
    told = read(source(RULES[1]), {**SALE, "lines": [{"sku": "x"}] * (MOST_ELEMENTS + 1)})
    assert told.calls == []
    assert "at most" in told.faults[0]
    assert read(source(RULES[1]), {**SALE, "lines": "x"}).faults == [
        "calls[0].each: it gives no list."
    ]


def test_a_call_of_nobody_is_rejected_with_the_reason() -> None:
    of = source({"event": "'Came'"})
    (kept,) = judged(of, read(of, {}), NOW)
    assert not isinstance(kept, Collected)
    assert kept.reasons == ("Name the person by userId or anonymousId.",)


@pytest.mark.parametrize(
    ("rules", "at"),
    [
        ([], "calls"),
        ([{"event": "'x"}], "calls[0].event"),
        ([{"event": "a..b"}], "calls[0].event"),
        ([{"event": "'x'", "properties": {"a": ""}}], "calls[0].properties.a"),
        ([{"event": "'x'", "userId": "a" * 1001}], "calls[0].userId"),
        ([{"event": "no_such(@)"}], ""),
        ([{"event": "'x'", "traits": {str(n): "a" for n in range(101)}}], "traits"),
        ([{"event": "'x'"}] * 21, "calls"),
    ],
)
def test_rules_that_cannot_be_read_are_refused(rules: list[dict[str, Any]], at: str) -> None:
    made = tuple(msgspec.convert(rule, CallRule) for rule in rules)
    if not at:  # functions are looked up when they are called
        check_rules(made)
        return
    with pytest.raises(InvalidRule) as caught:
        check_rules(made)
    assert caught.value.at == at


BODY, SECRET = b'{"a":1}', "a secret of the sender"
HEX = "00" * 32


@pytest.mark.parametrize(
    ("auth", "told", "good"),
    [
        (Auth(), SECRET, True),
        (Auth(), f"Bearer {SECRET}", True),
        (Auth(), "Bearer ", False),
        (Auth(), SECRET + "x", False),
        (Auth(header="X-Token", prefix="tok "), f"tok {SECRET}", True),
        (Auth(header="X-Token", prefix="tok "), SECRET, False),
        (Auth(scheme="hmac"), HEX, False),
        (Auth(scheme="hmac"), SECRET, False),
        (Auth(scheme="hmac"), "", False),
    ],
)
def test_who_may_send(auth: Auth, told: str, good: bool) -> None:
    assert proved(auth, SECRET, {auth.header.lower(): told}, BODY) is good
    assert proved(auth, SECRET, {}, BODY) is False


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_signatures_as_openssl_makes_them(algorithm: Any, encoding: Any) -> None:
    import subprocess
    from base64 import b64encode

    made = subprocess.run(
        ["openssl", "dgst", f"-{algorithm}", "-hmac", SECRET, "-binary"],
        input=BODY,
        capture_output=True,
        check=True,
    ).stdout
    told = "v=" + (b64encode(made).decode() if encoding == "base64" else made.hex())
    auth = Auth("hmac", "x-sign", "v=", algorithm, encoding)
    assert proved(auth, SECRET, {"x-sign": told}, BODY)
    assert not proved(auth, SECRET, {"x-sign": told}, BODY + b" ")


@pytest.mark.parametrize(
    ("topic", "good"),
    [
        ("till/+/sale", True),
        ("sensors/#", True),
        ("#", True),
        ("a/b", True),
        ("", False),
        ("a+/b", False),
        ("a/#/b", False),
        ("a#", False),
        ("a\0b", False),
    ],
)
def test_topics_are_filters_of_mqtt(topic: str, good: bool) -> None:
    broker = Broker("broker.test", (topic,))
    if good:
        check_broker(broker)
    else:
        with pytest.raises(InvalidRule):
            check_broker(broker)


def test_rules_see_where_a_message_came_from() -> None:
    rule = {"event": "'Rang'", "userId": "payload.card", "properties": {"till": "levels[1]"}}
    of = source(rule)
    (call,) = read(of, framed("till/7/sale", {"card": "c"})).calls
    assert (call["userId"], call["properties"]) == ("c", {"till": "7"})
