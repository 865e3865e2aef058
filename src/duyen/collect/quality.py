"""Who made an event, as far as the event itself tells: a person, or one of the machines that read along.

What states a fact is a fact whoever tells it: orders, consent and what somebody is are never a machine's.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from duyen.model.event import CONSENT_UPDATED, EMAIL_OPENED, CallType, Quality
from duyen.model.meaning import FACTS
from duyen.model.program import WorkspaceSettings

_FACTS = FACTS | {CONSENT_UPDATED}
_JUDGED = frozenset({"track", "page", "screen"})
_MAIL_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy")
"""They fetch a picture when their reader opens the mail: the opening is a person's."""
_PRIVACY_PROXY = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself; it fetches every picture of every mail."""
_NO_CRAWLER = re.compile(r"^okhttp/")
"""On the list below, but it is how apps on Android speak."""
_USUAL = WorkspaceSettings()
_MOST = 1_024
"""Characters of a user agent that are looked at."""


def quality_of(
    type: CallType,
    name: str,
    agent: Any,
    request: Any,
    settings: WorkspaceSettings = _USUAL,
) -> Quality:
    """The quality of one event, by what its context says of the program and the request that told it.

    `request` is `{method, purpose}` as our own door for mails has seen them; `settings` may name agents of their own.
    """
    if type not in _JUDGED or name in _FACTS:
        return ""
    if isinstance(request, dict):
        if request.get("method") == "HEAD":
            return "scanner"
        if request.get("purpose") == "prefetch":
            return "prefetch"
    if not isinstance(agent, str) or not agent:
        return ""
    if name == EMAIL_OPENED and agent.strip() == _PRIVACY_PROXY:
        return "proxy"
    agent = agent[:_MOST]
    if settings.bots and _names(agent, settings.bots):
        return "bot"
    if settings.no_bots and _names(agent, settings.no_bots):
        return ""
    return "bot" if is_crawler(agent) else ""


def _names(agent: str, parts: tuple[str, ...]) -> bool:
    """Whether a user agent contains one of these."""
    text = agent.casefold()
    return any(part.casefold() in text for part in parts)


@lru_cache(maxsize=16_384)
def is_crawler(agent: str) -> bool:
    """Whether a user agent declares a crawler, a scanner or a browser without a window.

    By the public list `crawler-user-agents`: https://github.com/monperrus/crawler-user-agents.
    """
    if _MAIL_PROXY.search(agent) or _NO_CRAWLER.search(agent):
        return False
    return any(pattern.search(agent) for pattern in _patterns())


@cache
def _patterns() -> list[re.Pattern[str]]:
    """The list, a few to an expression. Read when first needed: most processes never need it."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    each = [entry["pattern"] for entry in CRAWLER_USER_AGENTS_DATA]
    return [re.compile("|".join(each[n : n + 25])) for n in range(0, len(each), 25)]
