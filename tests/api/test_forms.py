"""Forms over HTTP: from the page to the traits, and what robots and old or altered pages come to."""

from __future__ import annotations

import re
import time
from html import unescape
from typing import Any

import httpx
import pytest

from duyen.api.form_ticket import (
    DOWNLOAD_LIFE,
    LIFE,
    MOST_A_PAGE,
    MOST_WITHOUT_PROOF,
    Ticket,
    Tickets,
    proved,
)
from duyen.api.form_words import spoken
from duyen.runtime.secrets import Secrets
from tests.api.server import Server, until

SIGN_UP: dict[str, Any] = {
    "name": "Đăng ký",
    "title": {"vi": "Nhận tin trà mới", "en": "News of tea"},
    "fields": [
        {"trait": "email", "type": "email", "required": True, "label": {"vi": "Email của bạn"}},
        {"trait": "name", "label": {"vi": "Tên", "en": "Name"}, "required": True},
        {"trait": "tea", "type": "choice", "options": ["sen", {"value": "lài"}]},
    ],
    "consent": [{"purpose": "marketing", "channel": "email"}],
    "thanks": {"vi": "Hẹn gặp bạn!"},
}
MORE: dict[str, Any] = {
    "name": "Progressive",
    "ask": 2,
    "fields": [{"trait": name} for name in ("pp_a", "pp_b", "pp_c")],
}


def put(owner: httpx.Client, id: str, body: dict[str, Any]) -> None:
    answer = owner.put(f"/v1/forms/{id}", json=body)
    assert answer.status_code == 200, answer.text


def tickets(server: Server, form: str) -> Tickets:
    return Tickets(Secrets.open(server.folder), form)


def opened(server: Server, form: str, visitor: str, ago: int = 10_000) -> str:
    """The ticket of a page that was opened so long ago."""
    asked = tuple(field["trait"] for field in SIGN_UP["fields"])
    ticket = Ticket.fresh(visitor, asked, int(time.time() * 1000) - ago)
    return tickets(server, form).seal(ticket)


def worked(sealed: str) -> str:
    """What the page's script finds."""
    return next(str(n) for n in range(10**7) if proved(sealed, str(n)))


def filled(
    server: Server, form: str, visitor: str, ago: int = 10_000, **more: Any
) -> dict[str, Any]:
    """A form as a browser with JavaScript sends it."""
    sealed = opened(server, form, visitor, ago)
    answers = {"f.email": f"{visitor}@example.test", "f.name": "An", "f.tea": "sen"}
    return {"ticket": sealed, "proof": worked(sealed), **answers, **more}


def post(server: Server, form: str, data: dict[str, Any], **headers: str) -> httpx.Response:
    return httpx.post(f"{server.url}/f/{form}", data=data, headers=headers, timeout=60)


def sealed_in(page: str) -> str:
    """The ticket of a page."""
    found = re.search(r'name="ticket" value="([^"]+)"', page)
    assert found is not None, page
    return unescape(found[1])


def person(owner: httpx.Client, visitor: str) -> dict[str, Any]:
    """Traits of a visitor, once the engine has come to them."""
    path = f"/v1/profiles/anonymous_id:{visitor}"
    until(lambda: owner.get(path).status_code == 200)
    return {row["name"]: row["value"] for row in owner.get(path).json()["traits"]}


def events(owner: httpx.Client, visitor: str) -> list[str]:
    rows = owner.get(f"/v1/profiles/anonymous_id:{visitor}/events").json()["data"]
    return sorted(row["name"] for row in rows)


def known(owner: httpx.Client, visitor: str) -> bool:
    return owner.get(f"/v1/profiles/anonymous_id:{visitor}").status_code == 200


