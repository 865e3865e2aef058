"""From an event to a mail in the catcher, and what its reader does with it."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from duyen.messages.links import Links
from duyen.runtime.secrets import Secrets
from tests.api.server import Server, problem, until

BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Chào {{ person.name }}</mj-text>
<mj-button href="https://shop.example.test/tea?x=1&y=2">Xem trà</mj-button>
</mj-column></mj-section></mj-body></mjml>"""
READER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}


@pytest.fixture(scope="module", autouse=True)
def journey(server: Server, owner: httpx.Client) -> Iterator[None]:
    """A journey that writes to whoever asks, at any hour, held out nobody."""
    quiet = {"quiet_from": "00:00", "quiet_to": "00:00", "hold_out": 0, "caps": []}
    assert owner.put("/v1/settings", json=quiet).status_code == 200
    message = {"name": "A letter", "subject": "Chào {{ person.name }}", "body": BODY}
    assert owner.put("/v1/messages/letter", json=message).status_code == 200
    steps = {
        "entry": {"event": "Wants A Letter"},
        "reentry": "always",
        "steps": [{"send": "letter"}],
    }
    assert owner.put("/v1/journeys/letters", json=steps).status_code == 200
    yield
    owner.delete("/v1/journeys/letters")


def asks(server: Server, user: str, name: str = "Bình") -> str:
    """Somebody agrees to mail and asks for one; returns their address."""
    address = f"{user}@example.test"
    said = {"purpose": "marketing", "channel": "email", "state": "granted"}
    server.tell(
        {"type": "identify", "userId": user, "traits": {"email": address, "name": name}},
        {"type": "track", "userId": user, "event": "Consent Updated", "properties": said},
    )
    server.tell(
        {"type": "track", "userId": user, "event": "Wants A Letter", "properties": {"why": "test"}}
    )
    return address


def caught(owner: httpx.Client, address: str) -> dict[str, Any]:
    """The mail to an address, once it is in the catcher."""

    def look() -> Any:
        found = owner.get("/v1/mail", params={"query": address}).json()["data"]
        return found[0] if found else None

    row: dict[str, Any] = until(look)
    return row


def links(owner: httpx.Client, mail: str) -> dict[str, str]:
    """The tracked paths of a mail by their kind."""
    raw = owner.get(f"/v1/mail/{mail}/html").text + owner.get(f"/v1/mail/{mail}").text
    return {found[1]: found[0] for found in re.finditer(r"/t/([ocu])/[\w.\-]+", raw)}


def contact(owner: httpx.Client, user: str) -> dict[str, Any]:
    """A person's newest contact."""
    row: dict[str, Any] = owner.get(f"/v1/profiles/user_id:{user}/contacts").json()["data"][0]
    return row


def test_a_mail_is_caught_and_shown_harmless(server: Server, owner: httpx.Client) -> None:
    address = asks(server, "reader-1", "<script>alert(1)</script>")
    row = caught(owner, address)
    assert row["to"] == address
    assert row["message"] == {"id": "letter", "name": "A letter"}
    assert row["person"]["key"] == "user_id:reader-1"
    whole = owner.get(f"/v1/mail/{row['id']}").json()
    assert whole["has_html"] is True
    assert [link["target"] for link in whole["links"] if link["target"]] == [
        "https://shop.example.test/tea?x=1&y=2"
    ]
    page = owner.get(f"/v1/mail/{row['id']}/html")
    assert page.headers["content-security-policy"] == (
        "sandbox; default-src 'none'; img-src * data:; style-src 'unsafe-inline'"
    )
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert" in page.text
    assert "/t/o/" not in page.text
    assert '<base target="_blank">' in page.text
    raw = owner.get(f"/v1/mail/{row['id']}/raw")
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in raw.text
    assert "attachment" in raw.headers["content-disposition"]


def test_why_it_was_said(server: Server, owner: httpx.Client) -> None:
    row = caught(owner, asks(server, "reader-2"))
    found = until(lambda: (c := contact(owner, "reader-2"))["state"] == "sent" and c)
    assert found["mail"] == row["id"]
    assert found["why"]["journey"]["id"] == "letters"
    assert found["why"]["entry"] == {"event": "Wants A Letter"}
    assert found["why"]["trigger"] == {"why": "test"}
    assert found["why"]["step"] == [0]
    assert found["why"]["arm"] == "treated"


