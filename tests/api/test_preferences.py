"""The preference centre and double opt-in, from the mail to what is sent afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from duyen.messages.links import Links, Payload
from duyen.runtime.secrets import Secrets
from tests.api.server import Server, until
from tests.api.test_mail import caught

LINK = '<mj-text><a href="{{ preferences_url }}">Tùy chọn</a></mj-text>'
CONFIRM = '<mj-text><a href="{{ confirm_url }}">Xác nhận</a></mj-text>'
BODY = "<mjml><mj-body><mj-section><mj-column>{}</mj-column></mj-section></mj-body></mjml>"
PURPOSES = [
    {"id": "marketing", "name": {"vi": "Ưu đãi", "en": "Offers"}, "text": {"vi": "Tôi đồng ý."}},
    {"id": "club", "name": {"vi": "Câu lạc bộ"}, "text": {"vi": "Vào hội."}, "confirm": True},
]
DOES = {"reentry": "always"}


@pytest.fixture(scope="module", autouse=True)
def program(server: Server, owner: httpx.Client) -> Iterator[None]:
    settings = {"quiet_from": "00:00", "quiet_to": "00:00", "hold_out": 0, "caps": []}
    settings |= {"purposes": PURPOSES, "topics": ["Trà", "Cà phê & bánh"]}
    assert owner.put("/v1/settings", json=settings).status_code == 200
    for id, body, purpose in (
        ("choices", LINK, "marketing"),
        ("club-news", LINK, "club"),
        ("please-confirm", CONFIRM, "service"),
    ):
        message = {"name": id, "subject": id, "body": BODY.format(body), "purpose": purpose}
        assert owner.put(f"/v1/messages/{id}", json=message).status_code == 200, id
    for id, entry in (
        ("choices", {"event": "Wants Choices"}),
        ("club-news", {"event": "Wants Club News"}),
        ("please-confirm", {"event": "Consent Updated", "where": {"state": "pending"}}),
    ):
        steps = {"entry": entry, **DOES, "steps": [{"send": id}]}
        answer = owner.put(f"/v1/journeys/{id}", json=steps)
        assert answer.status_code == 200, answer.text
    yield
    for id in ("choices", "club-news", "please-confirm"):
        owner.delete(f"/v1/journeys/{id}")
    owner.put("/v1/settings", json={"purposes": [], "topics": []})


def says(server: Server, user: str, purpose: str, state: str, **more: Any) -> None:
    said = {"purpose": purpose, "channel": "email", "state": state, **more}
    server.tell({"type": "track", "userId": user, "event": "Consent Updated", "properties": said})


def joins(server: Server, user: str) -> str:
    address = f"{user}@example.test"
    server.tell({"type": "identify", "userId": user, "traits": {"email": address}})
    return address


def link(owner: httpx.Client, address: str, kind: str) -> str:
    row = caught(owner, address)
    raw = owner.get(f"/v1/mail/{row['id']}/html").text
    found = re.search(rf"/t/{kind}/[\w\-]+", raw)
    assert found is not None, raw
    return found[0]


def reader(server: Server, owner: httpx.Client, user: str) -> tuple[str, str]:
    """Somebody who agreed, with the link of their mail."""
    address = joins(server, user)
    says(server, user, "marketing", "granted")
    server.tell({"type": "track", "userId": user, "event": "Wants Choices"})
    return address, link(owner, address, "p")


def consent(owner: httpx.Client, user: str) -> dict[str, dict[str, Any]]:
    rows = owner.get(f"/v1/profiles/user_id:{user}/consent").json()["data"]
    return {row["purpose"]: row for row in rows}


def traits(owner: httpx.Client, user: str) -> dict[str, Any]:
    found = owner.get(f"/v1/profiles/user_id:{user}").json()["traits"]
    return {row["name"]: row["value"] for row in found}


def test_more_than_anybody_fills_in_changes_nothing(server: Server, owner: httpx.Client) -> None:
    _, path = reader(server, owner, "endless-1")
    many = {f"n{n}": "1" for n in range(300)}
    assert httpx.post(server.url + path, data=many).status_code == 400
    assert consent(owner, "endless-1")["marketing"]["state"] == "granted"


def test_people_choose_what_how_often_and_when(server: Server, owner: httpx.Client) -> None:
    address, path = reader(server, owner, "chooser-1")
    page = httpx.get(server.url + path)
    assert page.status_code == 200
    assert '<html lang="vi">' in page.text
    assert address not in page.text, "a page that may be passed on with its mail"
    assert "<script" not in page.text
    assert 'name="viewport"' in page.text
    assert re.search(r'value="marketing" checked', page.text)
    assert not re.search(r'value="club" checked', page.text)
    assert page.headers["referrer-policy"] == "no-referrer"
    before = consent(owner, "chooser-1")
    assert before["marketing"]["proof"] == "", "opening the page has changed nothing"
    form = {"purpose": ["club"], "often": "2", "hours": "evening", "topic": ["Cà phê & bánh", "No"]}
    saved = httpx.post(server.url + path, data=form)
    assert saved.status_code == 200
    assert "Đã lưu" in saved.text
    said = consent(owner, "chooser-1")
    assert said["marketing"]["state"] == "denied"
    assert said["club"]["state"] == "granted", "by a link in their mailbox: confirmed"
    assert said["club"]["proof"] == "preference centre"
    assert re.fullmatch(r"club\.vi@[0-9a-f]{8}", said["club"]["text"])
    assert said["club"]["source"] == "email"
    wishes = {"mails_a_week": 2, "mail_hours": "evening", "preferred_topics": ["Cà phê & bánh"]}
    assert wishes.items() <= traits(owner, "chooser-1").items()
    assert re.search(r'value="club" checked', saved.text)
    assert re.search(r'value="evening" selected', saved.text)
    again = httpx.post(server.url + path, data=form)
    assert again.status_code == 200
    assert consent(owner, "chooser-1") == said, "the same form again says nothing new"


def test_everything_is_stopped_by_one_button(server: Server, owner: httpx.Client) -> None:
    _, path = reader(server, owner, "chooser-2")
    page = httpx.post(f"{server.url}{path}?lang=en", data={"none": "1", "purpose": "marketing"})
    assert "Saved" in page.text
    assert '<html lang="en">' in page.text
    assert {row["state"] for row in consent(owner, "chooser-2").values()} == {"denied"}


def test_the_way_out_leads_to_the_centre(server: Server, owner: httpx.Client) -> None:
    reader(server, owner, "chooser-3")
    row = caught(owner, "chooser-3@example.test")
    raw = owner.get(f"/v1/mail/{row['id']}/html").text
    out = re.search(r"/t/u/[\w\-]+", raw)
    assert out is not None
    found = re.search(r"/t/p/[\w\-]+", httpx.get(server.url + out[0]).text)
    assert found is not None
    assert httpx.get(server.url + found[0]).status_code == 200


def test_a_link_that_is_altered_old_or_anothers_says_so(
    server: Server, owner: httpx.Client
) -> None:
    address, path = reader(server, owner, "chooser-4")
    links = Links(Secrets.open(server.folder).links, server.url)
    payload = links.verify(path.rpartition("/")[2])
    assert isinstance(payload, Payload)

    def at(**change: Any) -> str:
        return f"{server.url}/t/p/{links.token(msgspec.structs.replace(payload, **change))}"

    other, _ = reader(server, owner, "chooser-5")
    wrong = [
        (f"{server.url}{path[:-4]}AAAA", 400, "bị cắt hoặc đã thay đổi"),
        (f"{server.url}{path.replace('/t/p/', '/t/k/')}", 400, "bị cắt hoặc đã thay đổi"),
        (at(kind="u"), 400, "bị cắt hoặc đã thay đổi"),
        (at(key="a-contact-that-was-erased"), 410, "quá hạn"),
        (at(address=other), 403, "người khác"),
        (at(person="p_somebodyelse"), 403, "người khác"),
        (at(address="nobody@example.test"), 403, "người khác"),
    ]
    for url, status, words in wrong:
        for method in ("GET", "POST"):
            answer = httpx.request(method, url, data={"none": "1"} if method == "POST" else None)
            assert answer.status_code == status, url
            assert words in answer.text, url
    assert consent(owner, "chooser-4")["marketing"]["state"] == "granted"
    assert consent(owner, "chooser-5")["marketing"]["state"] == "granted"
    assert httpx.post(server.url + path, content=b"x" * 30_000).status_code == 400
    assert address


def test_a_yes_counts_once_it_is_confirmed(server: Server, owner: httpx.Client) -> None:
    address = joins(server, "member-1")
    says(server, "member-1", "club", "granted", where="https://shop.test/club", text="club.vi@00")
    said = consent(owner, "member-1")["club"]
    assert (said["state"], said["where"]) == ("pending", "https://shop.test/club")
    server.tell({"type": "track", "userId": "member-1", "event": "Wants Club News"})
    rows = owner.get("/v1/profiles/user_id:member-1/contacts").json()["data"]
    refused = [row for row in rows if row["message"]["id"] == "club-news"]
    assert [(row["state"], row["reason"]) for row in refused] == [("refused", "consent.missing")]
    path = link(owner, address, "k")
    page = httpx.get(server.url + path)
    assert "Tôi đồng ý" in page.text
    assert consent(owner, "member-1")["club"]["state"] == "pending", "scanners open every link"
    assert httpx.head(server.url + path).status_code in (200, 405)
    done = httpx.post(server.url + path)
    assert "Đã xác nhận" in done.text
    said = consent(owner, "member-1")["club"]
    assert (said["state"], said["text"]) == ("granted", "club.vi@00")
    assert said["proof"].startswith("confirmed by link; asked 20")
    assert said["where"] == "https://shop.test/club"
    server.tell({"type": "track", "userId": "member-1", "event": "Wants Club News"})
    until(lambda: owner.get("/v1/mail", params={"query": address}).json()["data"][1:])
    # Once: what they refuse afterwards is not undone by the old link.
    says(server, "member-1", "club", "denied")
    assert httpx.post(server.url + path).status_code == 410
    assert consent(owner, "member-1")["club"]["state"] == "denied"


def test_a_server_may_say_that_it_was_confirmed_elsewhere(
    server: Server, owner: httpx.Client
) -> None:
    joins(server, "member-2")
    says(server, "member-2", "club", "granted", confirmed=True)
    assert consent(owner, "member-2")["club"]["state"] == "granted"
    says(server, "member-2", "club", "granted")
    assert consent(owner, "member-2")["club"]["state"] == "granted", "asked again, still a member"


def test_purposes_that_nobody_could_read_are_refused(owner: httpx.Client) -> None:
    for purposes in (
        [{"id": "a/b"}],
        [{"id": ""}],
        [{"id": "a"}, {"id": "a"}],
        [{"id": "a", "text": {"vi": "x" * 2_001}}],
        [{"id": f"p{n}"} for n in range(21)],
    ):
        answer = owner.put("/v1/settings", json={"purposes": purposes})
        assert answer.status_code == 422, purposes
        assert answer.json()["error"]["code"] == "settings.purpose"
    assert owner.put("/v1/settings", json={"topics": [""]}).status_code == 422
