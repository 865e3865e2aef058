"""Who made an event, as far as the event itself tells."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from duyen.collect import normalise
from duyen.collect.quality import quality_of
from duyen.model.errors import InvalidRule
from duyen.model.event import Collected, Event
from duyen.model.program import WorkspaceSettings
from duyen.runtime.operations import _check_policy

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"


def told(name: str = "Email Opened", type: Any = "track", **context: Any) -> Event:
    return normalise(
        Collected(
            "m1", type, 1, 1, "web", name=name, context=msgspec.Raw(msgspec.json.encode(context))
        )
    )


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; coccocbot-web/1.0; +http://help.coccoc.com/searchengine)",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0 Safari/537.36",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "curl/8.5.0",
        "python-requests/2.32",
    ],
)
def test_a_declared_crawler_is_a_bot(agent: str) -> None:
    assert told("Product Viewed", userAgent=agent).quality == "bot"
    assert told("", "page", userAgent=agent).quality == "bot"


@pytest.mark.parametrize(
    "agent",
    [
        "",
        CHROME,
        IPHONE,
        f"{IPHONE} Mobile/15E148 [FBAN/FBIOS;FBDV/iPhone14,5]",
        "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36 Zalo android/12",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 coc_coc_browser/120 Chrome/114 Safari/537.36",
        "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 Chrome/99 Mobile Safari/537.36",
        "Dalvik/2.1.0 (Linux; U; Android 14)",
        "okhttp/4.12.0",
        "MyShop/3 CFNetwork/1400 Darwin/22",
    ],
)
def test_people_and_their_apps_are_people(agent: str) -> None:
    assert told("Product Viewed", userAgent=agent).quality == ""


def test_a_proxy_that_loads_everything_is_told_from_one_that_loads_what_is_opened() -> None:
    gmail = (
        "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
    )
    assert told(userAgent="Mozilla/5.0").quality == "proxy"
    assert told(userAgent=gmail).quality == ""
    assert (
        told(userAgent="YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy").quality == ""
    )
    assert told("Email Link Clicked", userAgent="Mozilla/5.0").quality == ""


def test_what_the_request_was_tells_too() -> None:
    assert told(userAgent=CHROME, request={"purpose": "prefetch"}).quality == "prefetch"
    assert told(userAgent=CHROME, request={"method": "HEAD"}).quality == "scanner"
    assert told(userAgent=CHROME, request={"method": "GET"}).quality == ""


@pytest.mark.parametrize("odd", [7, [], {"a": 1}, None, True, "x" * 5_000])
def test_odd_contexts_break_nothing(odd: Any) -> None:
    assert told(userAgent=odd, request=odd).quality == ""


def test_facts_are_facts_whoever_tells_them() -> None:
    for name in ("Order Completed", "Order Refunded", "Consent Updated", "Unsubscribed"):
        assert told(name, userAgent="curl/8.5.0").quality == ""
    assert told("", "identify", userAgent="curl/8.5.0").quality == ""


def test_events_written_before_there_was_a_quality_are_peoples() -> None:
    whole = told(userAgent="curl/8.5.0")
    fields = type(whole).__struct_fields__
    old = msgspec.json.encode(msgspec.to_builtins(whole)[: fields.index("quality")])
    assert msgspec.json.decode(old, type=Event) == msgspec.structs.replace(whole, quality="")
    packed = msgspec.msgpack.encode(whole)
    assert msgspec.msgpack.decode(packed, type=Event).quality == "bot"


def test_a_company_names_its_own_machines_and_its_own_app() -> None:
    settings = WorkspaceSettings(bots=("Price-Checker",), no_bots=("ourapp/",))
    for agent, expected in (
        ("price-checker 2.0", "bot"),
        ("OurApp/3.1 Googlebot/2.1", ""),
        ("Googlebot/2.1", "bot"),
        ("Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0", ""),
    ):
        assert quality_of("page", "Page Viewed", agent, None, settings) == expected
    assert quality_of("track", "Order Completed", "price-checker", None, settings) == ""


@pytest.mark.parametrize(
    "body", [{"bots": ["ab"]}, {"no_bots": ["x" * 201]}, {"bots": ["abc"] * 201}]
)
def test_agents_that_would_name_everybody_are_refused(body: dict[str, list[str]]) -> None:
    settings = WorkspaceSettings(
        bots=tuple(body.get("bots", ())), no_bots=tuple(body.get("no_bots", ()))
    )
    with pytest.raises(InvalidRule, match="3 to 200"):
        _check_policy(settings)