def test_an_open_and_a_click_are_facts_about_the_reader(
    server: Server, owner: httpx.Client
) -> None:
    row = caught(owner, asks(server, "reader-3"))
    raw = owner.get(f"/v1/mail/{row['id']}/raw").content
    page = email.message_from_bytes(raw, policy=email.policy.default).get_body(("html",))
    assert page is not None
    pixel = re.search(r"/t/o/[\w\-]+\.gif", page.get_content())
    assert pixel is not None
    opened = httpx.get(server.url + pixel[0], headers=READER)
    assert opened.headers["content-type"] == "image/gif"
    assert opened.headers["cache-control"] == "no-store"
    click = links(owner, row["id"])["c"]
    led = httpx.get(server.url + click, headers=READER)
    assert led.status_code == 302
    assert led.headers["location"] == "https://shop.example.test/tea?x=1&y=2"
    assert led.headers["cache-control"] == "no-store"
    found = until(lambda: (c := contact(owner, "reader-3"))["clicked_at"] and c["opened_at"] and c)
    assert found["state"] == "sent"
    report = owner.get("/v1/reports/messages").json()["data"]
    assert next(line for line in report if line["id"] == "letter")["clicked"] >= 1


def test_machines_that_read_along_are_led_on_and_not_counted(
    server: Server, owner: httpx.Client
) -> None:
    row = caught(owner, asks(server, "reader-4"))
    click = server.url + links(owner, row["id"])["c"]
    ahead = {**READER, "sec-purpose": "prefetch;prerender"}
    assert httpx.head(click, headers=READER).status_code == 302
    assert httpx.get(click, headers=ahead).status_code == 302
    assert httpx.get(click, headers={"user-agent": "curl/8.5.0"}).status_code == 302
    asked = "/v1/profiles/user_id:reader-4/events?name=Email Link Clicked"
    until(lambda: len(owner.get(asked).json()["data"]) == 3)
    events = owner.get(asked).json()["data"]
    assert sorted(e["quality"] for e in events) == ["bot", "prefetch", "scanner"]
    assert contact(owner, "reader-4")["clicked_at"] is None
    report = owner.get("/v1/reports/messages").json()["data"]
    assert next(line for line in report if line["id"] == "letter")["bot_clicked"] == 1


def test_a_scanner_that_opens_the_page_to_leave_takes_nobody_out(
    server: Server, owner: httpx.Client
) -> None:
    row = caught(owner, asks(server, "reader-5"))
    leave = server.url + links(owner, row["id"])["u"]
    for headers in (READER, {"user-agent": "curl/8.5.0"}, {"purpose": "prefetch"}):
        assert httpx.get(leave, headers=headers).status_code == 200
    server.tell({"type": "track", "event": "Looked Again", "userId": "reader-5"})
    said = owner.get("/v1/profiles/user_id:reader-5/consent").json()["data"]
    assert [statement["state"] for statement in said] == ["granted"]


@pytest.mark.parametrize(
    ("written", "led"),
    [
        ("https://shop.vn/sản-phẩm?q=trà sen#đầu", "https://shop.vn/s%E1%BA%A3n-ph%E1%BA%A9m"),
        ("https://sảnphẩm.vn:8443/a", "https://xn--snphm-v11bvb.vn:8443/a"),
        ("https://shop.vn/%C3%A9?a=b%20c&d=[1]", "https://shop.vn/%C3%A9?a=b%20c&d=[1]"),
        ("https://shop.vn/a\r\nset-cookie: x=1", "https://shop.vn/aset-cookie:%20x=1"),
    ],
)
def test_a_link_leads_on_whatever_it_is_written_in(server: Server, written: str, led: str) -> None:
    answer = httpx.get(server.url + sealed(server, written))
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(led)
    assert answer.headers["location"].isascii()
    assert "set-cookie" not in answer.headers


def test_a_link_to_no_host_leads_nowhere(server: Server) -> None:
    for written in ("https://" + "ả" * 70 + ".vn/", "https://[x", "https:///a"):
        assert httpx.get(server.url + sealed(server, written)).status_code == 400


def sealed(server: Server, url: str) -> str:
    """The path of a tracked link to an address."""
    links = Links(Secrets.open(server.folder).links, server.url)
    mail = links.of(key="k", person="p", address="a@x.test", message="m", purpose="", brand="")
    return mail.track(url).removeprefix(server.url)


def test_one_click_takes_a_reader_out_at_once(server: Server, owner: httpx.Client) -> None:
    row = caught(owner, asks(server, "leaver-1"))
    leave = links(owner, row["id"])["u"]
    page = httpx.get(server.url + leave)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert "<script" not in page.text
    assert "leaver-1@" not in page.text
    consent = "/v1/profiles/user_id:leaver-1/consent"
    assert [c["state"] for c in owner.get(consent).json()["data"]] == ["granted"]
    for _ in range(2):  # twice is once
        done = httpx.post(server.url + leave, data={"List-Unsubscribe": "One-Click"})
        assert done.status_code == 200
        said = owner.get(consent).json()["data"]
        assert {(c["purpose"], c["channel"], c["state"]) for c in said} == {
            ("marketing", "email", "denied")
        }
    names = [e["name"] for e in owner.get("/v1/profiles/user_id:leaver-1/events").json()["data"]]
    assert names.count("Unsubscribed") == 1
    server.tell({"type": "track", "userId": "leaver-1", "event": "Wants A Letter"})
    assert contact(owner, "leaver-1")["reason"] == "consent.denied"


