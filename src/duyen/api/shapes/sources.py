"""Sources: systems that tell us things by themselves."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict


class SourceCounts(TypedDict):
    """What came of its deliveries since it was declared.

    `accepted` and `rejected` are calls; `items` those of the catalogue; `ignored` deliveries that came to nothing;
    `refused` those with a wrong signature, without JSON, or too many at once.
    """

    deliveries: int
    accepted: int
    rejected: int
    items: int
    ignored: int
    refused: int


class SourceRow(TypedDict):
    """One source. `url` is to be pasted into the shop; `trouble` is what was wrong last, in a sentence."""

    id: str
    kind: Literal["shopify", "woocommerce", "haravan"]
    name: str
    live: bool
    prefix: str
    currency: str
    brand: str
    url: str
    verify_token: str | None
    topics: list[str]
    counts: SourceCounts
    last_seen: str | None
    trouble: str | None
    troubled_at: str | None
    updated_at: str
    author: str


class SourceStored(SourceRow):
    """The source as it is now; `secret` only where it was made here just now, to be pasted into the shop."""

    secret: NotRequired[str]
