"""A form's page in a real browser: its script proves some work under its own policy, and it works without."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from duyen.api.form_ticket import proved
from tests.api.server import Server, until
from tests.browser.conftest import Site, Visit

FORM: dict[str, Any] = {
    "name": "Đăng ký",
    "title": {"vi": "Nhận tin trà mới"},
    "lead": {"vi": "Mỗi mùa một lá thư."},
    "fields": [
        {"trait": "email", "type": "email", "required": True, "label": {"vi": "Địa chỉ email"}},
        {"trait": "name", "label": {"vi": "Tên của bạn"}, "required": True},
        {"trait": "tea", "type": "choice", "options": ["Trà sen", "Trà lài"]},
    ],
    "consent": [{}],
    "thanks": {"vi": "Hẹn gặp bạn."},
}


def fill(page: Page, address: str) -> None:
    page.get_by_label("Địa chỉ email").fill(address)
    page.get_by_label("Tên của bạn").fill("Nguyễn Thị Ánh Tuyết")
    page.get_by_label("Tôi đồng ý").check()
    page.get_by_role("button", name="Gửi").click()


def agreed(owner: httpx.Client, address: str) -> bool:
    """Whether the address has come to be known, with its yes."""
    rows = owner.get(f"/v1/profiles/email:{address}/consent")
    return rows.status_code == 200 and [r["state"] for r in rows.json()["data"]] == ["granted"]


def test_a_page_proves_its_work_before_it_goes(
    server: Server, owner: httpx.Client, visit: Visit
) -> None:
    assert owner.put("/v1/forms/browser-js", json=FORM).status_code == 200
    seen = visit(viewport={"width": 390, "height": 844})
    page = seen.page
    page.goto(f"{server.url}/f/browser-js")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390, "it fits a phone"
    expect(page.locator("[name=website]")).not_to_be_in_viewport()
    ticket = page.locator("[name=ticket]").input_value()
    with page.expect_request(re.compile(r"/f/browser-js")) as sent:
        fill(page, "js@example.test")
    expect(page.get_by_text("Hẹn gặp bạn.")).to_be_visible()
    told = httpx.QueryParams(sent.value.post_data or "")
    assert told["ticket"] == ticket
    assert proved(ticket, told["proof"])
    assert seen.troubles == []
    until(lambda: agreed(owner, "js@example.test"))


def test_without_javascript_a_person_gets_through(
    server: Server, owner: httpx.Client, visit: Visit
) -> None:
    assert owner.put("/v1/forms/browser-plain", json=FORM).status_code == 200
    page = visit(java_script_enabled=False).page
    page.goto(f"{server.url}/f/browser-plain")
    with page.expect_navigation() as answered:
        fill(page, "plain@example.test")
    while answered.value.status != 200:  # a machine fills it in faster than a person: it says so
        expect(page.get_by_role("alert")).to_contain_text("nhanh hơn người")
        assert page.get_by_label("Tên của bạn").input_value() == "Nguyễn Thị Ánh Tuyết"
        with page.expect_navigation() as answered:
            page.get_by_role("button", name="Gửi").click()
    expect(page.get_by_text("Hẹn gặp bạn.")).to_be_visible()
    until(lambda: agreed(owner, "plain@example.test"))


def test_a_page_that_is_named_may_frame_a_form(
    server: Server, owner: httpx.Client, visit: Visit, site: Site
) -> None:
    body = FORM | {"embed": [site.origin]}
    assert owner.put("/v1/forms/browser-framed", json=body).status_code == 200
    seen = visit()
    frame = f'<iframe src="{server.url}/f/browser-framed" height="700"></iframe>'
    seen.page.goto(site.put("/framed", "", frame))
    inside = seen.page.frame_locator("iframe")
    inside.get_by_label("Địa chỉ email").fill("framed@example.test")
    inside.get_by_label("Tên của bạn").fill("An")
    inside.get_by_label("Tôi đồng ý").check()
    inside.get_by_role("button", name="Gửi").click()
    expect(inside.get_by_text("Hẹn gặp bạn.")).to_be_visible()
    until(lambda: agreed(owner, "framed@example.test"))
    assert seen.troubles == []


def test_no_other_page_may_frame_a_form(
    server: Server, owner: httpx.Client, visit: Visit, site: Site
) -> None:
    assert owner.put("/v1/forms/browser-bare", json=FORM).status_code == 200
    seen = visit()
    frame = f'<iframe src="{server.url}/f/browser-bare"></iframe>'
    seen.page.goto(site.put("/bare", "", frame))
    expect(seen.page.frame_locator("iframe").get_by_role("button", name="Gửi")).to_have_count(0)
    assert any("frame-ancestors" in trouble for trouble in seen.troubles)
