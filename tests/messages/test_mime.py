"""Mails by hand, read again by the standard library."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duyen.messages.compose import compose
from duyen.messages.mime import Mailbox, format_date_header, mime
from duyen.messages.template import Rendered
from duyen.messages.view import item_view
from duyen.model.errors import InvalidRule
from duyen.model.times import parse_time
from tests.messages.mails import ENQUEUE, LINKS, NOW, SCARF, SETTINGS, message, person

SENDER = Mailbox("chao@shop.test", "Lụa Hà Đông")
TO = Mailbox("an@example.test")
LETTERS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300
)
LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=2_000)


def write(subject: str = "Hi", text: str = "Hi", html: str = "<p>Hi</p>", **headers: str) -> bytes:
    """A mail as bytes."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    rendered = Rendered(subject, html, text)
    return mime(rendered, SENDER, TO, message_id="<k1@shop.test>", date=NOW, headers=named)


def read(raw: bytes) -> EmailMessage:
    """What the standard library makes of it."""
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        assert part.defects == []
    return parsed


def content(parsed: EmailMessage, kind: str) -> str:
    """One part, decoded."""
    part = parsed.get_body((kind,))
    assert part is not None
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    return raw.decode()


def lines(text: str) -> str:
    """With the line ends of mail."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


@pytest.mark.parametrize(
    "subject",
    [
        "Hi",
        "",
        "Chào Nguyễn Thị Ánh Tuyết, giỏ hàng của bạn đang chờ ở Lụa Hà Đông, đừng quên nhé",
        "🎉" * 60,
        "=?utf-8?q?not_a_word?=",
        "a" * 200,
        "x y" * 60,
        "a\u0301\u0323" * 30,
    ],
)
def test_a_subject_comes_back_as_it_went(subject: str) -> None:
    raw = write(subject)
    assert str(read(raw)["Subject"]) == subject
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert max(len(line) for line in head.split(b"\r\n")) <= 78


@given(LETTERS, LINES, LINES)
def test_everything_comes_back_as_it_went(subject: str, text: str, html: str) -> None:
    raw = write(subject, text, html)
    parsed = read(raw)
    assert str(parsed["Subject"]) == subject
    assert content(parsed, "plain") == lines(text)
    assert content(parsed, "html") == lines(html)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998


def test_headers_as_they_are_read() -> None:
    parsed = read(write("Hi", List_Unsubscribe="<https://mail.shop.test/t/u/x>"))
    assert str(parsed["From"]) == "Lụa Hà Đông <chao@shop.test>"
    assert parsed["From"].addresses[0].addr_spec == "chao@shop.test"
    assert str(parsed["To"]) == "an@example.test"
    assert parsed["Message-ID"] == "<k1@shop.test>"
    assert parsed["List-Unsubscribe"] == "<https://mail.shop.test/t/u/x>"
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]


@given(st.integers(0, parse_time("2199-01-01")))
def test_dates(instant: int) -> None:
    parsed = parsedate_to_datetime(format_date_header(instant))
    assert int(parsed.timestamp()) == instant // 1000


@given(LETTERS.filter(lambda t: not set(t) & set("<>")))
def test_names_of_mailboxes(name: str) -> None:
    raw = mime(
        Rendered("s", "h", "t"),
        Mailbox("a@shop.test", name.strip()),
        TO,
        message_id="<k@shop.test>",
        date=NOW,
    )
    [address] = read(raw)["From"].addresses
    assert address.addr_spec == "a@shop.test"
    assert "".join(address.display_name.split()) == "".join(name.split())


@pytest.mark.parametrize("evil", ["\r\nBcc: x@y.test", "\nX: 1", "\r", "\0", "a\x0bb"])
def test_no_header_can_be_put_in(evil: str) -> None:
    for headers in ({"X-One": f"a{evil}"}, {f"X-One{evil}": "a"}):
        with pytest.raises(ValueError, match=r"header|control"):
            mime(Rendered("s", "h", "t"), SENDER, TO, message_id="<k@x>", date=NOW, headers=headers)
    with pytest.raises(ValueError, match="control"):
        write(f"Hi{evil}")
    with pytest.raises(ValueError, match="address"):
        Mailbox(f"a@b.test{evil}")
    with pytest.raises(ValueError, match="control"):
        Mailbox("a@b.test", f"An{evil}")
    with pytest.raises(ValueError, match="control"):
        mime(Rendered("s", "h", "t"), SENDER, TO, message_id=f"<k@x>{evil}", date=NOW)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("a@b.test", "", "a@b.test"),
        ("An <a@b.test>", "An", "a@b.test"),
        ('"Cửa hàng, An" <a@b.test>', "Cửa hàng, An", "a@b.test"),
        ("  Duyên <hello@localhost> ", "Duyên", "hello@localhost"),
    ],
)
def test_senders_are_read(text: str, name: str, address: str) -> None:
    mailbox = Mailbox.parse(text)
    assert (mailbox.name, mailbox.address) == (name, address)


@pytest.mark.parametrize("text", ["", "An", "An <a b@c.test>", "<>", "a@b.test, c@d.test", "a@b@c"])
def test_what_is_no_sender(text: str) -> None:
    with pytest.raises(ValueError, match="“"):
        Mailbox.parse(text)


class TestCompose:
    """From an admitted contact to bytes."""

    def test_a_whole_mail(self) -> None:
        made = message(
            "Chào {{ person.name }}: {{ recommendations[0].name }}", subject="Cho {{ person.name }}"
        )
        mail = compose(
            made,
            ENQUEUE,
            person(name="<Tuyết>"),
            [item_view(SCARF)],
            LINKS,
            SETTINGS,
            zone=UTC,
            now=NOW,
        )
        parsed = read(mail.content)
        assert (mail.sender, mail.to) == ("chao@shop.test", "an@example.test")
        assert str(parsed["Subject"]) == "Cho <Tuyết>"
        assert "Chào &lt;Tuyết&gt;: Khăn lụa" in content(parsed, "html")
        assert "Chào <Tuyết>: Khăn lụa" in content(parsed, "plain")
        assert parsed["Message-ID"] == f"<{ENQUEUE.key}@shop.test>"
        assert parsed["Feedback-ID"] == "m:journey-welcome:marketing:shop.test"

    def test_one_click_unsubscribe(self) -> None:
        mail = compose(message(), ENQUEUE, person(), [], LINKS, SETTINGS, zone=UTC, now=NOW)
        parsed = read(mail.content)
        assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        url = str(parsed["List-Unsubscribe"])
        assert url.startswith("<https://mail.shop.test/t/u/")
        payload = LINKS.verify(url.strip("<>").rsplit("/", 1)[1])
        assert payload is not None
        assert (payload.kind, payload.address, payload.key) == ("u", ENQUEUE.address, ENQUEUE.key)

    def test_a_service_mail_is_no_list(self) -> None:
        made = message(purpose="service")
        mail = compose(made, ENQUEUE, person(), [], LINKS, SETTINGS, zone=UTC, now=NOW)
        assert read(mail.content)["List-Unsubscribe"] is None

    def test_the_same_contact_gives_the_same_bytes(self) -> None:
        one, two = (
            compose(message(), ENQUEUE, person(), [], LINKS, SETTINGS, zone=UTC, now=NOW)
            for _ in range(2)
        )
        assert one == two

    def test_a_sender_that_cannot_be_is_said(self) -> None:
        made = message(sender="nobody")
        with pytest.raises(InvalidRule, match="cannot be addressed"):
            compose(made, ENQUEUE, person(), [], LINKS, SETTINGS, zone=UTC, now=NOW)
        made = message(sender="a@b.test", reply_to="x\r\nBcc: y@z.test")
        with pytest.raises(InvalidRule, match="cannot be addressed"):
            compose(made, ENQUEUE, person(), [], LINKS, SETTINGS, zone=UTC, now=NOW)
