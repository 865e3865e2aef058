"""Sources: systems that tell us things by themselves."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from duyen.api.shapes.common import Json


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
    """One source; `definition` is the source as it was put, without its secret.

    `url` is to be pasted into the shop, null where we listen to a broker; `trouble` is what was wrong last.
    """

    id: str
    kind: Literal["shopify", "woocommerce", "haravan", "webhook", "mqtt"]
    name: str
    live: bool
    prefix: str
    currency: str
    brand: str
    url: str | None
    verify_token: str | None
    topics: list[str]
    definition: Json
    counts: SourceCounts
    last_seen: str | None
    trouble: str | None
    troubled_at: str | None
    updated_at: str
    author: str


class SourceStored(SourceRow):
    """The source as it is now; `secret` only where it was made here just now, to be pasted into the shop."""

    secret: NotRequired[str]


class SourceTrial(TypedDict):
    """A source as it would be put, and something that it might send; `topic`: the header's, the message's."""

    definition: Json
    body: Any
    topic: NotRequired[str]


class TriedCall(TypedDict):
    """A call that a delivery would come to; `reasons` say why it would be rejected."""

    call: Json
    reasons: list[str]


class SourceTried(TypedDict):
    """What a delivery would come to. `faults`: parts that cannot be read; `ignored`: why it comes to nothing."""

    calls: list[TriedCall]
    items: list[Json]
    faults: list[str]
    ignored: str
