"""What every room reads: names, canonical values, and who it was."""

import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.collect import clean_email, clean_phone, normalise, validate
from duyen.model.event import CallType, Collected, Event
from duyen.model.values import canonical

NOW = 1_795_000_000_000


def event(call: dict[str, Any], call_type: CallType | None = None, **more: Any) -> Event:
    """A call as every room reads it."""
    collected = validate(
        json.dumps(call).encode(), call_type, received=NOW, source="web", trusted=False,
        new_id=lambda: "m1", **more,
    )  # fmt: skip
    assert isinstance(collected, Collected), collected
    return normalise(collected)


@pytest.mark.parametrize(
    ("call", "name", "properties"),
    [
        ({"type": "page", "name": "Home"}, "Page Viewed", {"name": "Home"}),
        ({"type": "page", "name": "Home", "properties": {"name": "Start"}}, "Page Viewed", {"name": "Start"}),
        ({"type": "screen", "name": "Cart"}, "Screen Viewed", {"name": "Cart"}),
        ({"type": "identify", "traits": {"plan": "pro"}}, "Identified", {}),
        ({"type": "alias", "previousId": "b"}, "Aliased", {}),
        ({"type": "track", "event": " Ordered "}, "Ordered", {}),
        (
            {"type": "group", "groupId": 7, "traits": {"name": "ACME", "group_id": "liar"}},
            "Grouped",
            {"group_id": "7", "name": "ACME"},
        ),
    ],
)  # fmt: skip
def test_every_type_of_call_has_a_name(
    call: dict[str, Any], name: str, properties: dict[str, Any]
) -> None:
    told = event({"userId": "u1", **call})
    assert (told.name, told.properties) == (name, properties)


def test_the_traits_of_a_group_are_not_the_persons() -> None:
    told = event(
        {
            "userId": "u1",
            "groupId": "g1",
            "traits": {"email": "office@acme.example", "name": "ACME"},
        },
        "group",
    )
    assert told.traits == {}
    assert told.identifiers == (("user_id", "u1"),)


def test_a_person_is_recognised_by_what_the_call_names() -> None:
    told = event(
        {
            "type": "identify",
            "userId": "u1",
            "anonymousId": "a1",
            "traits": {"email": " Lan@Shop.Example ", "phone": "0901 234 567"},
            "context": {
                "traits": {"email": "old@shop.example", "plan": "free"},
                "device": {
                    "id": "d1", "type": "iOS", "token": "t1", "advertisingId": "x1",
                    "adTrackingEnabled": True, "name": "maguro",
                },
                "externalIds": [
                    {"id": "C-7", "type": "loyalty", "collection": "users", "encoding": "none"},
                    {"id": "+84 90 999 9999", "type": "phone"},
                    {"id": "acme", "type": "company", "collection": "accounts", "encoding": "none"},
                    {"id": "x", "type": "hashed", "collection": "users", "encoding": "sha256"},
                    {"id": "u9", "type": "claimed.user_id"},
                    {"id": "u9", "type": "message"},
                    {"id": "u9", "type": "a:b"},
                    {"id": {"a": 1}, "type": "odd"},
                    {"id": 5, "type": "crm"},
                    "nothing",
                ],
                "groupId": "g1",
            },
        }
    )  # fmt: skip
    assert told.identifiers == (
        ("anonymous_id", "a1"),
        ("crm", "5"),
        ("email", "lan@shop.example"),
        ("ios.id", "d1"),
        ("ios.idfa", "x1"),
        ("ios.push_token", "t1"),
        ("loyalty", "C-7"),
        ("phone", "+84901234567"),
        ("phone", "+84909999999"),
        ("user_id", "u1"),
    )
    assert told.traits == {"email": " Lan@Shop.Example ", "phone": "0901 234 567", "plan": "free"}
    assert told.context == {
        "device": {"type": "iOS", "name": "maguro", "token": "t1"},
        "group_id": "g1",
    }


def test_an_advertising_id_counts_only_where_tracking_is_allowed() -> None:
    device = {"type": "android", "advertisingId": "x1"}
    told = event({"type": "track", "event": "X", "userId": "u", "context": {"device": device}})
    assert told.identifiers == (("user_id", "u"),)


def test_a_previous_id_is_a_name_of_before() -> None:
    told = event({"type": "alias", "previousId": "visitor-7", "userId": "u1"})
    assert told.identifiers == (("anonymous_id", "visitor-7"), ("user_id", "u1"))


def test_context_is_slim() -> None:
    told = event(
        {
            "type": "page",
            "userId": "u1",
            "context": {
                "page": {"url": "https://shop.example/", "title": "Áo dài", "referrer": "", "x": 1},
                "campaign": {"source": "mail"},
                "library": {"name": "tag", "version": "1"},
                "consent": {"gpc": True},
                "locale": "vi-VN",
                "timezone": "Asia/Ho_Chi_Minh",
                "ip": "10.0.0.1",
                "userAgent": "Mozilla",
                "screen": {"width": 320},
                "os": {"name": "iOS"},
            },
        }
    )
    assert told.context == {
        "page": {"url": "https://shop.example/", "title": "Áo dài"},
        "campaign": {"source": "mail"},
        "library": {"name": "tag", "version": "1"},
        "consent": {"gpc": True},
        "locale": "vi-VN",
        "timezone": "Asia/Ho_Chi_Minh",
        "ip": "10.0.0.1",
        "user_agent": "Mozilla",
    }