def test_a_form_is_asked_and_its_answers_become_traits(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-whole", SIGN_UP)
    page = httpx.get(f"{server.url}/f/form-whole", headers={"accept-language": "vi-VN,en;q=0.5"})
    assert page.status_code == 200
    assert '<html lang="vi">' in page.text
    assert "Nhận tin trà mới" in page.text
    assert "Email của bạn" in page.text
    assert 'name="viewport"' in page.text
    assert "set-cookie" not in page.headers, "whoever only looks is not marked"
    assert not re.search(r"checked[ >]", page.text), "nobody has ticked a yes for them"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    english = httpx.get(f"{server.url}/f/form-whole", headers={"accept-language": "en-GB"})
    assert "News of tea" in english.text
    ticket = tickets(server, "form-whole").open(sealed_in(page.text))
    assert ticket is not None
    assert ticket.asked == ("email", "name", "tea")
    sent = post(
        server, "form-whole", filled(server, "form-whole", "fv1", consent="marketing/email")
    )
    assert sent.status_code == 200, sent.text
    assert "Hẹn gặp bạn!" in sent.text
    traits = person(owner, "fv1")
    assert {"email": "fv1@example.test", "name": "An", "tea": "sen"}.items() <= traits.items()
    until(lambda: len(events(owner, "fv1")) == 3)
    assert events(owner, "fv1") == ["Consent Updated", "Form Submitted", "Identified"]
    (said,) = owner.get("/v1/profiles/anonymous_id:fv1/consent").json()["data"]
    assert said["state"] == "granted"
    assert said["proof"] == "form form-whole"
    assert said["where"].endswith("/f/form-whole")
    assert re.fullmatch(r"marketing\.vi@[0-9a-f]{8}", said["text"])


def test_a_yes_is_only_what_was_ticked(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-silent", SIGN_UP)
    assert post(server, "form-silent", filled(server, "form-silent", "fv2")).status_code == 200
    person(owner, "fv2")
    sly = filled(server, "form-silent", "fv2b", consent=["*/*", "club/email", "marketing/sms"])
    assert post(server, "form-silent", sly).status_code == 200
    person(owner, "fv2b")
    until(lambda: len(events(owner, "fv2b")) == 2)
    for visitor in ("fv2", "fv2b"):
        assert owner.get(f"/v1/profiles/anonymous_id:{visitor}/consent").json()["data"] == []


def test_what_is_wrong_is_said_beside_the_question(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-faults", SIGN_UP)
    evil = '"><script>alert(1)</script>'
    wrong = filled(server, "form-faults", "fv3") | {"f.email": evil, "f.name": " "}
    sent = post(server, "form-faults", wrong)
    assert sent.status_code == 422
    assert "<script>alert(1)" not in sent.text
    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in sent.text, (
        "the answer is kept"
    )
    assert sent.text.count('class="fault"') == 2
    assert '<option value="sen" selected>' in sent.text
    assert not known(owner, "fv3")
    # The page that came back can be sent as it is, once it is put right.
    right = {"f.name": "<b>An</b>", "f.email": "fv3@example.test"}
    again = wrong | right | {"ticket": sealed_in(sent.text), "proof": ""}
    assert post(server, "form-faults", again).status_code == 200
    assert person(owner, "fv3")["name"] == "<b>An</b>"


def test_a_form_sent_twice_counts_once(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-twice", SIGN_UP)
    data = filled(server, "form-twice", "fv4", consent="marketing/email")
    for _ in range(3):
        assert post(server, "form-twice", data).status_code == 200
    corrected = post(server, "form-twice", data | {"f.name": "Ân"})
    assert corrected.status_code == 200
    until(lambda: person(owner, "fv4")["name"] == "Ân")
    assert events(owner, "fv4").count("Form Submitted") == 1
    assert events(owner, "fv4").count("Identified") == 2
    assert events(owner, "fv4").count("Consent Updated") == 1


def test_a_page_cannot_be_sent_forever(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-again", SIGN_UP)
    data = filled(server, "form-again", "fv5")
    told = [post(server, "form-again", data).status_code for _ in range(MOST_A_PAGE + 1)]
    assert told == [200] * MOST_A_PAGE + [429]


def test_an_altered_page_is_shown_again_with_what_was_written(
    server: Server, owner: httpx.Client
) -> None:
    put(owner, "form-altered", SIGN_UP)
    put(owner, "form-other", SIGN_UP)
    good = filled(server, "form-altered", "fv6")
    first = "A" if good["ticket"][0] != "A" else "B"
    for ticket in (
        "",
        "x",
        "é",
        "A" * 5_000,
        first + good["ticket"][1:],
        opened(server, "form-other", "fv6"),
    ):
        sent = post(server, "form-altered", good | {"ticket": ticket})
        assert sent.status_code == 400, ticket
        assert 'value="fv6@example.test"' in sent.text
        assert 'role="alert"' in sent.text
    elsewhere = post(server, "form-altered", good, **{"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 400, "another site's page sends no form of ours"
    assert not known(owner, "fv6")


def test_an_old_page_is_shown_again_and_can_be_sent_then(
    server: Server, owner: httpx.Client
) -> None:
    put(owner, "form-old", SIGN_UP)
    sent = post(server, "form-old", filled(server, "form-old", "fv7", ago=LIFE + 60_000))
    assert sent.status_code == 410
    assert 'value="fv7@example.test"' in sent.text
    ahead = post(server, "form-old", filled(server, "form-old", "fv7", ago=-60_000))
    assert ahead.status_code == 410
    assert not known(owner, "fv7")


def test_a_robot_is_not_taken_in_but_kept_with_its_reason(
    server: Server, owner: httpx.Client
) -> None:
    put(owner, "form-robot", SIGN_UP)
    sent = post(
        server, "form-robot", filled(server, "form-robot", "fv8", website="http://spam.test")
    )
    assert sent.status_code == 422
    assert "máy điền" in sent.text
    assert "spam.test" not in sent.text

    def kept() -> Any:
        rows = owner.get("/v1/rejected?limit=200").json()["data"]
        return [row for row in rows if row["source"] == "form:form-robot"]

    (row,) = until(kept)
    assert "do not see" in row["reasons"][0]
    assert "fv8@example.test" in row["payload"]
    quick = post(server, "form-robot", filled(server, "form-robot", "fv8", ago=0))
    assert quick.status_code == 422
    assert not known(owner, "fv8")


def test_without_javascript_it_works_but_not_in_numbers(
    server: Server, owner: httpx.Client
) -> None:
    put(owner, "form-plain", SIGN_UP)
    plain = [filled(server, "form-plain", f"fv9-{n}") | {"proof": ""} for n in range(2)]
    assert post(server, "form-plain", plain[0]).status_code == 200
    assert person(owner, "fv9-0")["name"] == "An"
    told = {
        post(server, "form-plain", {"ticket": opened(server, "form-plain", f"fx{n}")}).status_code
        for n in range(MOST_WITHOUT_PROOF)
    }
    assert told == {422, 429}
    refused = post(server, "form-plain", plain[1])
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert 'value="fv9-1@example.test"' in refused.text
    proof = worked(plain[1]["ticket"])
    assert post(server, "form-plain", plain[1] | {"proof": proof}).status_code == 200


def test_the_second_visit_asks_what_the_first_did_not(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-more", MORE)

    def asks(client: httpx.Client) -> list[str]:
        return re.findall(r'name="f\.(\w+)"', client.get("/f/form-more").text)

    with server.client() as visitor, server.client() as stranger:
        page = visitor.get("/f/form-more").text
        assert re.findall(r'name="f\.(\w+)"', page) == ["pp_a", "pp_b"]
        ticket = tickets(server, "form-more").open(sealed_in(page))
        assert ticket is not None
        sealed = tickets(server, "form-more").seal(
            Ticket(ticket.id, ticket.visitor, ticket.start - 9_000, ticket.asked)
        )
        data = {
            "ticket": sealed,
            "proof": worked(sealed),
            "f.pp_a": "one",
            "f.pp_b": "two",
            "f.pp_c": "unasked",
        }
        sent = visitor.post("/f/form-more", data=data)
        assert sent.status_code == 200
        assert "HttpOnly" in sent.headers["set-cookie"]
        traits = person(owner, ticket.visitor)
        assert "pp_c" not in traits
        assert asks(visitor) == ["pp_c"]
        assert (
            "two"
            not in visitor.get("/f/form-more").text.partition("<form")[2].partition("<script")[0]
        )
        assert asks(stranger) == ["pp_a", "pp_b"]
        stranger.cookies.set("duyen_visitor", ticket.visitor)
        assert asks(stranger) == ["pp_a", "pp_b"], "the visitor's id alone opens nothing"
        # What others tell of the same person is not the visitor's to learn.
        server.tell(
            {
                "type": "identify",
                "anonymousId": ticket.visitor,
                "userId": "pp-1",
                "traits": {"pp_c": "server"},
            }
        )
        assert asks(visitor) == ["pp_c"]


def test_nobody_speaks_for_a_known_customer(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-claim", SIGN_UP)
    traits = {"email": "fv10@example.test", "name": "Bình"}
    server.tell({"type": "identify", "userId": "form-owner", "traits": traits})
    data = filled(server, "form-claim", "fv10", consent="marketing/email")
    assert post(server, "form-claim", data | {"f.name": "Somebody"}).status_code == 200
    assert person(owner, "fv10")["name"] == "Somebody"
    until(lambda: len(events(owner, "fv10")) == 3)
    found = owner.get("/v1/profiles/user_id:form-owner").json()
    assert {row["name"]: row["value"] for row in found["traits"]}["name"] == "Bình"
    assert owner.get("/v1/profiles/user_id:form-owner/consent").json()["data"] == []


def test_a_yes_that_wants_to_be_confirmed_waits(server: Server, owner: httpx.Client) -> None:
    club = {"id": "form-club", "text": {"vi": "Vào hội."}, "confirm": True}
    assert owner.put("/v1/settings", json={"purposes": [club]}).status_code == 200
    try:
        put(owner, "form-club", SIGN_UP | {"consent": [{"purpose": "form-club"}]})
        assert "Vào hội." in httpx.get(f"{server.url}/f/form-club").text
        data = filled(server, "form-club", "fv11", consent="form-club/email")
        assert post(server, "form-club", data).status_code == 200
        person(owner, "fv11")
        until(lambda: len(events(owner, "fv11")) == 3)
        (said,) = owner.get("/v1/profiles/anonymous_id:fv11/consent").json()["data"]
        assert said["state"] == "pending"
        assert said["source"] == "form:form-club"
    finally:
        owner.delete("/v1/forms/form-club")
        owner.put("/v1/settings", json={"purposes": []})


def test_a_form_may_lead_on_and_no_other_is_there(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-on", SIGN_UP | {"redirect": "https://shop.example.test/cảm-ơn"})
    page = httpx.get(f"{server.url}/f/form-on")
    assert (
        "form-action 'self' https://shop.example.test;" in page.headers["content-security-policy"]
    )
    sent = post(server, "form-on", filled(server, "form-on", "fv12"))
    assert sent.status_code == 303
    assert sent.headers["location"] == "https://shop.example.test/c%E1%BA%A3m-%C6%A1n"
    put(owner, "form-on", SIGN_UP | {"live": False})
    for id in ("form-on", "no-such-form"):
        assert httpx.get(f"{server.url}/f/{id}").status_code == 404
        assert post(server, id, {}).status_code == 404


def test_whoever_has_filled_it_in_may_have_the_file(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-file", SIGN_UP | {"download": "Cẩm nang.txt"})
    sent = post(server, "form-file", filled(server, "form-file", "fv14"))
    assert sent.status_code == 200
    found = re.search(r'href="(/f/form-file/download/[^"]+)"', sent.text)
    assert found is not None, sent.text
    link = server.url + unescape(found[1])
    assert httpx.get(link).status_code == 404, "the company has not put it there yet"
    folder = server.folder / "downloads"
    folder.mkdir(exist_ok=True)
    (folder / "Cẩm nang.txt").write_text("<script>Pha trà</script>", encoding="utf-8")
    for _ in range(2):
        got = httpx.get(link)
        assert got.status_code == 200
        assert got.text == "<script>Pha trà</script>"
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-security-policy"] == "sandbox"
    until(lambda: "File Downloaded" in events(owner, "fv14"))
    assert events(owner, "fv14").count("File Downloaded") == 1
    seal = tickets(server, "form-file")._replace(kind="download").seal
    now = int(time.time() * 1000)
    told = {
        "x": 400,
        opened(server, "form-file", "fv14"): 400,  # a page that nobody has filled in
        seal(Ticket("t", "fv14", now - DOWNLOAD_LIFE - 60_000)): 410,
        seal(Ticket("t", "fv14", now + 60_000)): 410,
        seal(Ticket("t", "fv14", now)): 200,
    }
    for token, status in told.items():
        answer = httpx.get(f"{server.url}/f/form-file/download/{token}")
        assert answer.status_code == status
        assert status == 200 or 'href="/f/form-file?lang=vi"' in answer.text
    other = link.replace("form-file", "form-whole")
    put(owner, "form-whole", SIGN_UP)
    assert httpx.get(other).status_code == 400, "a link is one form's"


def test_more_than_anybody_fills_in_is_refused(server: Server, owner: httpx.Client) -> None:
    put(owner, "form-large", SIGN_UP)
    data = filled(server, "form-large", "fv13")
    assert post(server, "form-large", data | {"f.name": "x" * 70_000}).status_code == 413
    many = {f"n{n}": "1" for n in range(300)}
    assert post(server, "form-large", data | many).status_code == 413
    assert not known(owner, "fv13")


def test_answers_beyond_one_event_are_refused_as_a_whole(
    server: Server, owner: httpx.Client
) -> None:
    names = [f"long_{n}" for n in range(30)]
    put(owner, "form-long", {"name": "Long", "fields": [{"trait": name} for name in names]})
    ticket = Ticket.fresh("fv15", tuple(names), int(time.time() * 1000) - 10_000)
    sealed = tickets(server, "form-long").seal(ticket)
    answers = "&".join(f"f.{name}={'ễ' * 400}" for name in names)
    body = f"ticket={sealed}&proof={worked(sealed)}&{answers}".encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    sent = httpx.post(f"{server.url}/f/form-long", content=body, headers=kind)
    assert sent.status_code == 422
    assert "dài quá" in sent.text

    def kept() -> Any:
        rows = owner.get("/v1/rejected?limit=200").json()["data"]
        return [row for row in rows if row["source"] == "form:form-long"]

    assert len(until(kept)) == 1
    assert not known(owner, "fv15"), "not even that it was sent in"


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("en", "vi", "en"),
        ("fr", "vi", "vi"),
        ("", "fr,en;q=0.3,vi;q=0.2", "en"),
        ("", "vi;q=0,en;q=0.1", "en"),
        ("", "en;q=x,*", "vi"),
        ("", "", "vi"),
    ],
)
def test_a_page_speaks_the_visitors_language(asked: str, accepted: str, language: str) -> None:
    assert spoken(asked, accepted, "vi") == language
