"""Tokens: what we made is read again, and nothing else is."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.messages.links import LONGEST_URL, Links, Payload
from tests.messages.mails import LINKS, mail_links

BASE = "https://mail.shop.test"


def token_of(url: str) -> str:
    """The token of one of our URLs."""
    return url.rsplit("/", 1)[1].removesuffix(".gif")


def test_a_click_carries_its_destination_inside_the_seal() -> None:
    url = mail_links().track("https://shop.test/p/1?x=ễ")
    assert url.startswith(f"{BASE}/t/c/")
    assert "shop.test/p" not in url
    payload = LINKS.verify(token_of(url))
    assert payload == Payload(
        "c", "0f" * 16, "p1", "an@example.test", "m", "https://shop.test/p/1?x=ễ"
    )
    assert payload.name == "click"


def test_an_unsubscribe_carries_purpose_and_brand() -> None:
    payload = LINKS.verify(token_of(mail_links().unsubscribe))
    assert payload is not None
    assert (payload.name, payload.purpose, payload.brand) == ("unsubscribe", "marketing", "default")
    opened = LINKS.verify(token_of(mail_links().open))
    assert opened is not None
    assert opened.name == "open"


def test_the_same_link_has_the_same_token() -> None:
    assert mail_links().track("https://a.test/") == mail_links().track("https://a.test/")


@pytest.mark.parametrize(
    "url",
    [
        f"{BASE}/t/u/abc",
        "mailto:a@b.test",
        "ftp://a.test",
        "/path",
        "https://a.test/" + "x" * LONGEST_URL,
    ],
)
def test_what_is_not_tracked(url: str) -> None:
    assert mail_links().track(url) == url


def test_another_secret_reads_nothing() -> None:
    other = Links(b"another secret of enough bytes", BASE)
    assert other.verify(token_of(mail_links().open)) is None


def test_a_secret_has_a_length() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Links(b"short", BASE)


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_token_is_refused(place: int, difference: int) -> None:
    token = token_of(mail_links().track("https://shop.test/"))
    raw = bytearray(urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place % len(raw)] ^= difference
    assert LINKS.verify(urlsafe_b64encode(raw).decode().rstrip("=")) is None
    assert LINKS.verify(token[: place % len(token)]) is None


@given(st.text(max_size=200))
def test_nonsense_is_refused(token: str) -> None:
    assert LINKS.verify(token) is None


def test_a_token_of_absurd_length_is_refused_unread() -> None:
    assert LINKS.verify("a" * 1_000_000) is None