def test_who_agrees_again_can_leave_again_by_the_same_link(
    server: Server, owner: httpx.Client
) -> None:
    row = caught(owner, asks(server, "leaver-2"))
    leave = links(owner, row["id"])["u"]
    consent = "/v1/profiles/user_id:leaver-2/consent"
    said = {"purpose": "marketing", "channel": "email", "state": "granted"}
    for _ in range(2):
        httpx.post(server.url + leave)
        assert owner.get(consent).json()["data"][0]["state"] == "denied"
        server.tell(
            {"type": "track", "userId": "leaver-2", "event": "Consent Updated", "properties": said}
        )
        assert owner.get(consent).json()["data"][0]["state"] == "granted"


def test_leaving_is_honoured_for_what_already_waits(server: Server, owner: httpx.Client) -> None:
    row = caught(owner, asks(server, "leaver-3"))
    leave = links(owner, row["id"])["u"]
    before = owner.get("/v1/mail", params={"query": "leaver-3"}).json()["data"]
    owner.post("/v1/pause")
    try:
        server.tell({"type": "track", "userId": "leaver-3", "event": "Wants A Letter"})
        assert contact(owner, "leaver-3")["state"] == "queued"
        assert httpx.post(server.url + leave).status_code == 200
        waiting = contact(owner, "leaver-3")
        assert (waiting["state"], waiting["reason"]) == ("cancelled", "consent.denied")
    finally:
        owner.post("/v1/resume")
    caught(owner, asks(server, "after-the-pause"))
    assert owner.get("/v1/mail", params={"query": "leaver-3"}).json()["data"] == before


def test_altered_links_lead_nowhere(server: Server, owner: httpx.Client) -> None:
    row = caught(owner, asks(server, "reader-4"))
    found = links(owner, row["id"])
    click, leave = found["c"], found["u"]
    swapped = click.replace("/t/c/", "/t/u/")
    for path in (
        click[:-4] + "AAAA",
        click[:-10],
        "/t/c/x",
        "/t/c/" + "A" * 3_000,
        leave[:-3],
        swapped,
    ):
        for method in ("GET", "POST") if "/t/u/" in path else ("GET",):
            answer = httpx.request(method, server.url + path)
            assert answer.status_code == 400, path
            assert "location" not in answer.headers
            assert "Mở" in answer.text or "mở lại" in answer.text
            assert "<script" not in answer.text


def test_a_page_of_a_link_tells_nobody_where_it_was(anybody: httpx.Client) -> None:
    headers = anybody.get("/t/u/cut-off").headers
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert anybody.get("/healthz").headers["referrer-policy"] == "strict-origin-when-cross-origin"


def test_a_preview_is_for_one_person_and_counts_nothing(
    server: Server, owner: httpx.Client
) -> None:
    asks(server, "reader-5", "Ánh Tuyết")
    shown = owner.get("/v1/messages/letter/preview?profile=user_id:reader-5").json()
    assert shown["subject"] == "Chào Ánh Tuyết"
    assert shown["person"]["key"] == "user_id:reader-5"
    page = owner.get("/v1/messages/letter/preview/html?profile=user_id:reader-5")
    assert "Chào Ánh Tuyết" in page.text
    assert page.headers["content-security-policy"].startswith("sandbox;")
    assert "/t/o/" not in page.text
    problem(owner.get("/v1/messages/none/preview"), 404, "message.unknown")
    # Whoever tries a link of a preview speaks for nobody: least of all for the reader.
    for place in re.findall(r"/t/[cu]/[A-Za-z0-9_-]+", page.text + shown["text"]):
        assert owner.get(place).status_code == 400
    server.tell({"type": "page", "anonymousId": "newest-without-address"})
    assert owner.get("/v1/messages/letter/preview").json()["person"]["key"] != (
        "anonymous_id:newest-without-address"
    )
    problem(owner.get("/v1/mail/999999999"), 404, "mail.unknown")


def test_the_overview_saw_it_all(server: Server, owner: httpx.Client) -> None:
    caught(owner, asks(server, "reader-6"))
    found = owner.get("/v1/reports/overview").json()
    assert found["mails"]["sent_today"] >= 1
    assert found["people"]["treated"] >= 1
    assert found["people"]["held_out"] == 0
    assert len(found["per_minute"]["events"]) == len(found["per_minute"]["sends"]) == 61
    assert len(found["latest"]) <= 30
    kinds = {line["kind"] for line in found["latest"]}
    assert {"event", "contact"} <= kinds
    assert [line["time"] for line in found["latest"]] == sorted(
        (line["time"] for line in found["latest"]), reverse=True
    )
    journeys = owner.get("/v1/reports/journeys").json()["data"]
    assert next(j for j in journeys if j["id"] == "letters")["sent"] >= 1