def test_markup_in_a_trait_is_data() -> None:
    script = "<script>alert('x')</script>"
    told = event({"type": "identify", "userId": script, "traits": {"name": script, script: 1}})
    assert told.traits == {"name": script, script: 1}
    assert told.identifiers == (("user_id", script),)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["Hà Nội", unicodedata.normalize("NFD", "Hà Nội"), "đ", 19.9000001]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.booleans())
def test_values_are_canonical_whichever_way_they_were_written(
    properties: dict[str, Any], escaped: bool
) -> None:
    """The quick way through plain values and the thorough one give the same."""
    call = {"type": "track", "event": "X", "userId": "u", "properties": properties}
    collected = validate(
        json.dumps(call, ensure_ascii=escaped).encode(), received=NOW, source="s", trusted=True,
        new_id=lambda: "m",
    )  # fmt: skip
    assert isinstance(collected, Collected)
    assert normalise(collected).properties == canonical(json.loads(json.dumps(properties)))


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("Lan@Shop.Example", "lan@shop.example"),
        ("  lan+tag@mail.shop.example ", "lan+tag@mail.shop.example"),
        ("lan@shop", ""),
        ("lan", ""),
        ("a@b@c.example", ""),
        ("lan @shop.example", ""),
        ("Lan <lan@shop.example>", ""),
        ("lan@shop.example\nBcc: x@y.example", ""),
        ("x" * 65 + "@shop.example", ""),
        ("a@" + "b" * 250 + ".example", ""),
        (None, ""),
        (7, ""),
        (["lan@shop.example"], ""),
    ],
)
def test_addresses_in_one_form(told: object, kept: str) -> None:
    assert clean_email(told) == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("0901234567", "+84901234567"),
        ("0901 234-567", "+84901234567"),
        ("(028) 3829.5678", "+842838295678"),
        ("84901234567", "+84901234567"),
        (84901234567, "+84901234567"),
        ("+84 (0) 901 234 567", "+84901234567"),
        ("0084901234567", "+84901234567"),
        ("+1 415 555 2671", "+14155552671"),
        ("4155552671", ""),
        ("+0123456789", ""),
        ("0901234", ""),
        ("+84 90123456789012345", ""),
        ("call me", ""),
        ("０９０１２３４５６７", ""),
        (True, ""),
        (None, ""),
    ],
)
def test_phone_numbers_in_one_form(told: object, kept: str) -> None:
    assert clean_phone(told) == kept


def test_a_proof_of_one_name_proves_no_other() -> None:
    """A page with the hash of a user id may speak as that user; an address beside it is not even a claim."""
    call = {
        "type": "identify",
        "userId": "u1",
        "anonymousId": "a1",
        "traits": {"email": "x@y.example"},
    }
    collected = validate(
        json.dumps(call).encode(), received=NOW, source="web", trusted=True, new_id=lambda: "m1"
    )
    assert isinstance(collected, Collected)
    proved = msgspec.structs.replace(collected, verified=("user_id",))
    assert normalise(proved).identifiers == (("anonymous_id", "a1"), ("user_id", "u1"))
    assert normalise(proved).traits == {"email": "x@y.example"}
    assert len(normalise(collected).identifiers) == 3


def test_imported_and_trusted_are_kept() -> None:
    told = event({"type": "track", "event": "X", "userId": "u"}, imported=True)
    assert told.imported
    assert not told.trusted


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("0168 123 4567", "+84381234567"),
        ("+84 162.123.4567", "+84321234567"),
        ("841691234567", "+84391234567"),
        ("0120 123 4567", "+84701234567"),
        ("01211234567", "+84791234567"),
        ("01221234567", "+84771234567"),
        ("01261234567", "+84761234567"),
        ("01281234567", "+84781234567"),
        ("01231234567", "+84831234567"),
        ("01241234567", "+84841234567"),
        ("01251234567", "+84851234567"),
        ("01271234567", "+84811234567"),
        ("01291234567", "+84821234567"),
        ("01861234567", "+84561234567"),
        ("01881234567", "+84581234567"),
        ("+84 (0)199-123-4567", "+84591234567"),
    ],
)
def test_a_number_of_before_2018_is_the_number_of_today(old: str, new: str) -> None:
    """The plan of the Vietnamese ministry of information: eleven digits became ten, prefix by prefix."""
    assert clean_phone(old) == new
    assert clean_phone(new) == new


@pytest.mark.parametrize(
    "told",
    [
        "0912345678",
        "+84912345678",
        "84912345678",
        "0912.345.678",
        "+84 912 345 678",
        "tel:+84912345678",
    ],
)
def test_a_vietnamese_number_in_any_local_form_is_one_number(told: str) -> None:
    assert clean_phone(told) == "+84912345678"
